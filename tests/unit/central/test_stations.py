"""Which station an alert goes to."""

from collections.abc import Callable
from pathlib import Path

import pytest
from central_reads import a_read
from hypothesis import given
from hypothesis import strategies as st

from central.errors import ConfigError
from central.query.area import Polygon, Position
from central.query.cameras import CameraPlace
from central.query.stations import Stations, load_stations
from edge.contract.read import GeoPosition

ROOT = Path(__file__).resolve().parents[3]
IN, OUT = Position(6.245, -75.59), Position(6.3, -75.5)
PLACES = {"cam-in": CameraPlace("", IN), "cam-out": CameraPlace("", OUT), "cam-01": CameraPlace("", OUT)}
Write = Callable[[str], Path]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def to_file(text: str) -> Path:
        path = tmp_path / "stations.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return to_file


@pytest.fixture
def stations() -> Stations:
    return load_stations(ROOT / "configs" / "stations.yaml", PLACES)


@pytest.mark.parametrize(
    ("camera", "station"),
    [("cam-01", "laureles"), ("cam-in", "laureles"), ("cam-out", "candelaria"), ("cam-9", "candelaria")],
)
def test_by_camera_then_by_place_then_the_default(stations: Stations, camera: str, station: str) -> None:
    assert stations.station_of(a_read(1, camera_id=camera)) == station


def test_a_camera_that_travels_is_where_it_says(stations: Stations) -> None:
    here = GeoPosition(lat=IN.lat, lon=IN.lon)
    assert stations.station_of(a_read(1, camera_id="cam-out", location=here)) == "laureles"


def test_without_a_file_or_a_default_there_is_none(write: Write) -> None:
    assert load_stations(None, PLACES).station_of(a_read(1)) is None
    found = load_stations(write("stations: {centro: {cameras: [cam-2]}}"), {})
    assert found.station_of(a_read(1)) is None
    assert found.station_of(a_read(1, camera_id="cam-2")) == "centro"


def test_where_fences_overlap_the_first_of_the_file_has_it() -> None:
    square = Polygon(((Position(0, 0), Position(0, 2), Position(2, 2), Position(2, 0)),))
    both = Stations(fences=(("b", square), ("a", square)), places={"cam-1": CameraPlace("", Position(1, 1))})
    assert both.station_of(a_read(1)) == "b"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("stations: {a: {cameras: [x]}, b: {cameras: [x]}}", "camera x is of a and of b"),
        ("{default: c, stations: {a: {}}}", "default: no station c"),
        ("stations: {a: {fence: [[0, 0], [1, 1]]}}", "3 corners or more"),
        ("stations: {a: {fence: [[0, 0], [1, 1], [0, 0]]}}", "3 corners or more"),
        ("stations: {a: {fence: [[91, 0], [1, 1], [0, 1]]}}", "90"),
        ("stations: {a: {camera: [x]}}", "camera"),
        ("stations: {A B: {}}", "stations"),
        ("x", "stations.yaml"),
    ],
)
def test_a_wrong_file_is_named(write: Write, text: str, told: str) -> None:
    with pytest.raises(ConfigError, match=r"stations\.yaml") as caught:
        load_stations(write(text), {})
    assert told in str(caught.value)


@given(st.floats(-90, 90), st.floats(-180, 180))
def test_wherever_it_was_there_is_one_station(lat: float, lon: float) -> None:
    stations = load_stations(ROOT / "configs" / "stations.yaml", {})
    read = a_read(1, camera_id="cam-9", location=GeoPosition(lat=lat, lon=lon))
    assert stations.station_of(read) in stations.names
