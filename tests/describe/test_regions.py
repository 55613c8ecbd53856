"""`diamant regions`: a file of regions that a run can read."""

from __future__ import annotations

import pytest

from jobs.describe import regions
from jobs.errors import SettingsError
from jobs.settings import classifications
from jobs.settings.nuts import NutsSettings

MATRIX = "code_v2016,code_v2021,pop21\nNL31,NL31,9\nNL33,NL31,1\nNL33,NL33,8\nELZZ,ELZZ,0\nEL30,EL30,5\n"


@pytest.fixture
def settings(tmp_path) -> NutsSettings:
    (tmp_path / "2016_v2021.csv").write_text(MATRIX)
    return NutsSettings(matrices=str(tmp_path), version="2021")


@pytest.mark.parametrize(
    ("country", "level", "codes", "outside"),
    [
        ("NL", 2, ["NL31", "NL33"], ("NLZZ",)),
        ("NL", 1, ["NL3"], ("NLZ",)),
        ("NL", 0, ["NL"], ()),
        ("GR", 2, ["EL30"], ("ELZZ",)),
    ],
)
def test_what_is_printed_is_a_file_of_regions(settings, tmp_path, country, level, codes, outside):
    text = regions.classification(settings.model_copy(update={"level": level}), country)
    (tmp_path / "regions.yaml").write_text(text)
    read = classifications.read(str(tmp_path / "regions.yaml"))
    assert list(read.numbers) == codes and read.extra_regio == outside


def test_a_country_that_the_matrices_do_not_have(settings):
    with pytest.raises(SettingsError, match="no regions of XX in NUTS 2021"):
        regions.classification(settings, "XX")
