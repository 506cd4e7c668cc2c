import json
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from fakes import FakeEngine, frame, picture, reading

from edge.errors import ConfigError, LostError
from edge.pipeline import Seen
from edge.replay.annotate import VideoWriter, annotated
from edge.replay.output import Output
from edge.replay.recording import Figures, Stop
from edge.replay.run import Replay, Report
from edge.replay.state import State
from edge.settings import CameraSettings, VoteSettings
from edge.types import Bgr, Box, Frame, Verdict

CAMERA = CameraSettings(id="replay", url="rtsp://127.0.0.1/recording", countries={"CO": 1})
GREEN, AMBER, GREY = (60, 150, 30), (0, 140, 230), (110, 110, 110)


def verdict(likelihood: float) -> Verdict:
    return Verdict("KAB123", "KAB123", likelihood, (), None, None, None, 1, 1)


class Listed:
    """Frames in memory as a recording; it is told from the beginning always."""

    stop = None
    figures = Figures()

    def __init__(self, frames: Iterable[Frame]) -> None:
        self._frames = frames

    def frames(self, *, after: Stop | None = None) -> Iterator[Frame]:
        assert after is None
        return iter(self._frames)


def engine(*, sure: float = 0.99) -> FakeEngine:
    return FakeEngine.that_says({7: reading("KAB123", sure=sure), 9: reading("XYZ987", sure=sure)})


def replayed(frames: Iterable[Frame], out: Path | None = None, *, nets: FakeEngine | None = None) -> Report:
    with State(None) as state:
        row = state.begin("x", name="x", settings={})
        replay = Replay(nets or engine(), camera=CAMERA, vote=VoteSettings())
        return replay.video(Listed(frames), state, row.number, out=Output(out) if out else None)


def looked_at(frames: Iterable[tuple[str, Frame]], out: Path | None = None, *, sure: float = 0.99) -> Report:
    replay = Replay(engine(sure=sure), camera=CAMERA, vote=VoteSettings())
    return replay.pictures(frames, out=Output(out) if out else None)


def recording(frames: int = 16) -> list[Frame]:
    """Mark 7 crosses the picture; mark 9 appears after a second."""
    film = []
    for k in range(frames):
        plates = {7: Box(40 + 20.0 * k, 100, 120, 60)}
        if k >= 8:
            plates[9] = Box(300, 250, 96, 48)
        film.append(frame(k / 8, plates))
    return film


def read_video(path: Path) -> list[Bgr]:
    with av.open(str(path)) as container:
        assert container.streams.video[0].codec_context.name == "h264"
        return [f.to_ndarray(format="bgr24") for f in container.decode(video=0)]


def has_colour(bgr: Bgr, colour: tuple[int, int, int], *, tolerance: int = 0) -> bool:
    return bool((np.abs(bgr.astype(int) - colour).max(axis=2) <= tolerance).any())


def test_a_recording_gives_its_reads_in_order_with_times() -> None:
    report = replayed(recording())
    assert [(f.origin, f.read.plate) for f in report.found] == [("0.0 s", "KAB123"), ("1.0 s", "XYZ987")]
    assert [f.read.seq for f in report.found] == [1, 2]
    assert report.counts.frames == 16
    assert report.cpu_ms > 0


def test_an_update_takes_the_place_of_its_read() -> None:
    doubtful = FakeEngine.that_says({7: reading("KAB128", sure=0.9)})

    def film() -> list[Frame]:
        return [frame(k / 8, {7: Box(40, 100, 120, 60)}) for k in range(140)]

    def changing():
        for number, each in enumerate(film()):
            if number == 24:
                doubtful.reader.says[7] = reading("KAB123")  # type: ignore[attr-defined]
            yield each

    report = replayed(changing(), nets=doubtful)
    assert report.counts.updates >= 1
    assert [(f.read.seq, f.read.plate) for f in report.found] == [(1, "KAB123")]


def test_the_annotated_video_shows_every_analysed_frame(tmp_path: Path) -> None:
    replayed(recording(), tmp_path)
    frames = read_video(tmp_path / "annotated.mp4")
    assert len(frames) == 16
    assert frames[0].shape == (360, 640, 3)
    assert has_colour(frames[-1], GREEN, tolerance=30)
    assert not has_colour(picture({7: Box(340, 100, 120, 60)}), GREEN, tolerance=30)


def test_every_read_has_its_picture(tmp_path: Path) -> None:
    replayed(recording(), tmp_path)
    names = sorted(p.name for p in tmp_path.glob("read-*.jpg"))
    assert names == ["read-001-KAB123.jpg", "read-002-XYZ987.jpg"]
    crop = cv2.imread(str(tmp_path / names[0]))
    assert crop is not None
    middle = crop[crop.shape[0] // 2, crop.shape[1] // 2]
    assert np.abs(middle.astype(int) - (200, 0, 7)).max() < 30


def test_a_second_replay_takes_the_place_of_the_first_and_of_nothing_else(tmp_path: Path) -> None:
    own = tmp_path / "read-007-MINE.jpg"
    own.write_bytes(b"the user's own")
    replayed(recording(), tmp_path)
    replayed(recording(4), tmp_path)
    names = sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith("."))
    assert names == ["annotated.mp4", "read-001-KAB123.jpg", own.name]
    assert own.read_bytes() == b"the user's own"
    assert len(read_video(tmp_path / "annotated.mp4")) == 4


