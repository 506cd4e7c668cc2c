"""Heads and parts in any order, lost, repeated, old, forged: what is in force was issued so, and never grows older."""

import itertools
import os
import shutil
import tempfile
from pathlib import Path

from edge_reads import Clock
from hotlist_copies import NOW, an_entry, packed
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from edge.assets import plate_files
from edge.contract.hotlist import Head, SignedHead, digest, part_of
from edge.contract.topics import HOTLIST_HEAD, hotlist_part
from edge.errors import HotlistError
from edge.grammar import load_grammar
from edge.hotlist.copy import CopyFile
from edge.hotlist.desk import HotlistDesk

GRAMMAR = load_grammar(plate_files())
MEMORY = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None  # what is on disk is not at stake
SHARED = [plate for plate in (f"P{n:04}" for n in range(3000)) if part_of(plate) in (3, 200)][:8]
PLATES = [*SHARED, "ABC123", "XYZ789"]
listed = st.frozensets(st.sampled_from(PLATES))


def check(signed: SignedHead) -> Head:
    """In place of a signature."""
    if signed.signature != "centre":
        raise HotlistError("forged")
    return signed.head()


def sealed(number: int, plates: frozenset[str], *, by: str = "centre") -> bytes:
    digests = [digest(part) for part in packed(map(an_entry, plates))]
    head = Head.of(digests, issued_at=NOW, number=number, entries=len(plates), least={})
    signed = SignedHead(signed=head.model_dump_json(), certificate="", signature=by)
    return signed.model_dump_json().encode()


class DeskMachine(RuleBasedStateMachine):
    """A desk whose messages the test brings as it likes."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp(prefix="atalaya-hotlist-", dir=MEMORY))
        self.seconds = 0.0
        self.numbers = itertools.count(1)
        self.issued: dict[int, frozenset[str]] = {}
        self.number = 0

    @initialize(plates=listed)
    def begin(self, plates: frozenset[str]) -> None:
        self.issue(plates)
        self.desk = self.open()

    def open(self) -> HotlistDesk:
        return HotlistDesk(
            CopyFile(self.folder / "copy"),
            verify=check,
            grammar=GRAMMAR,
            old_h=1.0,
            clock=Clock(),
            monotonic=lambda: self.seconds,
        )

    @rule(plates=listed)
    def issue(self, plates: frozenset[str]) -> None:
        self.issued[next(self.numbers)] = plates

    @rule(data=st.data())
    def head(self, data: st.DataObject) -> None:
        number = data.draw(st.sampled_from(sorted(self.issued)))
        self.desk.heard(HOTLIST_HEAD, sealed(number, self.issued[number]))

    @rule(number=st.integers(1, 99), plates=listed)
    def forged(self, number: int, plates: frozenset[str]) -> None:
        self.desk.heard(HOTLIST_HEAD, sealed(number, plates, by="edge-7"))

    @rule(data=st.data(), lost=st.booleans())
    def parts(self, data: st.DataObject, *, lost: bool) -> None:
        """Those of any version, at the topics that are wanted; some are lost."""
        version = self.issued[data.draw(st.sampled_from(sorted(self.issued)))]
        for number, part in enumerate(packed(map(an_entry, version))):
            if hotlist_part(number) in self.desk.wanted and not (lost and number % 2):
                self.desk.heard(hotlist_part(number), part)

    @rule(noise=st.binary(max_size=40))
    def noise(self, noise: bytes) -> None:
        for topic in self.desk.wanted:
            self.desk.heard(topic, noise)

    @rule(seconds=st.sampled_from([0.5, 2, 7]))
    def work(self, seconds: float) -> None:
        self.seconds += seconds
        self.desk.work()

    @precondition(lambda self: self.issued)
    @rule()
    def restart(self) -> None:
        self.desk.stop()
        self.desk = self.open()

    @invariant()
    def what_is_in_force_was_issued_so(self) -> None:
        if not hasattr(self, "desk"):
            return
        number, copy = self.desk.health.number, self.desk._copy
        if number is None or copy is None:
            assert self.number == 0, "what was in force stays so"
            return
        assert number >= self.number
        self.number = number
        assert {plate for plate in PLATES if plate in copy} == self.issued[number]

    def teardown(self) -> None:
        """Once the broker is itself again, the newest is had."""
        if hasattr(self, "desk"):
            self.settle()
            newest = max(self.issued)
            assert self.desk.health.number == newest
            self.what_is_in_force_was_issued_so()
            self.desk.stop()
        shutil.rmtree(self.folder)

    def settle(self) -> None:
        newest = self.issued[max(self.issued)]
        parts = packed(map(an_entry, newest))
        self.desk.work()
        self.desk.heard(HOTLIST_HEAD, sealed(max(self.issued), newest))
        for _ in range(10):
            self.seconds += 2
            self.desk.work()
            for number, part in enumerate(parts):
                if hotlist_part(number) in self.desk.wanted:
                    self.desk.heard(hotlist_part(number), part)
        self.desk.work()


TestDesk = DeskMachine.TestCase
TestDesk.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
