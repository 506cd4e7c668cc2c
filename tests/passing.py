"""Vehicles that pass a fake camera, for tests of a whole pipeline: plates by mark, where the test puts them."""

from collections.abc import Callable, Iterable
from dataclasses import replace

import numpy as np
from fakes import FakeDetector, FakeReader, FakeVote, at, frame, reading
from numpy.typing import NDArray

from edge.assets import plate_files
from edge.emission import Emission, Kind
from edge.grammar import load_grammar
from edge.pipeline import Pipeline
from edge.settings import CameraSettings, VoteSettings
from edge.types import Box, Reading
from edge.vote import Vote

CAMERA = CameraSettings(id="cam", url="rtsp://127.0.0.1/cam", countries={"CO": 1})
SETTINGS = VoteSettings()
GRAMMAR = load_grammar(plate_files())
FPS = 8


class Scene:
    """A camera with a pipeline: plates by mark, shown for as long as the test says."""

    def __init__(
        self, says: dict[int, Reading], new_vote: Callable[[], object] = FakeVote, **camera: object
    ) -> None:
        self.detector, self.reader = FakeDetector(), FakeReader(says)
        self.settings = CAMERA.model_copy(update=camera)
        self.pipeline = Pipeline(
            camera=self.settings,
            vote=SETTINGS,
            new_vote=new_vote,  # type: ignore[arg-type]
            detector=self.detector,
            reader=self.reader,
        )
        self.now = 0.0
        self.emissions: list[tuple[float, Emission]] = []

    def show(
        self, seconds: float, plates: Callable[[float], dict[int, Box]], *, preset: str | None = None
    ) -> None:
        """Feed frames at FPS; `plates` says by time since the start of this show what stands where."""
        began = self.now
        while self.now < began + seconds - 1e-9:
            self._take(
                self.pipeline.feed(frame(self.now, plates(self.now - began), preset=preset), now=at(self.now))
            )
            self.now += 1 / FPS

    def wait(self, seconds: float) -> None:
        """No frames come (the motion gate is shut)."""
        began = self.now
        while self.now < began + seconds - 1e-9:
            self.now += 0.5
            self._take(self.pipeline.tick(now=at(self.now)))

    def end(self) -> list[Emission]:
        self._take(self.pipeline.flush(now=at(self.now)))
        return [emission for _, emission in self.emissions]

    def _take(self, emissions: Iterable[Emission]) -> None:
        self.emissions += [(self.now, e) for e in emissions]


def real_vote() -> Vote:
    return Vote(grammar=GRAMMAR, settings=SETTINGS, countries={"CO": 1})


def standing(*marks: int) -> Callable[[float], dict[int, Box]]:
    return lambda _: {mark: Box(40 + 200 * k, 120, 120, 60) for k, mark in enumerate(marks)}


def driving(mark: int, *, px_s: float = 200.0) -> Callable[[float], dict[int, Box]]:
    """Across the picture from the left, gone when its plate would touch the right border."""
    return lambda t: {mark: Box(20 + px_s * t, 120, 96, 48)} if px_s * t < 500 else {}


def approaching(mark: int) -> Callable[[float], dict[int, Box]]:
    return lambda t: {mark: Box(300, 60 + 40 * t, 48 + 32 * t, 24 + 16 * t)}


def nothing(_: float) -> dict[int, Box]:
    return {}


def said(emissions: list[Emission]) -> list[tuple[Kind, str]]:
    return [(e.kind, e.verdict.plate) for e in emissions]


def either(first: str, second: str, share: float) -> Reading:
    """A reader in two minds: the first string with `share`, else the second (of one length)."""
    one, two = (np.exp(reading(text, sure=0.995).log_probs) for text in (first, second))
    mixed: NDArray[np.float32] = np.log(share * one + (1 - share) * two).astype(np.float32)
    return replace(reading(first), log_probs=mixed)
