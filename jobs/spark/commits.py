"""A commit of files that tasks wrote themselves, by Delta's own transaction: Parquet is not written again.

Spark needs twenty times as long as Arrow to write cells of large tables. Delta checks the commit as any
other; what is told of a file is what its protocol asks for, and its number of rows.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from pyspark.sql import DataFrame, SparkSession

from jobs.spark.delta_log import File
from jobs.spark.driver_tables import Change

NAMES = "cells-????????-????-????-????-????????????.parquet"  # of files that tasks write
PLAIN = "/=:@&+$,;!'()*"  # letters that stand for themselves in a path of Delta's log


def new_name() -> str:
    """The name of a file that a task is about to write."""
    return f"cells-{uuid.uuid4()}.parquet"


def commit(
    spark: SparkSession,
    path: str,
    content: tuple[Iterable[File], DataFrame | None],
    replaced: Iterable[File],
    change: Change,
) -> bool:
    """Put files, and the rows of a frame, in the place of the files of some slices, in one commit.

    Gives False where the change's application has committed its number before. Raises Delta's exceptions
    where another writer was faster.
    """
    jvm: Any = spark._jvm
    delta, scala = jvm.org.apache.spark.sql.delta, jvm.scala.jdk.javaapi.CollectionConverters
    transaction = delta.DeltaLog.forTable(spark._jsparkSession, path).startTransaction()
    transaction.readWholeTable()
    application, sequence = change.transaction
    if transaction.txnVersion(application) >= sequence:
        return False
    now = int(time.time() * 1000)
    files, frame = content
    added = [{"add": {**_place(file), "modificationTime": now, "stats": _stats(file)}} for file in files]
    gone = {"deletionTimestamp": now, "extendedFileMetadata": True}
    number = {"appId": application, "version": sequence, "lastUpdated": now}
    actions = jvm.java.util.ArrayList()
    for action in [{"txn": number}, *({"remove": {**_place(file), **gone}} for file in replaced), *added]:
        actions.add(delta.actions.Action.fromJson(json.dumps(action)))
    of_frame = scala.asJava(transaction.writeFiles(frame._jdf)) if frame is not None else []
    for action in of_frame:
        actions.add(action)
    metric = jvm.org.apache.spark.sql.execution.metric.SQLMetrics.createMetric(spark._jsc.sc(), "files")
    metric.set(len(added) + len(of_frame))
    metrics = scala.asScala(jvm.java.util.HashMap({"numFiles": metric}))
    transaction.registerSQLMetrics(
        spark._jsparkSession, getattr(jvm.scala.collection.immutable.Map, "from")(metrics)
    )
    absent, metadata = jvm.scala.Option.empty(), jvm.scala.Option.apply(change.metadata)
    overwrite = jvm.org.apache.spark.sql.SaveMode.Overwrite
    operation = delta.DeltaOperations.Write(overwrite, absent, absent, metadata, *[absent] * 5)
    transaction.commit(scala.asScala(actions).toSeq(), operation)
    return True


def _place(file: File) -> dict[str, Any]:
    """What Delta tells of a file that is added or removed."""
    path = quote(file.path, safe=PLAIN)
    return {"path": path, "partitionValues": file.slice, "size": file.size, "dataChange": True}


def _stats(file: File) -> str:
    return json.dumps({"numRecords": file.rows})
