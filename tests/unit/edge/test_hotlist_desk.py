"""The desk: which heads it follows, which parts it asks for, what it says of itself, and that no read pays for it."""

import itertools
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from edge_reads import Clock, plate_read
from hotlist_copies import NOW, Authority, Issuer, an_entry, packed

from edge.assets import plate_files
from edge.contract.hotlist import Entry, Head, SignedHead, digest
from edge.contract.topics import HOTLIST_HEAD, hotlist_part
from edge.errors import HotlistError
from edge.grammar import load_grammar
from edge.hotlist.copy import CopyFile
from edge.hotlist.desk import ASKED_FOR, PATIENCE_S, HotlistDesk
from edge.hotlist.verify import verified

GRAMMAR = load_grammar(plate_files())


class Scene:
    """A desk, and a broker that retains what an issuer has issued."""

    def __init__(self, folder: Path, authority: Authority) -> None:
        self.path = folder / "spool.sqlite.hotlist"
        self.authority = authority
        self.issuer = Issuer(authority.client())
        self.clock = Clock(NOW)
        self.seconds = 0.0
        self.heard: frozenset[str] = frozenset()
        self.desk = self.open()

    def open(self) -> HotlistDesk:
        self.heard = frozenset()
        self.desk = HotlistDesk(
            CopyFile(self.path),
            verify=self.verify,
            grammar=GRAMMAR,
            old_h=2.0,
            clock=self.clock,
            monotonic=lambda: self.seconds,
        )
        return self.desk

    def verify(self, signed: SignedHead) -> Head:
        return verified(signed, ca_file=self.authority.ca_file, signer="centre", now=self.clock())

    def broker(self, retained: dict[str, bytes] | None = None) -> frozenset[str]:
        """One look of the publisher: what is wanted anew comes as it is retained. Which topics those were."""
        kept = self.issuer.retained if retained is None else retained
        new = self.desk.wanted - self.heard
        for topic in sorted(new):
            if topic in kept:
                self.desk.heard(topic, kept[topic])
        self.heard = self.desk.wanted
        return new

    def rounds(self, count: int) -> None:
        """The desk asks, and the broker answers."""
        for _ in range(count):
            self.desk.work()
            self.broker()

    def forget(self) -> None:
        """Begin anew, with nothing held."""
        self.desk.stop()
        self.path.unlink()
        self.open()

    def settle(self) -> None:
        """Rounds until nothing comes any more."""
        for _ in range(200):
            self.desk.work()
            if not self.broker():
                return
        raise AssertionError("never satisfied")

    def live(self, *topics: str) -> None:
        """Published just now, to whoever listens."""
        for topic in topics:
            if topic in self.heard:
                self.desk.heard(topic, self.issuer.retained[topic])

    def lists(self, plate: str) -> bool:
        return self.desk.is_listed(plate_read(1, 1, plate=plate))


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def scene(tmp_path: Path, authority: Authority) -> Iterator[Scene]:
    scene = Scene(tmp_path, authority)
    yield scene
    scene.desk.stop()


def some(*plates: str) -> Iterable[Entry]:
    return map(an_entry, plates)


def in_each_part(count: int) -> list[str]:
    """Plates that fill so many parts or a few less."""
    return [f"P{number:05}" for number in range(count)]


