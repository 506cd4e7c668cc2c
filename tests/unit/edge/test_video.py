"""Recordings: times, progress, and what is said of files that are no recordings."""

import itertools
import math
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
from clips import clip_file, drawn, number_of, write_clip

from edge.capture import picture
from edge.capture.video import FolderSource, Progress, VideoSource
from edge.errors import LostError, PixelsError
from edge.types import Bgr

STARTED_AT = datetime(2026, 3, 1, 12, tzinfo=UTC)


def video(path: Path, *, fps: float | None = None) -> VideoSource:
    return VideoSource(path, camera_id="cam", started_at=STARTED_AT, fps=fps)


def folder(path: Path, *, interval_s: float = 300.0) -> FolderSource:
    return FolderSource(path, camera_id="cam", started_at=STARTED_AT, interval_s=interval_s)


def seconds(frames: list) -> list[float]:
    return [(frame.captured_at - STARTED_AT).total_seconds() for frame in frames]


class TestVideo:
    @pytest.mark.parametrize(
        ("suffix", "b_frames"),
        [(".mp4", 0), (".mp4", 2), (".mkv", 0), (".mkv", 2), (".ts", 0), (".ts", 2), (".avi", 0)],
    )  # .avi keeps no presentation times, so none with B-frames
    def test_every_frame_at_its_own_time_whatever_the_container(self, suffix: str, b_frames: int) -> None:
        """Streams of .ts begin at 1.4 s of their own time; the recording begins at its first frame."""
        frames = list(video(clip_file(b_frames=b_frames, suffix=suffix)).frames())
        assert [number_of(frame.bgr) for frame in frames] == list(range(50))
        assert seconds(frames) == pytest.approx([n / 25 for n in range(50)], abs=0.0015)

    def test_uneven_frame_times_are_kept(self, tmp_path: Path) -> None:
        """A camera that left out frames in the dark; 18 frames a second and pauses."""
        path = tmp_path / "uneven.mp4"
        wanted_ms = [0, 55, 111, 400, 455, 1500, 1555]
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"bf": "0"})
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            stream.codec_context.time_base = Fraction(1, 1000)
            for number, at_ms in enumerate(wanted_ms):
                frame = av.VideoFrame.from_ndarray(drawn(number), format="bgr24")
                frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        assert seconds(list(video(path).frames())) == pytest.approx([t / 1000 for t in wanted_ms], abs=0.001)

    def test_fewer_frames_a_second_are_taken_where_that_is_asked(self) -> None:
        frames = list(video(clip_file(), fps=5).frames())
        assert [number_of(f.bgr) for f in frames] == list(range(0, 50, 5))

    def test_progress_counts_every_frame_and_ends_at_the_total(self) -> None:
        source = video(clip_file(), fps=5)
        assert source.progress == Progress(0, None, "", 0)
        next(frames := source.frames())
        assert source.progress == Progress(1, 50, "0:00.00", 0)
        list(frames)
        assert source.progress == Progress(50, 50, "0:01.96", 0)

    def test_a_stream_without_a_container_has_no_length_and_still_times(self, tmp_path: Path) -> None:
        path = tmp_path / "bare.h264"
        source = video(write_clip(path))
        frames = list(source.frames())
        assert [number_of(f.bgr) for f in frames] == list(range(50))
        assert seconds(frames) == pytest.approx([n / 25 for n in range(50)], abs=0.001)

    def test_damage_inside_a_file_is_left_out_and_counted(self, tmp_path: Path) -> None:
        path = tmp_path / "damaged.mp4"
        coded = bytearray(clip_file().read_bytes())
        middle = len(coded) // 2
        coded[middle : middle + 1500] = np.random.default_rng(0).bytes(1500)
        path.write_bytes(coded)
        source = video(path)
        frames = list(source.frames())
        assert 5 < len(frames) < 50
        assert source.progress.unreadable > 0
        assert all(b.captured_at > a.captured_at for a, b in itertools.pairwise(frames))

    @pytest.mark.parametrize(
        ("make", "words"),
        [
            (lambda path: None, "no such file"),
            (lambda path: path.mkdir(), "no such file"),
            (lambda path: path.write_bytes(b""), "the file is empty"),
            (lambda path: path.write_text("no video at all"), "cannot be read as a video"),
            (lambda path: path.write_bytes(clip_file().read_bytes()[:3000]), "cannot be read as a video"),
        ],
    )
    def test_what_is_no_recording_is_said_with_its_name(
        self, tmp_path: Path, make: Callable[[Path], object], words: str
    ) -> None:
        path = tmp_path / "film.mp4"
        make(path)
        with pytest.raises(LostError, match=rf"film\.mp4: {words}"):
            next(video(path).frames())

    def test_sound_alone_is_no_recording(self, tmp_path: Path) -> None:
        path = tmp_path / "sound.wav"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("pcm_s16le", rate=8000, layout="mono")
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 800), np.int16), layout="mono")
            frame.sample_rate = 8000
            container.mux(stream.encode(frame))
            container.mux(stream.encode())
        with pytest.raises(LostError, match=r"sound\.wav: holds no video"):
            next(video(path).frames())


