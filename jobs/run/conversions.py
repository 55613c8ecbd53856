"""What the regions and sectors of a slice's files are in those of the run: by versions of NUTS, by
correspondences, and by the divisions of a classification.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, Protocol

from jobs.errors import InputError, ValidationStopped
from jobs.run import numbers
from jobs.run.context import Batch
from jobs.settings import correspondences, nuts, resources
from jobs.settings.classifications import Classification, FileCodes, parts
from jobs.settings.correspondences import OUTSIDE, Correspondence, listed
from jobs.settings.inputs import ForeignCodes
from jobs.settings.nuts import NutsSettings, Versions
from jobs.settings.slices import SliceSettings
from jobs.settings.wording import shown
from jobs.transforms.conversion import KINDS, Conversion, Goal, Goals
from jobs.transforms.flows import LEFT_OUT, Codes
from jobs.transforms.lookup import of_slices


def inputs(settings: SliceSettings, of: ForeignCodes | None) -> list[Any]:
    """What a conversion depends on, for the fingerprint of a stage."""
    matrices = nuts.digests(settings.nuts) if settings.nuts else None
    correspondence = of.correspondence if of else None
    return [settings.nuts, matrices, resources.digest(correspondence) if correspondence else None]


def named(batch: Batch) -> list[tuple[Batch, Classification, Classification]]:
    """Regions and sectors with their numbers and the codes of tables, by the slices that have the same."""

    def key(settings: SliceSettings) -> tuple[Any, ...]:
        of = settings.flows
        named = (of.correspondence, of.correspondence_weight) if of else None
        return (settings.country, settings.regions, settings.sectors, settings.nuts, named)

    return [(part, *_named(batch, next(iter(part.slices.values())))) for part in batch.alike(key).values()]


def codes(batch: Batch) -> list[Codes]:
    """Regions and sectors of `named`, each with the condition that a row is of their slices."""
    alike = named(batch)
    several = len(alike) > 1
    return [
        (of_slices(part.slices) if several else None, regions, sectors) for part, regions, sectors in alike
    ]


class Found(Protocol):
    """The parts in a slice's table: their numbers by kind, and how long the codes of regions are.

    See transforms.flows.numbered.
    """

    @property
    def parts(self) -> Mapping[str, Collection[int]]: ...

    @property
    def patterns(self) -> Collection[str]: ...


def of_flows(
    settings: SliceSettings, regions: Classification, sectors: Classification, found: Found
) -> Conversion:
    """The conversion of a slice's table; its regions and sectors as `named` gives them.

    Raises InputError where regions are of no one version, or cannot be told apart in the run's regions.
    """
    flows = settings.flows
    assert flows is not None
    occurring = {
        kind: _codes_of(classification, found.parts[kind])
        for kind, classification in zip(KINDS, (regions, sectors), strict=True)
    }
    goals: dict[str, Goals] = {kind: {} for kind in KINDS}
    notes: list[str] = []
    path = ", ".join(flows.paths.values())
    length = regions.in_file.length
    lengths = {int(text) for pattern in found.patterns for text in pattern.split()}
    with_inner = length is not None and max(lengths, default=0) > length
    if occurring["region"]:
        codes_found = occurring["region"].values()
        if settings.nuts:
            correspondence, words = _of_version(settings.nuts, flows.nuts, codes_found, path, whole=True)
            notes += [*words, *_divided(settings.nuts, correspondence, path)]
        else:
            correspondence = _of_divisions("region", regions, codes_found, path)
        if flows.layout == "biregional":
            notes += _joined(settings.nuts, correspondence, with_inner, path)
        goals["region"] = _goals(occurring["region"], correspondence, regions, path)
    if occurring["sector"]:
        if flows.correspondence:
            of_file = _read(flows).shares
            correspondence = Correspondence({code: of_file[code] for code in occurring["sector"].values()})
        else:
            correspondence = _of_divisions("sector", sectors, occurring["sector"].values(), path)
        goals["sector"] = _goals(occurring["sector"], correspondence, sectors, path)
    return Conversion(goals, tuple(notes), with_inner)


def survey_sectors(settings: SliceSettings, sectors: Classification) -> Classification:
    """The sectors of a slice by the codes of its survey: a firm is in one sector, or has none.

    A firm is never shared out: its code stands for the sector that has at least `largest` of it. Raises
    SettingsError where the correspondence cannot be used.
    """
    survey = settings.survey
    if survey is None or survey.correspondence is None:
        return sectors
    correspondence = _read(survey).to_largest(survey.largest)
    whole = {code: sector for code, sector in correspondence.whole.items() if sector != OUTSIDE}
    none = [code for code in correspondence.shares if code not in whole]
    return sectors.of_codes(whole, tuple(none))


def survey_regions(
    settings: SliceSettings, regions: Classification, found: Collection[str]
) -> tuple[Classification, list[str]]:
    """The regions of a slice by the codes `found` in its survey, and notes: a firm is in one, or has none.

    Raises InputError where regions are of no one version, or cannot be told apart in the run's regions.
    """
    if settings.nuts is None or settings.survey is None:
        return regions, []
    path, of_nuts = settings.survey.path, settings.nuts
    length, country = 2 + of_nuts.level, nuts.letters_of(settings.country)
    written = nuts.spellings([code for code in nuts.read(of_nuts).all_codes if code.startswith(country)])
    # Codes of divisions and extra-regio keep their own meaning, and strange ones are faults of their rows.
    inside = [text for text in sorted(found) if text not in regions.extra_regio]
    own = {text: written[text[:length]] for text in inside if text[:length] in written}
    if not own:
        return regions, []
    of_version, notes = _of_version(of_nuts, settings.survey.nuts, own.values(), path)
    notes += _divided(of_nuts, of_version, path)
    of_firms = of_version.to_largest(1 - of_nuts.moved).whole
    whole = {text: of_firms[code] for text, code in own.items() if code in of_firms}
    _demand_regions(set(whole.values()), settings, regions)
    return regions.of_codes(whole, tuple(text for text in own if text not in whole)), notes


def _demand_regions(found: Collection[str], settings: SliceSettings, regions: Classification) -> None:
    strange = sorted(set(found) - set(regions.numbers))
    if strange:
        of_nuts = settings.nuts
        assert of_nuts is not None
        raise InputError(
            f"the survey of {settings.slice} has firms in {listed(strange)} of NUTS {of_nuts.version} "
            f"that are not in {settings.regions}; add them, or mend nuts.version."
        )


def _named(batch: Batch, settings: SliceSettings) -> tuple[Classification, Classification]:
    """Regions and sectors of a slice with their numbers and the codes of its table."""
    regions, sectors = numbers.known(batch.tables, settings)
    if settings.nuts:
        regions = regions.named_by(_codes_of_versions(settings, settings.nuts))
    if settings.flows and settings.flows.correspondence:
        correspondence = _read(settings.flows)
        sectors = sectors.named_by(FileCodes(parts({code: code for code in correspondence.shares})))
    return regions, sectors


def _codes_of_versions(settings: SliceSettings, of_nuts: NutsSettings) -> FileCodes:
    """The codes of all versions: those of the country are converted, others are abroad."""
    versions = nuts.read(of_nuts)
    country = nuts.letters_of(settings.country)
    written = nuts.spellings(versions.all_codes)
    own = {code: canonical for code, canonical in written.items() if canonical.startswith(country)}
    abroad = {code[:2] for code in written} - {code[:2] for code in own}
    return FileCodes(parts(own), frozenset(abroad), 2 + of_nuts.level)


def _codes_of(classification: Classification, found: Collection[int]) -> dict[int, str]:
    """The codes that stand for the parts that a file holds, one a part: the first in the order of texts."""
    names: dict[int, str] = {}
    for code, number in sorted(classification.in_file.numbers.items(), reverse=True):
        if number in found:
            names[number] = code
    return names


def _read(of: ForeignCodes) -> Correspondence:
    assert of.correspondence is not None
    return correspondences.read(of.correspondence, of.correspondence_weight)


def _of_version(
    settings: NutsSettings, declared: str | None, found: Collection[str], path: str, whole: bool = False
) -> tuple[Correspondence, list[str]]:
    """From the version of a file's regions, declared or detected, to the run's; for the codes of the file.

    `whole`: the file has to have all regions that a region of the run is made of.
    """
    versions = nuts.read(settings)
    written = nuts.spellings(versions.all_codes)
    codes = {written[code] for code in found}
    version, words, counts = _version(versions, settings, declared, codes, path)
    of_all = versions.conversion(version, settings.version).without_slivers(settings.smallest_share)
    if whole:
        _demand_all(of_all, codes, version, path)
    correspondence = Correspondence({code: of_all.shares[code] for code in sorted(codes)})
    gone = sorted(code for code, of in correspondence.shares.items() if OUTSIDE in of)
    if gone:
        raise InputError(
            f"{path}: {listed(gone)} of NUTS {version} has no region in NUTS {settings.version}; leave its "
            "rows out, or take another nuts.version."
        )
    # How many regions have firms is for the office alone; of a table all regions are known.
    return correspondence, [f"{words} ({counts})" if whole and counts else words]


def _demand_all(of: Correspondence, found: Collection[str], version: str, path: str) -> None:
    """Raise InputError where a file lacks regions that make up others of its regions in the run's version."""
    for target in sorted({target for code in found for target in of.shares[code]}):
        absent = [code for code in of.sources[target] if code not in found]
        if absent:
            raise InputError(
                f"{path}: {shown(target)} is made of {listed(of.sources[target])} of NUTS {version}, and "
                f"{listed(absent)} is nowhere in the file; deliver it too."
            )


