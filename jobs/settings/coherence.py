"""What the parts of a run file have to do with each other, and with the files of conf/ that they name.

Checked when the run file is read, before Spark starts. Data files are not looked for: they may be made later.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from functools import partial

from jobs.errors import SettingsError
from jobs.places import copies
from jobs.sem.model.structure import ModelError
from jobs.sem.model.syntax import line_of
from jobs.sem.routes import method as methods
from jobs.sem.routes.derived import check_definitions
from jobs.settings import (
    classifications,
    correspondences,
    models,
    nuts,
    resources,
    schemas,
    simulation_parameters,
    wave_maps,
)
from jobs.settings.classifications import Classification
from jobs.settings.inputs import LABELS, PAIR, SIDES, FlowsInput, ForeignCodes, WaveSettings
from jobs.settings.methods import method
from jobs.settings.run_file import RunFile, RunSettings
from jobs.settings.sections import FAMILIES
from jobs.settings.slices import Slice, SliceSettings
from jobs.settings.wording import shown

NUMBERS = ("int", "bigint", "double", "decimal")


def check(settings: RunSettings, path: str) -> None:
    """Refuse settings that do not go together, or name what is not there (SettingsError)."""
    _check(settings, path, lambda where: where)


def check_slices(slices: Mapping[Slice, SliceSettings], path: str) -> None:
    """The same for each slice of a run file of several countries; those alike but for their files once."""
    alike = set()
    for slice, settings in slices.items():
        shape = _shape(settings)
        if shape not in alike:
            alike.add(shape)
            _check(_alone(settings), path, partial(_of_slice, slice))


def check_run(settings: RunFile, path: str) -> None:
    """Refuse what the run as a whole asks for where its slices or files do not allow it.

    Raises SettingsError where one model of all slices is asked for and some are not fitted in the way that it
    needs, and where the file of boundaries is not there, which a run would else tell at its end.
    """
    if settings.boundaries and not copies.local(settings.boundaries).is_file():
        raise SettingsError(
            f"{path}: boundaries: {shown(settings.boundaries)} is no file here; mend it, or leave it out."
        )
    if settings.pool is None or not settings.pool.one_model:
        return
    for slice, own in settings.slices.items():
        fit = method(own.fit)
        if own.model and not (fit.from_moments and "region" in fit.clusters):
            raise SettingsError(
                f"{path}: pool.one_model needs estimator ml, missing listwise and region among the clusters, "
                f"which fit of {slice} has not; change fit, or set pool.one_model to false."
            )


def _of_slice(slice: Slice, where: str) -> str:
    """The place of a setting in a slice's settings, from that in a run file of one wave."""
    return f"{slice}: {where.removeprefix('waves.0.')}"


def _shape(settings: SliceSettings) -> str:
    """A slice's settings without its own names and the names of its data files."""
    raw = settings.model_dump(mode="json", exclude={"country": True, "wave": True, "survey": {"path"}})
    if raw["flows"]:
        raw["flows"]["paths"] = sorted(raw["flows"]["paths"])
    return json.dumps(raw, sort_keys=True)


def _alone(settings: SliceSettings) -> RunSettings:
    """A slice as a run of its own."""
    shared = {name: getattr(settings, name) for name in SliceSettings.model_fields}
    wave = WaveSettings.model_construct(**{name: shared[name] for name in WaveSettings.model_fields})
    return RunSettings.model_construct(**shared, waves=(wave,))


def _check(settings: RunSettings, path: str, named: Callable[[str], str]) -> None:
    """The checks; `named` gives the place of a setting as its file has it."""
    regions, sectors = (classifications.read(name) for name in (settings.regions, settings.sectors))
    if settings.simulate:
        simulation_parameters.read()
    if settings.nuts:
        nuts.demand_regions(settings.nuts, tuple(regions.numbers), settings.regions)
    for of in (source for wave in settings.waves for source in (wave.survey, wave.flows) if source):
        _check_foreign(settings, of, sectors)
    maps = {}
    try:
        _check_groups(settings)
        for place, wave in enumerate(settings.waves):
            where = f"waves.{place}"
            if wave.flows:
                _check_layout(wave.flows, f"{where}.flows")
                _check_labels(wave.flows, regions, sectors, f"{where}.flows")
            if wave.survey:
                maps[wave.wave] = wave_maps.read(wave.survey.map)
        _check_commonality(settings, maps)
        _check_size_classes(settings, maps)
        _check_fit(settings)
    except Unfit as error:
        raise SettingsError(
            f"{path}: {named(error.where)}: {error.reason}; mend it or see docs/settings.md."
        ) from None
    if settings.model is not None:
        _check_model(settings, maps)


