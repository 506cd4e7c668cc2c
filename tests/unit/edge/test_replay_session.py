"""Whole calls of replay with fake nets: true times, parts, positions, bad files, and going on after a break."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import pytest
from fakes import picture
from replay_process import FPS, PLATES, nets

from edge.contract.delivery import Stream
from edge.contract.read import PlateRead
from edge.errors import ConfigError
from edge.replay.options import Options
from edge.replay.output import Output
from edge.replay.recording import joined
from edge.replay.session import STATE, Outcome, Session
from edge.replay.start import Start, facts
from edge.replay.state import State
from edge.spool.queue import Spool
from edge.types import Box

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GPX = """<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><trk><trkseg>
<trkpt lat="6.0" lon="-75"><time>2026-03-01T11:59:00Z</time></trkpt>
<trkpt lat="6.12" lon="-75"><time>2026-03-01T12:01:00Z</time></trkpt>
</trkseg></trk></gpx>"""


def film(
    path: Path,
    *,
    marks: Sequence[int] = (2,),
    at: datetime | None = None,
    first: int = 0,
    last: int = 50,
    times_s: Sequence[float] | None = None,
) -> Path:
    """A vehicle a mark crosses the picture in two seconds, all together; frames `first` to `last` of it."""
    options = {"movflags": "use_metadata_tags"} if path.suffix == ".mp4" else {}
    with av.open(str(path), "w", options=options) as container:
        if at is not None:
            container.metadata["creation_time"] = at.isoformat().replace("+00:00", "Z")
        stream = container.add_stream("libx264rgb", rate=FPS, options={"qp": "0", "preset": "ultrafast"})
        stream.width, stream.height, stream.pix_fmt = 640, 360, "rgb24"
        stream.codec_context.time_base = Fraction(1, 1000)
        for n, number in enumerate(range(first, last)):
            plates = {
                m: Box(20 + 9.0 * number, 20 + 110 * k, 96, 48) for k, m in enumerate(marks) if number < 57
            }
            frame = av.VideoFrame.from_ndarray(picture(plates), format="bgr24")
            at_s = n / FPS if times_s is None else times_s[n]
            frame.pts, frame.time_base = round(at_s * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def run(*paths: Path, stop_after: int = 0, **options: object) -> list[Outcome]:
    """Replay; raises KeyboardInterrupt in the middle where `stop_after` frames are given."""
    frames = 0

    def watch(_: object) -> None:
        nonlocal frames
        frames += 1
        if frames == stop_after:
            raise KeyboardInterrupt

    given = {"zone": None, "countries": ("CO=1",)} | options
    return Session(Options(**given), engine=nets, watch=watch, every_s=0.0).run(paths)  # type: ignore[arg-type]


def plates(outcomes: Sequence[Outcome]) -> list[list[str]]:
    return [[f.read.plate for f in o.report.found] if o.report else [] for o in outcomes]


class TestTimes:
    def test_reads_bear_the_time_of_their_picture(self, tmp_path: Path) -> None:
        """Uneven frames and a pause: the picture's own time counts, not its number."""
        times_s = [n / FPS + (90.0 if n >= 25 else 0.0) for n in range(50)]
        (outcome,) = run(film(tmp_path / "a.mp4", at=NOON, times_s=times_s))
        assert outcome.report is not None
        assert outcome.start is not None
        assert outcome.start.source == "container"
        (one, other) = outcome.report.found
        assert one.read.first_at == NOON
        assert NOON + timedelta(seconds=91) <= other.read.best_at < NOON + timedelta(seconds=92.1)
        assert {f.read.trust for f in outcome.report.found} == {"lower"}
        assert outcome.report.figures.longest_gap_s == pytest.approx(90.04, abs=0.01)

    def test_a_recording_of_unknown_time_is_told_and_never_published(self, tmp_path: Path) -> None:
        path = film(tmp_path / "20260301_070000.mp4")
        (outcome,) = run(path)
        assert outcome.start is not None
        assert outcome.start.source == "modified"
        assert "--zone would make it count" in outcome.start.notes[1]
        yaml = tmp_path / "edge.yaml"
        yaml.write_text(
            json.dumps(
                {
                    "edge_id": "e",
                    "site_id": "s",
                    "cameras": [{"id": "c", "url": "rtsp://h/x"}],
                    "mqtt": {"port": 9},
                }
            )
        )
        with pytest.raises(
            ConfigError, match=r"must not be published: give --start; its name says .* in no zone"
        ):
            run(path, publish=yaml)
        (outcome,) = run(path, publish=yaml, zone="America/Bogota")
        assert outcome.start is not None
        assert (outcome.start.at, outcome.start.source) == (NOON, "name")
        (outcome,) = run(path, publish=yaml, again=True, start_from="modified")
        assert outcome.start is not None
        assert (outcome.start.source, outcome.was_done) == ("modified", False), "asked for, it is"

    def test_a_person_s_word_counts_more_than_the_file_s_last_change(self, tmp_path: Path) -> None:
        path = film(tmp_path / "a.mp4", last=10)
        (outcome,) = run(path, start="2026-03-01T12:00Z", start_from="modified")
        assert outcome.start is not None
        assert (outcome.start.at, outcome.start.source) == (NOON, "start")

    def test_one_start_is_of_one_recording(self, tmp_path: Path) -> None:
        paths = [film(tmp_path / name, last=10) for name in ("a.mp4", "b.mp4")]
        with pytest.raises(ConfigError, match="--start: says when one recording began"):
            run(*paths, start="2026-03-01T12:00Z")
        (outcome,) = run(*paths, start="2026-03-01T12:00Z", join=True)
        assert outcome.name == "a.mp4 and 1 more"


