"""Simulated studies as the files that offices would deliver, and the truth beside them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from jobs.output import owned, rooms
from jobs.settings.inputs import LABELS
from jobs.simulate import flows
from jobs.simulate.answers import truth
from jobs.simulate.decimals import texts
from jobs.simulate.draws import begun, of_numbers, uniform
from jobs.simulate.firms import Plan
from jobs.simulate.survey import survey

ENCODING = "ISO-8859-1"
SEPARATOR = ";"
TO_BE_QUOTED = f'[{SEPARATOR}"\r\n]'
CODES = ("province", "sbi")  # columns of the survey whose texts come from a classification
LARGE = 200_000  # firms above which survey and table are folders of files; a file has so many firms at most


def names(wave: str) -> tuple[str, str, str]:
    """The files of a wave: the survey, the input-output tables, the true parameters."""
    return f"survey_{wave}.csv", f"flows_{wave}.csv", "truth.csv"


def write(plan: Plan, folder: Path, layout: str, label: str) -> tuple[list[Path], int]:
    """Survey, input-output table and true parameters of a plan's slice in the folder of its country.

    Gives the paths of survey and table, and the number of firms with the spoilt rows. `label` is the setting
    that names the folder.
    Raises SettingsError where a file of these names stands there that the simulation did not write.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    owned.check(folder, names(plan.wave), label)
    of_survey, of_flows, of_truth = (folder / name for name in names(plan.wave))
    single = plan.firms <= LARGE
    _write(of_survey, _questionnaires(plan, single), single, label)
    _write(of_flows, _deliveries(plan, layout), single, label)
    _write(of_truth, [_truth(plan)], True, label)
    spoilt = min(plan.parameters["survey"]["broken_rows"], plan.firms)
    return [of_survey, of_flows], plan.firms + spoilt


def _questionnaires(plan: Plan, mixed: bool) -> Iterator[bytes]:
    """The header of the survey, and its lines, so many at a time; `mixed`: in an order of chance."""
    for at, (part, number) in enumerate(survey(plan, LARGE)):
        if at == 0:
            yield _header(part.column_names)
        columns = [column.combine_chunks() for column in part.columns]
        for name in CODES:
            place = part.column_names.index(name)
            columns[place] = _quoted(columns[place])
        lines = pc.binary_join_element_wise(*columns, SEPARATOR, null_handling="replace", null_replacement="")
        if mixed:
            order = uniform(of_numbers(begun(plan.seed, "order in the file"), number))
            lines = lines.take(pa.array(np.argsort(order, kind="stable")))
        yield _encoded(lines)


def _deliveries(plan: Plan, layout: str) -> Iterator[bytes]:
    """The header of the input-output table, and its lines in their order, so many at a time."""
    yield _header([*LABELS, "value"])
    sides, blocks = flows.table(plan, layout)
    labels = [_quoted(pa.array([side[at] for side in sides], pa.string())) for at in (0, 1)]
    label = pc.binary_join_element_wise(*labels, SEPARATOR)
    for cells in blocks:
        seller, buyer = (label.take(pa.array(places)) for places in (cells.seller, cells.buyer))
        value = texts(cells.units, flows.DECIMALS)
        yield _encoded(pc.binary_join_element_wise(seller, buyer, value, SEPARATOR))


def _truth(plan: Plan) -> bytes:
    stream = io.StringIO(newline="")
    writer = csv.writer(stream)
    writer.writerow(["group", "lhs", "op", "rhs", "value"])
    writer.writerows(truth(plan.parameters))
    return stream.getvalue().encode()


def _header(columns: Sequence[str]) -> bytes:
    return f"{SEPARATOR.join(columns)}\n".encode()


def _quoted(values: pa.Array) -> pa.Array:
    """Texts as a file has them: in quotes where they hold a mark of the file."""
    marked = pc.match_substring_regex(values, TO_BE_QUOTED)
    escaped = pc.replace_substring(values, '"', '\\"')
    return pc.if_else(marked, pc.binary_join_element_wise('"', escaped, '"', ""), values)


def _encoded(lines: pa.Array) -> bytes:
    """Lines as the bytes of a file."""
    together = pa.ListArray.from_arrays(pa.array([0, len(lines)], pa.int32()), lines)
    text = pc.binary_join(together, "\n")[0].as_py()
    return f"{text}\n".encode(ENCODING, errors="replace") if text else b""


def _write(path: Path, parts: Iterable[bytes], single: bool, label: str) -> None:
    """A header and parts as a file, or as a folder of files; put in its place whole or not at all."""
    parts = iter(parts)
    header = next(parts)
    rooms.sweep(path)
    with rooms.room(path) as room:
        draft = room / rooms.CONTENT
        if single:
            with draft.open("wb") as stream:
                stream.write(header)
                stream.writelines(parts)
        else:
            draft.mkdir(mode=0o700)
            for number, part in enumerate(parts):
                (draft / f"part-{number:05d}.csv").write_bytes(header + part)
        owned.put(draft, path, label)
