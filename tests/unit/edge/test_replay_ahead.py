"""Decoding ahead: the same frames, a few of them at most, and a place that is that of the newest one given."""

import threading
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import pytest
from fakes import at, frame

from edge.capture.film import Place
from edge.capture.timeline import Timeline
from edge.capture.video import Mark
from edge.errors import LostError
from edge.replay.ahead import DEPTH, Ahead
from edge.replay.recording import Figures, Stop
from edge.types import Frame


class Tape:
    """A recording of so many frames; `fault` ends it."""

    def __init__(self, frames: int, *, fault: Exception | None = None) -> None:
        self._count, self._fault = frames, fault
        self.stop: Stop | None = None
        self.figures = Figures()
        self.decoded = 0
        self.moved = threading.Condition()
        self.thread: threading.Thread | None = None
        self.closed = False

    def frames(self, *, after: Stop | None = None) -> Iterator[Frame]:
        self.thread = threading.current_thread()
        try:
            for number in range(after.mark.place.pictures if after else 0, self._count):
                mark = Mark(Place(Timeline(0.04), pictures=number + 1), due_s=float(number))
                self.stop = Stop(0, at(0), mark, Figures())
                self.figures = Figures(pictures=number + 1)
                with self.moved:
                    self.decoded = number + 1
                    self.moved.notify_all()
                yield frame(number, {})
            if self._fault is not None:
                raise self._fault
            self.figures = Figures(pictures=self._count, faults=("ends early",))
        finally:
            self.closed = True


def test_the_frames_are_the_same_in_order() -> None:
    assert [f.captured_at for f in Ahead(Tape(50)).frames()] == [at(n) for n in range(50)]


def test_the_place_is_that_of_the_frame_given_though_more_are_decoded() -> None:
    tape = Tape(50)
    ahead = Ahead(tape)
    with closing(ahead.frames()) as frames:
        for number, _ in enumerate(islice(frames, 10), start=1):
            with tape.moved:
                assert tape.moved.wait_for(lambda n=number: tape.decoded > n, 30)  # type: ignore[misc]
            assert ahead.stop is not None
            assert ahead.stop.mark.place.pictures == ahead.figures.pictures == number
    assert tape.decoded <= 10 + DEPTH + 1, "and no more than the places there are"


def test_it_goes_on_behind_a_place() -> None:
    ahead = Ahead(Tape(50))
    with closing(ahead.frames()) as frames:
        before = [f.captured_at for f in islice(frames, 20)]
    after = [f.captured_at for f in Ahead(Tape(50)).frames(after=ahead.stop)]
    assert before + after == [at(n) for n in range(50)]


def test_at_the_end_the_figures_are_the_whole_recordings() -> None:
    ahead = Ahead(Tape(3))
    assert len(list(ahead.frames())) == 3
    assert ahead.figures == Figures(pictures=3, faults=("ends early",))


def test_a_fault_comes_behind_the_frames_before_it() -> None:
    frames = Ahead(Tape(3, fault=LostError("cut off"))).frames()
    assert len(list(islice(frames, 3))) == 3
    with pytest.raises(LostError, match="cut off"):
        next(frames)


def test_where_they_are_left_the_recording_is_closed() -> None:
    tape = Tape(50)
    with closing(Ahead(tape).frames()) as frames:
        next(frames)
    assert tape.closed
    assert tape.thread is not None
    assert not tape.thread.is_alive()


def test_a_recording_without_a_frame_says_so() -> None:
    with pytest.raises(LostError, match="nothing"):
        next(Ahead(Tape(0, fault=LostError("nothing"))).frames())
