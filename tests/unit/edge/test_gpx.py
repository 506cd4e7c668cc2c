"""Positions of a travelling camera, and files that are no tracks."""

import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.read import GeoPosition
from edge.errors import ConfigError
from edge.replay import gpx
from edge.replay.gpx import GpsTrack, Point

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
NAMESPACE = "http://www.topografix.com/GPX/1/1"


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def point(seconds: float, lat: float, lon: float) -> str:
    return f'<trkpt lat="{lat}" lon="{lon}"><ele>1500</ele><time>{at(seconds):%Y-%m-%dT%H:%M:%SZ}</time></trkpt>\n'


def document(*segments: str, namespace: str = NAMESPACE, before: str = "") -> str:
    body = "".join(f"<trkseg>\n{segment}</trkseg>\n" for segment in segments)
    return f'<?xml version="1.0"?>\n{before}<gpx xmlns="{namespace}" version="1.1">\n<trk>{body}</trk></gpx>'


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "track.gpx"
    path.write_text(text, encoding="utf-8")
    return path


def track(tmp_path: Path, *segments: str, **options: float) -> GpsTrack:
    return gpx.load(written(tmp_path, document(*segments)), **options)


@pytest.mark.parametrize("version", ["1/0", "1/1"])
def test_both_versions_are_read(tmp_path: Path, version: str) -> None:
    text = document(point(0, 6.25, -75.5), namespace=f"http://www.topografix.com/GPX/{version}")
    found = gpx.load(written(tmp_path, text))
    assert found.position(at(0)) == GeoPosition(lat=6.25, lon=-75.5)
    assert (found.first_at, found.last_at) == (at(0), at(0))


def test_between_two_points_it_is_on_the_line(tmp_path: Path) -> None:
    found = track(tmp_path, point(0, 6.0, -75.0) + point(10, 6.1, -75.4))
    position = found.position(at(2.5))
    assert position is not None
    assert (position.lat, position.lon) == pytest.approx((6.025, -75.1))


def test_nothing_is_extrapolated(tmp_path: Path) -> None:
    found = track(tmp_path, point(0, 6.0, -75.0) + point(5, 6.1, -75.4))
    assert found.position(at(-0.001)) is None
    assert found.position(at(5.001)) is None
    assert found.position(at(5)) is not None


def test_a_gap_gives_none_but_its_ends_do(tmp_path: Path) -> None:
    fixes = point(0, 6.0, -75.0) + point(11, 6.1, -75.4)
    found = track(tmp_path, fixes)
    assert found.position(at(5)) is None
    assert found.position(at(0)) is not None
    assert found.position(at(11)) is not None
    assert track(tmp_path, fixes, most_gap_s=11).position(at(5)) is not None


def test_lost_reception_between_segments_gives_none(tmp_path: Path) -> None:
    found = track(
        tmp_path, point(0, 6.0, -75.0) + point(1, 6.1, -75.0), point(3, 6.3, -75.0) + point(4, 6.4, -75.0)
    )
    assert found.position(at(2)) is None
    position = found.position(at(3.5))
    assert position is not None
    assert position.lat == pytest.approx(6.35)


def test_the_offset_is_added_to_the_track(tmp_path: Path) -> None:
    found = track(tmp_path, point(0, 6.0, -75.0) + point(1, 6.1, -75.0), offset_s=3600)
    assert found.position(at(0)) is None
    assert found.position(at(3600)) == GeoPosition(lat=6.0, lon=-75.0)
    assert (found.first_at, found.last_at) == (at(3600), at(3601))


def test_the_date_line_is_crossed_the_short_way(tmp_path: Path) -> None:
    found = track(tmp_path, point(0, 10.0, 179.9) + point(10, 10.0, -179.9))
    position = found.position(at(2.5))
    assert position is not None
    assert position.lon == pytest.approx(179.95)
    position = found.position(at(7.5))
    assert position is not None
    assert position.lon == pytest.approx(-179.95)


def test_a_clock_that_was_set_back_begins_a_new_piece(tmp_path: Path) -> None:
    found = track(
        tmp_path,
        point(100, 6.0, -75.0) + point(101, 6.1, -75.0) + point(50, 7.0, -75.0) + point(52, 7.2, -75.0),
    )
    position = found.position(at(51))
    assert position is not None
    assert position.lat == pytest.approx(7.1)
    assert found.position(at(75)) is None


def test_points_without_a_time_are_of_no_use(tmp_path: Path) -> None:
    bare = '<trkpt lat="6" lon="-75"/>\n'
    found = track(tmp_path, bare + point(0, 6.0, -75.0))
    assert (found.first_at, found.last_at) == (at(0), at(0))
    with pytest.raises(ConfigError, match=r"track\.gpx: gives no position: its 2 points bear no time"):
        track(tmp_path, bare + bare)


