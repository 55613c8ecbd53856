"""Numbers of regions and sectors: given once, never to another code, whatever becomes of a classification."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from jobs.errors import InputError
from jobs.run import numbers

SECTORS = "version: s\nsource: a test\nitems:\n  - {code: A, name: Farms}\n  - {code: B, name: Mines}\n"


def write(folder, *codes: str):
    """A classification of regions in this order."""
    items = "".join(f"  - {{code: {code}, name: Region {code}}}\n" for code in codes)
    (folder / "regions.yaml").write_text(f"version: r\nsource: a test\nitems:\n{items}")
    (folder / "sectors.yaml").write_text(SECTORS)


@pytest.fixture
def context(spark, tables, tmp_path):
    """A run of a country NL, whose classifications lie in the test's folder."""
    files = {name: str(tmp_path / f"{name}.yaml") for name in ("regions", "sectors")}
    return SimpleNamespace(spark=spark, tables=tables, settings=SimpleNamespace(country="NL", **files))


def test_numbers_outlive_another_order_and_are_never_given_twice(context, tmp_path):
    write(tmp_path, "N1", "N2", "N3")
    assert numbers.given(context)[0].numbers == {"N1": 1, "N2": 2, "N3": 3}
    write(tmp_path, "N3", "N1", "N2")  # another order
    assert numbers.given(context)[0].numbers == {"N3": 3, "N1": 1, "N2": 2}
    write(tmp_path, "N3", "N2")  # a region is dissolved
    assert numbers.given(context)[0].numbers == {"N3": 3, "N2": 2}
    write(tmp_path, "N4", "N3", "N2")  # a new one does not get its number
    assert numbers.given(context)[0].numbers == {"N4": 4, "N3": 3, "N2": 2}
    write(tmp_path, "N1", "N2", "N3", "N4")  # it comes back
    regions, sectors = numbers.known(context)
    assert regions.codes == {1: "N1", 2: "N2", 3: "N3", 4: "N4"}
    assert sectors.numbers == {"A": 1, "B": 2}


def test_what_is_known_is_not_written(context, tmp_path):
    write(tmp_path, "N1")
    assert numbers.known(context)[0].numbers == {"N1": 1}
    assert not context.tables.exists(numbers.TABLE)


def test_numbers_that_are_known_are_not_written_again(context, tmp_path):
    write(tmp_path, "N1")
    numbers.given(context)
    version = context.tables.version(numbers.TABLE)
    numbers.given(context)
    assert context.tables.version(numbers.TABLE) == version and context.tables.commits == []


def test_countries_have_numbers_of_their_own(context, tmp_path):
    write(tmp_path, "N1", "N2")
    numbers.given(context)
    write(tmp_path, "B1")
    context.settings.country = "BE"
    assert numbers.given(context)[0].numbers == {"B1": 1}


def test_a_damaged_table_of_numbers_is_named(context, tmp_path):
    write(tmp_path, "N1")
    numbers.given(context)
    (file,) = (tmp_path / "tables" / numbers.TABLE).glob("country=NL/*.parquet")
    file.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"the table code_numbers .* is damaged .*; delete its folder"):
        numbers.known(context)
