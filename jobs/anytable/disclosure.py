"""Disclosure control of the fits of any table: what of them may leave, by the rules of a publication.

A group's model is judged as that of a study (publish.models), and its digits are cut alike (publish.digits).
No total over groups is published, so that a group stands alone, unless all are fitted at once: then all are
withheld where one group would be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from jobs.errors import DisclosureStopped
from jobs.fits.results import ALL, Fits
from jobs.publish import digits, models
from jobs.publish.rules import too_few
from jobs.sem.bootstrap import TABLES as BOOTSTRAP
from jobs.sem.groups.rows import DIAGNOSIS
from jobs.settings.sections import DisclosureSettings

SLICE = {"country": "", "wave": ""}  # the rules are written for many slices; a table is one
NAMES = {"status": "fit_status", "differences": "group_differences"}  # as a publication names them
OF_FITS = (
    *("estimates", "fit_measures", "differences", "status", *DIAGNOSIS, *BOOTSTRAP),
    *("hypotheses", "invariance"),
)
COUNTS = ["cases_in", "cases_used", "cases_missing"]
A_NUMBER = r"(?<![\w.])\d[\d,]*(?![\w])"


def withheld(fits: Fits, rules: DisclosureSettings) -> dict[str, str]:
    """The groups whose models must not leave, each with the rule that it breaks."""
    broken = models.withheld(_all_groups(fits).assign(**SLICE), fits.support.assign(**SLICE), rules)
    return {group: rule for (_, _, group), rule in broken.items()}


def protected(fits: Fits, hidden: Mapping[str, str], rules: DisclosureSettings, together: bool) -> Fits:
    """The fits as they may leave: groups, figures and digits that tell of few firms are left out.

    `hidden`: what `withheld` says of them; `together`: whether something was asked that takes all groups at
    once. Raises DisclosureStopped where a group must not be shown then.
    """
    if together and hidden:
        group, rule = next(iter(hidden.items()))
        raise DisclosureStopped(
            f"{group}: {rule}; since all groups are fitted at once, nothing of them was written: join the "
            "group with another or leave it out."
        )
    frames = {NAMES.get(name, name): getattr(fits, name).assign(**SLICE) for name in OF_FITS}
    groups = {(SLICE["country"], SLICE["wave"], group) for group in hidden}
    shown = models.protected(frames, fits.support.assign(**SLICE), groups, rules)
    rounded = digits.published({**shown, "fit_status": _all_groups(fits).assign(**SLICE)})
    rounded["fit_status"] = _counted(shown["fit_status"], rules)
    tables: Mapping[str, Any] = {
        name: rounded[NAMES.get(name, name)].drop(columns=list(SLICE)).reset_index(drop=True)
        for name in OF_FITS
    }
    return replace(fits, **tables)


def _all_groups(fits: Fits) -> pd.DataFrame:
    """The status, with the groups that were fitted at once: their cases are among the measures of the fit."""
    measures = fits.fit_measures
    if ALL not in set(measures.group):
        return fits.status
    cases = measures[(measures.measure == "nobs") & (measures.group != ALL)]
    groups = pd.DataFrame({"group": cases.group, "cases_used": cases.value, "parameters": None})
    return pd.concat([fits.status, groups], ignore_index=True)


def _counted(status: pd.DataFrame, rules: DisclosureSettings) -> pd.DataFrame:
    """The status without small counts, or those that would give them away, and without sentences that count.

    Cases in are those used and those missing: where few are missing, those used alone stay.
    """
    out = status.copy()
    small = out[COUNTS].map(lambda count: pd.notna(count) and too_few(count, rules))
    for column in COUNTS:
        stays = ~small.any(axis=1) | (~small.cases_used if column == "cases_used" else False)
        out[column] = out[column].astype("Int64").where(stays)
    counts = out.detail.str.contains(A_NUMBER, regex=True, na=False)
    out["detail"] = out.detail.where(~counts, "")
    return out
