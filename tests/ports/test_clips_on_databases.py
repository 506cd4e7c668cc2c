"""Clips at the centre, alike on SQLite and on PostgreSQL: asked once, put together in any order, never silent."""

import itertools
import random
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import (
    a_store,
    held,
    identities,
    ingest,
    list_plates,
    picture_message,
    read_message,
    rows,
)
from central_reads import LASTING, NOON, a_read
from edge_clips import MP4_HEAD, clip_parts, no_clip
from sqlalchemy import Engine, select, update

from central.archive.pictures import Packs
from central.clip.store import GIVEN_UP, Wish, addresses, ask, asked, give_up
from central.consume.commands import Commander
from central.consume.store import Store
from central.db import alert, clip, clip_part, dead_letter, hot_read, reading, to_us
from central.errors import DamagedError, QueryError
from central.query.clips import find_clip, locate, newest_clips
from central.query.lists import newest_alerts
from central.query.pictures import evidence, pictures_of, read_whole
from central.sections import ClipSettings
from central.types import Arrival
from edge.contract.clip import MOST_REQUESTS, ClipCommands, ClipRequest, unpacked
from edge.contract.read import ReadId
from edge.contract.topics import Address, Kind, Numbered

ADDRESS = Address("site-1", "edge-1")
LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"
VIDEO = MP4_HEAD + bytes(range(256)) * 2_000  # 512 kB: four parts


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Store:
    store = a_store(database, tmp_path / "pictures")
    store._clips = ClipSettings()
    return store


def a_wish(seq: int = 1, *, edge_id: str = "edge-1", minutes: float = 0.0, before_s: float = 5.0) -> Wish:
    read = a_read(seq)
    return Wish(
        address=Address("site-1", edge_id),
        camera_id="cam-1",
        read=ReadId(edge_id, 7, seq),
        at=read.best_at,
        before_s=before_s,
        after_s=5.0,
        by="ana.rojas",
        asked_at=NOON + timedelta(minutes=minutes),
    )


def ask_now(database: Engine, wish: Wish) -> ClipRequest:
    """Ask, and what the edge is told."""
    with database.begin() as connection:
        name = ask(connection, wish)
        told = asked(connection)[wish.address].clips
    return next(each for each in told if each.request == name)


def arrivals(
    request: ClipRequest,
    payloads: Iterable[bytes],
    *,
    first: int = 1,
    edge_id: str = "edge-1",
    epoch: int = 7,
) -> list[Arrival]:
    """An edge's answer, numbered from `first`."""
    address = Address("site-1", edge_id)
    return [
        Arrival(
            str(Numbered(address, request.camera_id, Kind.CLIP, epoch, seq, request.seq)),
            payload,
            NOON + timedelta(seconds=30),
            seq,
        )
        for seq, payload in enumerate(payloads, start=first)
    ]


def only(database: Engine) -> dict[str, object]:
    (row,) = rows(database, clip)
    return row


def test_an_alert_asks_for_one_clip_of_its_read_in_its_own_transaction(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, LISTED, f"XYZ987{LISTED[6:]}")
    ingest(store, [read_message(a_read(seq)) for seq in (1, 2, 3)])  # one passage
    ingest(store, [read_message(a_read(50, plate="QQQ111")), read_message(a_read(60, plate="XYZ987"))])
    assert len(rows(database, alert)) == 2
    told = {row["read_seq"]: row for row in rows(database, clip)}
    assert told.keys() == {1, 60}
    first = told[1]
    assert (first["state"], first["asked_by"], first["camera_id"]) == ("asked", "alert 1", "cam-1")
    assert first["at_us"] == to_us(a_read(1).best_at)
    with reading(database) as connection:
        (commands,) = asked(connection).values()
    assert [(c.seq, c.before_s, c.after_s) for c in commands.clips] == [(1, 5.0, 5.0), (60, 5.0, 5.0)]


