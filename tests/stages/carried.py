"""A stage of one slice carried out over tables, as a run does it but for the ledger."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from jobs.run import ledger
from jobs.run.context import Context, Outcome
from jobs.settings import schemas
from jobs.settings.slices import Slice
from jobs.spark import session
from jobs.spark.frames import rows_of


def carried_out(context: Context, module: Any) -> Outcome:
    """Run the stage and write its tables. Raises why the slice failed; its rows set aside are written."""
    (slice,) = context.slices
    results = module.run(context.batch([slice]))
    tables = [name for name in module.TABLES if name in {*results.frames, *results.files}]
    for name in tables if results.outcomes else {"quarantine"} & set(tables):
        frame, files = results.frames.get(name, rows_of(name)), results.files.get(name, {}).get(slice, [])
        rows = frame() if callable(frame) else frame
        context.tables.replace(name, rows, [keys(name, slice, module.NAME)], {}, files)
    session.release(context.spark)
    for error in results.failures.values():
        raise error
    outcome = results.outcomes[slice]
    if outcome.rows_out is not None:
        return outcome
    rows = [context.tables.read(name, [keys(name, slice, module.NAME)]).count() for name in module.ROWS]
    return replace(outcome, rows_out=sum(rows))


def keys(name: str, slice: Slice, stage: str) -> dict[str, str]:
    """The slice of a table."""
    return dict(zip(schemas.table(name).slices, ledger.keys_of(name, slice, stage), strict=True))
