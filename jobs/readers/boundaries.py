"""Boundaries of regions from GeoJSON, as Eurostat's GISCO gives its NUTS files.

Each region is an outline in the units of the file: degrees, or metres of a projection. Points that lie closer
together than a figure can show are left out, and the file's other properties are not read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from jobs.errors import InputError
from jobs.places import copies

CODES = ("NUTS_ID", "id")  # properties that hold a region's code; after them the feature's own id
FINENESS = 2000  # points over the extent of the file, more than a figure has
DIGITS = 6

Ring = tuple[tuple[float, float], ...]
Shapes = Mapping[str, tuple[Ring, ...]]


def read(path: str) -> Shapes:
    """The rings of each region by its code, those of all its parts. Raises InputError naming the file."""
    try:
        features = json.loads(copies.local(path).read_bytes())["features"]
        rings = {_code(feature): tuple(_rings(feature["geometry"])) for feature in features}
    except (OSError, ValueError, KeyError, TypeError, IndexError, RecursionError):
        raise InputError(
            f"{path} is no GeoJSON file of regions with polygons; take one of GISCO's NUTS files."
        ) from None
    points = [point for each in rings.values() for ring in each for point in ring]
    if not points:
        raise InputError(f"{path} holds no region; take one of GISCO's NUTS files.")
    extent = max(max(axis) - min(axis) for axis in zip(*points, strict=True))
    least = extent / FINENESS
    return {code: tuple(_thinned(ring, least) for ring in each) for code, each in rings.items() if code}


def _code(feature: Mapping[str, Any]) -> str:
    properties = feature.get("properties") or {}
    named = next((properties[name] for name in CODES if properties.get(name)), feature.get("id", ""))
    return str(named)


def _rings(geometry: Mapping[str, Any] | None) -> Iterator[list[tuple[float, float]]]:
    if geometry is None:
        return
    parts = geometry["coordinates"]
    if geometry["type"] == "Polygon":
        parts = [parts]
    elif geometry["type"] != "MultiPolygon":
        raise ValueError(geometry["type"])
    for polygon in parts:
        for ring in polygon:
            yield [(float(point[0]), float(point[1])) for point in ring]


def _thinned(ring: list[tuple[float, float]], least: float) -> Ring:
    """The ring without points nearer than `least` to the one kept before; its ends stay."""
    kept = ring[:1]
    for point in ring[1:-1]:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= least:
            kept.append(point)
    return tuple((round(x, DIGITS), round(y, DIGITS)) for x, y in [*kept, *ring[-1:]])
