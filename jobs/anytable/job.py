"""The steps of `diamant fit --data` in their order."""

from __future__ import annotations

from pathlib import Path

from jobs.anytable import output, results
from jobs.anytable.in_process import NotHere, TableInProcess
from jobs.anytable.request import Request
from jobs.anytable.table import GROUP, Table, form_of
from jobs.errors import FitsFailed, InputError, SettingsError
from jobs.fits.plan import FEW, FitPlan
from jobs.fits.results import ALL, Fits
from jobs.run.progress import Progress
from jobs.sem.model.layout import layout
from jobs.sem.model.structure import ModelError


def check(request: Request) -> Path:
    """What can be known before Spark starts; the folder to write. Raises SettingsError, InputError."""
    out = output.check(request)
    form_of(request.data)
    return out


def in_process(request: Request) -> Table | None:
    """The table in memory; None where Spark reads it better. Raises SettingsError, InputError."""
    try:
        return TableInProcess(request)
    except NotHere:
        return None


def run(request: Request, table: Table, progress: Progress, few: int = FEW) -> str:
    """Check, fit, write; the folder that was written. `few`: most groups that are fitted together.

    Raises SettingsError, InputError; FitsFailed once all is written, where more groups failed than allowed.
    """
    out = output.check(request)
    try:
        total, notes = table.checked()
        groups = _groups(table, request)
        progress.say(f"{total:,} cases in {len(groups.keys):,} groups read")
        for note in notes:
            progress.say(note)
        if request.together:
            _check_together(list(groups.keys.group), request)
        with progress.counted("bootstrap") as tell:
            fits = table.fit(_plan(request), len(groups.keys), total, few, tell)
    finally:
        table.close()
    tables = results.tables(_protected(fits, request, progress), groups, request)
    output.write(tables, groups.sharing, request, out)
    failed, count = results.failed(tables["status"]), len(groups.keys)
    lost = count if request.joint and len(failed) else len(failed)
    progress.say(f"{count - lost:,} groups fitted, {lost:,} without a trustworthy fit")
    if not request.publish:
        progress.say("These are working files: nothing in them has passed disclosure control.")
    if lost > request.max_failed:
        raise FitsFailed(
            f"{lost} of {count} groups have no trustworthy fit: {results.words(failed)} "
            f"All else is in {request.out}; mend the model or the groups, or raise --max-failed."
        )
    return str(out)


def _protected(fits: Fits, request: Request, progress: Progress) -> Fits:
    """The fits as they are written; the office hears which groups are withheld, and why."""
    if not request.publish:
        return fits
    from jobs.anytable import disclosure
    from jobs.settings.sections import DisclosureSettings

    rules = DisclosureSettings()
    hidden = disclosure.withheld(fits, rules)
    shown = disclosure.protected(fits, hidden, rules, request.together)
    for group, rule in hidden.items():
        progress.say(f"withheld: {group} ({rule})")
    return shown


def _plan(request: Request) -> FitPlan:
    """What is computed of each group."""
    return FitPlan(
        model=request.text,
        method=request.method,
        error=request.chosen_error,
        group=GROUP,
        replicates=request.bootstrap,
        seed=request.seed,
        joint=request.joint,
        equal=request.equal,
        free=request.free,
        hypotheses=request.hypotheses,
        invariance=request.invariance,
    )


def _check_together(groups: list[str], request: Request) -> None:
    """Whether the groups can be fitted at once.

    Raises SettingsError where not, InputError for a group's name that is taken.
    """
    if not 2 <= len(groups) <= FEW:
        raise SettingsError(
            f"{request.data} has {len(groups):,} groups, and 2 to {FEW} are fitted at once; join "
            "groups, or leave out --equal, --invariance, --hypothesis and labels by group."
        )
    if ALL in groups:
        raise InputError(
            f"{request.data} has a group named {ALL}, which stands for all groups; give it another name."
        )
    if request.joint:
        try:
            layout(request.text, groups, request.equal, request.free, request.ordered)
        except ModelError as error:
            raise SettingsError(f"{request.model}: {error}; mend the model or the options.") from None


def _groups(table: Table, request: Request) -> results.Groups:
    """The groups by name, and the pools whose groups share clusters. Raises InputError."""
    keys = table.groups()
    keys = keys.sort_values(list(keys.columns), kind="stable").reset_index(drop=True)
    if keys.group.duplicated().any():
        raise InputError(
            f"{request.data}: two combinations of {', '.join(request.groups)} give a group the same name; "
            "take commas out of their values."
        )
    cluster = request.chosen_error.partition(":")[2]
    if not (cluster and request.pool):
        return results.Groups(keys, frozenset())
    kept = [name for name in request.groups if name not in request.pool]
    return results.Groups(keys, table.sharing(kept, cluster))
