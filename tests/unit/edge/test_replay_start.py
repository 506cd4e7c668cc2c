"""When a recording began: which source is believed, and what is said of it."""

import os
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import av
import pytest
from clips import clip_file, drawn

from edge.errors import ConfigError
from edge.replay import clocks
from edge.replay.gpx import GpsTrack, Point
from edge.replay.start import Facts, Rules, begun, facts, modified

NOW = datetime(2026, 3, 2, tzinfo=UTC)
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
BOGOTA = clocks.zone("America/Bogota")


def a_file(name: str = "film.mp4", *, length_s: float | None = 60.0, **tags: str) -> Facts:
    return Facts(Path(name), length_s, (1920, 1080), tags, NOW)


def a_track(first_at: datetime, seconds: float) -> GpsTrack:
    return GpsTrack([[Point(first_at, 6.0, -75.0), Point(first_at + timedelta(seconds=seconds), 6.1, -75.0)]])


def rules(**more: object) -> Rules:
    return Rules(now=NOW, **more)  # type: ignore[arg-type]


class TestNames:
    @pytest.mark.parametrize(
        "name",
        [
            "20260301_120000.mp4",
            "VID_20260301_120000.mp4",
            "cam1-2026-03-01-12-00-00.mkv",
            "2026-03-01T12.00.00_gate.mp4",
            "20260301120000.avi",
            "20260301T120000.250.ts",
            "Gate 2026-03-01 12h00m00.mp4",
            "2026_03_01_12_00_00_part2.mp4",
            "axon_2026-03-01_1200_00-01.mp4",
            "20260301-120000-0001.mp4",
        ],
    )
    def test_usual_names_say_their_time_and_no_zone(self, name: str) -> None:
        assert clocks.in_name(name, None) == datetime(2026, 3, 1, 12)  # noqa: DTZ001  # no zone is the point

    @pytest.mark.parametrize("name", ["2026-03-01T12-00-00Z.mp4", "2026-03-01T07:00:00-0500.mp4"])
    def test_a_zone_in_a_name_is_taken(self, name: str) -> None:
        told = clocks.in_name(name, None)
        assert told is not None
        assert told.astimezone(UTC) == NOON

    @pytest.mark.parametrize(
        "name", ["film.mp4", "2026.mp4", "20261301_120000.mp4", "20260301_256199.mp4", "120260301120000.mp4"]
    )
    def test_other_names_say_nothing(self, name: str) -> None:
        assert clocks.in_name(name, None) is None

    def test_a_format_of_one_s_own(self) -> None:
        told = clocks.in_name("DVR7-01.03.26 120000-x.mp4", "DVR7-%d.%m.%y %H%M%S")
        assert told == datetime(2026, 3, 1, 12)  # noqa: DTZ001
        assert clocks.in_name("other.mp4", "DVR7-%d.%m.%y %H%M%S") is None

    @pytest.mark.parametrize("name_format", ["%Q", "%d-%d"])
    def test_a_format_that_is_none_is_said(self, name_format: str) -> None:
        with pytest.raises(ConfigError, match="--name-format"):
            clocks.in_name("%Q 01-02", name_format)


class TestZones:
    def test_by_name_and_by_offset(self) -> None:
        assert clocks.zone("-05:00") == timezone(timedelta(hours=-5))
        assert clocks.zone("utc") is UTC
        for wrong in ("Bogota", "", "../etc/passwd", "+99:00"):
            with pytest.raises(ConfigError):
                clocks.zone(wrong)

    def test_a_moment_needs_a_zone(self) -> None:
        assert clocks.moment("2026-03-01T07:00", within=BOGOTA, what="--start") == NOON
        assert clocks.moment("2026-03-01T12:00Z", within=BOGOTA, what="--start") == NOON
        with pytest.raises(ConfigError, match="--start: 2026-03-01 12:00:00 in which zone"):
            clocks.moment("2026-03-01T12:00", within=None, what="--start")
        with pytest.raises(ConfigError, match="--start: expected such as"):
            clocks.moment("noon", within=BOGOTA, what="--start")

    @pytest.mark.parametrize("told", ["2026-11-01T01:30", "2026-03-08T02:30"])
    def test_an_hour_that_comes_twice_or_never_is_refused(self, told: str) -> None:
        with pytest.raises(ConfigError, match="comes twice or never in America/New_York"):
            clocks.moment(told, within=clocks.zone("America/New_York"), what="--start")


