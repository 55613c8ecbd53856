"""Versions of NUTS: which one a file's regions are of, and what they are in the run's.

Both come from conversion matrices in the layout of the Joint Research Centre (Pigaiani and Batista e Silva),
one text file a pair of versions: `code_v2016`, `code_v2021`, and weights such as the people who lived in both
regions. A pair without a file of its own is reached over other versions, by as few files as possible.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Literal

from pydantic import Field

from jobs.errors import SettingsError
from jobs.places import copies
from jobs.places.place import Location
from jobs.settings import correspondences, resources
from jobs.settings.correspondences import OUTSIDE, Correspondence, listed
from jobs.settings.section import FilePath, Section, Text
from jobs.settings.wording import shown

HEAD = re.compile(r"code_v?(\d{4})$", re.IGNORECASE)
# Countries whose regions are also written with other letters than their NUTS codes have.
OTHER_LETTERS = {"EL": "GR", "UK": "GB"}


class NutsSettings(Section):
    """The version of NUTS of the run's regions, and how files of other versions are converted to it."""

    matrices: FilePath = Field(description="folder of conversion matrices in the layout of the JRC")
    version: Text = Field(description="version of the run's regions, such as 2016")
    level: int = Field(2, ge=0, le=3, description="level of the run's regions; finer ones are added up")
    weight: Text = Field("pop21", description="column of the matrices that says what moves with a region")
    smallest_share: float = Field(
        0.001, ge=0, lt=0.5, description="smaller parts of a region are slivers of the maps, and left out"
    )
    moved: float = Field(
        0.02,
        ge=0,
        lt=0.5,
        description="part of a region that may be in another region: its firms all go with the rest, and "
        "what it delivers to itself is shared out; above, `splits` decides",
    )
    splits: Literal["stop", "flag"] = Field(
        "stop",
        description="regions that are divided by more than `moved`: they stop the slice, or flows are shared "
        "out by the weights, firms have no region, and the report says so",
    )


@dataclass(frozen=True)
class Versions:
    """The regions of each version and the matrices between versions, at one level."""

    matrices: Mapping[tuple[str, str], Correspondence]

    @cached_property
    def codes(self) -> dict[str, frozenset[str]]:
        """The codes of each version."""
        codes: dict[str, set[str]] = {}
        for (source, target), matrix in self.matrices.items():
            codes.setdefault(source, set()).update(matrix.shares)
            codes.setdefault(target, set()).update(matrix.sources)
        return {version: frozenset(of - {OUTSIDE}) for version, of in sorted(codes.items())}

    @cached_property
    def all_codes(self) -> frozenset[str]:
        return frozenset().union(*self.codes.values())

    def valid_in(self, codes: Collection[str]) -> dict[str, tuple[str, ...]]:
        """By code, the versions that have it."""
        return {code: tuple(v for v, of in self.codes.items() if code in of) for code in sorted(codes)}

    def conversion(self, source: str, target: str) -> Correspondence:
        """What regions of one version are in another. Raises SettingsError where no matrices lead there."""
        if source == target:
            return Correspondence({code: {code: 1.0} for code in sorted(self.codes[source])})
        way = self._way(source, target)
        first, *others = [self.matrices[pair] for pair in way]
        for matrix in others:
            first = first.followed_by(matrix)
        return first

    def _way(self, source: str, target: str) -> list[tuple[str, str]]:
        ways: list[list[tuple[str, str]]] = [[(source, source)]]
        seen = {source}
        while ways:
            way = ways.pop(0)
            for pair in self.matrices:
                if pair[0] == way[-1][1] and pair[1] not in seen:
                    longer = [*way, pair]
                    if pair[1] == target:
                        return longer[1:]
                    seen.add(pair[1])
                    ways.append(longer)
        raise SettingsError(
            f"nuts.matrices: no matrices lead from NUTS {source} to NUTS {target}; add them to the folder."
        )


def read(settings: NutsSettings) -> Versions:
    """The matrices of a folder at the run's level. Raises SettingsError where they cannot be used."""
    files = tuple((str(file), resources.digest(str(file))) for file in _files(settings.matrices))
    versions = _read(files, settings.level, settings.weight, settings.smallest_share)
    if settings.version not in versions.codes:
        raise SettingsError(
            f"nuts.version: the matrices know no NUTS {shown(settings.version)}, but "
            f"{', '.join(versions.codes)}; take one of these, or add its matrices."
        )
    return versions


def demand_regions(settings: NutsSettings, regions: Collection[str], name: str) -> None:
    """Raise SettingsError where a file of regions (`name`) has others than the run's version and level."""
    strange = sorted(set(regions) - read(settings).codes[settings.version])
    if strange:
        raise SettingsError(
            f"{name}: {listed(strange)} is no region of NUTS {settings.version}, level {settings.level}; "
            "mend nuts.version, nuts.level or the regions."
        )