def _version(
    versions: Versions, settings: NutsSettings, declared: str | None, codes: Collection[str], path: str
) -> tuple[str, str, str]:
    """The version of a file's regions, a sentence on it, and how many codes tell it."""
    if declared is None:
        try:
            version, words, counts = nuts.detected(versions, codes, settings.version)
        except nuts.Mixed as reason:
            raise InputError(
                f"{path}: the version of its regions is not clear: {reason}; deliver regions of one version, "
                "or name it (nuts)."
            ) from None
        return version, f"{_place(path)}: {words}", counts
    strange = sorted(set(codes) - versions.codes.get(declared, frozenset()))
    if strange:
        raise InputError(
            f"{path}: {listed(strange)} is no region of NUTS {shown(declared)}, which its settings name; "
            "mend the file or the setting nuts."
        )
    return declared, f"{_place(path)}: regions are of NUTS {declared}, as declared", ""


def _place(path: str) -> str:
    return path.rpartition("/")[2]


def _divided(settings: NutsSettings, of: Correspondence, path: str) -> list[str]:
    """Notes on regions of which a part is elsewhere in the run's regions.

    What such a region delivers to itself cannot be told apart. Raises InputError where such parts are larger
    than the settings take and `splits` is stop.
    """
    torn: list[str] = []
    moved: list[str] = []
    for code, shares in of.shares.items():
        largest = max(shares.values())
        if largest < 1:
            (torn if largest < 1 - settings.moved else moved).append(
                f"{code} ({', '.join(f'{share:.1%} {target}' for target, share in shares.items())})"
            )
    if torn and settings.splits == "stop":
        raise InputError(
            f"{path}: {listed(torn)} are divided in the run's regions, so that what each delivers to itself "
            "cannot be told apart; take a version in which they are whole, or set nuts.splits to flag."
        )
    notes = [f"by {settings.weight} parts of regions are elsewhere now: {'; '.join(moved)}"] if moved else []
    if torn:
        notes.append(f"warning: divided regions were shared out by {settings.weight}: {'; '.join(torn)}")
    return notes