class TestSources:
    def test_the_container_s_time_is_utc(self) -> None:
        start = begun(a_file(creation_time="2026-03-01T12:00:00.000000Z"), rules())
        assert start is not None
        assert (start.at, start.source) == (NOON, "container")
        assert start.notes == ("the file says creation_time 2026-03-01T12:00:00.000000Z",)

    def test_quicktime_s_date_has_a_zone_and_comes_first(self) -> None:
        tags = {
            "com.apple.quicktime.creationdate": "2026-03-01T07:00:00-0500",
            "creation_time": "2026-03-01T12:01:00Z",
        }
        start = begun(a_file(**tags), rules())
        assert start is not None
        assert start.at == NOON

    @pytest.mark.parametrize(
        "unset", ["1904-01-01T00:00:00Z", "1970-01-01T00:00:00Z", "2099-01-01T00:00:00Z", "x"]
    )
    def test_a_clock_that_was_never_set_says_nothing(self, unset: str) -> None:
        assert begun(a_file(creation_time=unset), rules()) is None

    def test_a_name_without_a_zone_counts_only_with_one(self) -> None:
        file = a_file("20260301_070000.mp4")
        assert begun(file, rules()) is None
        assert "--zone would make it count" in modified(file, rules()).notes[1]
        start = begun(file, rules(zone=BOGOTA))
        assert start is not None
        assert (start.at, start.source) == (NOON, "name")
        assert start.notes == ("its name says 2026-03-01 07:00:00 in America/Bogota",)
        with pytest.raises(ConfigError, match="in no zone: give --zone"):
            begun(file, rules(only="name"))

    def test_what_contradicts_is_told(self) -> None:
        """The common fault: a camera that writes its local time as if it were UTC."""
        file = a_file("20260301_070000.mp4", creation_time="2026-03-01T07:00:00Z")
        start = begun(file, rules(zone=BOGOTA))
        assert start is not None
        assert start.source == "container"
        assert "5:00:00 later; its clock may have been local time" in start.notes[1]
        named = begun(file, rules(zone=BOGOTA, only="name"))
        assert named is not None
        assert (named.at, len(named.notes)) == (NOON, 1)

    def test_the_source_that_lies_on_the_track_is_believed(self) -> None:
        file = a_file("20260301_070000.mp4", creation_time="2026-03-01T07:00:00Z")
        start = begun(file, rules(zone=BOGOTA, track=a_track(NOON - timedelta(minutes=5), 3600)))
        assert start is not None
        assert (start.at, start.source) == (NOON, "name")

    def test_a_track_that_lies_elsewhere_is_told(self) -> None:
        start = begun(
            a_file(creation_time="2026-03-01T12:00:00Z"), rules(track=a_track(NOON + timedelta(hours=5), 600))
        )
        assert start is not None
        assert "from 2026-03-01 17:00:00Z, 5:00:00 later: no read gets a position" in start.notes[-1]

    def test_a_track_as_long_as_the_recording_began_with_it(self) -> None:
        start = begun(a_file(), rules(track=a_track(NOON, 62)))
        assert start is not None
        assert (start.at, start.source) == (NOON, "gpx")
        assert begun(a_file(), rules(track=a_track(NOON, 90))) is None
        assert begun(a_file(length_s=None), rules(track=a_track(NOON, 60))) is None

    def test_a_person_s_word_comes_first(self) -> None:
        start = begun(a_file(creation_time="2026-03-01T10:00:00Z"), rules(start=NOON))
        assert start is not None
        assert (start.at, start.source) == (NOON, "start")

    def test_a_wrong_clock_is_corrected(self) -> None:
        start = begun(a_file(creation_time="2026-03-01T07:00:00Z"), rules(offset=timedelta(hours=5)))
        assert start is not None
        assert start.at == NOON

    def test_a_recording_of_tomorrow_is_refused(self) -> None:
        with pytest.raises(ConfigError, match=r"begins at 2027-01-01 00:00:00Z, which lies ahead of us"):
            begun(a_file(), rules(start=datetime(2027, 1, 1, tzinfo=UTC)))

    def test_a_source_that_was_asked_for_must_say_something(self) -> None:
        with pytest.raises(ConfigError, match="--start-from container: it does not say"):
            begun(a_file(), rules(only="container"))


def test_a_file_s_facts(tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w", options={"movflags": "use_metadata_tags"}) as container:
        container.metadata["creation_time"] = "2026-03-01T12:00:00Z"
        stream = container.add_stream("libx264", rate=25)
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        for number in range(25):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number), format="bgr24")))
        container.mux(stream.encode())
    os.utime(path, (1_000_000_000, 1_000_000_000))
    found = facts(path)
    assert found.length_s == pytest.approx(1.0)
    assert found.size_px == (320, 180)
    assert found.modified_at == datetime.fromtimestamp(1_000_000_000, UTC)
    start = begun(found, rules())
    assert start is not None
    assert start.at == NOON
    assert facts(clip_file(suffix=".h264")).length_s is None
