"""The Spark session: local or on a cluster, with Delta, and silent about data."""

from __future__ import annotations

import gc
import logging
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from pathlib import Path

from delta import configure_spark_with_delta_pip  # noqa: F401  (the import proves delta-spark is installed)
from pydantic import ValidationError
from pyspark import SparkConf, SparkContext
from pyspark.logger import PySparkLogger
from pyspark.sql import SparkSession

from jobs.errors import DiamantError, SettingsError, SparkNotStarted
from jobs.output.silence import silenced
from jobs.places.hadoop import CLOSED, UMASK
from jobs.settings import resources
from jobs.settings.session import SparkSettings
from jobs.settings.wording import fault, shown
from jobs.spark import alone, calls, classes, java

SMALL = "conf/spark/small.yaml"
OF_JAVA, OF_EXECUTORS = "spark.driver.extraJavaOptions", "spark.executor.extraJavaOptions"
# Rows are read once and thrown away, and nobody waits for a pause: this collector of garbage needs a tenth
# less CPU than the one that Java takes by itself. Options of the user's own stand in its place.
COLLECTOR = "-XX:+UseParallelGC"
# What is called some thousand times Java compiles a second time, at great cost. Plans of queries and the code
# that Spark writes for each are called so often in any run, and few of them often enough to be worth it. With
# limits forty times as high a run needs a sixth less CPU, and on a cluster, where each executor compiles by
# itself, a quarter (40 slices; bench/workers.py).
COMPILER = (
    "-XX:Tier4InvocationThreshold=200000 -XX:Tier4MinInvocationThreshold=24000 "
    "-XX:Tier4CompileThreshold=600000 -XX:Tier4BackEdgeThreshold=1600000"
)
OF_SQL = ("spark.sql.", "spark.databricks.")
KNOWN = (  # where Spark and Delta tell of their options, once these classes are there
    "org.apache.spark.sql.internal.StaticSQLConf$",
    "org.apache.spark.sql.delta.sources.DeltaSQLConf$",
)

# What PySpark's own loggers write on stderr for an error of a query quotes the value it failed on.
QUOTING = ("DataFrameQueryContextLogger", "SQLQueryContextLogger")
GATEWAY = "java_gateway"  # the module of Py4J that writes by the logger of all, with a traceback


def jars(settings: SparkSettings) -> list[Path]:
    """Delta's JARs: those of the settings, else those set-up put beside the virtual environment's packages.

    Raises SettingsError where none is found, unless the session was started by spark-submit, whose
    `--jars` or `--packages` bring them.
    """
    folder = Path(settings.jars) if settings.jars else Path(sys.prefix) / "jars"
    files = sorted(folder.glob("*.jar")) if folder.is_dir() else []
    if not files and not alone.submitted():
        raise SettingsError(
            f"Delta's JARs are missing in {folder}; run 'make setup', "
            "or set spark.jars to a folder that holds them."
        )
    return files


def _small() -> dict[str, str]:
    """The options for small input. Raises SettingsError where a file of the user's own holds others."""
    try:
        return SparkSettings.model_validate({"options": resources.read_yaml(SMALL)}).options
    except ValidationError as error:
        raise SettingsError(f"{SMALL}: {fault(error)}; mend the file.") from None


def _nowhere() -> str:
    """A folder that exists, for Spark's own catalogue, which holds no tables; else Spark makes one."""
    return Path(tempfile.gettempdir()).resolve().as_uri()


def _quiet_jvm(quiet: bool) -> AbstractContextManager[None]:
    """While this holds, a process that is started says nothing on the terminal, if `quiet`.

    The JVM greets with warnings about itself before its log level can be set.
    """
    return silenced(2) if quiet else nullcontext()


