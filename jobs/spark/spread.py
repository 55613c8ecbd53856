"""Work of the driver spread over Spark's executors: the same pure function for many tasks.

DataFrames only, so that it runs in local mode, on a cluster and over Spark Connect. Tasks and results travel
pickled; a task is evaluated by the function alone, so that results do not depend on executors, partitions
and cores.
"""

from __future__ import annotations

import atexit
import pickle
import shutil
import tempfile
import traceback
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
from pyspark import cloudpickle
from pyspark.sql import SparkSession
from threadpoolctl import threadpool_limits

import jobs
from jobs.errors import DiamantError
from jobs.spark.frames import local

Task = TypeVar("Task")
Result = TypeVar("Result")
MOST_PARTITIONS = 200  # of a round; more only cost scheduling
ROUNDS = 20  # steps of a progress bar
TASKS = "place bigint, task binary"
RESULTS = "place bigint, result binary, failed boolean"
ARROW = pa.schema([("place", pa.int64()), ("result", pa.binary()), ("failed", pa.bool_())])


class SpreadError(DiamantError):
    """A task raised an error on an executor; the message names its kind and line, never its values."""


def spread(
    spark: SparkSession,
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    partitions: int | None = None,
    tell: Callable[[int, int], None] | None = None,
) -> list[Result]:
    """`function` of each task, in the order of the tasks.

    `function` and tasks have to be picklable (cloudpickle), results too; a task should take longer than the
    10 ms that scheduling it costs. Executors compute with one BLAS thread. `partitions`: one a task
    up to 200 where not given. `tell` is called with (done, all) as results come in, for a progress bar.

    A DiamantError of the function is raised as it is; any other as SpreadError, without its message.
    """
    work = [cloudpickle.dumps(task) for task in tasks]
    if not work:
        return []
    ship_code(spark)
    called = cloudpickle.dumps(function)
    size = max(len(work) // ROUNDS, partitions or 1, 1) if tell else len(work)
    results: list[Any] = []
    for start in range(0, len(work), size):
        results += _round(spark, called, work[start : start + size], partitions)
        if tell:
            tell(len(results), len(work))
    return results


def _round(spark: SparkSession, called: bytes, work: Sequence[bytes], partitions: int | None) -> list[Any]:
    """One Spark job: the results of some tasks, in their order."""

    def evaluated(batches: Iterable[pa.RecordBatch]) -> Iterable[pa.RecordBatch]:
        return _evaluated(called, batches)

    frame = local(spark, enumerate(work), TASKS)
    # From one partition the rows are dealt out in turn: each partition gets as many, give or take one.
    dealt = frame.coalesce(1).repartition(min(partitions or MOST_PARTITIONS, len(work)))
    rows = dealt.mapInArrow(evaluated, RESULTS).toArrow().sort_by("place").to_pylist()
    for row in rows:
        if row["failed"]:
            raise pickle.loads(row["result"])
    return [pickle.loads(row["result"]) for row in rows]


def _evaluated(called: bytes, batches: Iterable[pa.RecordBatch]) -> Iterator[pa.RecordBatch]:
    """On the executor: the results of batches of tasks; a failed one is a row as well."""
    with threadpool_limits(1):
        function = pickle.loads(called)
        for batch in batches:
            for row in batch.to_pylist():
                result, failed = _attempt(function, row["task"])
                columns = [[row["place"]], [result], [failed]]
                yield pa.RecordBatch.from_arrays(
                    [pa.array(column, field.type) for column, field in zip(columns, ARROW, strict=True)],
                    schema=ARROW,
                )


def _attempt(function: Callable[[Any], Any], task: bytes) -> tuple[bytes, bool]:
    try:
        return cloudpickle.dumps(function(pickle.loads(task))), False
    except DiamantError as error:
        return cloudpickle.dumps(error), True
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        name = getattr(function, "__name__", type(function).__name__)
        words = f"{name} failed on an executor: {type(error).__name__} at {Path(last.filename).name}"
        return cloudpickle.dumps(SpreadError(f"{words}, line {last.lineno}")), True


def ship_code(spark: SparkSession) -> None:
    """Give executors the archive that this package was imported from; a checkout is installed for them."""
    archive = Path(jobs.__file__).resolve().parent.parent
    if not archive.is_dir():
        spark.addArtifacts(_zip(archive), pyfile=True)  # the same file a second time is skipped


@cache
def _zip(archive: Path) -> str:
    """A copy that lives as long as this process, which serves it to executors.

    The archive is named .py for spark-submit; executors import from a .zip only.
    """
    folder = tempfile.mkdtemp(prefix="diamant-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    return shutil.copyfile(archive, str(Path(folder) / f"{archive.stem}.zip"))
