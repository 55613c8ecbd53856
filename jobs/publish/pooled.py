"""What a run of many slices publishes over them: pooled paths, and one model of all with its tests.

From published estimates alone: a group that disclosure control withholds counts in neither.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from jobs.publish.models import named
from jobs.sem.cases.sums import Sums
from jobs.sem.groups.equal_parameters import SliceSums
from jobs.sem.groups.over_slices import PATHS, TESTS, fit_over_slices
from jobs.sem.groups.pooled_slices import ALL, pool_slices
from jobs.sem.groups.rows import CONVERGED

Tables = dict[str, pd.DataFrame]


def pooled(
    shown: Tables,
    influences: pd.DataFrame,
    ways: Mapping[str, Sequence[str]],
    errors: Mapping[str, str],
    confidence: float,
) -> Tables:
    """The paths pooled each way: what the mean is taken over, by the way's name.

    `shown`: the published tables; `influences`: the table of that name; `errors`: the kind of error that
    each slice ("NL cis2") is judged by.
    """
    estimates = shown["estimates"]
    primary = estimates[
        (estimates.op == "~") & (estimates.error == (estimates.country + " " + estimates.wave).map(errors))
    ]
    status = shown["fit_status"]
    converged = set(named(status[status.status == CONVERGED]))
    # Few clusters are pooling's own matter: what counts is whether the fit can be trusted.
    primary = primary.assign(reliable=[group in converged for group in named(primary)])
    return {name: pool_slices(primary, influences, over, confidence) for name, over in ways.items()}


def of_each_wave(estimates: pd.DataFrame, errors: Mapping[str, str]) -> pd.DataFrame:
    """A country's paths by wave in the form of pooled_paths; `errors`: the kind of error of each wave."""
    paths = estimates[(estimates.op == "~") & (estimates.error == estimates.wave.map(errors))]
    return paths.assign(pool=paths.wave, slices=1, countries=1)


def one_model(
    shown: Tables, moments: pd.DataFrame, models: Mapping[str, str], over: Sequence[str], confidence: float
) -> Tables:
    """The tables equal_paths and equality_tests: one model over all slices of each pool and group.

    `moments`: the table of that name; `models`: the model's text of each slice ("NL cis2").
    """
    apart = next((name for name in ("country", "wave") if name not in over), None)
    status = shown["fit_status"].assign(pool=shown["fit_status"][apart] if apart else ALL)
    parts: dict[str, list[pd.DataFrame]] = {"equal_paths": [], "equality_tests": []}
    sums = {key: part.sort_values("cluster") for key, part in moments.groupby(["country", "wave", "group"])}
    for (pool, group), part in status.groupby(["pool", "group"], sort=True):
        keys = [
            (row.country, row.wave, group) for row in part[part.status == CONVERGED].itertuples(index=False)
        ]
        slices = [_slice(key[0], key[1], sums[key]) for key in keys if key in sums]
        texts = {models[f"{slice.country} {slice.wave}"] for slice in slices}
        if len(texts) != 1:
            continue  # other models have other paths
        paths, tests = fit_over_slices(texts.pop(), slices, confidence)
        counts = {"slices": len(slices), "countries": len({slice.country for slice in slices})}
        own = {"pool": pool, "group": group, **counts, "left_out": len(part) - len(slices)}
        parts["equal_paths"].append(paths.assign(**own))
        parts["equality_tests"].append(tests.assign(**own))
    columns = {"equal_paths": PATHS, "equality_tests": TESTS}
    before = ["pool", "group", "slices", "countries", "left_out"]
    return {
        name: pd.concat(frames, ignore_index=True)[[*before, *columns[name]]]
        if frames
        else pd.DataFrame(columns=[*before, *columns[name]])
        for name, frames in parts.items()
    }


def _slice(country: str, wave: str, rows: pd.DataFrame) -> SliceSums:
    first, second = (np.stack(rows[name].to_list()).astype(float) for name in ("first", "second"))
    return SliceSums(
        country, wave, list(rows.cluster), Sums(rows.weight.to_numpy(dtype=float), first, second)
    )
