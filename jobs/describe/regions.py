"""`diamant regions`: the regions of a version of NUTS as a classification, from conversion matrices."""

from __future__ import annotations

from io import StringIO

from ruamel.yaml import YAML

from jobs.errors import SettingsError
from jobs.settings import nuts
from jobs.settings.nuts import NutsSettings
from jobs.settings.wording import shown

EXTRA_REGIO = "Z"  # what codes of extra-regio have in the place of digits


def classification(settings: NutsSettings, country: str) -> str:
    """The regions of a country as the text of a file of conf/classifications, their codes for names.

    Raises SettingsError where the matrices have none.
    """
    versions = nuts.read(settings)
    letters = nuts.letters_of(country)
    codes = sorted(code for code in versions.codes[settings.version] if code.startswith(letters))
    outside = [code for code in codes if set(code[2:]) == {EXTRA_REGIO}]
    inside = [code for code in codes if code not in outside]
    if not inside:
        raise SettingsError(
            f"the matrices have no regions of {shown(country)} in NUTS {settings.version}; take two letters, "
            "such as NL."
        )
    content = {
        "version": f"NUTS {settings.version}, level {settings.level}",
        "source": "conversion matrices of the Joint Research Centre",
        "extra_regio": list(dict.fromkeys([*outside, letters + EXTRA_REGIO * settings.level])),
        "items": [{"code": code, "name": code} for code in inside],
    }
    if not settings.level:  # a country as a whole has no code of its own for extra-regio
        content.pop("extra_regio")
    text = StringIO()
    YAML(typ="safe", pure=True).dump(content, text)
    return text.getvalue()
