"""Reads a run file: typed, checked, and its parts held against each other and the files they name."""

from __future__ import annotations

from pydantic import ValidationError

from jobs.errors import SettingsError
from jobs.places import copies, hadoop
from jobs.settings import coherence, layers, resources
from jobs.settings.changes import lay_over
from jobs.settings.run_file import CountriesSettings, RunSettings
from jobs.settings.wording import fault


def read(
    path: str,
    changes: list[str] | None = None,
    waves: list[str] | None = None,
    countries: list[str] | None = None,
) -> RunSettings | CountriesSettings:
    """The run file at `path` with `key.sub=value` changes laid over it, cut to the named waves and countries.

    Raises SettingsError naming the key that is wrong.
    """
    raw = resources.read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError(f"{path} holds no settings; start from a file of conf/runs.")
    for change in changes or []:
        lay_over(raw, change)
    kind = CountriesSettings if "countries" in raw or "defaults" in raw else RunSettings
    try:
        settings = kind.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{path}: {fault(error)}; mend it or see docs/settings.md.") from None
    hadoop.settled(settings.spark)
    if isinstance(settings, CountriesSettings):
        return _of_countries(settings, path, waves, countries)
    if countries and set(countries) != {settings.country}:
        raise SettingsError(f"{path} has one country, {settings.country}; leave --country out.")
    if waves:
        _demand(waves, [wave.wave for wave in settings.waves], path, "wave")
        settings = settings.model_copy(
            update={"waves": tuple(wave for wave in settings.waves if wave.wave in waves)}
        )
    coherence.check(settings, path)
    coherence.check_run(settings, path)
    return settings


def _of_countries(
    settings: CountriesSettings, path: str, waves: list[str] | None, countries: list[str] | None
) -> CountriesSettings:
    resolved = layers.slices(settings, path)
    _demand(waves or [], list(settings.waves), path, "wave")
    _demand(countries or [], list(settings.countries), path, "country")
    chosen = {
        slice: own
        for slice, own in resolved.items()
        if (not waves or slice.wave in waves) and (not countries or slice.country in countries)
    }
    if not chosen:
        raise SettingsError(f"{path} has no such wave of that country; there is nothing to do.")
    with copies.at_rest():
        coherence.check_slices(chosen, path)
    settings = settings.with_slices(chosen)
    coherence.check_run(settings, path)
    return settings


def _demand(chosen: list[str], known: list[str], path: str, kind: str) -> None:
    """Raise SettingsError where a name is none of those that the run file has."""
    unknown = sorted(set(chosen) - set(known))
    if unknown:
        raise SettingsError(f"{path} has no {kind} {unknown[0]}; it has {', '.join(known)}.")
