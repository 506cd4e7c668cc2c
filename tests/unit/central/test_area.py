"""Areas hold what a map shows in them, in Python as in SQL; what is no area is told where it is wrong."""

import json
import math
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from central.errors import ConfigError, QueryError
from central.query.area import Circle, Polygon, Position, Shape, area_of, distance_m, read_shape
from central.query.cameras import load_cameras

MEDELLIN = Position(6.2442, -75.5812)
SQUARE = [[-75.6, 6.2], [-75.5, 6.2], [-75.5, 6.3], [-75.6, 6.3], [-75.6, 6.2]]
HOLE = [[-75.56, 6.24], [-75.54, 6.24], [-75.54, 6.26], [-75.56, 6.26], [-75.56, 6.24]]
NEAR = st.builds(
    Position,
    st.floats(6.1, 6.4).map(lambda v: round(v, 7)),
    st.floats(-75.7, -75.4).map(lambda v: round(v, 7)),
)
SHAPES = st.one_of(
    st.builds(Circle, NEAR, st.floats(1, 30_000)),
    st.builds(
        Polygon,
        st.lists(st.lists(NEAR, min_size=3, max_size=6).map(tuple), min_size=1, max_size=3).map(tuple),
    ),
)


def by_sql(shape: Shape, places: list[Position]) -> list[bool]:
    rows = ", ".join(f"({i}, {round(lat * 1e7)}, {round(lon * 1e7)})" for i, (lat, lon) in enumerate(places))
    sql = f"SELECT {shape.condition} FROM (VALUES {rows}) t(i, lat_e7, lon_e7) ORDER BY i"  # noqa: S608
    return [bool(row[0]) for row in duckdb.execute(sql, shape.parameters).fetchall()]


class TestShapes:
    def test_distances_are_those_of_the_globe(self) -> None:
        assert distance_m(MEDELLIN, MEDELLIN) == 0
        assert distance_m(Position(0, 0), Position(1, 0)) == pytest.approx(111_195, rel=1e-4)
        assert distance_m(Position(60, 0), Position(60, 1)) == pytest.approx(55_598, rel=1e-3)
        assert distance_m(Position(0, 0), Position(0, 180)) == pytest.approx(math.pi * 6_371_008.8)

    @given(SHAPES, st.lists(NEAR, min_size=1, max_size=20))
    def test_sql_and_python_say_the_same(self, shape: Shape, places: list[Position]) -> None:
        if isinstance(shape, Circle):  # on the very edge the last bit decides
            places = [p for p in places if abs(distance_m(shape.centre, p) - shape.radius_m) > 1e-3]
        if places:
            assert by_sql(shape, places) == [shape.holds(place) for place in places]

    def test_a_hole_is_no_part_and_parts_apart_are_one(self) -> None:
        square, hole = (tuple(Position(lat, lon) for lon, lat in ring) for ring in (SQUARE, HOLE))
        far = tuple(Position(lat + 1, lon) for lat, lon in square)
        shape = Polygon((square, hole, far))
        inside = {(6.21, -75.55): True, (6.25, -75.55): False, (7.25, -75.55): True, (6.5, -75.55): False}
        assert [shape.holds(Position(*place)) for place in inside] == list(inside.values())

    def test_an_area_knows_the_cameras_that_stand_in_it(self) -> None:
        cameras = {"b": MEDELLIN, "a": Position(6.2443, -75.5812), "far": Position(6.3, -75.6)}
        assert area_of(Circle(MEDELLIN, 100), cameras).cameras == ("a", "b")