class TestHaving:
    def test_a_copy_is_had_and_lists_who_is_on_it(self, scene: Scene) -> None:
        assert not scene.lists("ABC123")
        head = scene.issuer.issue(some("ABC123", "XYZ789"))
        scene.settle()
        health = scene.desk.health
        assert (health.number, health.issued_at, health.entries, health.fault) == (head.number, NOW, 2, "")
        assert [scene.lists(plate) for plate in ("ABC123", "XYZ789", "KLM456")] == [True, True, False]
        assert scene.desk.health.hits == 2
        assert scene.heard == {HOTLIST_HEAD}, "nothing more is asked for"

    def test_parts_are_asked_for_some_at_a_time(self, scene: Scene) -> None:
        scene.issuer.issue(some(*in_each_part(2000)))
        scene.settle()
        scene.forget()
        sizes = []
        for _ in range(100):
            scene.desk.work()
            sizes.append(len(scene.desk.wanted - {HOTLIST_HEAD}))
            if not scene.broker():
                break
        assert max(sizes) == ASKED_FOR
        assert scene.desk.health.entries == 2000

    def test_a_change_of_one_entry_costs_the_head_and_one_part(self, scene: Scene) -> None:
        plates = in_each_part(2000)
        scene.issuer.issue(some(*plates))
        scene.settle()
        scene.issuer.issue(some(*plates, "XYZ789"))
        scene.live(HOTLIST_HEAD)
        scene.desk.work()
        assert len(scene.broker()) == 1
        scene.desk.work()
        assert scene.lists("XYZ789")
        assert scene.desk.health.number == 2

    def test_who_is_taken_off_is_off_with_the_head_alone_where_nobody_else_stands_there(
        self, scene: Scene
    ) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.issuer.issue([])
        scene.live(HOTLIST_HEAD)
        scene.desk.work()
        assert not scene.lists("ABC123")
        assert (scene.desk.health.number, scene.desk.health.entries) == (2, 0)

    def test_until_all_parts_are_there_the_copy_of_before_is_matched_by(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.issuer.issue(some("XYZ789", "KLM456"))
        scene.live(HOTLIST_HEAD)
        scene.desk.work()
        first = sorted(scene.desk.wanted - {HOTLIST_HEAD})[0]
        scene.desk.heard(first, scene.issuer.retained[first])
        scene.desk.work()
        assert [scene.lists(plate) for plate in ("ABC123", "XYZ789", "KLM456")] == [True, False, False]
        assert scene.desk.health.number == 1

    def test_what_comes_faster_than_it_is_taken_in_is_counted_and_had_later(self, scene: Scene) -> None:
        plates = in_each_part(300)
        scene.issuer.issue(some(*plates))
        scene.settle()
        scene.issuer.issue(some(*plates[1:]))
        scene.live(HOTLIST_HEAD)
        assert scene.desk.health.dropped == 0
        for number in range(70):
            scene.desk.heard(hotlist_part(number), b"")
        assert scene.desk.health.dropped == 1 + 70 - 64
        scene.live(HOTLIST_HEAD)
        scene.settle()
        assert [scene.lists(plate) for plate in plates[:2]] == [False, True]

    def test_what_is_there_is_not_asked_for_again_after_a_restart(self, scene: Scene) -> None:
        plates = in_each_part(300)
        scene.issuer.issue(some(*plates))
        scene.rounds(5)
        held = len(scene.desk._file.held())
        assert 1 < held < len({part for part in packed(some(*plates)) if part})
        scene.desk.stop()
        scene.open()
        scene.rounds(1)
        scene.desk.work()
        assert len(scene.desk._lacking) + held - 1 == len({part for part in packed(some(*plates)) if part})
        scene.settle()
        scene.desk.stop()
        scene.open()
        assert scene.desk.health.number == 1
        assert scene.lists(plates[0]), "before a broker was reached"


class TestAskingAgain:
    def test_a_part_that_does_not_come_or_is_another_is_asked_for_again_in_its_turn(
        self, scene: Scene
    ) -> None:
        scene.issuer.issue(some("ABC123"))
        (part,) = scene.issuer.retained.keys() - {HOTLIST_HEAD}
        right = scene.issuer.retained.pop(part)
        scene.settle()
        assert scene.desk.wanted == {HOTLIST_HEAD, part}
        scene.issuer.retained[part] = b"of another head"
        asked_at = []
        for _ in range(40):
            scene.seconds += 0.5
            scene.desk.work()
            if part in scene.broker():
                asked_at.append(scene.seconds)
                if len(asked_at) == 2:
                    scene.issuer.retained[part] = right
        assert [late - soon for soon, late in itertools.pairwise(asked_at)] == [PATIENCE_S + 1] * 2
        assert scene.lists("ABC123")

    def test_parts_that_never_come_keep_none_of_the_others_waiting(self, scene: Scene) -> None:
        scene.issuer.issue(some(*in_each_part(2000)))
        lost = sorted(scene.issuer.retained.keys() - {HOTLIST_HEAD})[: 2 * ASKED_FOR]
        for topic in lost:
            del scene.issuer.retained[topic]
        for _ in range(60):
            scene.seconds += 1
            scene.settle()
        assert {hotlist_part(number) for number in scene.desk._lacking.values()} == set(lost)

    def test_what_came_for_the_head_before_comes_again_soon(self, scene: Scene) -> None:
        """Two changes of one part in one moment: its newer payload came while the older was waited for."""
        plates = ("ABC123", "ABC123", "ABC123")
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        retained = dict(scene.issuer.retained)
        entry = an_entry("ABC123", color="rojo")
        scene.issuer.issue([entry])
        scene.live(HOTLIST_HEAD)
        scene.desk.work()
        (part,) = scene.desk.wanted - {HOTLIST_HEAD}
        scene.broker(retained)  # as it was before: not yet what the head names
        scene.issuer.issue([an_entry("ABC123", color="azul")])
        scene.live(part, HOTLIST_HEAD)
        scene.desk.work()
        scene.broker()
        for _ in range(3):
            scene.seconds += 0.5
            scene.desk.work()
            scene.broker()
        scene.desk.work()
        assert scene.desk.health.number == len(plates)

    def test_a_head_that_moves_on_takes_what_the_one_before_had(self, scene: Scene) -> None:
        plates = in_each_part(600)
        scene.issuer.issue(some(*plates))
        scene.rounds(4)
        scene.issuer.issue(some(*plates[:-1]))
        scene.live(HOTLIST_HEAD)
        scene.seconds += 2
        scene.settle()
        assert (scene.desk.health.number, scene.desk.health.entries) == (2, 599)
        assert scene.desk._file.held() == set(scene.desk._copy.digests) | {digest(b"")}


class TestRefusing:
    def test_an_older_head_is_ignored_and_counted(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        old = scene.issuer.retained[HOTLIST_HEAD]
        scene.issuer.issue(some("XYZ789"))
        scene.settle()
        for _ in range(2):
            scene.desk.heard(HOTLIST_HEAD, old)
        scene.settle()
        health = scene.desk.health
        assert (health.number, health.replayed, health.refused, health.fault) == (2, 2, 0, "")
        assert not scene.lists("ABC123")

    def test_also_after_a_restart_and_while_a_newer_one_is_not_whole(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        old = scene.issuer.retained[HOTLIST_HEAD]
        scene.issuer.issue(some("XYZ789"))
        scene.desk.heard(HOTLIST_HEAD, scene.issuer.retained[HOTLIST_HEAD])
        scene.desk.work()
        scene.desk.heard(HOTLIST_HEAD, old)
        scene.settle()
        assert (scene.desk.health.number, scene.desk.health.replayed) == (2, 1)
        scene.desk.stop()
        scene.open()
        scene.desk.heard(HOTLIST_HEAD, old)
        scene.desk.work()
        assert (scene.desk.health.number, scene.desk.health.replayed) == (2, 1)

    def test_the_one_in_force_comes_again_with_every_connection(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.desk.heard(HOTLIST_HEAD, scene.issuer.retained[HOTLIST_HEAD])
        scene.settle()
        assert scene.desk.health.replayed == 0

    def test_of_one_number_the_first_counts(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.issuer.number -= 1
        scene.issuer.issue([])
        scene.live(HOTLIST_HEAD)
        scene.settle()
        assert scene.lists("ABC123")
        assert scene.desk.health.replayed == 1

    def test_a_forged_head_is_a_fault_until_the_next_good_one(
        self, scene: Scene, authority: Authority
    ) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        forger = Issuer(authority.client("edge-7"), number=99)
        forger.issue([])
        for _ in range(2):
            scene.desk.heard(HOTLIST_HEAD, forger.retained[HOTLIST_HEAD])
        scene.settle()
        health = scene.desk.health
        assert health.fault == "hotlists signed by 'edge-7', not by the centre, 'centre'"
        assert (health.number, health.refused) == (1, 2)
        assert scene.lists("ABC123")
        scene.issuer.issue(some("ABC123"))
        scene.live(HOTLIST_HEAD)
        scene.settle()
        assert (scene.desk.health.number, scene.desk.health.fault) == (2, "")

    @pytest.mark.parametrize("payload", [b"", b"{}", b"\xff\x00"])
    def test_what_is_no_head_is_refused(self, scene: Scene, payload: bytes) -> None:
        scene.desk.heard(HOTLIST_HEAD, payload)
        scene.desk.heard(hotlist_part(3), payload)
        scene.desk.heard("lpr/v1/hotlist/part/999", payload)
        scene.settle()
        assert scene.desk.health.refused == 1
        assert scene.desk.health.fault.startswith("a head that cannot be read")

    def test_a_part_that_is_none_though_the_head_names_it_is_said(self, scene: Scene) -> None:
        head = scene.issuer.issue(some("ABC123"))
        (topic,) = scene.issuer.retained.keys() - {HOTLIST_HEAD}
        broken = b"of a newer centre"
        parts = [digest(broken) if hotlist_part(n) == topic else name for n, name in enumerate(head.parts)]
        named = Head.of(parts, issued_at=NOW, number=2, entries=1, least={})
        scene.issuer.retained |= {topic: broken, HOTLIST_HEAD: scene.issuer.sealed(named)}
        scene.settle()
        assert "hotlists number 2 cannot be used: part" in scene.desk.health.fault
        scene.issuer.number = 2
        scene.issuer.issue(some("ABC123"))
        scene.live(HOTLIST_HEAD)
        scene.settle()
        assert (scene.desk.health.number, scene.desk.health.fault) == (3, "")


class TestFaults:
    def test_an_old_copy_says_of_when_it_is_and_is_matched_by(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.clock.now = NOW + timedelta(hours=1, minutes=59)
        assert scene.desk.health.fault == ""
        scene.clock.now = NOW + timedelta(hours=2)
        assert scene.desk.health.fault == "hotlists are those of 2026-03-01 12:00 UTC"
        scene.clock.now = NOW + timedelta(days=3)
        assert scene.desk.health.fault == "hotlists are those of 2026-03-01 12:00 UTC", "no news every minute"
        assert scene.lists("ABC123")

    def test_a_box_that_never_had_one_has_no_fault(self, scene: Scene) -> None:
        """There are centres that give none."""
        scene.desk.work()
        scene.seconds = 24 * 3600
        assert scene.desk.health.fault == ""

    @pytest.mark.parametrize("before", [[], ["ABC123"]])
    def test_heads_that_never_become_whole_are_a_fault_in_words(
        self, scene: Scene, before: list[str]
    ) -> None:
        if before:
            scene.issuer.issue(some(*before))
            scene.settle()
        for minutes in range(0, 121, 10):
            scene.seconds, scene.clock.now = minutes * 60, NOW + timedelta(minutes=minutes)
            scene.issuer.issue(some("XYZ789"), at=scene.clock.now)
            scene.desk.heard(HOTLIST_HEAD, scene.issuer.retained[HOTLIST_HEAD])
            scene.desk.work()
            known = "newer hotlists are known, and parts of them do not come"
            old = "hotlists are those of 2026-03-01 12:00 UTC; " if before else ""
            assert scene.desk.health.fault == ("" if minutes < 120 else old + known)
        scene.desk.work()
        scene.settle()
        assert (scene.desk.health.number, scene.desk.health.fault) == (scene.issuer.number, "")
        scene.seconds += 3 * 3600
        assert scene.desk.health.fault == "", "it waits for none"

    def test_numbers_below_ours_are_said_where_our_copy_is_old(self, scene: Scene) -> None:
        scene.issuer.number = 1000  # of a centre whose clock was ahead, and whose database was lost since
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        ours = scene.issuer.retained[HOTLIST_HEAD]
        scene.issuer.number = 0
        scene.issuer.issue(some("XYZ789"))
        scene.desk.heard(HOTLIST_HEAD, scene.issuer.retained[HOTLIST_HEAD])
        scene.settle()
        assert (scene.desk.health.replayed, scene.desk.health.fault) == (1, ""), "any old one may come once"
        scene.clock.now = NOW + timedelta(hours=2)
        old = "hotlists are those of 2026-03-01 12:00 UTC"
        assert scene.desk.health.fault == f"{old}; those that come are numbered below them, as old ones are"
        scene.desk.heard(HOTLIST_HEAD, ours)
        scene.desk.work()
        assert scene.desk.health.fault == old

    def test_with_the_file_deleted_lower_numbers_are_taken(self, scene: Scene) -> None:
        scene.issuer.number = 1000
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.desk.stop()
        for each in scene.path.parent.glob(f"{scene.path.name}*"):
            each.unlink()
        scene.open()
        scene.issuer.number = 0
        scene.issuer.issue(some("XYZ789"))
        scene.settle()
        assert (scene.desk.health.number, scene.lists("XYZ789"), scene.desk.health.fault) == (1, True, "")

    def test_a_part_that_was_damaged_is_had_again(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.desk._file._db.execute("UPDATE part SET payload = x'00'")
        assert not scene.lists("ABC123")
        assert "missing, or was damaged" in scene.desk.health.fault
        scene.issuer.issue(some("ABC123"))
        scene.live(HOTLIST_HEAD)
        scene.settle()
        assert scene.lists("ABC123")
        assert scene.desk.health.fault == ""

    def test_also_where_it_is_found_at_the_start(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        old = scene.issuer.retained[HOTLIST_HEAD]
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.desk._file._db.execute("UPDATE part SET payload = x'00'")
        scene.desk.stop()
        scene.open()
        assert scene.desk.health.number is None
        assert "are had anew" in scene.desk.health.fault
        scene.desk.heard(HOTLIST_HEAD, old)
        scene.desk.work()
        assert scene.desk.health.replayed == 1, "what was in force is still known"
        scene.settle()
        assert (scene.desk.health.number, scene.lists("ABC123")) == (2, True)

    def test_a_disk_that_takes_nothing_leaves_what_was_in_force(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        db = scene.desk._file._db
        db.execute("PRAGMA query_only = ON")
        scene.issuer.issue(some("XYZ789"))
        scene.live(HOTLIST_HEAD)
        scene.desk.work()
        scene.broker()
        with pytest.raises(HotlistError, match="cannot be used"):
            scene.desk.work()
        assert [scene.lists(plate) for plate in ("ABC123", "XYZ789")] == [True, False]
        db.execute("PRAGMA query_only = OFF")
        scene.issuer.issue(some("XYZ789"))
        scene.live(HOTLIST_HEAD)
        scene.settle()
        scene.seconds += 2
        scene.settle()
        assert [scene.lists(plate) for plate in ("ABC123", "XYZ789")] == [False, True]

    def test_a_file_that_cannot_be_read_costs_no_read(self, scene: Scene) -> None:
        scene.issuer.issue(some("ABC123"))
        scene.settle()
        scene.desk._file.close()
        assert not scene.lists("ABC123")
        assert "cannot be matched by" in scene.desk.health.fault
        assert not scene.lists("KLM456")


class TestThread:
    def test_started_it_has_the_copy_and_tells_what_it_wants(self, scene: Scene) -> None:
        scene.issuer.issue(some(*in_each_part(500)))
        told: list[frozenset[str]] = []
        lock = threading.Lock()

        def listen(topics: frozenset[str]) -> None:
            with lock:
                for topic in topics - (told[-1] if told else frozenset()):
                    if topic in scene.issuer.retained:
                        scene.desk.heard(topic, scene.issuer.retained[topic])
                told.append(topics)

        scene.desk.start(listen)
        until(lambda: scene.desk.health.number == 1)
        until(lambda: told[-1] == {HOTLIST_HEAD})

    def test_a_fault_does_not_end_it(self, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edge.hotlist.desk._IDLE_S", 0.01)
        rounds = iter([HotlistError("full"), ValueError("never thought of")])

        def work(desk: HotlistDesk) -> float:
            for fault in rounds:
                raise fault
            done.set()
            return 1.0

        done = threading.Event()
        monkeypatch.setattr(HotlistDesk, "work", work)
        scene.desk.start(lambda _: None)
        assert done.wait(10)
        assert scene.desk.health.fault == "full"


def until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)