def _joined(settings: NutsSettings | None, of: Correspondence, with_inner: bool, path: str) -> list[str]:
    """Notes on regions that were several in a table of two regions, which lacks their trade with each other.

    Raises InputError where there are any and the settings do not say that this is to be flagged.
    """
    moved = settings.moved if settings else 0.0
    joined = [
        f"{target} ({', '.join(codes)})"
        for target, codes in of.sources.items()
        if sum(of.shares[code][target] > moved for code in codes) > 1
    ]
    if not joined and not with_inner:
        return []
    named = listed(joined) if joined else "regions of the run"
    if settings is None or settings.splits == "stop":
        raise InputError(
            f"{path}: {named} were several regions, whose deliveries to each other are not in a table of two "
            "regions; deliver the run's regions, or a table between all regions (nuts.splits: flag takes it)."
        )
    return [f"warning: regions were joined, and their trade with each other is in none of them: {named}"]


def _of_divisions(
    kind: str, classification: Classification, found: Collection[str], path: str
) -> Correspondence:
    """Divisions of regions or sectors as parts of these.

    Raises ValidationStopped where a division is nowhere in a file that has others of the same item.
    """
    whole = {code: classification.by_division[code] for code in sorted(found)}
    for item in sorted(set(whole.values())):
        divisions = [code for code, of in classification.by_division.items() if of == item != code]
        absent = [code for code in divisions if code not in whole]
        if absent:
            there = [code for code in divisions if code in whole]
            raise ValidationStopped(
                f"{path}: {kind} '{there[0]}' is in neither the run's {kind}s nor its drop list, and of the "
                f"divisions of {shown(item)} {listed(absent)} {'is' if len(absent) == 1 else 'are'} nowhere; "
                "deliver them, or say what the table's sectors are by flows.correspondence."
            )
    return Correspondence({code: {item: 1.0} for code, item in whole.items()})


def _goals(
    occurring: Mapping[int, str], of: Correspondence, classification: Classification, path: str
) -> Goals:
    """The numbers that parts go to; a part of nothing goes to LEFT_OUT."""
    canonical = {code: code for code in of.shares} | {
        code: written for code, written in nuts.spellings(of.shares).items() if written in of.shares
    }
    strange = sorted(set(of.sources) - set(classification.numbers) - {OUTSIDE})
    if strange:
        raise InputError(
            f"{path}: its codes stand for {listed(strange)}, which the run does not have; add them to its "
            "classification, or leave their rows out (drop)."
        )
    return {
        part: tuple(
            Goal(classification.numbers.get(target, LEFT_OUT), share, len(of.sources[target]))
            for target, share in of.shares[canonical[code]].items()
        )
        for part, code in occurring.items()
    }
