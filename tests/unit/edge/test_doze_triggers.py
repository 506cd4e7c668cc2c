"""Dozing on a trigger's word: where key frames alone do not allow it, and what becomes of one that lies."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import av
import numpy as np
import pytest
from clips import FPS, HEIGHT, WIDTH, write_clip

from edge.capture import picture
from edge.capture.doze import Doze
from edge.capture.gate import MotionGate
from edge.capture.key_frames import KeyFrames
from edge.capture.stats import CaptureStats
from edge.capture.triggers.trigger import Trigger
from edge.capture.triggers.witness import Witness
from edge.contract.health import TriggerState

RARE = 10 * FPS  # pictures from key frame to key frame
EVERY = 15 * FPS  # a passage
STAYS = 2 * FPS
PASSAGES = 16


def begins(number: int) -> int:
    """The picture with which a passage begins, somewhere else between two key frames each time."""
    return 100 + number * EVERY


def draw(number: int) -> np.ndarray:
    """A still road, crossed by a box for two seconds in every fifteen."""
    road = np.random.default_rng(7).integers(60, 120, (HEIGHT // 6, WIDTH // 5), dtype=np.uint8)
    shown = np.repeat(road.repeat(6, 0).repeat(5, 1)[:, :, None], 3, axis=2)
    since = (number - 100) % EVERY
    if number >= 100 and since < STAYS:
        left = 20 + since * 4 % (WIDTH - 80)
        shown[60:100, left : left + 50] = 235
    return shown


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("film")
    return write_clip(folder / "rare.mp4", frames=begins(PASSAGES), gop=RARE, draw=draw)


@dataclass
class Run:
    """What became of a film's pictures, and of the trigger."""

    stats: CaptureStats = field(default_factory=CaptureStats)
    decoded: set[int] = field(default_factory=set)
    seen: set[int] = field(default_factory=set)
    """Passages in which the gate was open."""

    @property
    def counts(self) -> dict[str, tuple[int, int, int, TriggerState]]:
        return {t.name: (t.wakes, t.false_alarms, t.missed, t.state) for t in self.stats.snapshot().triggers}

    def share(self, passages: Iterable[int]) -> float:
        """Of the pictures between the first of these passages and the one after the last, how many were decoded."""
        numbers = list(passages)
        span = range(begins(numbers[0]), begins(numbers[-1] + 1))
        return len(self.decoded & set(span)) / len(span)


def play(film: Path, tells: Callable[[int, int], bool | None] | None) -> Run:
    """As the RTSP source does it, but as fast as it goes.

    Args:
        tells: of passage and picture within it (negative: before), whether the witness says that something moves;
            None: it is away. None altogether: there is none.
    """
    run, gate, now_s = Run(), MotionGate(), 0.0
    witness = Witness("events", clock=lambda: datetime.fromtimestamp(now_s, UTC))
    with av.open(str(film)) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1
        triggers = [] if tells is None else [Trigger(witness, stats=run.stats)]
        keys = KeyFrames()
        doze = Doze(
            stream,
            keys=keys,
            moves=lambda luma: gate.glance(luma, at_s=now_s),
            triggers=triggers,
            stats=run.stats,
        )
        was_open = is_open = True
        moves_since_s: float | None = None
        for number, packet in enumerate(p for p in container.demux(stream) if p.size):
            now_s = number / FPS
            if tells is not None:
                passage = (number - 50) // EVERY
                says = tells(passage, number - begins(passage))
                witness.is_silent("away") if says is None else witness.says(moves=says)
            keys.note(packet, media_s=now_s)
            due = doze.due(packet, media_s=now_s)
            for frame in (f for p in due for f in p.decode()):
                shown = round(frame.time * FPS)
                run.decoded.add(shown)
                is_open = gate.is_open(picture.luma(frame), at_s=frame.time)
                if is_open and shown >= 100 and (shown - 100) % EVERY < STAYS:
                    run.seen.add((shown - 100) // EVERY)
            doze.watch(still=not is_open, now_s=now_s)
            if due:
                if gate.moves_since_s is not None and gate.moves_since_s != moves_since_s:
                    moves_since_s = gate.moves_since_s
                    doze.moved(moves_since_s)
                if not is_open:
                    if was_open and gate.stayed_s:
                        doze.stayed(gate.stayed_s)
                    doze.rest(packet)
                was_open = is_open
    return run


def truthful(_passage: int, picture: int) -> bool:
    return -3 <= picture < STAYS + 20


def test_without_a_trigger_rare_key_frames_are_decoded_whole(film: Path) -> None:
    run = play(film, None)
    assert run.share(range(PASSAGES)) == 1.0


def test_one_that_tells_the_truth_lets_it_doze_and_no_passage_is_missed(film: Path) -> None:
    run = play(film, truthful)
    assert run.seen == set(range(PASSAGES))
    assert run.share(range(5)) == 1.0, "until it is known"
    for passage in range(8, PASSAGES):
        first = begins(passage)
        assert set(range(first, first + STAYS)) <= run.decoded
    wakes, false_alarms, missed, state = run.counts["events"]
    assert wakes >= 6
    assert (false_alarms, missed, state) == (0, 0, TriggerState.TRUSTED)
    # Since the last key frame, five seconds on average, the passage itself, and until the street is still again.
    assert run.share(range(8, PASSAGES)) < 0.75


def test_one_that_always_keeps_silent_costs_no_passage_and_saves_nothing(film: Path) -> None:
    run = play(film, lambda *_: False)
    assert run.seen == set(range(PASSAGES))
    assert run.share(range(PASSAGES)) == 1.0
    assert run.counts["events"][2:] == (PASSAGES, TriggerState.DISTRUSTED)


def test_one_that_falls_silent_is_found_out_by_the_key_frames(film: Path) -> None:
    run = play(film, lambda passage, picture: passage < 8 and truthful(passage, picture))
    assert set(range(8)) <= run.seen
    assert run.counts["events"][3] is TriggerState.DISTRUSTED
    # Two key frames had to show a passage first: one in five does.
    missed = set(range(PASSAGES)) - run.seen
    assert missed <= set(range(8, 14))
    assert run.share(range(14, PASSAGES)) == 1.0


def test_one_that_goes_away_is_not_waited_for(film: Path) -> None:
    run = play(film, lambda passage, picture: None if passage >= 10 else truthful(passage, picture))
    assert run.seen == set(range(PASSAGES))
    assert run.share(range(11, PASSAGES)) == 1.0


def test_one_that_cries_wolf_is_heeded_no_more(film: Path) -> None:
    run = play(film, lambda passage, picture: truthful(passage, picture) or picture % 60 < 5)
    assert run.seen == set(range(PASSAGES))
    assert run.counts["events"][3] is TriggerState.DISTRUSTED
    assert run.share(range(12, PASSAGES)) == 1.0, "it is decoded whole, as before there was such a thing"


def test_what_woke_it_is_counted(tmp_path: Path) -> None:
    often = write_clip(tmp_path / "often.mp4", frames=begins(4), gop=FPS, draw=draw)
    run = play(often, None)
    assert run.seen == set(range(4))
    assert sum(wakes for wakes, *_ in run.counts.values()) >= 3
    assert set(run.counts) <= {"key", "swell"}