class TestFolder:
    def fill(self, path: Path, *names: str) -> None:
        for number, name in enumerate(sorted(names)):
            assert cv2.imwrite(str(path / name), drawn(number))

    def test_pictures_come_by_name_at_the_interval(self, tmp_path: Path) -> None:
        self.fill(tmp_path, "b.png", "a.jpg", "c.webp", "d.bmp")
        (tmp_path / "notes.txt").write_text("not a picture")
        (tmp_path / "deeper.jpg").mkdir()
        source = folder(tmp_path, interval_s=60)
        labels = []
        frames = []
        for frame in source.frames():
            frames.append(frame)
            labels.append(source.progress.label)
        assert labels == ["a.jpg", "b.png", "c.webp", "d.bmp"]
        assert [number_of(f.bgr) for f in frames] == [0, 1, 2, 3]
        assert seconds(frames) == [0, 60, 120, 180]
        assert source.progress == Progress(4, 4, "d.bmp", 0)

    def test_a_damaged_picture_is_left_out_and_counted(self, tmp_path: Path) -> None:
        self.fill(tmp_path, "a.png", "c.png")
        (tmp_path / "b.png").write_bytes(b"\x89PNG rubbish")
        (tmp_path / "empty.jpg").write_bytes(b"")
        source = folder(tmp_path)
        frames = list(source.frames())
        assert seconds(frames) == [0, 600], "each keeps the time of its place"
        assert source.progress == Progress(4, 4, "empty.jpg", 2)

    def test_grey_and_transparent_pictures_become_bgr(self, tmp_path: Path) -> None:
        assert cv2.imwrite(str(tmp_path / "grey.png"), drawn(3)[:, :, 1])
        assert cv2.imwrite(str(tmp_path / "rgba.png"), cv2.cvtColor(drawn(5), cv2.COLOR_BGR2BGRA))
        assert {f.bgr.shape for f in folder(tmp_path).frames()} == {(180, 320, 3)}

    def test_what_holds_no_picture_is_said(self, tmp_path: Path) -> None:
        with pytest.raises(LostError, match="nowhere: no such folder"):
            next(folder(tmp_path / "nowhere").frames())
        with pytest.raises(LostError, match=r"holds no picture \(\.bmp, \.jpeg, \.jpg"):
            next(folder(tmp_path).frames())
        (tmp_path / "a.jpg").write_bytes(b"rubbish")
        with pytest.raises(LostError, match="none of its 1 pictures can be read"):
            next(folder(tmp_path).frames())


