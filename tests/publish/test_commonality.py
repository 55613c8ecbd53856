"""Commonality: what is withheld, by hand, and what a reader who knows all shown cells can tell."""

from __future__ import annotations

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from jobs.publish import commonality
from jobs.publish.commonality import Cells, together
from jobs.settings.sections import DisclosureSettings

RULES = DisclosureSettings()


def region(
    cells: dict[str, tuple[int, int]], weights: dict[str, list[float]] | None = None
) -> tuple[pd.DataFrame, ...]:
    """Firms and innovators of a region's sectors, and the region's own row; `weights` of a sector's firms."""
    of_firms = {sector: (weights or {}).get(sector, [1.0] * firms) for sector, (firms, _) in cells.items()}
    rows, largest = [], []
    every = [weight for of_sector in of_firms.values() for weight in of_sector]
    whole = sum(firms for firms, _ in cells.values()), sum(innovators for _, innovators in cells.values())
    inside = sum(sum(of_firms[sector][:innovators]) for sector, (_, innovators) in cells.items())
    general = {"firms": whole[0], "innovators": whole[1], "numerator": inside, "denominator": sum(every)}
    for sector, (firms, innovators) in [*cells.items(), ("_all", whole)]:
        weight = every if sector == "_all" else of_firms[sector]
        numerator = inside if sector == "_all" else sum(weight[:innovators])
        within = {
            "firms": firms,
            "innovators": innovators,
            "numerator": numerator,
            "denominator": sum(weight),
        }
        row = {"country": "NL", "wave": "w", "region": "NL34", "sector": sector}
        for kind, figures in (("within", within), ("general", general)):
            row |= {f"commonality_{kind}_{name}": value for name, value in figures.items()}
            share = figures["numerator"] / figures["denominator"] if figures["firms"] else None
            row[f"commonality_{kind}"] = share
        rows.append(row)
        largest.append(
            {**{key: row[key] for key in list(row)[:4]}, "weights": sorted(weight, reverse=True)[:5]}
        )
    return pd.DataFrame(rows), pd.DataFrame(largest)


def hidden(frame: pd.DataFrame) -> set[str]:
    return set(frame[frame.commonality_within_status == "c"].sector)


def test_many_firms_that_differ_are_shown():
    shown, _ = commonality.protect(*region({"17": (40, 20), "18": (23, 4)}), RULES)
    assert hidden(shown) == set()
    assert shown.commonality_within.round(3).tolist() == [0.5, 0.174, 0.381]
    assert shown.commonality_within_firms.tolist() == [40, 20, 60], "rounded down to the threshold"
    assert not [
        name for name in shown if name.endswith(("_innovators", "_numerator", "_denominator", "weights"))
    ]


def test_a_cell_of_four_firms_takes_a_companion():
    """Without one its 4 firms and 1 innovator are the region's less the others': 67 - 63 and 25 - 24."""
    shown, _ = commonality.protect(*region({"17": (40, 20), "18": (4, 1), "19": (23, 4)}), RULES)
    assert hidden(shown) == {"18", "19"}
    assert shown.commonality_within[shown.sector == "19"].isna().all()
    assert shown.commonality_within_firms[shown.sector == "18"].isna().all()


def test_a_companion_has_innovators_and_others():
    """The 20 firms that all innovate are no cover for the 3 of four that do not."""
    shown, _ = commonality.protect(*region({"17": (40, 20), "18": (4, 1), "19": (20, 20)}), RULES)
    assert hidden(shown) == {"17", "18", "19"}, "19 answers alike, and 24 firms have 3 others only"


def test_firms_that_answer_alike_are_withheld():
    cells = {"17": (40, 40), "18": (40, 0), "19": (40, 7), "20": (30, 15)}
    assert {"17", "18"} <= hidden(commonality.protect(*region(cells), RULES)[0])


def test_a_share_that_one_weight_makes_is_withheld():
    """11 of 12 firms innovate; the weighted share is 0.000, which is the answer of the twelfth."""
    weights = {"17": [1.0] * 11 + [100_000.0]}
    cells = {"17": (12, 11), "18": (40, 20), "19": (40, 20)}
    frame, largest = region(cells, weights)
    assert round(frame.commonality_within[0], 3) == 0.0
    assert "17" in hidden(commonality.protect(frame, largest, RULES)[0])


def test_where_all_sectors_are_too_few_the_region_goes_with_them():
    frame, largest = region({"17": (4, 1), "18": (5, 2)})
    others = [part.assign(region=name) for name in ("NL41", "NL42") for part in [region({"17": (60, 30)})[0]]]
    weights = [
        part.assign(region=name) for name in ("NL41", "NL42") for part in [region({"17": (60, 30)})[1]]
    ]
    shown, _ = commonality.protect(pd.concat([frame, *others]), pd.concat([largest, *weights]), RULES)
    assert (shown[shown.region == "NL34"].commonality_general_status == "c").all()
    whole = shown[shown.sector == "_all"].set_index("region").commonality_within_status
    assert (whole == "c").sum() == 2, "a region alone would be the country less the others"


def test_cells_without_firms_are_undefined_not_withheld():
    frame, largest = region({"17": (40, 20)})
    columns = [name for name in frame if name.startswith("commonality_")]
    frame[columns] = frame[columns].astype(float)
    frame.loc[0, columns] = np.nan
    shown, _ = commonality.protect(frame, largest, RULES)
    assert shown.commonality_within_status.tolist() == ["", ""]
    assert commonality.protect(frame.iloc[:0], largest, RULES)[0].empty


CELLS = st.lists(
    st.integers(1, 40).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, n))), min_size=2, max_size=8
)


@settings(max_examples=60, deadline=None)
@given(CELLS)
def test_the_fewest_cells_are_withheld(counts):
    """Beside the best of all subsets, tried one by one."""
    firms, innovators = (np.array(part, dtype=float) for part in zip(*counts, strict=True))
    protected = firms < RULES.threshold
    cells = Cells(firms, innovators, protected)
    if not protected.any():
        return
    most = firms[protected].max()

    def is_enough(mask: np.ndarray) -> bool:
        sums = firms[mask].sum(), innovators[mask].sum(), (firms - innovators)[mask].sum()
        return mask.sum() >= 2 and sums[0] - mask.sum() >= 10 and min(sums[1:]) >= most

    places = range(len(counts))
    masks = [np.array([bool(k >> place & 1) for place in places]) for k in range(2 ** len(counts))]
    safe = [mask for mask in masks if (mask >= protected).all() and is_enough(mask)]
    fewest = min((mask.sum() for mask in safe), default=None)
    chosen = together(cells, RULES.threshold)
    assert (chosen is None) == (fewest is None)
    if chosen is not None:
        assert chosen.sum() == fewest and is_enough(chosen) and (chosen >= protected).all()
