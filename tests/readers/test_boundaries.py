"""Boundaries from GeoJSON: regions by code, their parts and holes, nothing finer than a figure shows."""

from __future__ import annotations

import json

import pytest

from jobs.errors import InputError
from jobs.readers import boundaries

SQUARE = [[0, 0], [0, 1], [1, 1], [1, 0], [0, 0]]
HOLE = [[0.4, 0.4], [0.4, 0.6], [0.6, 0.6], [0.6, 0.4], [0.4, 0.4]]
AWAY = [[x + 5, y] for x, y in SQUARE]


def written(folder, *features) -> str:
    path = folder / "regions.geojson"
    path.write_text(json.dumps({"type": "FeatureCollection", "features": list(features)}))
    return str(path)


def feature(kind: str, coordinates, **named):
    return {"type": "Feature", **named, "geometry": {"type": kind, "coordinates": coordinates}}


def test_a_region_has_all_rings_of_its_parts_under_its_code(tmp_path):
    shapes = boundaries.read(
        written(
            tmp_path,
            feature("Polygon", [SQUARE, HOLE], properties={"NUTS_ID": "AA1", "LEVL_CODE": 2}, id="x"),
            feature("MultiPolygon", [[SQUARE], [AWAY]], properties={}, id="AA2"),
            {"type": "Feature", "id": "AA3", "properties": None, "geometry": None},
        )
    )
    assert {code: len(rings) for code, rings in shapes.items()} == {"AA1": 2, "AA2": 2, "AA3": 0}
    assert shapes["AA1"][0] == tuple((float(x), float(y)) for x, y in SQUARE)


def test_points_that_no_figure_can_show_are_left_out(tmp_path):
    fine = [[x / 10_000, 0] for x in range(10_001)] + [[1, 1], [0, 0]]
    (ring,) = boundaries.read(written(tmp_path, feature("Polygon", [fine], id="AA1")))["AA1"]
    assert len(ring) <= boundaries.FINENESS + 3
    assert ring[0] == ring[-1] == (0.0, 0.0) and (1.0, 1.0) in ring


@pytest.mark.parametrize(
    "text", ["", "[1, 2]", "{}", '{"features": [{"geometry": {"type": "Point", "coordinates": [0, 0]}}]}']
)
def test_another_file_is_refused_by_name(tmp_path, text):
    path = tmp_path / "other.geojson"
    path.write_text(text)
    with pytest.raises(InputError, match=r"other\.geojson is no GeoJSON file of regions"):
        boundaries.read(str(path))


def test_a_file_without_regions_is_refused(tmp_path):
    with pytest.raises(InputError, match="holds no region"):
        boundaries.read(written(tmp_path))
