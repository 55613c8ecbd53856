"""Which figures there are: a map a wave and indicator, of the regions that have a boundary."""

from __future__ import annotations

import pandas as pd
from published import tables

from jobs.publish import pictures
from jobs.publish.tables import with_names

SHAPES = {"NL11": (((0, 0), (0, 1), (1, 1), (0, 0)),)}


def test_a_map_shows_regions_as_a_whole_and_hides_what_is_withheld():
    indicators = tables()["cluster_indicators"]
    hidden = indicators.assign(commonality_general_status="c", wave="w2")
    both = pd.concat([indicators, hidden], ignore_index=True)
    found = {picture.stem: picture.figure for picture in pictures.maps(both, SHAPES, "NL")}
    assert set(found) == {
        f"map_NL_{wave}_{name}_general" for wave in ("w", "w2") for name in ("complementarity", "commonality")
    }
    shown = found["map_NL_w2_commonality_general"].rows
    assert list(shown.region) == ["NL11"] and list(shown.withheld) == [True]
    assert pictures.maps(indicators, {"DE1": ()}) == []


def test_names_come_behind_the_codes_of_their_own_wave():
    indicators = tables()["cluster_indicators"].drop(columns=["region_name", "sector_name"])
    named = with_names(indicators, {("NL", "w"): ({"NL11": "Groningen"}, {"-1+1": "Food"})})
    assert list(named.columns[:6]) == ["country", "wave", "region", "region_name", "sector", "sector_name"]
    assert list(named.region_name) == ["Groningen"] * 2 and list(named.sector_name) == [None, "Food"]