def start(settings: SparkSettings, name: str, *, little: bool = False) -> SparkSession:
    """A session as the settings ask; settings of spark-submit win over the run file's master.

    `little`: it will have little to do, and gets the options for small input. What is computed is the same.

    Raises SparkNotStarted where Spark or Java do not start with them.

    Log level is OFF by default: Spark's own error lines quote the values they could not cast.
    """
    options = _options(_for_little(settings) if little else settings)
    builder = SparkSession.builder.appName(f"diamant {name}")
    for key, value in options.items():
        builder = builder.config(key, value)
    silent, every = settings.log_level == "OFF", logging.getLogger()
    for logger in QUOTING:
        PySparkLogger.getLogger(logger).disabled = silent
    (every.addFilter if silent else every.removeFilter)(_not_of_the_gateway)
    with _starting(settings, options):
        _demand_valid(settings.options)
        session = builder.getOrCreate()
    calls.save()
    _close_files(session)
    _try(session, settings.options)
    gc.freeze()  # what is there now stays to the end; `release` need not look through it
    return session


def _for_little(settings: SparkSettings) -> SparkSettings:
    """The settings for a session that has little to do, which plans and compiles longer than it computes."""
    return settings.model_copy(update={"small": True, "shuffle_partitions": 1})


def _not_of_the_gateway(record: logging.LogRecord) -> bool:
    """Where the JVM has ended, the error that Python raises says so in a sentence (`spark.failures`)."""
    return record.module != GATEWAY


def _close_files(session: SparkSession) -> None:
    """Let Hadoop write files of this machine for the user alone, under spark-submit, too.

    A file system keeps the settings that it was first asked with; those of spark-submit have no umask.
    """
    jvm = session.sparkContext._jvm
    assert jvm is not None
    local = jvm.org.apache.hadoop.fs.FileSystem.getLocal(session.sparkContext._jsc.hadoopConfiguration())
    for system in (local, local.getRaw()):
        system.getConf().set(UMASK, CLOSED)


def start_java(settings: SparkSettings) -> None:
    """Start the JVM in which a session with these settings may run later, to look at files by Hadoop.

    Raises SparkNotStarted where Java does not start, SettingsError where it or Delta's JARs are missing.
    """
    if not alone.submitted():
        java.check()
    with _starting(settings, _options(settings)):
        pass


@contextmanager
def _starting(settings: SparkSettings, options: dict[str, str]) -> Iterator[None]:
    """The JVM runs, and says nothing; an error is one of set-up, since no data has been read yet."""
    try:
        with _quiet_jvm(settings.log_level == "OFF"), alone.on_loopback(settings):
            SparkContext._ensure_initialized(conf=SparkConf(False).setAll(list(options.items())))
            yield
    except DiamantError:
        raise
    except Exception as error:
        raise SparkNotStarted(_why_not_started(error, settings)) from None


def _options(settings: SparkSettings) -> dict[str, str]:
    """What Spark is started with; under spark-submit without what that command gives."""
    own: dict[str, str] = {}
    if not alone.submitted():
        os.environ.setdefault("PYSPARK_PYTHON", sys.executable)  # executors have this one's packages
        own = {
            "spark.master": settings.master,
            "spark.jars": ",".join(str(jar.resolve()) for jar in jars(settings)),
            "spark.driver.memory": settings.driver_memory,
            OF_EXECUTORS: COMPILER,
        }
    options = own | {
        "spark.sql.extensions": "io.delta.sql.DeltaSparkSessionExtension",
        "spark.sql.catalog.spark_catalog": "org.apache.spark.sql.delta.catalog.DeltaCatalog",
        "spark.sql.session.timeZone": "UTC",
        "spark.sql.warehouse.dir": _nowhere(),
        "spark.sql.shuffle.partitions": str(settings.shuffle_partitions),
        "spark.sql.execution.arrow.pyspark.enabled": "true",
        "spark.databricks.delta.snapshotPartitions": "2",
        "spark.ui.enabled": "false",
        "spark.ui.showConsoleProgress": "false",
        "spark.log.level": settings.log_level,
        "spark.sql.debug.maxToStringFields": "0",
        # Before each query Spark writes its plan down for pages that nobody opens: a fifth of a small run.
        "spark.sql.ui.explainMode": "simple",
        "spark.sql.maxPlanStringLength": "100",
        # Where in the code each column was made is of no use here, and telling it costs ten calls a column.
        "spark.python.sql.dataFrameDebugging.enabled": "false",
        # Values of deliveries hardly repeat; looking for those that do takes longer than writing them.
        "spark.hadoop.parquet.enable.dictionary#value": "false",
        # Many files are written at once, since to sort all rows by their slice takes longer than writing.
        "spark.sql.maxConcurrentOutputFileWriters": "64",
        # A method above this size is not compiled by Java, and slower than the same expressions one by one.
        "spark.sql.codegen.hugeMethodLimit": "8000",
        # A file on HDFS is complete some milliseconds after it was written, when the data node has told the
        # name node. The client looks again after 0.4 s, which was half the time of a run of small tables; as
        # it waits twice as long each time, ten looks from 20 ms on wait for longer than its own five.
        "spark.hadoop.dfs.client.block.write.locateFollowingBlock.initial.delay.ms": "20",
        "spark.hadoop.dfs.client.block.write.locateFollowingBlock.retries": "10",
        # Parts of a file that are read side by side: a survey of 200,000 firms has six of them.
        "spark.hadoop.parquet.block.size": str(4 << 20),
        f"spark.hadoop.{UMASK}": CLOSED,  # Hadoop sets modes itself, whatever the umask
        **alone.ports(settings),
        **(_small() if settings.small else {}),
        **settings.options,
    }
    if not alone.submitted():
        options[OF_JAVA] = f"{classes.use()} {options.get(OF_JAVA, f'{COLLECTOR} {COMPILER}')}"
    return options