@pytest.mark.parametrize("name", ["annotated.mp4", "read-001-KAB123.jpg"])
def test_what_replay_did_not_write_it_does_not_overwrite(tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(b"the user's own")
    with pytest.raises(
        ConfigError, match=f"{name}: replay did not write it and leaves it; name another folder"
    ):
        replayed(recording(), tmp_path)
    assert (tmp_path / name).read_bytes() == b"the user's own"


def test_a_replay_that_broke_off_is_cleared_away_by_the_next(tmp_path: Path) -> None:
    def broken():
        yield from recording(3)
        raise LostError("the camera fell down")

    with pytest.raises(LostError, match="fell down"):
        replayed(broken(), tmp_path)
    assert (tmp_path / "annotated-00000.piece.mp4").exists()
    looked_at([("a.png", frame(0, {}))], tmp_path)
    assert sorted(p.name for p in tmp_path.iterdir() if not p.name.startswith(".")) == ["a.png.annotated.jpg"]


def test_a_list_that_names_other_folders_is_not_followed(tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    (tmp_path / "mine.jpg").write_bytes(b"the user's own")
    (out / ".replay").write_text("../mine.jpg\n/\n..\n\n.\n")
    replayed(recording(4), out)
    assert (tmp_path / "mine.jpg").exists()


def test_pictures_are_read_each_on_its_own(tmp_path: Path) -> None:
    plate = {7: Box(200, 100, 120, 60)}
    shown = [("a.png", frame(0, plate)), ("b.png", frame(1, plate)), ("empty.png", frame(2, {}))]
    report = looked_at(shown, tmp_path, sure=0.999)
    assert [(f.origin, f.read.plate) for f in report.found] == [("a.png", "KAB123"), ("b.png", "KAB123")]
    assert report.counts.frames == 3
    copies = sorted(p.name for p in tmp_path.glob("*.annotated.jpg"))
    assert copies == ["a.png.annotated.jpg", "b.png.annotated.jpg", "empty.png.annotated.jpg"]
    copy = cv2.imread(str(tmp_path / copies[0]))
    assert copy is not None
    assert has_colour(copy, GREEN, tolerance=20)


def test_a_picture_that_no_jpeg_can_hold_is_named(tmp_path: Path) -> None:
    wide = Frame("replay", frame(0, {}).captured_at, np.zeros((8, 65_501, 3), np.uint8))
    with pytest.raises(LostError, match=r"wide\.png: a picture of shape \(8, 65501, 3\) cannot be encoded"):
        looked_at([("wide.png", wide)], tmp_path)


def test_no_picture_at_all_is_said() -> None:
    with pytest.raises(LostError, match="no picture"):
        looked_at([])


def test_the_report_as_json_is_whole() -> None:
    report = replayed(recording())
    content = json.loads(json.dumps(report.as_json()))
    assert content["counts"]["reads"] == 2
    assert [r["plate"] for r in content["reads"]] == ["KAB123", "XYZ987"]
    assert content["reads"][0]["origin"] == "0.0 s"
    assert isinstance(report, Report)


@pytest.mark.parametrize(
    ("likelihood", "emitted", "colour"), [(0.99, True, GREEN), (0.7, False, AMBER), (0.2, False, GREY)]
)
def test_colours_tell_what_is_known(likelihood: float, emitted: bool, colour: tuple[int, int, int]) -> None:
    bgr = picture({})
    seen = Seen(Box(200, 100, 120, 60), verdict(likelihood), emitted=emitted)
    copy = annotated(bgr, [seen], legible=0.5)
    assert has_colour(copy, colour)
    assert not has_colour(bgr, colour)
    said = has_colour(copy, (255, 255, 255))
    assert said is (likelihood >= 0.5), "what is not legible bears no text"


@pytest.mark.parametrize(
    "box",
    [
        Box(0, 0, 120, 60),
        Box(560, 0, 80, 40),
        Box(560, 330, 80, 30),
        Box(0, 320, 60, 40),
        Box(0, 0, 640, 360),
    ],
)
def test_the_text_stays_inside_the_picture(box: Box) -> None:
    seen = Seen(box, verdict(0.99), emitted=True)
    inside = annotated(picture({}), [seen], legible=0.5)
    wide = np.full((600, 1000, 3), 90, dtype=np.uint8)
    shifted = replace(seen, box=Box(box.x + 180, box.y + 120, box.width, box.height))
    reference = annotated(wide, [shifted], legible=0.5)
    white = [(np.abs(b.astype(int) - 255).max(axis=2) < 40).sum() for b in (inside, reference)]
    assert white[0] >= 0.9 * white[1] * (0.45 / 0.52) ** 2, "as much lettering as in the open"


def test_an_odd_picture_size_can_be_written(tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "odd.mp4", width_px=321, height_px=241, fps=7.5) as writer:
        for k in range(3):
            writer.write(np.full((241, 321, 3), 40 * k, dtype=np.uint8), at_s=k / 7.5)
    frames = read_video(tmp_path / "odd.mp4")
    assert [f.shape for f in frames] == [(240, 320, 3)] * 3
