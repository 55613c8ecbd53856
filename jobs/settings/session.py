"""The section `spark` of a run file: how Spark runs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, field_validator

from jobs.settings import spark_options
from jobs.settings.section import FilePath, Section, Text


class SparkSettings(Section):
    """How Spark runs. Under spark-submit its own master and memory win."""

    master: Annotated[Text, AfterValidator(spark_options.master)] = "local[2]"
    driver_memory: Annotated[Text, AfterValidator(spark_options.memory)] = "2g"
    shuffle_partitions: int = Field(4, ge=1, le=100_000)
    small: bool = Field(
        False,
        description="input of some thousand rows: options of conf/spark/small.yaml, twice as fast then; "
        "a run that has to read 16 MB at most takes them by itself",
    )
    jars: FilePath | None = Field(
        None, description="folder with Delta's JARs, for machines without a network"
    )
    log_level: Literal["OFF", "FATAL", "ERROR", "WARN", "INFO"] = "OFF"
    options: dict[str, Annotated[str, BeforeValidator(spark_options.text)]] = Field({})

    @field_validator("options")
    @classmethod
    def _may_be_set(cls, given: dict[str, str]) -> dict[str, str]:
        return spark_options.options(given)
