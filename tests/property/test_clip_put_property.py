"""A box that dies anywhere while it puts a clip: nothing of it is sent half, nothing is lost uncounted.

What a process that is killed leaves is what its files hold at that moment. So the files are copied at a statement that
hypothesis chooses, and the copy is opened as by the next start (`integration/test_faults_killed.py` kills real ones).
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from edge_clips import clip_parts, clip_request
from edge_reads import Clock, ack, builder
from hypothesis import given, settings
from hypothesis import strategies as st

from edge.contract.clip import PART_BYTES, unpacked
from edge.contract.delivery import SeqRange, Stream
from edge.contract.topics import Address
from edge.spool.queue import Spool

ADDRESS = Address("site-1", "edge-1")
MAX_BYTES = 4_000_000
WANTED = 99
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # what is on disk is not at stake


@dataclass
class Death:
    """Copies the files before the statement of this number."""

    source: Path
    target: Path
    statement: int
    seen: int = 0

    def __call__(self, _: str) -> None:
        self.seen += 1
        if self.seen == self.statement:
            for file in self.source.iterdir():
                if not file.name.endswith(("-shm", ".lock", ".reserve")):
                    shutil.copy(file, self.target / file.name)


def opened(folder: Path) -> Spool:
    return Spool(folder / "spool.sqlite", edge_id="edge-1", max_bytes=MAX_BYTES, clock=Clock())


def clips_of(spool: Spool) -> dict[str, list[tuple[int, int]]]:
    """What can be sent: parts and their number, by request."""
    found: dict[str, list[tuple[int, int]]] = {}
    for message in sorted(spool.pending(Stream.CLIP, limit=1_000), key=lambda m: m.seq):
        answer, _ = unpacked(message.payload)
        found.setdefault(answer.request, []).append((answer.part, answer.parts))
    return found


def check(folder: Path, *, before: int, parts: int) -> bool:
    """The next start; whether the clip that was being put is there."""
    with opened(folder) as spool:
        stats = spool.stats()
        assert stats.set_aside == 0
        assert stats.bytes <= MAX_BYTES
        clips = clips_of(spool)
        for request, found in clips.items():
            assert found == [(n, found[0][1]) for n in range(1, found[0][1] + 1)], f"{request} is whole"
            assert spool.is_answered(request)
        held = stats.streams[Stream.CLIP]
        assert held.waiting == sum(map(len, clips.values())), "nothing lies there that is never sent"
        gone = [g.dropped for g in spool.gone() if g.stream is Stream.CLIP]
        numbers = {n for span in gone for n in range(span.first, span.last + 1)}
        assert len(numbers) == held.dropped, "what is cleaned up is counted and announced"
        assert held.spooled == held.waiting + held.dropped
        wanted = clip_request(WANTED)
        is_there = wanted.request in clips
        assert spool.is_answered(wanted.request) is is_there, "else the request is open"
        if not is_there and before * 4 + parts < MAX_BYTES // (PART_BYTES + 1000):
            assert spool.put_clip(ADDRESS, wanted, lambda: clip_parts(wanted, b"y" * parts * PART_BYTES))
            assert len(clips_of(spool)[wanted.request]) == parts
        last = spool.stats().streams[Stream.CLIP].spooled
        spool.acknowledge(ack(spool.epoch, {Stream.CLIP: [SeqRange(first=1, last=last)] if last else []}))
        assert clips_of(spool) == {}
        assert spool.gone() == []
        return is_there


def put(spool: Spool, number: int, *, parts: int) -> None:
    """A clip; a read is put after every ten parts."""
    request = clip_request(number)

    def build() -> Iterator[bytes]:
        for n, part in enumerate(clip_parts(request, b"x" * parts * PART_BYTES)):
            if n % 10 == 9:
                spool.put_read(builder())
            yield part

    spool.put_clip(ADDRESS, request, build)


@settings(max_examples=25, deadline=None)
@given(parts=st.integers(1, 35), before=st.integers(0, 6), statement=st.integers(1, 90))
def test_a_death_at_any_statement(parts: int, before: int, statement: int) -> None:
    with tempfile.TemporaryDirectory(prefix="atalaya-clip-", dir=MEMORY) as name:
        alive, left = Path(name, "alive"), Path(name, "left")
        alive.mkdir()
        left.mkdir()
        with opened(alive) as spool:
            for number in range(before):
                put(spool, number, parts=4)
            death = Death(alive, left, statement)
            spool._db.set_trace_callback(death)
            put(spool, WANTED, parts=parts)
            spool._db.set_trace_callback(None)
            is_answered = spool.is_answered(clip_request(WANTED).request)
        if death.seen < statement:
            assert check(alive, before=before, parts=parts) is is_answered
        else:
            check(left, before=before, parts=parts)