class TestTyped:
    def test_a_circle(self) -> None:
        shape = read_shape("6.2442, -75.5812, 500")
        assert shape == Circle(MEDELLIN, 500)
        assert str(shape) == "500 m around 6.2442, -75.5812"

    @pytest.mark.parametrize(
        "content",
        [
            {"type": "Polygon", "coordinates": [SQUARE]},
            {"type": "MultiPolygon", "coordinates": [[SQUARE]]},
            {"type": "Polygon", "coordinates": [[[*corner, 1500.0] for corner in SQUARE]]},
            {
                "type": "Feature",
                "properties": {"name": "x"},
                "geometry": {"type": "Polygon", "coordinates": [SQUARE]},
            },
            {
                "type": "FeatureCollection",
                "features": [{"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [SQUARE]}}],
            },
        ],
    )
    def test_geojson_in_each_of_its_forms(self, content: object, tmp_path: Path) -> None:
        path = tmp_path / "centro.geojson"
        path.write_text(json.dumps(content), encoding="utf-8")
        shape = read_shape(str(path))
        assert shape.holds(MEDELLIN)
        assert not shape.holds(Position(6.35, -75.55))
        assert str(shape) == "5 corners within 6.2, -75.6 and 6.3, -75.5"

    @pytest.mark.parametrize(
        ("typed", "wrong"),
        [
            ("91,0,5", "expected latitude -90 to 90"),
            ("6,-75,0", "a radius"),
            ("nan,0,5", "expected latitude"),
            ("6,-75,nan", "a radius"),
            ("6,-75", "not an area"),
            ("a,b,c", "not an area"),
            ("nowhere.geojson", "No such file"),
        ],
    )
    def test_what_is_no_area_is_told(self, typed: str, wrong: str) -> None:
        with pytest.raises(QueryError, match=wrong):
            read_shape(typed)

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [
            ('{"type": "Polygon",\n "coordinates": [[[0, 0], [1, 1]', "line 2, column .*not JSON"),
            ('{"type": "Point", "coordinates": [0, 0]}', "not polygons of GeoJSON"),
            ('{"type": "Polygon", "coordinates": [[[0, 0], [1, 1]]]}', "coordinates.0: "),
            ('{"type": "Polygon", "coordinates": [[[6, 95], [1, 1], [2, 2]]]}', "less than or equal to 90"),
            ("[]", "not polygons"),
        ],
    )
    def test_a_wrong_file_is_told_where(self, content: str, wrong: str, tmp_path: Path) -> None:
        path = tmp_path / "a.geojson"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(QueryError, match=wrong):
            read_shape(str(path))


class TestCameras:
    def test_names_and_places(self, tmp_path: Path) -> None:
        path = tmp_path / "cameras.yaml"
        path.write_text(
            "cameras:\n  cam-1: {name: Calle 33, lat: 6.2442, lon: -75.5812}\n  cam-2: {lat: 6.3, lon: -75.6}\n",
            encoding="utf-8",
        )
        found = load_cameras(path)
        assert found["cam-1"].name == "Calle 33"
        assert (found["cam-1"].position, found["cam-2"].name) == (MEDELLIN, "")
        assert load_cameras(None) == {}

    @pytest.mark.parametrize(
        ("content", "wrong"),
        [
            (
                "cameras:\n  cam-1: {lat: 6, lon: -75}\n  cam-2: {lat: 96, lon: -75}\n",
                "line 3: cameras.cam-2.lat",
            ),
            ("cameras:\n  cam-1: {lat: 6}\n", "line 2: cameras.cam-1.lon: needed"),
            ("cameras:\n  cam-1: {lat: 6, lon: 7}\n  cam-1: {lat: 6, lon: 7}\n", "line 3.*twice"),
            ("cameras:\n  cam-1: {lat: 6, lon: 7, nmae: x}\n", "line 2: cameras.cam-1.nmae: unknown setting"),
            ("cameras:\n  Cam 1: {lat: 6, lon: 7}\n", "line 2: "),
            ("cameras: [", "line 1.*not YAML"),
            ("- a\n", "cameras.yaml"),
        ],
    )
    def test_a_wrong_file_is_told_by_line(self, content: str, wrong: str, tmp_path: Path) -> None:
        path = tmp_path / "cameras.yaml"
        path.write_text(content, encoding="utf-8")
        with pytest.raises(ConfigError, match=wrong):
            load_cameras(path)

    def test_a_missing_file_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="cannot be read"):
            load_cameras(tmp_path / "none.yaml")