@pytest.mark.parametrize("text", ["2026-03-01T12:00:00", "2026-03-01T12:00:00Z", "2026-03-01T07:00:00-05:00"])
def test_times_are_utc_unless_they_say_otherwise(tmp_path: Path, text: str) -> None:
    found = track(tmp_path, f'<trkpt lat="6" lon="-75"><time> {text} </time></trkpt>')
    assert found.first_at == NOON


def test_other_makers_extensions_mean_nothing(tmp_path: Path) -> None:
    inner = '<extensions><x:time xmlns:x="urn:x">yesterday</x:time><x:trkpt xmlns:x="urn:x"/></extensions>'
    found = track(tmp_path, f'<trkpt lat="6" lon="-75"><time>{at(0).isoformat()}</time>{inner}</trkpt>')
    assert (found.first_at, found.last_at) == (at(0), at(0))


def test_waypoints_and_routes_are_left_aside(tmp_path: Path) -> None:
    text = document(point(0, 6, -75)).replace("<trk>", '<wpt lat="9" lon="9"><time>bad</time></wpt><trk>')
    found = gpx.load(written(tmp_path, text))
    assert (found.first_at, found.position(at(0))) == (at(0), GeoPosition(lat=6, lon=-75))


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (document('<trkpt lat="95" lon="0"/>'), r"line 4: lat: expected degrees from -90 to 90, found '95'"),
        (document('<trkpt lat="6" lon="-181"/>'), r"line 4: lon: expected degrees from -180 to 180"),
        (document('<trkpt lat="nan" lon="0"/>'), r"line 4: lat: expected degrees .* found 'nan'"),
        (document('<trkpt lat="1_0" lon="0"/>'), r"line 4: lat: expected degrees"),
        (document('<trkpt lon="0"/>'), r"line 4: lat: expected degrees .* found nothing"),
        (document('<trkpt lat="6" lon="0"><time>noon</time></trkpt>'), r"line 4: time: expected such as 2026-"),
        (document('<trkpt lat="6" lon="0"><time>0001-01-01T00:00:00+05:00</time></trkpt>'), r"line 4: time: "),
        (document(point(0, 6, 0) + "<trkpt"), r"line \d: not XML: "),
        ("", r"line 1: not XML: no element found"),
        ("<kml/>", r"line 1: expected GPX 1.0 or 1.1, found <kml> of nothing"),
        (document(namespace="urn:else"), r"line 2: expected GPX 1.0 or 1.1, found <gpx> of urn:else"),
        (document(), r"gives no position: it holds no track point"),
    ],
)  # fmt: skip
def test_what_is_no_track_is_said_with_its_line(tmp_path: Path, text: str, words: str) -> None:
    with pytest.raises(ConfigError, match=rf"track\.gpx: {words}"):
        gpx.load(written(tmp_path, text))


@pytest.mark.parametrize(
    "before",
    [
        '<!DOCTYPE gpx [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>\n',
        '<!DOCTYPE gpx [<!ENTITY secret SYSTEM "file:///etc/passwd">]>\n',
        '<!DOCTYPE gpx SYSTEM "http://192.0.2.1/evil.dtd">\n',
    ],
)
def test_entities_are_refused_before_they_grow(tmp_path: Path, before: str) -> None:
    with pytest.raises(ConfigError, match=r"line 2: a document type or entity"):
        gpx.load(written(tmp_path, document(point(0, 6, -75), before=before)))


def test_a_file_without_bound_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(gpx, "MAX_BYTES", 1_000)
    with pytest.raises(ConfigError, match="larger than"):
        gpx.load(written(tmp_path, document(point(0, 6, -75) * 30)))


def test_a_missing_file_is_said(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"none\.gpx: cannot be read: No such file"):
        gpx.load(tmp_path / "none.gpx")


@given(
    st.floats(0, 30), st.floats(-80, 80), st.floats(-179, 179), st.floats(-0.01, 0.01), st.floats(-0.01, 0.01)
)
def test_the_line_is_as_good_as_a_great_circle(
    s: float, lat: float, lon: float, up: float, right: float
) -> None:
    """Against the middle of the great circle, of points at most 1.6 km apart."""
    pieces = [[Point(at(0), lat, lon), Point(at(30), lat + up, lon + right)]]
    middle = GpsTrack(pieces, most_gap_s=60).position(at(15))
    assert middle is not None
    vectors = [_vector(lat, lon), _vector(lat + up, lon + right)]
    great = [a + b for a, b in zip(*vectors, strict=True)]
    size = math.hypot(*great)
    apart_m = 6_371_000 * math.dist([g / size for g in great], _vector(middle.lat, middle.lon))
    assert apart_m < 0.5
    anywhere = GpsTrack(pieces, most_gap_s=60).position(at(s))
    assert anywhere is not None
    low, high = sorted((lat, lat + up))
    assert low - 1e-9 <= anywhere.lat <= high + 1e-9


def _vector(lat: float, lon: float) -> tuple[float, float, float]:
    p, q = math.radians(lat), math.radians(lon)
    return math.cos(p) * math.cos(q), math.cos(p) * math.sin(q), math.sin(p)
