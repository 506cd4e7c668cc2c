"""Copies of the lists as boxes find them at the broker: whole, signed, of one moment, and no more than has changed."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

import pytest
from central_messages import list_plates, rows
from sqlalchemy import Engine, event, update
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from central.ca import profiles
from central.ca.authority import new_key
from central.consume import herald as module
from central.consume.herald import Herald, give_copies
from central.consume.outage import AGAIN_S
from central.db import hotlist_copy, hotlist_entry, reading
from central.errors import ConfigError, RefusedError
from central.hotlist.copies import last
from central.hotlist.end import Which, end_entry
from central.hotlist.grammar import load_grammar
from central.hotlist.lists import Terms, change
from central.hotlist.live import Hotlist
from central.hotlist.signer import Signer
from central.sections import MatchSettings
from central.settings import CentralSettings
from edge.contract.hotlist import EMPTY, PARTS, Entry, Head, digest, open_head, part_of, unpack
from edge.contract.topics import HOTLIST_HEAD, hotlist_part

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)
DAY = timedelta(days=1)


def line(plate: str, *, until: str = "2026-12-31", source: str = "SIJIN") -> str:
    return f"{plate},CO,,stolen,5,{source},C-1,2026-01-01,{until}"


@pytest.fixture(scope="module")
def signer() -> Signer:
    key, authority_key = new_key(), new_key()
    validity = profiles.Validity(AT - 400 * DAY, AT + 400 * DAY)
    ca = profiles.authority(authority_key, name="Test city", validity=validity)
    by = profiles.Signer(ca, authority_key)
    certificate = profiles.client(key.public_key(), name="centre", validity=validity, signer=by)
    return Signer(certificate, key, (ca,))


@dataclass
class FakeBoard:
    """A broker that retains what it is told.

    Attributes:
        log: topics, in the order in which they were told.
        takes: how many more messages it takes before the connection is lost; None: all.
        refuses: whether it throws away what it is told, and says so.
        forgets: whether it throws that away and confirms it, as over MQTT 3.1.1.
        meanwhile: happens while it is asked.
    """

    connection: int = 1
    retained: dict[str, bytes] = field(default_factory=dict)
    log: list[str] = field(default_factory=list)
    takes: int | None = None
    refuses: bool = False
    forgets: bool = False
    meanwhile: Callable[[], object] = bool
    asked: int = 0

    def tell(self, topic: str, payload: bytes, *, wait: Callable[[float], bool]) -> bool:
        if self.refuses:
            raise RefusedError("by its access list?")
        if self.takes == 0:
            return False
        self.takes = None if self.takes is None else self.takes - 1
        self.log.append(topic)
        if self.forgets:
            return True
        if payload:
            self.retained[topic] = payload
        else:
            self.retained.pop(topic, None)
        return True

    def ask(self, topic: str, *, wait: Callable[[float], bool]) -> bytes | None:
        self.asked += 1
        self.meanwhile()
        return self.retained.get(topic)

    def told(self) -> list[str]:
        """What was told since this was asked last."""
        told, self.log = self.log, []
        return told

    @property
    def head(self) -> Head:
        return open_head(self.retained[HOTLIST_HEAD]).head()

    def entries(self) -> dict[str, Entry]:
        """What a box would know, by plate: every part is there that the head names, and is what it names."""
        found: dict[str, Entry] = {}
        head = self.head
        for part, named in enumerate(head.parts):
            payload = self.retained.get(hotlist_part(part), b"")
            assert digest(payload) == named, part
            found |= {entry.plate: entry for entry in unpack(payload, part)}
        assert len(found) == head.entries
        return found


@dataclass
class Desk:
    """A centre with a clock that is set by hand."""

    engine: Engine
    folder: Path
    signer: Signer
    board: FakeBoard = field(default_factory=FakeBoard)
    at: datetime = AT
    budget: MatchSettings | None = field(default_factory=MatchSettings)

    def herald(self) -> Herald:
        """As a process that has just started."""
        return Herald(
            self.engine, self.board, signer=lambda: self.signer, clock=lambda: self.at, budget=self.budget
        )

    def list(self, *plates: str, **more: object) -> None:
        list_plates(self.engine, self.folder, *map(line, plates), at=self.at, **more)  # type: ignore[arg-type]

    def end(self, plate: str) -> None:
        which = Which(plate=plate, country="CO")
        end_entry(self.engine, which, by="ana", at=self.at, why="found", log=lambda *_: None)


@pytest.fixture
def desk(database: Engine, tmp_path: Path, signer: Signer) -> Desk:
    return Desk(database, tmp_path, signer)


def go_on(_seconds: float) -> bool:
    return False


def test_parts_come_before_the_head_that_names_them(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    assert desk.herald().look(go_on)
    told = desk.board.told()
    assert (told[-1], set(told[:-1])) == (HOTLIST_HEAD, {hotlist_part(part) for part in range(PARTS)})
    assert set(desk.board.entries()) == {"ABC123", "XYZ789"}
    assert len(desk.board.retained) == 1 + len({part_of("ABC123"), part_of("XYZ789")}), (
        "an empty part is none"
    )


def test_a_head_says_what_the_centre_matches_by_and_is_signed_by_it(desk: Desk) -> None:
    desk.list("ABC123")
    desk.list("XYZ789", list_name="bolo")
    change(desk.engine, "bolo", Terms(false_alarms_a_day=0.001), at=AT, log=lambda *_: None)
    desk.herald().look(go_on)
    head = desk.board.head
    assert (head.issued_at, head.entries, head.number) == (AT, 2, 1_772_625_600_000_000)
    hotlist = Hotlist(grammar=load_grammar(), clock=lambda: AT)
    with reading(desk.engine) as connection:
        hotlist.refresh(connection)
    assert head.least == {name: limit.least for name, limit in hotlist.limits.items()}
    assert len(set(head.least.values())) == 2
    assert desk.signer.own(desk.board.retained[HOTLIST_HEAD]) == head


def test_a_change_costs_one_part_and_a_head_and_nothing_costs_nothing(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    herald = desk.herald()
    herald.look(go_on)
    desk.board.told()
    for change_it, part, left in (
        (lambda: desk.list("DEF456"), part_of("DEF456"), {"ABC123", "XYZ789", "DEF456"}),
        (lambda: desk.end("ABC123"), part_of("ABC123"), {"XYZ789", "DEF456"}),
    ):
        before = desk.board.head.number
        desk.at += HOUR
        change_it()
        assert herald.look(go_on)
        assert desk.board.told() == [hotlist_part(part), HOTLIST_HEAD]
        assert set(desk.board.entries()) == left
        assert desk.board.head.number > before
        assert herald.look(go_on)
        assert desk.board.told() == []


def test_what_boxes_are_not_told_changes_no_part(desk: Desk) -> None:
    desk.list("ABC123")
    herald = desk.herald()
    herald.look(go_on)
    desk.board.told()
    list_plates(desk.engine, desk.folder, line("ABC123", source="DIJIN"), at=AT)
    herald.look(go_on)
    assert desk.board.told() == [HOTLIST_HEAD]
    with reading(desk.engine) as connection:
        kept = last(connection)
    assert kept is not None
    assert kept.changed < kept.number == desk.board.head.number


def test_a_limit_that_changes_is_told_and_counts_as_a_change(desk: Desk) -> None:
    desk.list("ABC123")
    herald = desk.herald()
    herald.look(go_on)
    before = desk.board.head
    change(desk.engine, "medellin", Terms(false_alarms_a_day=0.0001), at=AT, log=lambda *_: None)
    herald.look(go_on)
    assert desk.board.head.least != before.least
    with reading(desk.engine) as connection:
        kept = last(connection)
    assert kept is not None
    assert kept.changed == kept.number


def test_a_head_is_issued_again_without_a_change_and_takes_out_what_is_over(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    desk.list("ABC123")
    list_plates(desk.engine, desk.folder, line("XYZ789", until="2026-03-04"), at=AT)
    herald = desk.herald()
    herald.look(go_on)
    desk.board.told()
    desk.at += DAY
    assert herald.look(go_on)
    assert desk.board.told() == [], "nobody has changed a list"
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    assert herald.look(go_on)
    assert desk.board.told() == [hotlist_part(part_of("XYZ789")), HOTLIST_HEAD]
    assert set(desk.board.entries()) == {"ABC123"}
    assert desk.board.head.issued_at == AT + DAY


@pytest.mark.parametrize("step", [timedelta(0), -DAY, DAY])
def test_numbers_rise_whatever_the_clock_says(desk: Desk, step: timedelta) -> None:
    desk.list("ABC123")
    numbers = []
    for plate in ("XYZ789", "DEF456", "GHI012"):
        desk.herald().look(go_on)
        numbers.append(desk.board.head.number)
        desk.at += step
        desk.list(plate)
    assert numbers == sorted(set(numbers))


class Ageless(Signer):
    """Signs at any time."""

    def check(self, *, at: datetime) -> None:
        """Whatever it is."""


def test_a_clock_that_is_centuries_wrong_leaves_numbers_for_later(desk: Desk) -> None:
    desk.signer = Ageless(desk.signer.certificate, desk.signer.key, desk.signer.authorities)
    numbers = []
    for years in (400, 500, 0):
        desk.at = AT + 365 * years * DAY
        desk.herald().look(go_on)
        numbers.append(desk.board.head.number)
    assert numbers == [numbers[0], numbers[0] + 1, numbers[0] + 2]


def test_who_starts_again_tells_what_changed_meanwhile_and_a_head(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    desk.herald().look(go_on)
    desk.board.told()
    desk.herald().look(go_on)
    assert desk.board.told() == [HOTLIST_HEAD]
    desk.list("DEF456")
    desk.herald().look(go_on)
    assert desk.board.told() == [hotlist_part(part_of("DEF456")), HOTLIST_HEAD]
    assert set(desk.board.entries()) == {"ABC123", "XYZ789", "DEF456"}


def test_a_broker_that_has_lost_everything_is_told_everything(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    herald = desk.herald()
    herald.look(go_on)
    before = desk.board.head.number
    desk.board.retained.clear()
    desk.board.connection = 2
    herald.look(go_on)
    assert set(desk.board.entries()) == {"ABC123", "XYZ789"}
    assert desk.board.head.number > before
    assert desk.board.asked == 4, "before and after each time"


def test_a_head_that_is_not_ours_is_told_over(desk: Desk, tmp_path: Path) -> None:
    desk.list("ABC123")
    key, ca_key = new_key(), new_key()
    validity = profiles.Validity(AT - DAY, AT + DAY)
    ca = profiles.authority(ca_key, name="Elsewhere", validity=validity)
    by = profiles.Signer(ca, ca_key)
    theirs = Signer(
        profiles.client(key.public_key(), name="centre", validity=validity, signer=by), key, (ca,)
    )
    forged = Head.of([EMPTY] * PARTS, number=2**52, issued_at=AT, entries=0, least={})
    desk.board.retained[HOTLIST_HEAD] = theirs.sign(forged)
    desk.herald().look(go_on)
    assert set(desk.board.entries()) == {"ABC123"}
    assert desk.board.head.number < 2**52


def test_after_a_restore_of_the_database_numbers_go_on_from_what_boxes_have(desk: Desk) -> None:
    desk.list("ABC123")
    desk.at += HOUR
    desk.herald().look(go_on)
    before = desk.board.head.number
    with desk.engine.begin() as connection:  # as it was long ago, on a machine whose clock is behind
        connection.execute(update(hotlist_copy).values(number=7, changed=7))
    desk.at -= 2 * HOUR
    desk.list("XYZ789")
    desk.herald().look(go_on)
    assert desk.board.head.number == before + 1
    assert set(desk.board.entries()) == {"ABC123", "XYZ789"}


def test_numbers_that_we_gave_out_count_though_neither_database_nor_broker_knows_them(desk: Desk) -> None:
    herald = desk.herald()
    herald.look(go_on)
    before = desk.board.head.number
    with desk.engine.begin() as connection:
        connection.execute(update(hotlist_copy).values(number=7, changed=7))
    desk.board.retained.clear()
    desk.board.connection = 2
    desk.at -= HOUR
    assert herald.look(go_on)
    assert desk.board.head.number == before + 1


def test_since_when_a_copy_is_in_force_is_not_for_a_restored_database_to_say(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    herald = desk.herald()
    herald.look(go_on)
    since = desk.board.head.number
    with desk.engine.begin() as connection:
        connection.execute(update(hotlist_copy).values(number=7, changed=7))
    monkeypatch.setattr(module, "AGAIN_S", 0.0)
    herald.look(go_on)
    with reading(desk.engine) as connection:
        kept = last(connection)
    assert kept is not None
    assert (kept.changed, kept.number) == (since, since + 1)


@pytest.mark.parametrize("takes", [0, 1, 100, PARTS])
def test_a_connection_that_is_lost_at_any_message_leaves_what_the_next_one_makes_whole(
    desk: Desk, takes: int
) -> None:
    desk.list("ABC123", "XYZ789")
    desk.board.takes = takes
    herald = desk.herald()
    assert not herald.look(go_on)
    assert HOTLIST_HEAD not in desk.board.retained
    desk.board.takes = None
    assert herald.look(go_on), "the same connection, where the broker has refused it"
    assert set(desk.board.entries()) == {"ABC123", "XYZ789"}


@pytest.mark.parametrize("takes", [0, 1, 2])
def test_a_part_that_was_told_without_its_head_is_told_again_or_taken_back(desk: Desk, takes: int) -> None:
    desk.list("ABC123", "XYZ789")
    desk.herald().look(go_on)
    desk.list("DEF456")
    desk.list("GHI012")
    desk.board.takes = takes
    assert not desk.herald().look(go_on)
    desk.board.takes = None
    desk.at += HOUR
    desk.end("DEF456")
    desk.end("GHI012")
    desk.herald().look(go_on)
    assert set(desk.board.entries()) == {"ABC123", "XYZ789"}, (
        "the broker's parts are those that the head names"
    )


def test_without_a_connection_nothing_is_done(desk: Desk) -> None:
    desk.board.connection = 0
    assert desk.herald().look(go_on)
    assert rows(desk.engine, hotlist_copy) == []
    assert desk.board.asked == 0


def test_where_boxes_are_to_hold_none_what_they_hold_is_taken_back(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    desk.herald().look(go_on)
    desk.budget = None
    desk.herald().look(go_on)
    assert desk.board.entries() == {}
    assert list(desk.board.retained) == [HOTLIST_HEAD]
    assert desk.board.head.least == {}


def test_entries_that_no_box_could_read_are_left_out_and_told_without_their_plates(desk: Desk) -> None:
    sound, *others = (f"P{n}" for n in range(100_000) if part_of(f"P{n}") == 7)
    desk.list(sound, others[0], others[1], "ABC123")
    bad = (({"plate": "abc"}, others[0]), ({"part": 7}, "ABC123"))
    with desk.engine.begin() as connection:
        for values, plate in bad:
            connection.execute(update(hotlist_entry).where(hotlist_entry.c.plate == plate).values(**values))
    with capture_logs() as logs:
        desk.herald().look(go_on)
    assert desk.board.head.entries == 4, "all that are in force"
    payload = desk.board.retained[hotlist_part(7)]
    assert {entry.plate for entry in unpack(payload, 7)} == {sound, others[1]}
    told = [log for log in logs if log["event"] == "hotlist entry cannot be told to boxes"]
    assert [(log["list"], log["part"]) for log in told] == [("medellin", 7)] * 2
    assert not any(plate in str(logs) for plate in ("abc", "ABC123"))


def test_nothing_is_signed_once_our_certificate_is_over(desk: Desk) -> None:
    desk.at = AT + 500 * DAY
    with pytest.raises(ConfigError, match="holds from 2025-01-28 to 2027-04-08 alone"):
        desk.herald().look(go_on)
    assert desk.board.told() == []


def test_all_of_a_copy_is_of_one_moment_whatever_changes_while_it_is_made(desk: Desk) -> None:
    plates = [f"AAA{n:03d}" for n in range(80)]
    desk.list(*plates)
    remaining = list(plates)

    def meanwhile(_seconds: float) -> bool:
        if remaining and not desk.board.log:
            desk.end(remaining.pop())
        return False

    herald = desk.herald()
    herald.look(meanwhile)
    assert set(desk.board.entries()) == set(remaining)
    assert len(remaining) < 80
    assert herald.look(go_on)
    assert set(desk.board.entries()) == set(remaining)


def test_nobody_is_kept_from_tidying_up_while_a_long_copy_is_made(desk: Desk) -> None:
    """A reader of minutes would let SQLite's log grow by all that is written meanwhile."""
    desk.list(*(f"AAA{n:03d}" for n in range(80)))
    busy: list[int] = []

    def look(_seconds: float) -> bool:
        busy.append(desk.engine.pool.checkedout())  # type: ignore[attr-defined]
        return False

    desk.herald().look(look)
    assert set(busy) == {0}


