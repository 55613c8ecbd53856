"""Reads a run file: typed, checked, and its parts held against each other and the files they name."""

from __future__ import annotations

from pydantic import ValidationError

from jobs.errors import SettingsError
from jobs.settings import coherence, resources
from jobs.settings.changes import lay_over
from jobs.settings.run_file import RunSettings
from jobs.settings.wording import fault


def read(path: str, changes: list[str] | None = None, waves: list[str] | None = None) -> RunSettings:
    """The run file at `path` with `key.sub=value` changes laid over it, cut to the named waves.

    Raises SettingsError naming the key that is wrong.
    """
    raw = resources.read_yaml(path)
    if not isinstance(raw, dict):
        raise SettingsError(f"{path} holds no settings; start from a file of conf/runs.")
    for change in changes or []:
        lay_over(raw, change)
    try:
        settings = RunSettings.model_validate(raw)
    except ValidationError as error:
        raise SettingsError(f"{path}: {fault(error)}; mend it or see docs/settings.md.") from None
    names = [wave.wave for wave in settings.waves]
    if waves:
        unknown = sorted(set(waves) - set(names))
        if unknown:
            raise SettingsError(f"{path} has no wave {unknown[0]}; it has {', '.join(names)}.")
        settings = settings.model_copy(
            update={"waves": tuple(wave for wave in settings.waves if wave.wave in waves)}
        )
    coherence.check(settings, path)
    return settings