def release(session: SparkSession) -> None:
    """Free the memory that a stage leaves in the JVM: frames that were kept, and plans of queries.

    A plan lives as long as the Python objects of its columns, and these refer to themselves: only a full
    collection of Python frees them. Python starts one by the number of its own objects, which are few and
    small; without this one, plans filled two gigabytes after some hundred small runs.
    """
    session.catalog.clearCache()
    gc.collect()
    calls.tell_of_released()


def _why_not_started(error: Exception, settings: SparkSettings) -> str:
    """One sentence on a session that did not come about; no data has been read, so that Spark is quoted."""
    if "JAVA_GATEWAY_EXITED" in str(error) or isinstance(error, FileNotFoundError):
        return (
            "Java 17 or 21 is missing or does not start; install a JRE 17 or 21 and set JAVA_HOME to it, "
            "or mend spark.driver_memory or spark.options (spark.log_level WARN shows what it says)."
        )
    return f"Spark does not start ({_cause(error)}); mend spark.master, spark.driver_memory or spark.options."


def _demand_valid(options: dict[str, str]) -> None:
    """Raises SparkNotStarted for a value that Spark SQL or Delta cannot read; with it a session would hang.

    The JVM has to run, and no session.
    """
    options = {key: value for key, value in options.items() if key.startswith(OF_SQL)}
    if not options:
        return
    java = SparkContext._jvm
    assert java is not None
    loader = java.java.lang.Thread.currentThread().getContextClassLoader()  # it knows Delta's JARs as well
    for name in KNOWN:
        java.java.lang.Class.forName(name, True, loader)
    known = java.org.apache.spark.sql.internal.SQLConf()
    for key, value in options.items():
        try:
            known.setConfString(key, value)
        except Exception as error:
            words = f"spark.options.{key}: Spark does not take this ({_cause(error)}); mend it."
            raise SparkNotStarted(words) from None


def _try(session: SparkSession, options: dict[str, str]) -> None:
    """Raises SparkNotStarted for options that Spark would refuse later in the run, with its first job."""
    if not options.keys() - {alone.LOCAL_DIR}:
        return
    try:
        session.range(1).count()
    except Exception as error:
        session.stop()
        words = f"spark.options: Spark does not take this ({_cause(error)}); mend it."
        raise SparkNotStarted(words) from None


def _cause(error: Exception) -> str:
    """What Java says of an error, else Python."""
    causes = [line[2:] for line in str(error).splitlines() if line.startswith(": ")]
    return shown((causes or [f"{type(error).__name__}: {error}"])[0], most=200)