@pytest.mark.parametrize(
    ("late_s", "clock_error_s", "count"),
    [(59, None, 1), (61, None, 0), (3600, None, 0), (3600, -3590.0, 1), (1, 300.0, 0)],
)
def test_what_no_box_can_hold_any_more_is_not_asked_for(
    database: Engine, store: Store, tmp_path: Path, late_s: float, clock_error_s: float | None, count: int
) -> None:
    """After an outage, or of a recording; a box whose clock is slow holds what seems to be old."""
    list_plates(database, tmp_path, LISTED)
    read = a_read(1, clock_error_s=clock_error_s)
    outcome = ingest(store, [read_message(read, received_at=read.best_at + timedelta(seconds=late_s))])
    assert len(outcome.alerts) == 1
    assert len(rows(database, clip)) == count


def test_where_clips_are_not_asked_for_alerts_are_raised_all_the_same(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    store._clips = None
    list_plates(database, tmp_path, LISTED)
    outcome = ingest(store, [read_message(a_read(1))])
    assert len(outcome.alerts) == 1
    assert rows(database, clip) == []


@pytest.mark.parametrize("seed", range(4))
def test_parts_in_any_order_and_more_than_once_make_one_clip(
    database: Engine, store: Store, tmp_path: Path, seed: int
) -> None:
    dice = random.Random(seed)
    request = ask_now(database, a_wish())
    parts = arrivals(request, clip_parts(request, VIDEO))
    assert len(parts) == 4
    flood = [*parts, *dice.choices(parts, k=4)]
    dice.shuffle(flood)
    done: set[str] = set()
    while flood:
        count = dice.randint(1, 3)
        batch, flood = flood[:count], flood[count:]
        ingest(store, batch)
        done |= {arrival.topic for arrival in batch}
        assert only(database)["state"] == ("came" if len(done) == 4 else "asked")
    row = only(database)
    assert (row["parts"], row["size"], row["reason"]) == (4, len(VIDEO), "")
    assert len(rows(database, clip_part)) == 4
    assert held(database)["clip"] == [(1, 4)]
    assert rows(database, dead_letter) == []
    _, found = find_clip(database, request.request)
    assert read_whole(Packs(tmp_path / "pictures"), found) == VIDEO
    with reading(database) as connection:
        assert asked(connection) == {}, "the edge is not asked any more"


def test_the_acknowledgement_names_every_part_and_no_other(database: Engine, store: Store) -> None:
    request = ask_now(database, a_wish())
    parts = arrivals(request, clip_parts(request, VIDEO))
    outcome = ingest(store, [parts[0], parts[2]])
    (reply,) = outcome.replies
    assert {s: [(r.first, r.last) for r in held] for s, held in reply.ack.streams.items()} == {
        "clip": [(1, 1), (3, 3)]
    }
    assert outcome.counts["clip"] == 2


@pytest.mark.parametrize("outcome", ["gone", "refused"])
def test_there_being_no_clip_is_an_answer(database: Engine, store: Store, outcome: str) -> None:
    request = ask_now(database, a_wish())
    ingest(store, arrivals(request, no_clip(request, outcome=outcome, reason="not\x00 held")))
    row = only(database)
    assert (row["state"], row["reason"]) == (outcome, "not\ufffd held")
    with pytest.raises(QueryError, match=f"has not come, it is {outcome}: not"):
        find_clip(database, request.request)
    with reading(database) as connection:
        assert asked(connection) == {}


def test_a_clip_that_comes_after_all_takes_the_place_of_gone_and_gone_never_that_of_a_clip(
    database: Engine, store: Store
) -> None:
    request = ask_now(database, a_wish())
    clip_, gone = clip_parts(request, VIDEO), no_clip(request)
    ingest(store, arrivals(request, gone))
    ingest(store, arrivals(request, clip_, first=2))
    assert only(database)["state"] == "came"
    ingest(store, arrivals(request, gone, first=6))
    assert only(database)["state"] == "came"


def test_gone_after_some_parts_ends_the_wait(database: Engine, store: Store) -> None:
    request = ask_now(database, a_wish())
    ingest(store, arrivals(request, clip_parts(request, VIDEO)[:2]))
    ingest(store, arrivals(request, no_clip(request), first=5))
    assert only(database)["state"] == "gone"


def test_parts_that_are_not_the_size_that_was_told_are_no_clip(database: Engine, store: Store) -> None:
    request = ask_now(database, a_wish())
    parts = clip_parts(request, VIDEO)
    parts[3] = parts[3][:-1]
    ingest(store, arrivals(request, parts))
    row = only(database)
    assert (row["state"], row["reason"]) == (
        "gone", f"its parts have {len(VIDEO) - 1} bytes, {len(VIDEO)} were told"
    )  # fmt: skip


def test_a_part_that_was_changed_on_the_way_is_not_handed_out(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    request = ask_now(database, a_wish())
    parts = clip_parts(request, VIDEO)
    parts[2] = parts[2][:-1] + b"!"
    ingest(store, arrivals(request, parts))
    _, found = find_clip(database, request.request)
    with pytest.raises(DamagedError, match="is not what its box said that it sent"):
        read_whole(Packs(tmp_path / "pictures"), found)


def test_what_nobody_asked_for_is_a_dead_letter_and_acknowledged(database: Engine, store: Store) -> None:
    request = ask_now(database, a_wish())
    other_edge = arrivals(request, clip_parts(request, VIDEO), edge_id="edge-2")
    other_read = arrivals(request.model_copy(update={"seq": 9}), clip_parts(request, VIDEO)[:1], first=10)
    unknown = request.model_copy(update={"request": "f" * 32})
    nobodys = arrivals(unknown, clip_parts(unknown, VIDEO)[:1], first=20)
    junk = [Arrival(nobodys[0].topic.replace("/20/", "/30/"), b"junk", NOON, 1)]
    no_mp4 = arrivals(request, clip_parts(request, b"x" * 50), first=40)
    outcome = ingest(store, [*other_edge, *other_read, *nobodys, *junk, *no_mp4])
    letters = rows(database, dead_letter)
    assert len(letters) == outcome.counts["dead"] == 4 + 1 + 1 + 1 + 1
    reasons = " ".join(str(letter["reason"]) for letter in letters)
    assert "nobody asked for" in reasons
    assert "asked was ('edge-1', 7, 1, 'cam-1')" in reasons
    assert "does not begin as an MP4 file" in reasons
    assert rows(database, clip_part) == []
    assert only(database)["state"] == "asked"
    kept = {bytes(letter["payload"]) for letter in letters}  # type: ignore[call-overload]
    heads = {a.payload.partition(b"\n")[0] + b"\n" for a in nobodys}
    assert heads <= kept, "what it said of itself is kept"
    assert f"({len(nobodys[0].payload) - len(min(heads))} bytes not kept)" in reasons
    assert sum(map(len, kept)) < 10_000, "and not its video"


def test_a_second_clip_under_one_request_is_not_mixed_with_the_first(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    request = ask_now(database, a_wish())
    ingest(store, arrivals(request, clip_parts(request, VIDEO)[:2]))
    others = clip_parts(request, VIDEO[::-1] + b"!")[1:]
    ingest(store, arrivals(request, others, first=10))
    sizes = [len(unpacked(part)[1]) for part in others]
    assert {letter["reason"] for letter in rows(database, dead_letter)} == {
        f"part {n} is of another clip than the parts before it ({size} bytes not kept)"
        for n, size in enumerate(sizes, start=2)
    }
    ingest(store, arrivals(request, clip_parts(request, VIDEO)[2:], first=3))
    _, found = find_clip(database, request.request)
    assert read_whole(Packs(tmp_path / "pictures"), found) == VIDEO


def test_who_asks_for_the_same_gets_the_same_request(database: Engine, store: Store) -> None:
    first = ask_now(database, a_wish())
    assert ask_now(database, a_wish(before_s=3.0)) == first
    wider = ask_now(database, a_wish(before_s=9.0))
    assert wider.request != first.request
    ingest(store, arrivals(wider, no_clip(wider)))
    assert ask_now(database, a_wish(before_s=9.0)).request != wider.request, "gone: asked again"


def test_no_edge_is_told_more_than_fits_and_the_others_end(database: Engine) -> None:
    with database.begin() as connection:
        for number in range(1, MOST_REQUESTS + 6):
            ask(connection, a_wish(number, minutes=number))
        ask(connection, a_wish(1, edge_id="edge-2"))
        told = asked(connection)
        assert [c.seq for c in told[ADDRESS].clips] == [*range(6, MOST_REQUESTS + 6)]
        assert give_up(connection, now=NOON + timedelta(hours=1)) == 5
        assert asked(connection) == told
        assert addresses(connection) == {ADDRESS, Address("site-1", "edge-2")}
        assert give_up(connection, now=NOON + GIVEN_UP + timedelta(minutes=30)) == 24 + 1
    ended = [row for row in rows(database, clip) if row["state"] == "expired"]
    assert {row["reason"] for row in ended} == {"the box never answered"}


def test_an_alerts_clip_is_handed_out_beside_its_pictures(
    database: Engine, store: Store, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, LISTED)
    ingest(store, [read_message(a_read(1)), picture_message(a_read(1), 1)])
    (found,) = newest_alerts(database, rules=LASTING, limit=9)
    assert [each.picture.kind for each in evidence(database, [found])] == ["crop"]
    with reading(database) as connection:
        (request,) = asked(connection)[ADDRESS].clips
    ingest(store, arrivals(request, clip_parts(request, VIDEO)))
    _, last = evidence(database, [found])
    assert (last.alert_id, last.picture.kind, last.picture.read) == (
        found.alert_id,
        "clip",
        ReadId("edge-1", 7, 1),
    )
    assert len(last.picture.places) == 4
    assert pictures_of(database, ReadId("edge-1", 7, 1))[1] == last.picture
    assert evidence(database, []) == []


def test_what_was_asked_is_listed_newest_first(database: Engine, store: Store) -> None:
    first, second = (ask_now(database, a_wish(n, minutes=n)) for n in (1, 2))
    ingest(store, arrivals(first, clip_parts(first, VIDEO)))
    listed = newest_clips(database, limit=9)
    assert [(c.request, c.state, c.size) for c in listed] == [
        (second.request, "asked", None),
        (first.request, "came", len(VIDEO)),
    ]
    assert listed[1].ended_at - listed[1].began_at == timedelta(seconds=10)  # type: ignore[operator]
    assert newest_clips(database, limit=1) == listed[:1]
    with pytest.raises(QueryError, match="was ever asked for"):
        find_clip(database, "0" * 32)


def test_only_a_read_that_is_still_hot_can_be_asked_for(database: Engine, store: Store) -> None:
    ingest(store, [read_message(a_read(4))])
    found = locate(database, ReadId("edge-1", 7, 4))
    assert (found["site_id"], found["camera_id"]) == ("site-1", "cam-1")
    with pytest.raises(QueryError, match="read edge-1/7/5 is not known, or long archived"):
        locate(database, ReadId("edge-1", 7, 5))
    assert identities(database, hot_read) == {("edge-1", 7, 4): 1}


class FakeLink:
    """Where the commander's lists go."""

    def __init__(self) -> None:
        self.connection = 1
        self.takes = True
        self.told: list[tuple[Address, list[int]]] = []

    def command(self, address: Address, payload: str) -> bool:
        if self.takes:
            commands = ClipCommands.model_validate_json(payload)
            assert commands.edge_id == address.edge_id
            self.told.append((address, [c.seq for c in commands.clips]))
        return self.takes

    def said(self) -> list[tuple[Address, list[int]]]:
        told, self.told = self.told, []
        return told


class TestCommander:
    def test_it_tells_what_changed_and_nothing_else(self, database: Engine, store: Store) -> None:
        link = FakeLink()
        commander = Commander(database, link, clock=lambda: NOON)
        commander.look()
        assert link.said() == []
        request = ask_now(database, a_wish(1))
        commander.look()
        commander.look()
        assert link.said() == [(ADDRESS, [1])]
        ask_now(database, a_wish(2, minutes=1))
        ask_now(database, a_wish(3, edge_id="edge-2"))
        commander.look()
        assert sorted(link.said(), key=str) == [(ADDRESS, [1, 2]), (Address("site-1", "edge-2"), [3])]
        ingest(store, arrivals(request, no_clip(request)))
        commander.look()
        assert link.said() == [(ADDRESS, [2])]

    def test_each_edge_is_told_by_the_consumer_of_its_partition_alone(
        self, database: Engine, store: Store
    ) -> None:
        links = [FakeLink(), FakeLink()]
        halves = (range(32), range(32, 64))
        commanders = [
            Commander(database, link, clock=lambda: NOON, partitions=half)
            for link, half in zip(links, halves, strict=True)
        ]
        request = ask_now(database, a_wish(1))  # of partition 35
        ask_now(database, a_wish(2, edge_id="edge-2"))  # of 25
        for commander in commanders:
            commander.look()
        assert [link.said() for link in links] == [[(Address("site-1", "edge-2"), [2])], [(ADDRESS, [1])]]
        ingest(store, arrivals(request, no_clip(request)))
        for commander in commanders:
            commander.look()
        assert [link.said() for link in links] == [[], [(ADDRESS, [])]]

    @pytest.mark.parametrize(
        "wrong",
        [
            {"before_s": 61.0},
            {"at_us": 2**62},
            {"camera_id": "no camera/has this"},
            {"edge_id": "a/b"},
            {"site_id": "#"},
        ],
    )
    def test_a_row_that_nobody_can_be_asked_with_ends_itself_and_the_others_are_told(
        self, database: Engine, wrong: dict[str, object]
    ) -> None:
        link = FakeLink()
        broken = ask_now(database, a_wish(1))
        ask_now(database, a_wish(2, minutes=1))
        with database.begin() as connection:
            connection.execute(update(clip).where(clip.c.request == broken.request).values(wrong))
        Commander(database, link, clock=lambda: NOON).look()
        assert (ADDRESS, [2]) in link.said()
        with reading(database) as connection:
            row = connection.execute(select(clip).where(clip.c.request == broken.request)).one()
        assert row.state == "expired"
        assert row.reason.startswith("it cannot be asked for: ")

    def test_the_last_answer_empties_the_list_that_the_broker_retains(
        self, database: Engine, store: Store
    ) -> None:
        link = FakeLink()
        commander = Commander(database, link, clock=lambda: NOON)
        request = ask_now(database, a_wish(1))
        commander.look()
        ingest(store, arrivals(request, clip_parts(request, VIDEO)))
        commander.look()
        assert link.said() == [(ADDRESS, [1]), (ADDRESS, [])]

    def test_after_a_reconnect_or_a_restart_every_list_is_told_again(
        self, database: Engine, store: Store
    ) -> None:
        link = FakeLink()
        commander = Commander(database, link, clock=lambda: NOON)
        request = ask_now(database, a_wish(1))
        ask_now(database, a_wish(2, edge_id="edge-2"))
        ingest(store, arrivals(request, no_clip(request)))
        commander.look()
        expected = [(ADDRESS, []), (Address("site-1", "edge-2"), [2])]
        key = str
        assert sorted(link.said(), key=key) == sorted(expected, key=key)
        link.connection = 0
        commander.look()
        assert link.said() == [], "nobody is there to be told"
        link.connection = 2
        commander.look()
        commander.look()
        assert sorted(link.said(), key=key) == sorted(expected, key=key)
        Commander(database, link, clock=lambda: NOON).look()
        assert sorted(link.said(), key=key) == sorted(expected, key=key)

    def test_what_the_link_does_not_take_is_told_later(self, database: Engine) -> None:
        link = FakeLink()
        link.takes = False
        commander = Commander(database, link, clock=lambda: NOON)
        ask_now(database, a_wish(1))
        commander.look()
        link.takes = True
        commander.look()
        assert link.said() == [(ADDRESS, [1])]

    def test_it_ends_requests_that_nobody_will_answer(self, database: Engine) -> None:
        ask_now(database, a_wish(1))
        link = FakeLink()
        commander = Commander(database, link, clock=lambda: NOON + GIVEN_UP + timedelta(seconds=1))
        waits = itertools.count()
        commander.run(lambda _: next(waits) > 245)
        assert only(database)["state"] == "expired"
        assert link.said() == [(ADDRESS, [1]), (ADDRESS, [])]