class Unfit(ValueError):
    """A key, and why its value does not fit the others."""

    def __init__(self, where: str, reason: str) -> None:
        super().__init__(f"{where}: {reason}")
        self.where, self.reason = where, reason


def _check_groups(settings: RunSettings) -> None:
    column = settings.groups.column
    yes_or_no = [part.name for part in schemas.table("survey").columns if part.type == "boolean"]
    if column not in yes_or_no:
        raise Unfit(
            "groups.column", f"{column} is no yes-or-no column of the survey ({', '.join(yes_or_no)})"
        )


def _check_foreign(settings: RunSettings, of: ForeignCodes, sectors: Classification) -> None:
    """A version needs matrices, and a correspondence leads to sectors of the run."""
    if of.nuts and settings.nuts is None:
        raise SettingsError(f"nuts: {of.nuts} of a file means nothing without the section nuts; add it.")
    if of.nuts and settings.nuts:
        nuts.demand_version(settings.nuts, of.nuts)
    if of.correspondence:
        read = correspondences.read(of.correspondence, of.correspondence_weight)
        correspondences.demand_known(read, sectors.numbers, of.correspondence)


def _check_layout(flows: FlowsInput, where: str) -> None:
    """The files and columns that a layout has, and no others."""
    pair = flows.layout == "biregional" and "flows" not in flows.paths
    files = ("own", "rest") if pair else ("flows",)
    missing = [role for role in files if role not in flows.paths]
    if missing:
        raise Unfit(f"{where}.paths", f"{missing[0]} is missing; the layout {flows.layout} needs it")
    strange = sorted(set(flows.paths) - set(files))
    if strange:
        raise Unfit(f"{where}.paths", f"{strange[0]} is no file of this layout; it has {' and '.join(files)}")
    if len(set(flows.paths.values())) < len(flows.paths):
        raise Unfit(f"{where}.paths", "own and rest are one file")
    wide = ("region", "sector", "both")
    roles = PAIR if pair else wide if flows.layout == "wide" else (*LABELS, *SIDES, "value")
    strange = sorted(set(flows.columns) - set(roles))
    if strange:
        known = f"it has {', '.join(roles)}"
        raise Unfit(f"{where}.columns", f"{strange[0]} is no column of this layout; {known}")
    if roles == wide and flows.columns and set(flows.columns) not in ({"region", "sector"}, {"both"}):
        raise Unfit(f"{where}.columns", "label columns are region and sector, or both in one; name these")
    for side in SIDES:
        if side in flows.columns and (
            parts := sorted(set(flows.columns) & {f"{side}_region", f"{side}_sector"})
        ):
            raise Unfit(f"{where}.columns", f"{side} holds what {parts[0]} holds; leave one of them out")
    headers = Counter(flows.columns.get(role, role) for role in roles)
    twice = [header for header, count in headers.items() if count > 1]
    if twice:
        raise Unfit(f"{where}.columns", f"two columns have the header {shown(twice[0])}")
    if flows.exports is not None and not (pair or flows.is_by_region):
        raise Unfit(
            f"{where}.exports",
            "is for a biregional pair of files, or one matrix a region, only; leave it out",
        )