class TestParts:
    def test_files_that_continue_one_another_are_one_recording(self, tmp_path: Path) -> None:
        """The vehicle that is cut in two by the files is one read."""
        one = film(tmp_path / "a.mp4", at=NOON, last=25)
        two = film(tmp_path / "b.mp4", at=NOON + timedelta(seconds=1), first=25)
        (outcome,) = run(one, two)
        assert plates([outcome]) == [["XYZ987"]]
        assert outcome.report is not None
        assert outcome.report.figures.pictures == 50
        (found,) = outcome.report.found
        assert found.read.first_at == NOON
        assert outcome.report.counts.tracks == 1

    def test_files_apart_are_recordings_apart(self, tmp_path: Path) -> None:
        one = film(tmp_path / "a.mp4", at=NOON)
        two = film(tmp_path / "b.mp4", at=NOON + timedelta(minutes=5))
        assert plates(run(one, two)) == [["XYZ987"], ["XYZ987"]]

    def test_parts_that_say_no_time_are_joined_where_that_is_said(self, tmp_path: Path) -> None:
        one, two = film(tmp_path / "a.mp4", last=25), film(tmp_path / "b.mp4", first=25)
        assert len(run(one, two)) == 2
        (outcome,) = run(one, two, join=True, start="2026-03-01T12:00Z")
        assert plates([outcome]) == [["XYZ987"]]

    def test_parts_in_the_wrong_order_are_said(self, tmp_path: Path) -> None:
        one = film(tmp_path / "a.mp4", at=NOON, last=25)
        two = film(tmp_path / "b.mp4", at=NOON + timedelta(seconds=1), first=25)
        with pytest.raises(ConfigError, match=r"a\.mp4: began before the part that is named before it"):
            run(two, one, join=True)


