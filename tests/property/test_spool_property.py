"""The real spool against a model: nothing acknowledged remains, nothing else vanishes without a `Gone`."""

import os
import shutil
import tempfile
from datetime import datetime
from pathlib import Path

from edge_reads import Clock, ack, builder
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.contract.delivery import SeqRange, Stream
from edge.contract.read import PictureRef
from edge.spool.queue import FRESH, Spool
from edge.spool.tally import inspect

MAX_BYTES = 60_000
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # what is on disk is not at stake


class SpoolMachine(RuleBasedStateMachine):
    """Puts, acknowledgements in any order, drops, restarts; the model keeps plain sets of numbers."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="atalaya-spool-", dir=MEMORY))
        self.clock = Clock()
        self.given = dict.fromkeys(Stream, 0)
        self.held: dict[Stream, set[int]] = {s: set() for s in Stream}  # by the centre
        self.seen_gone: dict[Stream, set[int]] = {s: set() for s in Stream}
        self.dropped = 0
        self.marked: set[int] = set()  # reads that are to go first
        self.put_at: dict[int, datetime] = {}  # reads of this process

    def open(self) -> Spool:
        return Spool(self.folder / "spool.sqlite", edge_id="edge-1", max_bytes=MAX_BYTES, clock=self.clock)

    @initialize()
    def begin(self) -> None:
        self.spool = self.open()
        self.epoch = self.spool.epoch

    @rule(
        crop=st.sampled_from([0, 100, 4_000]),
        overview=st.sampled_from([0, 100, 15_000, 70_000]),
        first=st.booleans(),
    )
    def put_read(self, crop: int, overview: int, *, first: bool) -> None:
        read = self.spool.put_read(
            builder(crop=bool(crop), overview=bool(overview)),
            crop=b"c" * crop or None,
            overview=b"o" * overview or None,
            first=first,
        )
        self.put_at[read.seq] = self.clock()
        if first:
            self.marked.add(read.seq)
        self.given[Stream.READ] += 1
        self.given[Stream.CROP] += bool(crop)
        self.given[Stream.OVERVIEW] += bool(overview)
        assert read.id == ("edge-1", self.epoch, self.given[Stream.READ])
        self.last_read = read

    @precondition(lambda self: self.given[Stream.READ])
    @rule(crop=st.sampled_from([0, 3_000]))
    def put_update(self, crop: int) -> None:
        better = self.last_read.model_copy(update={"pictures": PictureRef(crop=bool(crop))})
        self.given[Stream.UPDATE] += 1
        self.given[Stream.CROP] += bool(crop)
        assert self.spool.put_update(better, crop=b"c" * crop or None) == self.given[Stream.UPDATE]

    @rule(data=st.data(), stream=st.sampled_from(Stream))
    def acknowledge(self, data: st.DataObject, stream: Stream) -> None:
        """The centre holds some more: any numbers that were given, also of dropped messages."""
        if not self.given[stream]:
            return
        seqs = data.draw(st.sets(st.integers(1, self.given[stream])))
        self.held[stream] |= seqs
        self.spool.acknowledge(ack(self.epoch, {stream: self.held[stream]}))

    @rule(stream=st.sampled_from(Stream))
    def acknowledge_everything(self, stream: Stream) -> None:
        if not self.given[stream]:
            return
        self.held[stream] = set(range(1, self.given[stream] + 1))
        self.spool.acknowledge(ack(self.epoch, {stream: [SeqRange(first=1, last=self.given[stream])]}))

    @precondition(lambda self: self.given[Stream.READ])
    @rule(other=st.sampled_from([-1, 1]))
    def acknowledge_another_epoch(self, other: int) -> None:
        everything = SeqRange(first=1, last=self.given[Stream.READ])
        assert self.spool.acknowledge(ack(self.epoch + other, {Stream.READ: [everything]})) == 0

    @rule(data=st.data(), stream=st.sampled_from(Stream))
    def drop(self, data: st.DataObject, stream: Stream) -> None:
        waiting = sorted(self.waiting(stream))
        if not waiting:
            return
        for seq in data.draw(st.sets(st.sampled_from(waiting), min_size=1)):
            assert self.spool.drop(stream, seq, reason="by hand")

    @rule(seconds=st.sampled_from([1, 30]))
    def time_passes(self, seconds: int) -> None:
        self.clock.advance(seconds)

    @rule()
    def restart(self) -> None:
        before = self.spool.stats()
        self.spool.close()
        outside = inspect(self.folder / "spool.sqlite")
        assert (outside.messages, outside.bytes, outside.streams) == (
            before.messages,
            before.bytes,
            before.streams,
        )
        self.put_at.clear()
        self.spool = self.open()
        assert self.spool.epoch == self.epoch

    def waiting(self, stream: Stream) -> set[int]:
        return {message.seq for message in self.spool.pending(stream, limit=10_000)}

    def gone(self, stream: Stream) -> set[int]:
        spans = [g.dropped for g in self.spool.gone(limit=10_000) if g.stream is stream]
        seqs = [seq for span in spans for seq in range(span.first, span.last + 1)]
        assert len(seqs) == len(set(seqs)), "ranges of announcements are disjoint"
        return set(seqs)

    @invariant()
    def every_number_is_accounted_for(self) -> None:
        if not hasattr(self, "spool"):
            return
        for stream in Stream:
            waiting, gone, held = self.waiting(stream), self.gone(stream), self.held[stream]
            given = set(range(1, self.given[stream] + 1))
            self.seen_gone[stream] |= gone
            assert waiting | gone | held == given, "nothing vanishes, nothing is made up"
            assert not waiting & held, "what is acknowledged does not remain"
            assert not gone & held, "an announcement that is acknowledged does not remain"
            assert not waiting & self.seen_gone[stream], "what was given up does not come back"

    @invariant()
    def live_reads_go_before_marked_ones_and_those_before_the_rest(self) -> None:
        if not hasattr(self, "spool"):
            return
        waiting = [message.seq for message in self.spool.pending(Stream.READ, limit=10_000)]
        live = [seq for seq, at in self.put_at.items() if self.clock() - at <= FRESH]
        floor = min(live, default=self.given[Stream.READ] + 1)
        ranks = [(0 if seq >= floor else 1 if seq in self.marked else 2, seq) for seq in waiting]
        assert ranks == sorted(ranks)
        rest = [seq for rank, seq in ranks if rank == 2]
        no_more = [m.seq for m in self.spool.pending(Stream.READ, limit=10_000, backlog=1)]
        assert no_more == [seq for rank, seq in ranks if rank < 2] + rest[:1]

    @invariant()
    def counts_are_right(self) -> None:
        if not hasattr(self, "spool"):
            return
        stats = self.spool.stats()
        assert stats.bytes <= MAX_BYTES
        messages = [m for s in Stream for m in self.spool.pending(s, limit=10_000)]
        assert stats.messages == len(messages)
        assert stats.bytes == sum(len(m.topic) + len(m.payload) for m in messages)
        for stream, each in stats.streams.items():
            assert each.spooled == self.given[stream]
            assert each.acknowledged <= len(self.held[stream])
            assert each.acknowledged + each.waiting + each.dropped == each.spooled
        assert stats.dropped >= self.dropped, "drops are never forgotten"
        self.dropped = stats.dropped

    def teardown(self) -> None:
        if hasattr(self, "spool"):
            self.spool.close()
        shutil.rmtree(self.folder)


TestSpool = SpoolMachine.TestCase
TestSpool.settings = settings(max_examples=30, stateful_step_count=25, deadline=None)
