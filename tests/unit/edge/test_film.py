"""Going on behind any picture of a recording, times that leap, and damage in the middle."""

import itertools
from collections.abc import Sequence
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from clips import clip_file, drawn, number_of, write_clip
from hypothesis import given
from hypothesis import strategies as st

from edge.capture.film import Film
from edge.capture.timeline import Timeline
from edge.capture.video import VideoSource
from edge.errors import LostError

STARTED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)
STEP_S = 0.04


def source(path: Path, *, fps: float | None = None, after=None) -> VideoSource:
    return VideoSource(path, camera_id="cam", started_at=STARTED_AT, fps=fps, after=after)


def written(path: Path, times_ms: Sequence[int]) -> Path:
    """Pictures 0, 1, 2 ... at these times."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25, options={"bf": "0", "g": "10"})
        stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000)
        for number, at_ms in enumerate(times_ms):
            frame = av.VideoFrame.from_ndarray(drawn(number), format="bgr24")
            frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def seen(frames: list) -> list[tuple[int, float]]:
    return [(number_of(f.bgr), round((f.captured_at - STARTED_AT).total_seconds(), 4)) for f in frames]


@pytest.mark.parametrize(
    ("suffix", "b_frames"),
    [(".mp4", 0), (".mp4", 2), (".mkv", 2), (".ts", 2), (".avi", 0), (".h264", 0)],
)
@pytest.mark.parametrize("fps", [None, 8.0])
def test_behind_any_frame_it_goes_on_as_if_it_had_never_stopped(
    suffix: str, b_frames: int, fps: float | None
) -> None:
    path = clip_file(b_frames=b_frames, suffix=suffix)
    whole = seen(list(source(path, fps=fps).frames()))
    one = source(path, fps=fps)
    marks = [one.mark for _ in one.frames()]
    for number in range(0, len(marks), 3):
        rest = source(path, fps=fps, after=marks[number])
        assert seen(list(rest.frames())) == whole[number + 1 :], number
        assert rest.progress == one.progress


def test_what_was_taken_earlier_must_be_there(tmp_path: Path) -> None:
    one = source(clip_file(suffix=".h264"))
    marks = [one.mark for _ in one.frames()]
    short = write_clip(tmp_path / "short.h264", frames=20)
    with pytest.raises(LostError, match=r"short\.h264: ends before its picture 50"):
        list(source(short, after=marks[-1]).frames())


def two_files_end_to_end(tmp_path: Path) -> Path:
    """A transport stream whose time begins anew in the middle, as recorders that were restarted leave them."""
    path = tmp_path / "joined.ts"
    path.write_bytes(clip_file(suffix=".ts").read_bytes() * 2)
    return path


def test_time_that_steps_back_goes_on_and_is_counted(tmp_path: Path) -> None:
    one = source(two_files_end_to_end(tmp_path))
    frames, marks = [], []
    for frame in one.frames():
        frames.append(frame)
        marks.append(one.mark)
    numbers = [number for number, _ in seen(frames)]
    assert numbers == [*range(50), *range(50)]
    assert all(b.captured_at > a.captured_at for a, b in itertools.pairwise(frames))
    assert one.mark.place.timeline.leaps == 1
    assert seen(frames)[-1][1] == pytest.approx(99 / 25, abs=0.1)
    for number in (30, 49, 50, 51, 80):  # across the leap pictures are counted, not looked up
        rest = seen(list(source(tmp_path / "joined.ts", after=marks[number]).frames()))
        assert rest == seen(frames)[number + 1 :], number


def test_a_long_gap_stays_one(tmp_path: Path) -> None:
    one = source(written(tmp_path / "gap.mp4", [0, 40, 80, 3_600_080, 3_600_120]))
    assert [at for _, at in seen(list(one.frames()))] == [0, 0.04, 0.08, 3600.08, 3600.12]
    assert one.mark.place.timeline.longest_s == pytest.approx(3600)
    assert one.mark.place.timeline.leaps == 0


def test_smears_are_left_out_up_to_the_next_key_frame(tmp_path: Path) -> None:
    """Every frame that is given is the picture that was drawn; what damage smeared is counted."""
    coded = bytearray(clip_file(frames=100, gop=25, suffix=".ts").read_bytes())
    for at in range(len(coded) // 2, len(coded) // 2 + 188 * 6):
        coded[at] = 0xFF
    path = tmp_path / "damaged.ts"
    path.write_bytes(coded)
    one = source(path)
    frames, marks = [], []
    for frame in one.frames():
        frames.append(frame)
        marks.append(one.mark)
    assert one.progress.unreadable > 0
    for number in range(30, len(frames), 5):  # before, amid and behind the damage
        rest = source(path, after=marks[number])
        assert seen(list(rest.frames())) == seen(frames)[number + 1 :], number
    assert 50 <= len(frames) < 100
    for frame in frames:
        number = number_of(frame.bgr)
        assert np.abs(frame.bgr.astype(int) - drawn(number)).mean() < 6, number


def test_a_file_that_lost_its_end_says_where(tmp_path: Path) -> None:
    whole = clip_file(frames=150, suffix=".mkv").read_bytes()
    path = tmp_path / "cut.mkv"
    path.write_bytes(whole[: len(whole) // 2])
    one = source(path)
    frames = list(one.frames())
    assert 0 < len(frames) < 150
    assert "ends at 0:0" in one.fault or "breaks off at 0:0" in one.fault
    assert source(clip_file(frames=150, suffix=".mkv")).fault == ""


def test_a_whole_file_has_no_fault() -> None:
    for suffix in (".mp4", ".ts", ".mkv", ".avi", ".h264"):
        film = Film(clip_file(suffix=suffix))
        assert sum(1 for _ in film.pictures()) == 50
        assert (film.fault, film.place.unreadable, film.place.timeline.leaps) == ("", 0, 0)


TIMES = st.lists(
    st.one_of(st.none(), st.floats(-1e6, 1e6), st.integers(0, 50).map(lambda n: n / 25)), max_size=40
)


@given(TIMES)
def test_whatever_a_file_says_times_ascend(presented: list[float | None]) -> None:
    timeline = Timeline(STEP_S)
    last_s = -1.0
    for each in presented:
        timeline = timeline.then(each)
        assert timeline.last_s is not None
        assert timeline.last_s > last_s
        last_s = timeline.last_s


@given(st.lists(st.floats(0.001, 3_000), min_size=1, max_size=40), st.floats(-1e5, 1e5))
def test_ascending_times_are_kept_as_they_are(steps: list[float], first_s: float) -> None:
    timeline = Timeline(STEP_S).then(first_s)
    moment_s = 0.0
    for step in steps:
        moment_s += step
        timeline = timeline.then(first_s + moment_s)
        assert timeline.last_s == pytest.approx(moment_s, abs=0.05)
    assert timeline.leaps == 0


def test_a_leap_of_days_is_none_of_the_recording() -> None:
    timeline = Timeline(STEP_S).then(0.0).then(0.04).then(200_000.0).then(200_000.04)
    assert timeline.last_s == pytest.approx(0.12)
    assert timeline.leaps == 1


def test_jitter_is_no_leap() -> None:
    timeline = Timeline(STEP_S).then(0.0).then(0.08).then(0.04).then(0.12)
    assert timeline.last_s == pytest.approx(0.12)
    assert timeline.leaps == 0
