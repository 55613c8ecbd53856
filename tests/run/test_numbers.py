"""Numbers of regions and sectors: given once, never to another code, whatever becomes of a classification."""

from __future__ import annotations

import pytest

from jobs.errors import InputError
from jobs.run import numbers
from jobs.settings.slices import SliceSettings

SECTORS = "version: s\nsource: a test\nitems:\n  - {code: A, name: Farms}\n  - {code: B, name: Mines}\n"


def write(folder, *codes: str):
    """A classification of regions in this order."""
    items = "".join(f"  - {{code: {code}, name: Region {code}}}\n" for code in codes)
    (folder / "regions.yaml").write_text(f"version: r\nsource: a test\nitems:\n{items}")
    (folder / "sectors.yaml").write_text(SECTORS)


@pytest.fixture
def own(tmp_path):
    """A slice of a country NL, whose classifications lie in the test's folder."""
    files = {name: str(tmp_path / f"{name}.yaml") for name in ("regions", "sectors")}
    return SliceSettings.model_construct(country="NL", wave="w", **files)


def given(tables, own):
    """The numbers of regions once they are given."""
    numbers.given(tables, [own])
    return numbers.known(tables, own)[0]


def test_numbers_outlive_another_order_and_are_never_given_twice(tables, own, tmp_path):
    write(tmp_path, "N1", "N2", "N3")
    assert given(tables, own).numbers == {"N1": 1, "N2": 2, "N3": 3}
    write(tmp_path, "N3", "N1", "N2")  # another order
    assert given(tables, own).numbers == {"N3": 3, "N1": 1, "N2": 2}
    write(tmp_path, "N3", "N2")  # a region is dissolved
    assert given(tables, own).numbers == {"N3": 3, "N2": 2}
    write(tmp_path, "N4", "N3", "N2")  # a new one does not get its number
    assert given(tables, own).numbers == {"N4": 4, "N3": 3, "N2": 2}
    write(tmp_path, "N1", "N2", "N3", "N4")  # it comes back
    regions, sectors = numbers.known(tables, own)
    assert regions.codes == {1: "N1", 2: "N2", 3: "N3", 4: "N4"}
    assert sectors.numbers == {"A": 1, "B": 2}


def test_what_is_known_is_not_written(tables, own, tmp_path):
    write(tmp_path, "N1")
    assert numbers.known(tables, own)[0].numbers == {"N1": 1}
    assert not tables.exists(numbers.TABLE)


def test_numbers_that_are_known_are_not_written_again(tables, own, tmp_path):
    write(tmp_path, "N1")
    numbers.given(tables, [own])
    version = tables.version(numbers.TABLE)
    numbers.given(tables, [own])
    assert tables.version(numbers.TABLE) == version


def test_countries_have_numbers_of_their_own(tables, own, tmp_path):
    write(tmp_path, "N1", "N2")
    numbers.given(tables, [own])
    write(tmp_path, "B1")
    assert given(tables, own.model_copy(update={"country": "BE"})).numbers == {"B1": 1}


def test_a_damaged_table_of_numbers_is_named(tables, own, tmp_path):
    write(tmp_path, "N1")
    numbers.given(tables, [own])
    (file,) = (tmp_path / "tables" / numbers.TABLE).glob("country=NL/*.parquet")
    file.write_bytes(b"no parquet")
    with pytest.raises(InputError, match=r"the table code_numbers .* is damaged .*; delete its folder"):
        numbers.known(tables, own)
