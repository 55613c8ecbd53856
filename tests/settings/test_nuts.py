"""Versions of NUTS: found by codes, converted by matrices; the JRC's own where they are at hand."""

from __future__ import annotations

import math
import random
from itertools import permutations
from pathlib import Path

import pytest

from jobs.errors import SettingsError
from jobs.settings import nuts
from jobs.settings.nuts import Mixed, NutsSettings, Versions, detected, letters_of, spellings

# People who moved from NL33 to NL31 with Vijfheerenlanden, and those who stayed (the JRC, 2016 to 2021).
LEFT, STAYED = 35916.0, 3725800.0


def written(folder: Path, source: str, target: str, people: dict[tuple[str, str], float]) -> None:
    rows = [f"{code},{other},1,{count}" for (code, other), count in people.items()]
    header = f"code_v{source},code_v{target},areaKm,pop21"
    (folder / f"{source}_{target}.csv").write_text("\n".join([header, *rows]) + "\n")


@pytest.fixture
def small(tmp_path) -> Versions:
    written(tmp_path, "2010", "2013", {("EL11", "EL51"): 6, ("EL12", "EL52"): 4, ("FI18", "FI18"): 9})
    written(tmp_path, "2013", "2016", {("EL51", "EL51"): 6, ("EL52", "EL52"): 4, ("FI18", "FI1B"): 9})
    return nuts.read(NutsSettings(matrices=str(tmp_path), version="2016"))


def test_versions_without_a_matrix_of_their_own_are_reached_over_others(small):
    assert small.conversion("2010", "2016").shares == {
        "EL11": {"EL51": 1.0},
        "EL12": {"EL52": 1.0},
        "FI18": {"FI1B": 1.0},
    }
    assert small.conversion("2016", "2010").shares["FI1B"] == {"FI18": 1.0}


def test_a_matrix_read_backwards_has_the_shares_of_the_other_side(tmp_path):
    written(tmp_path, "2013", "2016", {("A1", "B1"): 30, ("A2", "B1"): 10, ("A2", "B2"): 50})
    versions = nuts.read(NutsSettings(matrices=str(tmp_path), version="2016", level=0))
    assert versions.conversion("2016", "2013").shares == {"B1": {"A1": 0.75, "A2": 0.25}, "B2": {"A2": 1.0}}


@pytest.mark.parametrize(
    ("level", "codes"), [(0, {"NL"}), (1, {"NL3", "NL4"}), (2, {"NL31", "NL33", "NL41"})]
)
def test_a_coarser_level_is_that_of_the_matrices_added_up(tmp_path, level, codes):
    people = {("NL33", "NL31"): LEFT, ("NL33", "NL33"): STAYED, ("NL31", "NL31"): 9, ("NL41", "NL41"): 9}
    written(tmp_path, "2016", "2021", people)
    versions = nuts.read(NutsSettings(matrices=str(tmp_path), version="2021", level=level))
    assert versions.codes["2021"] == codes
    if level < 2:
        assert versions.conversion("2016", "2021").shares == {code: {code: 1.0} for code in sorted(codes)}


@pytest.mark.parametrize(
    ("codes", "version", "words"),
    [
        (["EL51", "EL52"], "2016", "2 codes, 2 of them valid in several"),
        (["EL51", "FI18"], "2013", "NUTS 2013 "),
        (["EL11"], "2010", "1 codes, 0 of them"),
    ],
)
def test_the_version_of_codes(small, codes, version, words):
    came, said, counts = detected(small, codes, "2016")
    assert came == version and words in f"{said} {counts}"


def test_codes_that_lead_alike_from_several_versions_need_no_answer(small):
    assert detected(small, ["FI18"], "2016")[0] == "2013"


def test_codes_of_no_one_version_are_named(small):
    with pytest.raises(Mixed, match=r"EL11 \(2010\), EL51 \(2013, 2016\)"):
        detected(small, ["EL11", "EL51", "FI18"], "2016")


