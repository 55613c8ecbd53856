"""Settings of many slices from few lines: defaults, a wave's, a country's, a country's wave's.

They are laid over each other in this order, section by section and key by key, so that a later layer says
only what differs. `{country}` and `{wave}` stand for the slice's own names, in names of files only.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from jobs.errors import SettingsError
from jobs.settings.inputs import YEAR
from jobs.settings.run_file import CountriesSettings
from jobs.settings.slices import Slice, SliceSettings
from jobs.settings.wording import fault, shown

# Keys whose values are names of files.
FILES = {"path", "map", "regions", "sectors", "model", "paths", "boundaries", "matrices", "correspondence"}
NOT_OF_A_SLICE = {"country", "wave", "simulate"}
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
OWN = "waves"  # the key below a country with what is special of one of its waves

Origins = dict[tuple[str, ...], str]  # where each value of a slice's settings was given, by its key


def slices(settings: CountriesSettings, path: str) -> dict[Slice, SliceSettings]:
    """Every slice of a run file of several countries, with its settings resolved.

    Raises SettingsError, naming the layer and the key, where a slice's settings are wrong.
    """
    resolved: dict[Slice, SliceSettings] = {}
    for country, of_country in settings.countries.items():
        unknown = sorted(set(_own(of_country, country, path)) - set(settings.waves))
        if unknown:
            raise SettingsError(
                f"{path}: countries.{country}.{OWN}: {shown(unknown[0])} is no wave of this run; "
                "name it under waves too, or take it out."
            )
        for wave in settings.waves:
            raw, origins = _laid(settings, Slice(country, wave), path)
            if raw is not None:
                resolved[Slice(country, wave)] = _checked(raw, origins, path)
    if not resolved:
        raise SettingsError(f"{path}: no country has a wave; there is nothing to do.")
    return resolved


def origins(settings: CountriesSettings, slice: Slice, path: str) -> Origins:
    """Where each setting of a slice was given: the name of the layer, by the setting's key."""
    return _laid(settings, slice, path)[1]


def listed(settings: SliceSettings, given: Origins) -> list[str]:
    """The settings of a slice as lines `key: value  (where it was given)`."""
    lines = []
    for place, value in _values(settings.model_dump(mode="json"), ()):
        layer = next(
            (given[place[:length]] for length in range(len(place), 0, -1) if place[:length] in given), ""
        )
        own = "the slice itself" if place[0] in Slice._fields else layer
        lines.append(f"{'.'.join(place)}: {json.dumps(value, ensure_ascii=False)}  ({own or 'a default'})")
    return lines


def _values(value: Any, place: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _values(part, (*place, str(key)))
    else:
        yield place, value


def _own(of_country: dict[str, Any] | None, country: str, path: str) -> dict[str, Any]:
    """What a country says of single waves of its own."""
    own = (of_country or {}).get(OWN) or {}
    if not isinstance(own, dict):
        raise SettingsError(f"{path}: countries.{country}.{OWN}: should be a section with keys of its own.")
    return own


def _laid(settings: CountriesSettings, slice: Slice, path: str) -> tuple[dict[str, Any] | None, Origins]:
    """A slice's settings, and where each was given; None for a slice that the file takes out."""
    of_country = settings.countries[slice.country] or {}
    own = _own(of_country, slice.country, path)
    if slice.wave in own and own[slice.wave] is None:
        return None, {}
    layers = {
        "defaults": settings.defaults,
        f"waves.{slice.wave}": settings.waves[slice.wave] or {},
        f"countries.{slice.country}": {key: value for key, value in of_country.items() if key != OWN},
        f"countries.{slice.country}.{OWN}.{slice.wave}": own.get(slice.wave, {}),
    }
    laid: dict[str, Any] = {}
    given: Origins = {}
    for name, layer in layers.items():
        if not isinstance(layer, dict):
            raise SettingsError(f"{path}: {name}: should be a section with keys of its own.")
        strange = sorted(NOT_OF_A_SLICE & layer.keys())
        if strange:
            raise SettingsError(f"{path}: {name}.{strange[0]}: is not a setting here; take it out.")
        _lay_over(laid, layer, name, (), given)
    try:
        named = _with_names(laid, slice)
    except KeyError as error:
        where = _place(given, ("",))
        raise SettingsError(
            f"{path}: {where or slice}: {shown(error.args[0])} is no placeholder; "
            "{country} and {wave} are, in names of files."
        ) from None
    return {**named, **slice.keys}, given


def _lay_over(
    below: dict[str, Any], layer: Mapping[str, Any], name: str, above: tuple[str, ...], given: Origins
) -> None:
    """Put the values of a layer in the place of those below it; sections are gone into, lists replaced."""
    for key, value in layer.items():
        place = (*above, str(key))
        if isinstance(value, dict) and isinstance(below.get(key), dict):
            _lay_over(below[key], value, name, place, given)
        else:
            below[key] = _copied(value)
            for inner in _leaves(value, place):
                given[inner] = name


def _copied(value: Any) -> Any:
    return {key: _copied(part) for key, part in value.items()} if isinstance(value, dict) else value


def _leaves(value: Any, place: tuple[str, ...]) -> Iterator[tuple[str, ...]]:
    if isinstance(value, dict) and value:
        for key, part in value.items():
            yield from _leaves(part, (*place, str(key)))
    else:
        yield place


def _with_names(value: Any, slice: Slice, key: str = "") -> Any:
    """The settings with the slice's names in the place of the placeholders. Raises KeyError for others."""
    if isinstance(value, dict):
        return {
            inner: _with_names(part, slice, key if key == "paths" else str(inner))
            for inner, part in value.items()
        }
    if not isinstance(value, str) or key not in FILES:
        return value

    def name(match: re.Match[str]) -> str:
        if match[0] == YEAR:  # settings.inputs puts it in
            return YEAR
        return slice.keys[match[0][1:-1]] if match[0][1:-1] in slice.keys else _unknown(match[0])

    return PLACEHOLDER.sub(name, value)


def _unknown(placeholder: str) -> str:
    raise KeyError(placeholder)


def _checked(raw: dict[str, Any], given: Origins, path: str) -> SliceSettings:
    slice = Slice(raw["country"], raw["wave"])
    try:
        return SliceSettings.model_validate(raw)
    except ValidationError as error:
        loc = tuple(str(part) for part in error.errors(include_url=False)[0]["loc"])
        layer = _place(given, loc)
        where = f"{layer}." if layer else f"{slice}: "
        raise SettingsError(f"{path}: {where}{fault(error)}; mend it or see docs/settings.md.") from None


def _place(given: Origins, loc: tuple[str, ...]) -> str | None:
    """The layer that gave the setting at `loc`, or the first one of the section it names."""
    for length in range(len(loc), 0, -1):
        for key, layer in given.items():
            if key[:length] == loc[:length]:
                return layer
    return None