class TestPicture:
    @pytest.mark.parametrize(
        "pixels", ["yuv420p", "yuvj420p", "yuv422p", "yuv444p", "nv12", "gray", "yuv420p10le"]
    )
    def test_luma_is_the_brightness_of_any_format(self, pixels: str) -> None:
        drawing = drawn(11)
        frame = av.VideoFrame.from_ndarray(drawing, format="bgr24").reformat(format=pixels)
        seen = picture.luma(frame).astype(float)
        grey = cv2.cvtColor(drawing, cv2.COLOR_BGR2GRAY).astype(float)
        assert seen.shape == (180, 320)
        assert np.corrcoef(seen.ravel(), grey.ravel())[0, 1] > 0.99

    def test_luma_is_a_view_where_it_can_be(self) -> None:
        frame = av.VideoFrame.from_ndarray(drawn(1), format="bgr24").reformat(format="yuv420p")
        assert not picture.luma(frame).flags.owndata
        width = 330  # not a multiple of libav's alignment: rows are padded
        odd = av.VideoFrame(width, 180, "yuv420p")
        assert picture.luma(odd).shape == (180, width)

    @pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv444p", "nv12"])
    def test_bgr_is_right_in_limited_and_full_range(self, pixels: str) -> None:
        drawing = drawn(11)
        frame = av.VideoFrame.from_ndarray(drawing, format="bgr24").reformat(format=pixels)
        assert np.abs(picture.bgr(frame).astype(int) - drawing).mean() < 3
        assert math.isclose(picture.bgr(frame).max(), 235, abs_tol=3)

    @pytest.mark.parametrize("pixels", ["yuv420p", "yuvj420p", "yuv422p", "nv12", "gray", "yuv420p10le"])
    @pytest.mark.parametrize("colour_space", [0, 1, 2, 5, 6, 9])
    @pytest.mark.parametrize("colour_range", [0, 1, 2])
    def test_bgr_is_what_libav_itself_converts(
        self, pixels: str, colour_space: int, colour_range: int
    ) -> None:
        frame = framed(11, pixels=pixels)
        frame.colorspace, frame.color_range = colour_space, colour_range
        assert np.array_equal(picture.bgr(frame), frame.to_ndarray(format="bgr24", threads=1))

    def test_interlaced_frames_are_converted_by_their_fields(self, tmp_path: Path) -> None:
        path = tmp_path / "interlaced.ts"
        with av.open(str(path), "w") as container:
            stream = container.add_stream("libx264", rate=25, options={"x264-params": "tff=1"})
            stream.width, stream.height, stream.pix_fmt = 320, 180, "yuv420p"
            for number in range(3):
                container.mux(stream.encode(av.VideoFrame.from_ndarray(drawn(number), format="bgr24")))
            container.mux(stream.encode())
        with av.open(str(path)) as container:
            frames = list(container.decode(video=0))
        assert all(frame.interlaced_frame for frame in frames)
        for frame in frames:
            assert np.array_equal(picture.bgr(frame), frame.to_ndarray(format="bgr24", threads=1))


class TestMemoryOfPictures:
    def test_it_is_used_again_once_nothing_holds_the_picture(self) -> None:
        before = [place(picture.bgr(framed(number))) for number in range(3)]
        assert len(set(before)) == 1

    def test_but_never_while_even_a_pixel_of_it_is_held(self) -> None:
        kept = picture.bgr(framed(3))[60:62, 100:103]
        copied = kept.copy()
        others = [picture.bgr(framed(number)) for number in range(4, 9)]
        assert not any(np.shares_memory(kept, other) for other in others)
        assert np.array_equal(kept, copied)
        assert [number_of(other) for other in others] == [4, 5, 6, 7, 8]

    def test_a_picture_outlives_its_thread_and_what_it_was_made_of(self) -> None:
        made: list[Bgr] = []
        thread = threading.Thread(target=lambda: made.append(picture.bgr(framed(5))))
        thread.start()
        thread.join()
        picture.bgr(framed(6))
        assert number_of(made[0]) == 5

    def test_threads_make_their_own(self) -> None:
        def numbers(first: int) -> list[int]:
            return [number_of(picture.bgr(framed(first + n % 2))) for n in range(200)]

        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(numbers, (1, 3, 5, 7)))
        assert found == [[first, first + 1] * 100 for first in (1, 3, 5, 7)]

    def test_frames_of_many_kinds_in_turn(self) -> None:
        kinds = [(320, 180), (330, 186), (640, 360), (352, 288), (704, 576), (320, 180)]
        for _ in range(2):
            for width, height in kinds:
                frame = framed(7).reformat(width=width, height=height)
                assert np.array_equal(picture.bgr(frame), frame.to_ndarray(format="bgr24", threads=1))

    def test_what_cannot_be_converted_is_said_and_the_next_is_converted(self) -> None:
        reserved = framed(9)
        reserved.colorspace = 3
        for _ in range(2):
            with pytest.raises(av.FFmpegError):
                picture.bgr(reserved)
            with pytest.raises(PixelsError, match="a frame of 320x180 yuv420p"):
                picture.Decoded(reserved).bgr()
        assert number_of(picture.bgr(framed(9))) == 9


def framed(number: int, *, pixels: str = "yuv420p") -> av.VideoFrame:
    return av.VideoFrame.from_ndarray(drawn(number), format="bgr24").reformat(format=pixels)


def place(made: Bgr) -> int:
    """Where its first pixel lies."""
    return made.ctypes.data


def test_the_started_time_may_lie_in_any_zone_and_stays_what_it_is() -> None:
    later = STARTED_AT + timedelta(hours=5)
    frames = VideoSource(clip_file(), camera_id="cam", started_at=later).frames()
    assert next(frames).captured_at == later