class TestBadFiles:
    def test_the_others_go_on(self, tmp_path: Path) -> None:
        bad = tmp_path / "bad.mp4"
        bad.write_text("no recording")
        good = film(tmp_path / "good.mp4", at=NOON)
        outcomes = run(bad, good)
        assert [(o.name, o.report is not None) for o in outcomes] == [("bad.mp4", False), ("good.mp4", True)]
        assert "bad.mp4: cannot be read as a video" in outcomes[0].fault

    def test_a_part_that_is_no_video_leaves_the_others(self, tmp_path: Path) -> None:
        one = film(tmp_path / "a.mp4", at=NOON)
        two = film(tmp_path / "b.mp4", at=NOON + timedelta(seconds=2))
        three = film(tmp_path / "c.mp4", marks=(3,), at=NOON + timedelta(seconds=4))
        content = bytearray(two.read_bytes())
        start = content.index(b"mdat") + 4
        content[start:-4000] = bytes(len(content[start:-4000]))
        two.write_bytes(content)
        (outcome,) = run(one, two, three)
        assert outcome.report is not None
        assert plates([outcome]) == [["XYZ987", "JKL456"]]
        assert outcome.report.figures.damaged > 0

    def test_a_cut_file_says_where_and_keeps_what_it_gave(self, tmp_path: Path) -> None:
        whole = film(tmp_path / "whole.mkv", last=200)
        content = whole.read_bytes()
        cut = tmp_path / "cut.mkv"
        cut.write_bytes(content[: len(content) * 6 // 10])
        (outcome,) = run(cut)
        assert plates([outcome]) == [["XYZ987"]]
        assert outcome.report is not None
        (fault,) = outcome.report.figures.faults
        assert "cut.mkv: " in fault
        assert " at 0:0" in fault


class TestPositions:
    def test_each_read_is_where_the_camera_was_at_its_best_picture(self, tmp_path: Path) -> None:
        track = tmp_path / "track.gpx"
        track.write_text(GPX)
        (outcome,) = run(film(tmp_path / "a.mp4", at=NOON), gpx=track, gpx_gap=300.0)
        assert outcome.report is not None
        (found,) = outcome.report.found
        since_s = (found.read.best_at - NOON).total_seconds()
        assert found.read.location is not None
        assert found.read.location.lat == pytest.approx(6.06 + since_s * 0.001)

    def test_without_a_point_near_there_is_none(self, tmp_path: Path) -> None:
        track = tmp_path / "track.gpx"
        track.write_text(GPX)
        (outcome,) = run(film(tmp_path / "a.mp4", at=NOON), gpx=track)
        assert outcome.report is not None
        assert [f.read.location for f in outcome.report.found] == [None]


class TestStillness:
    def quiet(self, tmp_path: Path) -> Path:
        """The empty road, a vehicle that passes, the road again for seven seconds, and another vehicle."""
        path = tmp_path / "quiet.mp4"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264rgb", rate=FPS, options={"qp": "0", "preset": "ultrafast"})
            stream.width, stream.height, stream.pix_fmt = 640, 360, "rgb24"
            for number in range(300):
                mark, since = (2, number - 10) if number < 80 else (3, number - 240)
                plates = {mark: Box(20 + 9.0 * since, 130, 96, 48)} if 0 <= since < 57 else {}
                container.mux(stream.encode(av.VideoFrame.from_ndarray(picture(plates), format="bgr24")))
            container.mux(stream.encode())
        return path

    def test_what_shows_nothing_that_moves_is_not_looked_at(self, tmp_path: Path) -> None:
        (outcome,) = run(self.quiet(tmp_path))
        assert outcome.report is not None
        assert plates([outcome]) == [["XYZ987", "JKL456"]]
        assert 30 <= outcome.report.figures.still <= 64
        assert outcome.report.counts.frames + outcome.report.figures.still == 96

    def test_a_camera_that_moves_is_looked_at_throughout(self, tmp_path: Path) -> None:
        (outcome,) = run(self.quiet(tmp_path), moving=True)
        assert outcome.report is not None
        assert (outcome.report.counts.frames, outcome.report.figures.still) == (96, 0)

    def test_killed_in_the_quiet_it_goes_on_with_the_same_gate(self, tmp_path: Path) -> None:
        path = self.quiet(tmp_path)
        (whole,) = run(path, out=tmp_path / "whole")
        with pytest.raises(KeyboardInterrupt):
            run(path, stop_after=24, out=tmp_path / "out")
        (outcome,) = run(path, out=tmp_path / "out")
        assert outcome.report is not None
        assert whole.report is not None
        assert outcome.report.figures == whole.report.figures
        assert [f.read for f in outcome.report.found] == [f.read for f in whole.report.found]


class TestResuming:
    def broken_off(self, tmp_path: Path, **options: object) -> Path:
        path = film(tmp_path / "a.mp4", marks=(2, 3), at=NOON)
        with pytest.raises(KeyboardInterrupt):
            run(path, stop_after=9, out=tmp_path / "out", **options)
        assert (tmp_path / "out" / STATE).exists()
        return path

    def test_it_goes_on_and_leaves_no_state_behind(self, tmp_path: Path) -> None:
        path = self.broken_off(tmp_path)
        (whole,) = run(path, out=tmp_path / "whole")
        (outcome,) = run(path, out=tmp_path / "out")
        assert outcome.report is not None
        assert whole.report is not None
        assert [f.read for f in outcome.report.found] == [f.read for f in whole.report.found]
        assert outcome.report.counts == whole.report.counts
        assert sorted(p.name for p in (tmp_path / "out").iterdir()) == [
            ".replay", "annotated.mp4", "read-001-XYZ987.jpg", "read-002-JKL456.jpg",
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("where", "method"),
        [(Output, "take"), (Output, "drop"), (Output, "write"), (Output, "finish"), (State, "remove")],
    )
    def test_killed_while_it_finishes_it_finishes_the_next_time(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: type, method: str
    ) -> None:
        path = film(tmp_path / "a.mp4", marks=(2, 3), at=NOON)
        (whole,) = run(path, out=tmp_path / "out")
        before = {p.name: p.read_bytes() for p in (tmp_path / "out").glob("*.jpg")}
        with pytest.raises(KeyboardInterrupt):
            run(path, stop_after=9, out=tmp_path / "killed")

        def die(*_: object, **__: object) -> None:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(where, method, die)
            with pytest.raises(KeyboardInterrupt):
                run(path, out=tmp_path / "killed")
        (outcome,) = run(path, out=tmp_path / "killed")
        assert outcome.report is not None
        assert whole.report is not None
        assert [f.read for f in outcome.report.found] == [f.read for f in whole.report.found]
        assert {p.name: p.read_bytes() for p in (tmp_path / "killed").glob("*.jpg")} == before
        names = sorted(p.name for p in (tmp_path / "killed").iterdir())
        assert names == sorted((".replay", "annotated.mp4", *before))
        with av.open(str(tmp_path / "killed" / "annotated.mp4")) as container:
            assert sum(1 for _ in container.decode(video=0)) == outcome.report.counts.frames

    def test_another_recording_is_not_mistaken_for_it(self, tmp_path: Path) -> None:
        self.broken_off(tmp_path)
        other = film(tmp_path / "b.mp4", at=NOON, last=40)
        with pytest.raises(
            ConfigError, match=r"a replay of a\.mp4 was broken off here, and a\.mp4 is not among"
        ):
            run(other, out=tmp_path / "out")
        path = film(tmp_path / "a.mp4", at=NOON, last=40)
        with pytest.raises(
            ConfigError, match=r"a\.mp4 is another recording now \(its size or content differs\)"
        ):
            run(path, out=tmp_path / "out")
        (outcome,) = run(path, out=tmp_path / "out", again=True)
        assert outcome.report is not None

    def test_it_is_known_by_its_content_under_another_name(self, tmp_path: Path) -> None:
        path = self.broken_off(tmp_path)
        moved = path.rename(tmp_path / "moved.mp4")
        (outcome,) = run(moved, out=tmp_path / "out")
        assert plates([outcome]) == [["XYZ987", "JKL456"]]

    def test_other_settings_are_said(self, tmp_path: Path) -> None:
        path = self.broken_off(tmp_path)
        with pytest.raises(ConfigError, match=r"other settings \(camera.analyse_fps was 8.0, is 5.0\)"):
            run(path, out=tmp_path / "out", fps=5.0)
        (outcome,) = run(path, out=tmp_path / "out", fps=5.0, again=True)
        assert outcome.report is not None

    def test_of_several_those_that_are_done_are_not_read_again(self, tmp_path: Path) -> None:
        one = film(tmp_path / "a.mp4", at=NOON)
        two = film(tmp_path / "b.mp4", marks=(3,), at=NOON + timedelta(minutes=5))
        with pytest.raises(KeyboardInterrupt):
            run(one, two, stop_after=22, out=tmp_path / "out")
        outcomes = run(one, two, out=tmp_path / "out")
        assert [o.was_done for o in outcomes] == [True, False]
        assert plates(outcomes) == [["XYZ987"], ["JKL456"]]
        assert sorted(str(p.relative_to(tmp_path / "out")) for p in (tmp_path / "out").rglob("*.jpg")) == [
            "01-a/read-001-XYZ987.jpg",
            "02-b/read-001-JKL456.jpg",
        ]


class TestPublishing:
    def edge(self, tmp_path: Path) -> Path:
        yaml = tmp_path / "edge.yaml"
        told = {
            "edge_id": "e",
            "site_id": "s",
            "mqtt": {"port": 9},
            "spool": {"path": str(tmp_path / "spool")},
        }
        yaml.write_text(json.dumps(told | {"cameras": [{"id": "c", "url": "rtsp://h/x"}]}))
        return yaml

    def days(self, tmp_path: Path) -> list[Path]:
        """Three files that continue one another, a vehicle in each."""
        at = [NOON + timedelta(seconds=2 * n) for n in range(3)]
        return [film(tmp_path / f"{n}.mp4", marks=(2 + n,), at=when) for n, when in enumerate(at)]

    def published(self, tmp_path: Path) -> list[str]:
        """Plates of the reads that wait in the spool."""
        with Spool(tmp_path / "spool", edge_id="e", max_bytes=10_000_000, clock=lambda: NOON) as spool:
            messages = sorted(spool.pending(Stream.READ, limit=100), key=lambda message: message.seq)
        return [PlateRead.model_validate_json(message.payload).plate for message in messages]

    def test_what_comes_to_a_folder_is_published_and_the_rest_is_not_again(self, tmp_path: Path) -> None:
        files, yaml = self.days(tmp_path), self.edge(tmp_path)
        (first,) = run(*files[:2], publish=yaml)
        assert len(plates([first])[0]) == 2
        for new in ([PLATES[4]], []):
            outcomes = run(*files, publish=yaml)
            assert [o.name for o in outcomes] == ["0.mp4 and 1 more", "2.mp4"]
            assert outcomes[0].was_done
            assert plates(outcomes) == [[], new]
        assert outcomes[1].was_done
        with State(tmp_path / "spool.replay") as state:
            assert len(state.rows()) == 2
        assert len(self.published(tmp_path)) == 3

    def test_some_files_of_what_was_published_are_left_out(self, tmp_path: Path) -> None:
        files, yaml = self.days(tmp_path), self.edge(tmp_path)
        run(*files[:2], publish=yaml)
        outcomes = run(*files[1:], publish=yaml)
        assert [o.name for o in outcomes] == ["1.mp4", "2.mp4"]
        assert "left out, for it was published already, as part of 0.mp4 and 1 more" in outcomes[0].fault
        assert plates(outcomes[1:]) == [[PLATES[4]]]
        (alone,) = run(files[0], publish=yaml)
        assert alone.report is None

    def test_a_part_of_what_was_broken_off_is_told(self, tmp_path: Path) -> None:
        files, yaml = self.days(tmp_path), self.edge(tmp_path)
        with pytest.raises(KeyboardInterrupt):
            run(*files[:2], publish=yaml, stop_after=6)
        with pytest.raises(
            ConfigError, match=r"0\.mp4: is part of a replay of 0\.mp4 and 1 more that was broken"
        ):
            run(*files, publish=yaml)

    def test_joined_files_that_say_no_time_are_refused_with_words(self, tmp_path: Path) -> None:
        files = [film(tmp_path / f"{n}.mp4", marks=(2 + n,)) for n in range(3)]
        given = {"publish": self.edge(tmp_path), "join": True, "start": "2026-03-01T12:00Z"}
        run(*files[:2], **given)
        with pytest.raises(ConfigError, match=r"2\.mp4: files named before it were published already"):
            run(*files, **given)

    def test_the_state_keeps_nothing_of_what_the_spool_has_nor_of_what_was_let_go(
        self, tmp_path: Path
    ) -> None:
        path, yaml, out = film(tmp_path / "a.mp4", at=NOON), self.edge(tmp_path), tmp_path / "out"
        run(path, publish=yaml, out=out)
        written = {file.name: file.read_bytes() for file in out.iterdir()}
        assert {"annotated.mp4", "read-001-XYZ987.jpg"} < set(written)
        (told,) = run(path, publish=yaml, out=out)
        assert told.was_done
        assert told.report is not None
        assert told.report.is_let_go
        assert told.report.counts.reads == 1
        assert {file.name: file.read_bytes() for file in out.iterdir()} == written, "what was written stays"
        for _ in range(2):
            (anew,) = run(path, publish=yaml, again=True)
            assert plates([anew]) == [["XYZ987"]]
        with State(tmp_path / "spool.replay") as state:
            (row,) = state.rows()
            assert state.kept(row.number) == []

    def test_broken_off_behind_one_that_is_done_all_is_told_and_published_once(self, tmp_path: Path) -> None:
        one = film(tmp_path / "a.mp4", at=NOON)
        two = film(tmp_path / "b.mp4", marks=(3,), at=NOON + timedelta(minutes=5))
        given = {"publish": self.edge(tmp_path), "out": tmp_path / "out"}
        with pytest.raises(KeyboardInterrupt):
            run(one, two, stop_after=22, **given)
        outcomes = run(one, two, **given)
        assert [o.was_done for o in outcomes] == [True, False]
        assert plates(outcomes) == [["XYZ987"], ["JKL456"]]
        assert self.published(tmp_path) == ["XYZ987", "JKL456"]
        with State(tmp_path / "spool.replay") as state:
            assert [state.kept(row.number) for row in state.rows()] == [[], []]
        assert plates(run(one, two, **given)) == [[], []]
        assert self.published(tmp_path) == ["XYZ987", "JKL456"]

    def test_some_seconds_are_not_the_whole(self, tmp_path: Path) -> None:
        path, yaml = film(tmp_path / "a.mp4", at=NOON), self.edge(tmp_path)
        run(path, publish=yaml, seconds=1.0)
        with pytest.raises(ConfigError, match=r"a\.mp4: only its first 1 s were published"):
            run(path, publish=yaml)
        (outcome,) = run(path, publish=yaml, seconds=1.0)
        assert outcome.was_done
        (whole,) = run(path, publish=yaml, again=True)
        assert not whole.was_done
        (after,) = run(path, publish=yaml, seconds=1.0)
        assert after.was_done


def test_nothing_but_bad_files_is_a_fault_of_each(tmp_path: Path) -> None:
    empty = tmp_path / "empty.mp4"
    empty.write_bytes(b"")
    (outcome,) = run(empty)
    assert outcome.report is None
    assert outcome.fault == f"{empty}: the file is empty"


def test_a_recording_stays_the_one_that_it_was_when_it_was_looked_at_first(tmp_path: Path) -> None:
    path = film(tmp_path / "a.mp4", at=NOON)
    camera = Options().camera_settings(None)
    (recording,) = joined([(facts(path), Start(NOON, "start"))], is_one=False, camera=camera)
    known, parts = recording.identity, recording.identities
    with path.open("ab") as file:  # a recorder that has not closed it yet
        file.write(bytes(1000))
    assert (recording.identity, recording.identities) == (known, parts)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"fps": 1000.0}, r"^--fps:\n  analyse_fps: Input should be less than or equal to \d+$"),
        ({"min_plate_px": 1}, r"^--min-plate-px:\n  min_plate_px: Input should be greater than or equal"),
        (
            {"camera": "No Name", "fps": 0.0},
            r"^--camera, --fps:\n  id: String should match .*\n  analyse_fps: Input",
        ),
    ],
)
def test_the_option_at_fault_is_named(given: dict[str, object], told: str) -> None:
    with pytest.raises(ConfigError, match=told):
        Options(**given).camera_settings(None)  # type: ignore[arg-type]