def _check_labels(flows: FlowsInput, regions: Classification, sectors: Classification, where: str) -> None:
    """No label means two things: none of those that are left out is also kept, or a code of the run."""
    meanings = [
        ("drop", flows.drop),
        ("final", flows.final),
        ("rest", (flows.rest,)),
        ("exports", (flows.exports,) if flows.exports else ()),
    ]
    for place, (name, labels) in enumerate(meanings):
        for other, others in meanings[place + 1 :]:
            both = sorted(set(labels) & set(others))
            if both:
                raise Unfit(
                    f"{where}.{name}", f"{shown(both[0])} is the label of {other} too; take one of them"
                )
        kinds = [("region", regions), ("sector", sectors)]
        for kind, known in kinds[:1] if name == "rest" else kinds:
            both = sorted(set(labels) & known.numbers.keys())
            if both:
                raise Unfit(f"{where}.{name}", f"{shown(both[0])} is the code of a {kind}; take it out")
    if flows.rest in regions.extra_regio:
        raise Unfit(f"{where}.rest", f"{shown(flows.rest)} is extra-regio, and would be left out")


def _check_commonality(settings: RunSettings, maps: dict[str, wave_maps.WaveMap]) -> None:
    for wave, wave_map in maps.items():
        if settings.indicators.commonality and wave_map.population == "innovators_only":
            raise Unfit(
                "indicators.commonality",
                f"commonality of wave {wave} is undefined: the wave holds innovators only, so every share "
                "would be 1; set it to false",
            )


def _check_size_classes(settings: RunSettings, maps: dict[str, wave_maps.WaveMap]) -> None:
    """No bound may cut a class where a wave has classes of employees: its firms cannot be told apart."""
    sample = settings.sample
    bounds = [(f"size_classes.{place}", edge) for place, edge in enumerate(settings.size_classes)]
    if sample.employees_min is not None:
        bounds.append(("sample.employees_min", sample.employees_min))
    if sample.employees_max is not None:
        bounds.append(("sample.employees_max", sample.employees_max + 1))
    for wave, wave_map in maps.items():
        begins = sorted(wave_map.rules["employees"].classes.values())
        for where, bound in bounds if begins else []:
            if bound > begins[0] and bound not in begins:
                raise Unfit(
                    where,
                    f"the size classes of wave {wave} begin at {', '.join(map(str, begins))}, and this bound "
                    "cuts one of them; take a bound between two classes, or null",
                )


def _check_fit(settings: RunSettings) -> None:
    """The section `fit` by itself."""
    fit = method(settings.fit)
    try:
        methods.check_combination(fit)
    except ModelError as error:
        raise Unfit("fit", str(error)) from None
    kinds = methods.error_kinds(fit)
    if settings.fit.primary_error not in kinds:
        raise Unfit("fit.primary_error", f"with these settings it is {' or '.join(kinds)}")


def _check_model(settings: RunSettings, maps: dict[str, wave_maps.WaveMap]) -> None:
    """The model can be read, and every variable of it is a number that some wave's firms have."""
    name = settings.model or ""
    text = models.read(resources.find(name), name)
    structure = models.structure(text, name)
    fit = method(settings.fit)
    try:
        methods.check(fit, structure)
        check_definitions(structure.definitions, structure.labels())
        for variable in structure.observed:
            reason = _unusable(variable, settings, maps)
            if reason:
                raise ModelError(f"{variable} {reason}", line_of(text, variable))
    except ModelError as error:
        raise models.refused(error, name, "mend the model or the run file") from None


def _unusable(variable: str, settings: RunSettings, maps: dict[str, wave_maps.WaveMap]) -> str | None:
    """Why a variable of the model has no values in this run; None where it may have some."""
    types = {column.name: column.type for column in schemas.table("linked").columns}
    if variable not in types:
        return "is no column of the linked firms (see schemas/linked.yaml)"
    if not types[variable].startswith(NUMBERS):
        return "is a label of the linked firms, and a model is of numbers"
    if variable == "weight" and settings.fit.weighted:
        return "is the weight of the cases too (fit.weighted)"
    surveyed = [wave for wave in settings.waves if wave.survey]
    if not surveyed:
        return None
    family = variable.rpartition("_")[0]
    if family in FAMILIES:
        if not getattr(settings.indicators, family):
            return f"is not made, since indicators.{family} is false"
        if family == "complementarity" and not any(wave.flows for wave in surveyed):
            return "is not made, since no wave with a survey has flows"
        return None
    rules = [wave_map.rules.get(variable) for wave_map in maps.values()]
    if all(rule is not None and rule.absent is not None for rule in rules):
        return "is absent in the map of every wave"
    return None
