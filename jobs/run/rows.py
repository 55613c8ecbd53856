"""The rows of published tables on the driver, read from tables only where a country's slices changed.

Each country's rows of each table are kept as a Parquet file in the work folder, under the mark of all that
they come from. A publication then reads the countries that changed, and no history of the others.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pyspark.sql import DataFrame

from jobs.output.kept import Kept
from jobs.run.context import Context
from jobs.run.fingerprints import fingerprint
from jobs.run.published import NOW, Published
from jobs.settings import schemas
from jobs.settings.slices import Slice
from jobs.spark.frames import nothing, rows_of

Make = Callable[..., DataFrame]


class Rows:
    """The rows of a run's published slices, table by table.

    `program`: digests of the sources that make rows from tables; a change of one reads all again.
    """

    def __init__(self, context: Context, state: Published, program: Mapping[str, str], folder: Path) -> None:
        self.context, self.state, self.folder = context, state, folder
        self._program = fingerprint(program, context.settings.size_classes)
        self._kept: dict[str, Kept] = {}  # a folder each table

    def table(self, name: str) -> pd.DataFrame:
        """A table's rows as they were written, sorted by its key; decimals are floats."""
        table = schemas.table(name)
        chosen = self._kept_or_read(name, [name], partial(self._on_driver, name)).to_pandas()
        for column in table.columns:
            if column.type.startswith("decimal"):
                chosen[column.name] = chosen[column.name].astype(float)
            elif column.type in ("int", "bigint", "smallint"):
                chosen[column.name] = chosen[column.name].astype("Int64")
        return chosen.sort_values(list(table.key), kind="stable").reset_index(drop=True)

    def made(self, name: str, sources: Sequence[str], make: Make) -> pd.DataFrame:
        """The rows of `name` that `make` gives of the tables `sources`, sorted; each country stands alone."""

        def read(slices: list[Slice]) -> pa.Table:
            rows = make(*(self._frame(source, slices) for source in sources)).toArrow()
            plain = [field.name for field in rows.schema if not pa.types.is_nested(field.type)]
            # Else what is kept by its content would be made again where Spark gives the same rows otherwise.
            return rows.sort_by([(column, "ascending") for column in plain])

        return self._kept_or_read(name, sources, read).to_pandas()

    def _kept_or_read(
        self, name: str, sources: Sequence[str], read: Callable[[list[Slice]], pa.Table]
    ) -> pa.Table:
        """The rows of `name`, of each country as they are kept, else as they are read."""
        countries: dict[str, list[Slice]] = {}
        for slice in self.state.entries:
            countries.setdefault(slice.country, []).append(slice)
        kept = self._kept.setdefault(name, Kept(self.folder / name))
        marks = {country: self._mark(country, sources, slices) for country, slices in countries.items()}
        parts = {country: kept.get(mark, ".parquet") for country, mark in marks.items()}
        missing = [country for country, part in parts.items() if part is None]
        if missing:
            slices = [slice for country in missing for slice in countries[country]]
            rows = read(slices)
            of_country = rows.column("country")
            for country in missing:
                written = pa.BufferOutputStream()
                pq.write_table(rows.filter(pc.equal(of_country, country)), written, compression="zstd")
                content = written.getvalue().to_pybytes()
                kept.put(marks[country], ".parquet", content)
                parts[country] = content
        if not parts:
            return read([])
        # What a column must hold is told by Delta's log and by no Parquet file: the parts may differ in it.
        tables = [pq.read_table(pa.py_buffer(part)) for part in parts.values()]
        return pa.concat_tables(tables, promote_options="default")

    def forget_others(self) -> None:
        """Remove what is kept of rows that were not asked for."""
        for kept in self._kept.values():
            kept.forget_others()
        for folder in self.folder.iterdir():
            if folder.name not in self._kept:
                shutil.rmtree(folder)

    def _mark(self, country: str, sources: Sequence[str], slices: list[Slice]) -> str:
        """The mark of a country's rows that are made of these slices of tables."""
        written = {
            slice.wave: [
                (stage, source, entry.mark, entry.tables[source].files)
                for source in sources
                for stage, entry in self.state.entries[slice].items()
                if source in entry.tables
            ]
            for slice in slices
        }
        forms = [schemas.table(source).form for source in sources]
        return fingerprint(self._program, forms, country, written)

    def _states(self, name: str, slices: list[Slice]) -> list[tuple[list[dict[str, str]], int | None]]:
        """These slices of a table by its states: the newest, and those that were published before."""
        now: list[dict[str, str]] = []
        before: dict[int, list[dict[str, str]]] = {}
        for slice in slices:
            kept = self.state.version(slice, name)
            if self.state.states[slice] == NOW:
                now.append(slice.keys)
            elif kept is not None:
                before.setdefault(kept, []).append(slice.keys)
        if not self.context.tables.exists(name):
            return []
        states: list[tuple[list[dict[str, str]], int | None]] = [(now, None)] if now else []
        return [*states, *((own, version) for version, own in sorted(before.items()))]

    def _frame(self, name: str, slices: list[Slice]) -> DataFrame:
        """These slices of a table as a frame of Spark."""
        frames = [self.context.tables.read(name, *state) for state in self._states(name, slices)]
        return reduce(DataFrame.unionByName, frames) if frames else nothing(self.context.spark, name)

    def _on_driver(self, name: str, slices: list[Slice]) -> pa.Table:
        """These slices of a table on the driver."""
        parts = [self.context.tables.on_driver(name, *state) for state in self._states(name, slices)]
        return pa.concat_tables([rows_of(name), *parts])