def test_the_camera_must_be_one_of_the_edge_s(tmp_path: Path) -> None:
    yaml = tmp_path / "edge.yaml"
    cameras = [{"id": name, "url": "rtsp://h/x"} for name in ("body-1", "body-2")]
    yaml.write_text(json.dumps({"edge_id": "e", "site_id": "s", "cameras": cameras}))
    with pytest.raises(ConfigError, match="--camera: needed: which of body-1, body-2 took the recording"):
        Options(publish=yaml).camera_settings(Options(publish=yaml).box())
    options = Options(publish=yaml, camera="body-3")
    with pytest.raises(ConfigError, match="--camera body-3: .* has body-1, body-2"):
        options.camera_settings(options.box())
    corners = [[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]
    cameras = [camera | {"region": corners, "device": "d"} for camera in cameras]  # type: ignore[dict-item]
    yaml.write_text(json.dumps({"edge_id": "e", "site_id": "s", "cameras": cameras}))
    fixed = Options(publish=yaml, camera="body-2").camera_settings(Options(publish=yaml).box())
    assert (len(fixed.region), fixed.device, fixed.motion_gate) == (3, None, True)
    options = Options(publish=yaml, camera="body-2", moving=True)
    camera = options.camera_settings(options.box())
    assert (camera.id, camera.trust, camera.travels, camera.motion_gate) == ("body-2", "lower", True, False)