def test_codes_whose_versions_lead_to_different_regions(tmp_path):
    written(tmp_path, "2013", "2016", {("NL31", "NL31"): 9, ("NL33", "NL33"): 9})
    written(tmp_path, "2016", "2021", {("NL31", "NL35"): 9, ("NL33", "NL31"): 1, ("NL33", "NL36"): 8})
    written(tmp_path, "2010", "2016", {("NL31", "NL33"): 9, ("NL33", "NL31"): 9})
    versions = nuts.read(NutsSettings(matrices=str(tmp_path), version="2021"))
    with pytest.raises(Mixed, match="valid in NUTS 2010, 2013, 2016, which lead to different regions"):
        detected(versions, ["NL31", "NL33"], "2021")


def test_greek_and_british_regions_in_either_letters():
    assert spellings(["EL30", "UKC1", "NL31"]) == {
        **{code: code for code in ("EL30", "UKC1", "NL31")},
        "GR30": "EL30",
        "GBC1": "UKC1",
    }
    assert (letters_of("GR"), letters_of("GB"), letters_of("NL")) == ("EL", "UK", "NL")


def test_settings_that_do_not_fit_the_matrices(tmp_path):
    with pytest.raises(SettingsError, match="holds no matrices"):
        nuts.read(NutsSettings(matrices=str(tmp_path), version="2016"))
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(SettingsError, match="no file there begins with columns such as code_v2016"):
        nuts.read(NutsSettings(matrices=str(tmp_path), version="2016"))
    written(tmp_path, "2013", "2016", {("NL31", "NL31"): 9})
    with pytest.raises(SettingsError, match="know no NUTS 2024, but 2013, 2016"):
        nuts.read(NutsSettings(matrices=str(tmp_path), version="2024"))
    with pytest.raises(SettingsError, match="has no regions of level 3"):
        nuts.read(NutsSettings(matrices=str(tmp_path), version="2016", level=3))
    written(tmp_path, "2021", "2024", {("NL31", "NL35"): 9})
    versions = nuts.read(NutsSettings(matrices=str(tmp_path), version="2016"))
    with pytest.raises(SettingsError, match="no matrices lead from NUTS 2013 to NUTS 2024"):
        versions.conversion("2013", "2024")


@pytest.fixture
def jrc(shared) -> Versions:
    return nuts.read(NutsSettings(matrices=str(shared / "nuts2"), version="2021"))


def test_totals_are_kept_between_all_versions_of_the_jrc(jrc):
    for source, target in permutations(jrc.codes, 2):
        shares = jrc.conversion(source, target).shares
        draw = random.Random(f"{source} {target}")
        people = {code: draw.uniform(0, 1e7) for code in shares}
        moved = math.fsum(people[code] * share for code, of in shares.items() for share in of.values())
        assert math.isclose(moved, math.fsum(people.values()), rel_tol=1e-9), (source, target)


def test_the_dutch_regions_of_the_jrc(jrc):
    later = jrc.conversion("2021", "2024").shares
    assert (later["NL31"], later["NL33"]) == ({"NL35": 1.0}, {"NL36": 1.0})
    moved = jrc.conversion("2016", "2021").shares["NL33"]
    assert math.isclose(moved["NL31"], LEFT / (LEFT + STAYED), rel_tol=1e-12)


def test_what_is_one_to_one_in_the_jrc_comes_back_as_it_was(jrc):
    for source, target in permutations(jrc.codes, 2):
        there, back = jrc.conversion(source, target), jrc.conversion(target, source)
        for code, of in there.whole.items():
            if there.sources[of] == (code,) and back.whole.get(of) == code:
                assert there.followed_by(back).shares[code] == {code: 1.0}


@pytest.mark.parametrize(
    ("codes", "version"),
    [(["FRB0", "NL31"], "2021"), (["FR21", "EL51"], "2013"), (["FR21", "EL11"], "2010"), (["NL35"], "2024")],
)
def test_versions_by_the_codes_of_the_jrc(jrc, codes, version):
    assert detected(jrc, codes, "2021")[0] == version