def demand_version(settings: NutsSettings, version: str) -> None:
    """Raise SettingsError where the matrices do not know a version that the settings of a file name."""
    known = read(settings).codes
    if version not in known:
        raise SettingsError(
            f"nuts: the matrices know no NUTS {shown(version)}, which a file has, but {', '.join(known)}; "
            "mend it, or add its matrices."
        )


def digests(settings: NutsSettings) -> dict[str, str]:
    """The sha256 of each matrix, part of a stage's fingerprint."""
    return {file.name: resources.digest(str(file)) for file in _files(settings.matrices)}


def _files(folder: str) -> list[Location]:
    files = sorted(copies.local(folder).glob("*.csv"))
    if not files:
        raise SettingsError(f"nuts.matrices: {shown(folder)} holds no matrices (*.csv); check the path.")
    return [copies.origin(file) or file for file in files]


@lru_cache(maxsize=16)
def _read(files: tuple[tuple[str, str], ...], level: int, weight: str, smallest: float) -> Versions:
    tables = {}
    for name, _ in files:
        rows = correspondences.rows(name)
        heads = [HEAD.match(column) for column in rows.header[:2]]
        if all(heads):
            source, target = (head.group(1) for head in heads if head)
            tables[source, target] = rows.weights(weight)
    digits = {pair: {len(code) for code, _, _ in table} for pair, table in tables.items()}
    for pair, lengths in digits.items():
        if max(lengths) < 2 + level:
            raise SettingsError(
                f"nuts.level: the matrix from NUTS {pair[0]} to {pair[1]} has no regions of level {level}."
            )
    matrices = {}
    for (source, target), table in tables.items():
        cut = [(at_level(one, level), at_level(other, level), moved) for one, other, moved in table]
        back = [(other, one, moved) for one, other, moved in cut]
        matrices[source, target] = correspondences.of_weights(cut, smallest)
        matrices.setdefault((target, source), correspondences.of_weights(back, smallest))
    if not matrices:
        raise SettingsError("nuts.matrices: no file there begins with columns such as code_v2016,code_v2021.")
    return Versions(matrices)


def at_level(code: str, level: int) -> str:
    """The region of a level that a region lies in: NL3 and NL for NL31."""
    return code[: 2 + level]


def spellings(codes: Collection[str]) -> dict[str, str]:
    """Codes by the ways to write them: EL11 is also GR11 where no version has a code GR11 of its own."""
    written = {code: code for code in codes}
    for code in codes:
        letters = OTHER_LETTERS.get(code[:2])
        if letters:
            written.setdefault(letters + code[2:], code)
    return written


def letters_of(country: str) -> str:
    """The letters that the regions of a country begin with: EL for GR."""
    other = {written: code for code, written in OTHER_LETTERS.items()}
    return other.get(country.upper(), country.upper())


class Mixed(ValueError):
    """Regions of a file are of no one version. The text says which codes are of which."""


def detected(versions: Versions, codes: Collection[str], target: str) -> tuple[str, str, str]:
    """The version of a file by its codes, which are all known; in words, and how many codes tell it.

    The run's own version where all codes are valid in it, else the only one in which they are; of several
    that convert the codes alike, the latest. Raises Mixed where there is none, or where versions differ.
    """
    valid = versions.valid_in(codes)
    whole = [version for version in versions.codes if all(version in of for of in valid.values())]
    several = sum(len(of) > 1 for of in valid.values())
    counts = f"{len(valid)} codes, {several} of them valid in several versions"
    if not whole:
        raise Mixed(_mixture(valid))
    if target in whole:
        return target, f"regions are of NUTS {target}", counts
    ways = {version: _to(versions, version, target, codes) for version in whole}
    latest = whole[-1]
    if any(way != ways[latest] for way in ways.values()):
        raise Mixed(f"they are valid in NUTS {', '.join(whole)}, which lead to different regions")
    return latest, f"regions are of NUTS {' or '.join(whole)}", counts


def _to(versions: Versions, source: str, target: str, codes: Collection[str]) -> dict[str, dict[str, float]]:
    shares = versions.conversion(source, target).shares
    return {
        code: {to: round(share, 9) for to, share in shares.get(code, {}).items()} for code in sorted(codes)
    }


def _mixture(valid: Mapping[str, tuple[str, ...]]) -> str:
    """The fewest codes that show that no version has them all."""
    chosen: list[str] = []
    left: set[str] | None = None
    for code, of in sorted(valid.items(), key=lambda entry: (len(entry[1]), entry[0])):
        narrowed = set(of) if left is None else left & set(of)
        if left is None or narrowed != left:
            chosen.append(f"{code} ({', '.join(of) or 'none'})")
        left = narrowed
        if not left:
            break
    return f"no version of NUTS has them all: {', '.join(chosen)}"