def test_whoever_stops_stops_between_two_parts(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    waits: Iterator[bool] = iter([False, False, True])
    assert desk.herald().look(lambda _: next(waits))
    assert (desk.board.told(), rows(desk.engine, hotlist_copy)) == ([], [])


class Life:
    """A wait that ends a thread's life after so many sleeps."""

    def __init__(self, sleeps: int) -> None:
        self.left = sleeps
        self.slept: list[float] = []

    def __call__(self, seconds: float) -> bool:
        self.slept.append(seconds)
        self.left -= 1
        return self.left < 0

    def pauses(self) -> list[int]:
        """How many seconds each pause took."""
        return [len(list(same)) for is_pause, same in groupby(self.slept, lambda s: s == 1.0) if is_pause]


@pytest.mark.parametrize(
    ("refuses", "pauses", "says"),
    [
        (True, [5, 10, 20, 40, 80, 160, 320, 600, 600], "by its access list?"),
        (False, [5, 10, 15, 15, 15], "the connection was lost meanwhile, or has no room"),
    ],
)
def test_who_refuses_is_told_less_and_less_often_and_who_is_lost_soon(
    desk: Desk, refuses: bool, pauses: list[int], says: str
) -> None:
    desk.budget = None  # no entries, so that a try is quick
    desk.board.refuses, desk.board.takes = refuses, 0
    tries = len(pauses) * (
        PARTS + 1 + (not refuses)
    )  # sleeps: before, between two parts, and once it is lost
    life = Life(tries + sum(pauses))
    with capture_logs() as logs:
        desk.herald().run(life)
    assert life.pauses() == pauses
    (told,) = [log for log in logs if log["log_level"] == "error"]
    assert told["error"] == says
    assert AGAIN_S == 60


def test_on_a_new_connection_it_is_told_at_once(desk: Desk) -> None:
    desk.budget, desk.board.refuses = None, True
    life = Life(5 * (PARTS + 1) + 5 + 10 + 7 + 5 + 10)

    def connect_again(seconds: float) -> bool:
        if life.pauses() == [5, 10, 7]:
            desk.board.connection = 2
        return life(seconds)

    desk.herald().run(connect_again)
    assert life.pauses() == [5, 10, 8, 5, 10][: len(life.pauses())]
    assert len(life.pauses()) > 3


def test_while_there_is_no_connection_nothing_is_said(desk: Desk) -> None:
    desk.budget, desk.board.takes = None, 0
    herald, life = desk.herald(), Life(PARTS + 20)

    def lose(seconds: float) -> bool:
        if life.pauses() == [3]:
            desk.board.connection = 0
        return life(seconds)

    with capture_logs() as logs:
        herald.run(lose)
    assert [log["log_level"] for log in logs] == ["error"], "and not that it goes on"


def test_a_number_that_cannot_be_kept_costs_no_more_than_another_try(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    herald = desk.herald()
    herald.look(go_on)
    desk.board.told()
    desk.list("DEF456")
    faults = iter([True])

    def locked(*args: object) -> None:
        if "hotlist_copy" in str(args[2]) and "INSERT" in str(args[2]) and next(faults, False):
            raise OperationalError("INSERT", {}, Exception("locked"))

    event.listen(desk.engine, "before_cursor_execute", locked)
    with pytest.raises(OperationalError):
        herald.look(go_on)
    assert desk.board.told() == []
    assert herald.look(go_on)
    assert desk.board.told() == [hotlist_part(part_of("DEF456")), HOTLIST_HEAD]


def test_what_is_confirmed_and_not_there_was_refused(desk: Desk) -> None:
    desk.board.forgets = True
    herald = desk.herald()
    with pytest.raises(RefusedError, match="read and write lpr/v1/hotlist/# by its access list"):
        herald.look(go_on)
    desk.board.forgets = False
    assert herald.look(go_on)
    assert desk.board.entries() == {}
    desk.board.forgets = True
    assert herald.look(go_on), "what is there once is asked for no more"


def test_a_connection_that_is_lost_before_the_head_is_seen_is_no_refusal(desk: Desk) -> None:
    def lose() -> None:
        if HOTLIST_HEAD in desk.board.retained:
            desk.board.retained.clear()
            desk.board.connection += 1

    desk.board.meanwhile = lose
    assert not desk.herald().look(go_on)


def test_what_a_lost_connection_did_not_say_is_asked_again(desk: Desk) -> None:
    desk.list("ABC123", "XYZ789")
    desk.herald().look(go_on)
    desk.board.told()
    whole = dict(desk.board.retained)

    def lose() -> None:
        desk.board.retained.clear()  # nobody answers
        desk.board.connection += 1

    herald, desk.board.meanwhile = desk.herald(), lose
    assert not herald.look(go_on)
    assert desk.board.told() == []
    desk.board.meanwhile, desk.board.retained = bool, whole
    assert herald.look(go_on)
    assert desk.board.told() == [HOTLIST_HEAD]


def test_a_database_that_is_away_is_waited_for(desk: Desk) -> None:
    faults = iter([True, False])

    def away(*_: object) -> None:
        if next(faults, False):
            raise OperationalError("SELECT 1", {}, Exception("away"))

    event.listen(desk.engine, "before_cursor_execute", away)
    with capture_logs() as logs:
        desk.herald().run(Life(1_000))
    assert [log["event"] for log in logs] == [
        "boxes cannot be given their copy of the hotlists, trying again",
        "boxes are given a copy",
        "it goes on",
    ]
    assert desk.board.head.entries == 0


@pytest.mark.parametrize(
    ("mqtt", "says"),
    [
        ({}, True),
        ({"tls": {"ca_file": "/nowhere/ca.pem"}}, True),
        ({"partitions": "1-63", "client_id": "central-2"}, False),
    ],
)
def test_whoever_cannot_sign_or_is_not_to_says_so_and_ends(
    database: Engine, mqtt: dict[str, object], says: bool
) -> None:
    board = FakeBoard()
    settings = CentralSettings.model_validate({"mqtt": mqtt})
    with capture_logs() as logs:
        give_copies(settings, database, board, threading.Event().wait, lambda: AT)
    assert ("without a certificate of ours" in str(logs)) is says
    assert board.asked == 0
