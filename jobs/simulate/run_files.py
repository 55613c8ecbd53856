"""The run files of simulated studies: of one country with its waves, or of several countries together."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from jobs.simulate.files import ENCODING

TEXT = {"separator": ";", "encoding": ENCODING, "decimal": ","}
MAP = "conf/waves/cis2_simulated.yaml"
MODEL = "conf/models/cluster_within.lav"
EUROPE = "europe.yaml"


def of_country(
    country: str, waves: tuple[str, ...], folder: Path, classifications: tuple[str, str], layout: str
) -> dict[str, Any]:
    """The run file of one country; `classifications` are the files of its regions and of the sectors."""

    def wave(name: str) -> dict[str, Any]:
        survey, flows = (str(folder / f"{kind}_{name}.csv") for kind in ("survey", "flows"))
        return {
            "wave": name,
            "survey": {"path": survey, "map": MAP, **TEXT},
            "flows": {"layout": layout, "paths": {"flows": flows}, **TEXT},
        }

    regions, sectors = classifications
    return {
        "study": f"simulated-{country}",
        "title": f"A simulated study of {country}",
        "country": country,
        "regions": regions,
        "sectors": sectors,
        "work": str(folder / "work"),
        "out": str(folder / "published"),
        "waves": [wave(name) for name in waves],
        "model": MODEL,
    }


def of_countries(
    regions: dict[str, str], waves: tuple[str, ...], out: Path, sectors: str, layout: str
) -> dict[str, Any]:
    """The one run file of several countries; `regions` has the file of each country's regions.

    What all have in common stands there once, with {country} and {wave} in the names of files.
    """
    folder = f"{out}/{{country}}"
    usual = f"{folder}/regions.yaml"
    return {
        "study": "simulated-europe",
        "title": f"A simulated study of {len(regions)} countries",
        "work": f"{out}/work",
        "out": f"{out}/published",
        "defaults": {
            "regions": usual,
            "sectors": sectors,
            "survey": {"path": f"{folder}/survey_{{wave}}.csv", "map": MAP, **TEXT},
            "flows": {"layout": layout, "paths": {"flows": f"{folder}/flows_{{wave}}.csv"}, **TEXT},
            "model": MODEL,
            "fit": {"max_failed_groups": 2},  # of many samples some have no proper solution
        },
        "waves": {wave: {} for wave in waves},
        "countries": {
            country: {} if file == usual.replace("{country}", country) else {"regions": file}
            for country, file in regions.items()
        },
        "pool": {"over": ["country", "wave"], "one_model": True},
        "spark": {"driver_memory": "3g", "shuffle_partitions": 8},
    }
