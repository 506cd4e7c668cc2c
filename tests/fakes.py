"""Stand-ins behind the edge's ports, and the small world that they look at.

A plate in a fake frame is a patch of stripes with a mark (a colour) in its middle: `FakeDetector` finds the
patches, `FakeReader` knows which text belongs to which mark. So detection, tracking, cropping and reading all
work on the same pixels, as in earnest.
"""

import threading
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import numpy as np

from edge.assets import plate_files
from edge.contract.pattern import ALPHABET
from edge.contract.read import Character
from edge.engine import Engine
from edge.grammar import load_grammar
from edge.settings import VoteSettings
from edge.types import Bgr, Box, Detection, Frame, Observation, Reading, Verdict

START = datetime(2026, 3, 1, 12, tzinfo=UTC)
WIDTH, HEIGHT = 640, 360
_ROAD = 90
_MARKED = 200  # blue of every mark; red tells them apart


def at(seconds: float) -> datetime:
    """The moment so many seconds after START."""
    return START + timedelta(seconds=seconds)


def posterior(text: str, *, sure: float = 0.99) -> np.ndarray:
    """(2 n + 1, 37) float32 log-probabilities that spell `text`, each character with probability `sure`."""
    columns = 1 + len(ALPHABET)
    rows = []
    for column in [0, *(k for c in text for k in (ALPHABET.index(c) + 1, 0))]:
        row = np.full(columns, (1 - sure) / (columns - 1))
        row[column] = sure
        rows.append(row)
    return np.log(np.array(rows)).astype(np.float32)


def reading(text: str, *, sure: float = 0.99) -> Reading:
    """What a reader says that sees `text`."""
    return Reading(log_probs=posterior(text, sure=sure), alphabet=ALPHABET, text_raw=text)


def picture(plates: Mapping[int, Box], *, width: int = WIDTH, height: int = HEIGHT) -> Bgr:
    """A grey road with plates: mark (1..255) -> box."""
    bgr = np.full((height, width, 3), _ROAD, dtype=np.uint8)
    for mark, box in plates.items():
        left, top, wide, high = (round(v) for v in (box.x, box.y, box.width, box.height))
        patch = np.full((high, wide, 3), 245, dtype=np.uint8)
        patch[:, (np.arange(wide) * 16 // wide) % 2 == 1] = 10  # sharp at every size
        patch[high // 4 : 3 * high // 4, wide // 4 : 3 * wide // 4] = (_MARKED, 0, mark)
        bgr[top : top + high, left : left + wide] = patch
    return bgr


def frame(seconds: float, plates: Mapping[int, Box], *, preset: str | None = None) -> Frame:
    """`picture` as a frame of camera `cam`."""
    return Frame("cam", at(seconds), picture(plates), preset)


class FakeDetector:
    """Finds the marked patches of `picture`, unless `blind`."""

    version = "fake@000000000000"

    def __init__(self) -> None:
        self.calls = 0
        self.blind = False
        self.near: Sequence[Box] | None = None
        self.within: Box | None = None
        self.fails_with: Exception | None = None

    def detect(
        self, bgr: Bgr, *, near: Sequence[Box] | None = None, within: Box | None = None
    ) -> list[Detection]:
        self.calls += 1
        self.near, self.within = near, within
        if self.fails_with is not None:
            raise self.fails_with
        if self.blind:
            return []
        marked = (bgr[..., 0] == _MARKED) & (bgr[..., 1] == 0)
        boxes = [_whole(marked & (bgr[..., 2] == m)) for m in np.unique(bgr[marked][:, 2])]
        return [Detection(b, 0.9) for b in boxes if near is None or any(b.share_in(n) > 0.99 for n in near)]


class FakeReader:
    """Knows which text (and how surely) belongs to which mark; counts the crops it was given."""

    version = "fake@111111111111"

    def __init__(self, says: Mapping[int, Reading]) -> None:
        self.says = dict(says)
        self.crops = 0

    def read(self, crops: Sequence[Bgr]) -> list[Reading]:
        self.crops += len(crops)
        return [self.says[int(crop[crop.shape[0] // 2, crop.shape[1] // 2, 2])] for crop in crops]


class FakeVote:
    """Believes the newest frame, and as much as that is sure of itself."""

    def __init__(self) -> None:
        self._seen: list[tuple[str, float]] = []

    def add(self, observation: Observation) -> None:
        text, sure = observation.reading.text_raw, float(np.exp(observation.reading.log_probs.max()))
        self._seen.append((text, sure))

    def absorb(self, other: "FakeVote") -> None:
        self._seen += other._seen

    def agrees(self, other: "FakeVote") -> float:
        (text, sure), (other_text, other_sure) = self._seen[-1], other._seen[-1]
        return sure * other_sure if text == other_text else 0.0

    def verdict(self) -> Verdict | None:
        if not self._seen:
            return None
        text, sure = self._seen[-1]
        characters = tuple(Character(char=c, likelihood=sure) for c in text)
        votes = sum(said == text for said, _ in self._seen)
        return Verdict(text, text, sure, characters, None, None, None, votes, len(self._seen))


@dataclass(frozen=True)
class FakeEngine(Engine):
    """Fakes all through, with the grammar of the repository."""

    @classmethod
    def that_says(cls, says: Mapping[int, Reading]) -> "FakeEngine":
        return cls(FakeDetector(), FakeReader(says), load_grammar(plate_files()))

    def new_vote(self, settings: VoteSettings, countries: Mapping[str, float]) -> FakeVote:  # type: ignore[override]
        return FakeVote()


class FakeSource:
    """Gives frames, then waits to be closed, or ends where `ends` is set."""

    def __init__(self, frames: Sequence[Frame], *, ends: bool = False) -> None:
        self._frames = frames
        self._ends = ends
        self._closed = threading.Event()

    def frames(self) -> Iterator[Frame]:
        for each in self._frames:
            if self._closed.wait(0.03):  # so that each can be taken before the next replaces it
                return
            yield each
        if not self._ends:
            self._closed.wait(60)

    def close(self) -> None:
        self._closed.set()


def _whole(mark: np.ndarray) -> Box:
    """The plate around its mark, which fills its middle half."""
    rows, columns = np.flatnonzero(mark.any(axis=1)), np.flatnonzero(mark.any(axis=0))
    high, wide = 2 * len(rows), 2 * len(columns)
    return Box(float(columns[0] - wide // 4), float(rows[0] - high // 4), float(wide), float(high))
