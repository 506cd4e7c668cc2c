"""The transaction: whatever comes, in whatever order, is committed once and acknowledged exactly."""

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from central_messages import (
    JPEG,
    a_store,
    gone_message,
    held,
    identities,
    ingest,
    list_plates,
    picture_message,
    read_message,
    rows,
    standing,
    update_message,
)
from central_reads import LASTING, NOON, a_read
from sqlalchemy import Engine, delete, event, update
from sqlalchemy.exc import OperationalError

from central.archive.packing import Place
from central.archive.pictures import Packs
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.consume.store import Store
from central.db import (
    alert,
    alert_trail,
    dead_letter,
    edge_health,
    gone_range,
    hot_read,
    late_update,
    picture,
    received_range,
    to_us,
)
from central.errors import StoreError
from central.query.lists import newest_alerts
from central.types import Arrival
from edge.contract.delivery import Ack, Stream
from edge.contract.health import EdgeHealth
from edge.contract.topics import Kind

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


@pytest.fixture
def store(database: Engine, tmp_path: Path) -> Iterator[Store]:
    store = a_store(database, tmp_path / "pictures")
    yield store
    store._pictures.close()


def spans(ack: Ack, stream: Stream = Stream.READ) -> list[tuple[int, int]]:
    return [(span.first, span.last) for span in ack.streams[stream]]


# Reads


def test_a_read_becomes_a_row_and_is_acknowledged(store: Store, database: Engine):
    read = a_read(1, lane="2")
    outcome = ingest(store, [read_message(read)])
    assert outcome.counts["read"] == 1
    row = rows(database, hot_read)[0]
    assert (row["plate"], row["country"], row["plate_class"], row["lane"]) == ("ABC123", "CO", "private", "2")
    assert (row["late"], row["update_seq"], row["seal_id"]) == (False, 0, None)
    assert row["message"] == read.model_dump_json()
    assert [(r.address.ack, r.retain, spans(r.ack)) for r in outcome.replies] == [
        ("lpr/v1/35/site-1/edge-1/ack", True, [(1, 1)])
    ]


def test_repeated_reads_count_once_in_a_batch_and_over_batches(store: Store, database: Engine):
    first = ingest(store, [read_message(a_read(1)), read_message(a_read(1)), read_message(a_read(2))])
    again = ingest(store, [read_message(a_read(2)), read_message(a_read(1))])
    assert (first.counts["read"], first.counts["duplicate"]) == (2, 1)
    assert (again.counts["read"], again.counts["duplicate"]) == (0, 2)
    assert len(rows(database, hot_read)) == 2
    # Said again, for the edge that asks again has not heard it.
    assert [spans(r.ack) for r in again.replies] == [[(1, 2)]]


def test_an_acknowledgement_names_gaps_and_is_never_a_maximum(store: Store, database: Engine):
    outcome = ingest(store, [read_message(a_read(seq)) for seq in (9, 2, 3, 7)])
    assert spans(outcome.replies[0].ack) == [(2, 3), (7, 7), (9, 9)]
    outcome = ingest(store, [read_message(a_read(seq)) for seq in (8, 1)])
    assert spans(outcome.replies[0].ack) == [(1, 3), (7, 9)]
    assert held(database) == {"read": [(1, 3), (7, 9)]}


def test_a_read_that_comes_again_after_its_row_was_sealed_is_a_duplicate(
    store: Store, database: Engine, tmp_path: Path
):
    ingest(store, [read_message(a_read(1))])
    seal(database, LocalArchive(tmp_path / "archive"), clock=lambda: NOON)
    assert rows(database, hot_read) == []
    outcome = ingest(store, [read_message(a_read(1))])
    assert outcome.counts["duplicate"] == 1
    assert rows(database, hot_read) == []
    assert spans(outcome.replies[0].ack) == [(1, 1)]


def test_epochs_and_edges_are_apart_and_only_the_newest_epoch_is_retained(store: Store, database: Engine):
    ingest(store, [read_message(a_read(1, epoch=8))])
    outcome = ingest(
        store,
        [
            read_message(a_read(1, epoch=8)),
            read_message(a_read(4, epoch=7)),
            read_message(a_read(1, edge_id="edge-2")),
        ],
    )
    assert [(r.ack.edge_id, r.ack.epoch, r.retain, spans(r.ack)) for r in outcome.replies] == [
        ("edge-1", 7, False, [(4, 4)]),
        ("edge-1", 8, True, [(1, 1)]),
        ("edge-2", 7, True, [(1, 1)]),
    ]
    assert len(rows(database, hot_read)) == 3


def test_an_old_read_is_marked_late(store: Store, database: Engine):
    on_time, late = a_read(1), a_read(2)
    ingest(
        store,
        [
            read_message(on_time, received_at=on_time.best_at + timedelta(seconds=60)),
            read_message(late, received_at=late.best_at + timedelta(seconds=61)),
        ],
    )
    assert {row["seq"]: row["late"] for row in rows(database, hot_read)} == {1: False, 2: True}


# Updates


def test_an_update_changes_the_row_in_place(store: Store, database: Engine):
    ingest(store, [read_message(a_read(1))])
    better = a_read(1, plate="ABC128", lane="1")
    outcome = ingest(store, [update_message(better, 4)])
    assert outcome.counts["update"] == 1
    (row,) = rows(database, hot_read)
    assert (row["plate"], row["lane"], row["update_seq"]) == ("ABC128", "1", 4)
    assert row["received_us"] == to_us(a_read(1).best_at + timedelta(seconds=1))  # when the read came
    assert row["message"] == better.model_dump_json()
    assert spans(outcome.replies[0].ack, Stream.UPDATE) == [(4, 4)]


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
@pytest.mark.parametrize("batched", [True, False])
def test_the_highest_update_wins_whichever_comes_last(
    store: Store, database: Engine, order: tuple[int, int], batched: bool
):
    messages = [read_message(a_read(1))]
    messages += [update_message(a_read(1, plate=f"ABC12{number}"), number) for number in order]
    for batch in [messages] if batched else [[message] for message in messages]:
        ingest(store, batch)
    assert [(row["plate"], row["update_seq"]) for row in rows(database, hot_read)] == [("ABC122", 2)]
    assert rows(database, late_update) == []


def test_an_update_before_its_read_stands_for_it(store: Store, database: Engine):
    outcome = ingest(store, [update_message(a_read(3, plate="ABC128"), 1)])
    assert spans(outcome.replies[0].ack) == [(3, 3)]
    outcome = ingest(store, [read_message(a_read(3, plate="ABC123"))])
    assert outcome.counts["duplicate"] == 1
    assert [row["plate"] for row in rows(database, hot_read)] == ["ABC128"]


def test_an_update_of_a_sealed_read_waits_for_the_archive(store: Store, database: Engine, tmp_path: Path):
    ingest(store, [read_message(a_read(1))])
    seal(database, LocalArchive(tmp_path / "archive"), clock=lambda: NOON)
    ingest(store, [update_message(a_read(1, plate="ABC126"), 6)])
    ingest(
        store, [update_message(a_read(1, plate="ABC125"), 5), update_message(a_read(1, plate="ABC127"), 7)]
    )
    assert rows(database, hot_read) == []
    assert [(row["plate"], row["update_seq"]) for row in rows(database, late_update)] == [("ABC127", 7)]


def test_an_update_while_a_seal_is_at_its_read_leaves_the_row_alone(store: Store, database: Engine):
    ingest(store, [read_message(a_read(1))])
    with database.begin() as connection:
        connection.execute(update(hot_read).values(seal_id=1))
    ingest(store, [update_message(a_read(1, plate="ABC128"), 1)])
    assert [row["plate"] for row in rows(database, hot_read)] == ["ABC123"]
    assert [row["plate"] for row in rows(database, late_update)] == ["ABC128"]


# Gone


def test_what_is_gone_counts_as_received_and_is_noted_once(store: Store, database: Engine):
    gone = gone_message(a_read(1), 3, 6)
    outcome = ingest(store, [read_message(a_read(2)), gone, gone])
    assert (outcome.counts["gone"], outcome.counts["duplicate"]) == (1, 1)
    assert spans(outcome.replies[0].ack) == [(2, 6)]
    assert ingest(store, [gone]).counts["duplicate"] == 1
    (row,) = rows(database, gone_range)
    assert (row["first_seq"], row["last_seq"], row["reason"], row["stream"]) == (3, 6, "spool full", "read")


def test_gone_pictures_are_a_stream_of_their_own(store: Store):
    outcome = ingest(store, [gone_message(a_read(1), 1, 2**53 - 1, stream=Stream.OVERVIEW)])
    assert spans(outcome.replies[0].ack, Stream.OVERVIEW) == [(1, 2**53 - 1)]
    assert Stream.READ not in outcome.replies[0].ack.streams


# Dead letters


def test_a_poisonous_payload_is_kept_whole_and_counts_as_received(store: Store, database: Engine):
    topic = read_message(a_read(2)).topic
    poison = Arrival(topic, b"\x00\xff{", NOON, 1)
    outcome = ingest(store, [read_message(a_read(1)), poison, poison])
    assert (outcome.counts["dead"], outcome.counts["duplicate"]) == (1, 1)
    assert spans(outcome.replies[0].ack) == [(1, 2)]
    (row,) = rows(database, dead_letter)
    assert (row["topic"], row["payload"]) == (topic, b"\x00\xff{")
    assert "Invalid JSON" in str(row["reason"])


def test_a_topic_that_cannot_be_read_is_kept_and_answered_by_nobody(store: Store, database: Engine):
    outcome = ingest(store, [Arrival("lpr/v1/nobody\x00/\ud800", b"x", NOON, 1)])
    assert (outcome.counts["dead"], outcome.replies) == (1, ())
    assert [row["topic"] for row in rows(database, dead_letter)] == ["lpr/v1/nobody�/?"]


def test_a_payload_of_another_identity_is_poison_of_its_topic(store: Store, database: Engine):
    forged = Arrival(read_message(a_read(5)).topic, read_message(a_read(6)).payload, NOON, 1)
    outcome = ingest(store, [forged])
    assert spans(outcome.replies[0].ack) == [(5, 5)]
    assert rows(database, hot_read) == []
    ingest(store, [read_message(a_read(6))])
    assert [row["seq"] for row in rows(database, hot_read)] == [6]


def test_an_update_of_a_read_that_was_poison_still_counts(store: Store, database: Engine):
    ingest(store, [Arrival(read_message(a_read(1)).topic, b"{", NOON, 1)])
    ingest(store, [update_message(a_read(1, plate="ABC128"), 1)])
    assert [row["plate"] for row in rows(database, late_update)] == ["ABC128"]


# Health


def test_the_last_word_of_an_edge_is_kept(store: Store, database: Engine):
    topic = gone_message(a_read(1), 1, 1).topic.replace("gone", "status")
    for online in (True, False):
        health = EdgeHealth(edge_id="edge-1", site_id="site-1", online=online)
        message = Arrival(topic, health.model_dump_json().encode(), NOON, 1)
        outcome = ingest(store, [message, message])
        assert outcome.replies == ()
    assert [(row["edge_id"], row["online"]) for row in rows(database, edge_health)] == [("edge-1", False)]


# Pictures


def test_pictures_lie_where_the_database_says(store: Store, database: Engine, tmp_path: Path):
    read = a_read(1)
    overview = JPEG[:2] + b"\xff\x01" + JPEG[2:]
    outcome = ingest(
        store,
        [
            picture_message(read, 1),
            picture_message(read, 2, kind=Kind.OVERVIEW, jpeg=overview),
            picture_message(read, 2, kind=Kind.OVERVIEW, jpeg=overview),
        ],
    )
    assert (outcome.counts["picture"], outcome.counts["duplicate"]) == (2, 1)
    assert spans(outcome.replies[0].ack, Stream.CROP) == [(1, 1)]
    assert spans(outcome.replies[0].ack, Stream.OVERVIEW) == [(2, 2)]
    found = {}
    for row in rows(database, picture):
        place = Place(str(row["pack"]), int(str(row["offset"])), int(str(row["length"])), str(row["sha256"]))
        found[row["kind"]] = Packs(tmp_path / "pictures").read(place)
    assert found == {"crop": JPEG, "overview": overview}


@pytest.mark.parametrize("order", [(1, 2), (2, 1)])
def test_a_later_picture_takes_the_place_of_an_earlier_one(
    store: Store, database: Engine, order: tuple[int, int]
):
    for number in order:
        ingest(store, [picture_message(a_read(1), number)])
    assert [row["seq"] for row in rows(database, picture)] == [2]


def test_a_picture_that_cannot_be_written_commits_nothing(store: Store, database: Engine, tmp_path: Path):
    (tmp_path / "pictures").write_text("a file where the folder should be")
    with pytest.raises(StoreError, match="picture cannot be written"):
        ingest(store, [read_message(a_read(1)), picture_message(a_read(1), 1)])
    assert rows(database, hot_read) == []
    assert held(database) == {}


# Alerts


def test_one_alert_a_passage_with_a_growing_trail(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    outcome = ingest(store, [read_message(a_read(seq)) for seq in (1, 2)])
    assert [a.plate for a in outcome.alerts] == ["ABC123"]
    assert ingest(store, [read_message(a_read(3)), read_message(a_read(1))]).alerts == ()
    elsewhere = a_read(4, camera_id="cam-2")
    later = a_read(5, captured_at=NOON + timedelta(seconds=34))
    assert len(ingest(store, [read_message(elsewhere), read_message(later)]).alerts) == 2
    # More than half a minute after the passage's first read, but within it of its latest, and of the later one.
    assert ingest(store, [read_message(a_read(6, captured_at=NOON + timedelta(seconds=33)))]).alerts == ()
    assert len(standing(database)) == 2
    trail = {}
    for row in rows(database, alert_trail):
        trail.setdefault(row["alert_id"], []).append(row["seq"])
    assert sorted(map(sorted, trail.values())) == [[1, 2, 3, 5, 6], [4]]


def seen_at(seq: int, second: float, **more: object) -> Arrival:
    return read_message(a_read(seq, captured_at=NOON + timedelta(seconds=second), **more))


@pytest.mark.parametrize("batched", [True, False])
def test_sightings_that_come_late_join_the_alert_and_move_its_beginning(
    store: Store, database: Engine, tmp_path: Path, batched: bool
):
    """After an outage: the live read is there first, then what was seen before it, newest first."""
    list_plates(database, tmp_path, LISTED)
    (raised,) = ingest(store, [seen_at(9, 100)]).alerts
    assert raised.captured_at == NOON + timedelta(seconds=100)
    earlier = [seen_at(seq, second) for seq, second in ((4, 80), (3, 60), (2, 40), (1, 20))]
    for batch in [earlier[::-1]] if batched else [[message] for message in earlier]:
        assert ingest(store, batch).alerts == ()
    (row,) = rows(database, alert)
    assert (row["alert_id"], row["seq"]) == (raised.alert_id, 9)
    assert row["captured_us"] == row["passage_first_us"] == to_us(NOON + timedelta(seconds=20))
    assert row["passage_last_us"] == to_us(NOON + timedelta(seconds=100))
    assert sorted(int(str(r["seq"])) for r in rows(database, alert_trail)) == [1, 2, 3, 4, 9]


def test_two_alerts_that_prove_to_be_one_passage_become_one(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    (first,) = ingest(store, [seen_at(9, 100)]).alerts
    (second,) = ingest(store, [seen_at(1, 50)]).alerts
    assert ingest(store, [seen_at(5, 75), seen_at(6, 75, camera_id="cam-2")]).alerts[0].camera_id == "cam-2"
    row, taken_in, other = by_number(database)
    assert (row["alert_id"], other["camera_id"]) == (first.alert_id, "cam-2")
    assert (taken_in["alert_id"], taken_in["state"]) == (second.alert_id, "merged")
    assert taken_in["merged_into"] == first.alert_id
    assert [a.alert_id for a in newest_alerts(database, rules=LASTING, limit=9)] == [
        other["alert_id"],
        first.alert_id,
    ]
    assert row["captured_us"] == to_us(NOON + timedelta(seconds=50))
    assert str(row["explanation"]).startswith(first.explanation)
    assert f"Alert #{second.alert_id} was raised for this same passage" in str(row["explanation"])
    trail = {r["seq"]: r["alert_id"] for r in rows(database, alert_trail)}
    assert trail == {1: row["alert_id"], 5: row["alert_id"], 9: row["alert_id"], 6: other["alert_id"]}
    # What is said of a read later goes to the alert that has it now.
    ingest(store, [update_message(a_read(1, plate="ABC128", captured_at=NOON + timedelta(seconds=50)), 1)])
    assert "reads ABC128" in str(by_number(database)[0]["explanation"])


def by_number(database: Engine) -> list[dict[str, object]]:
    return sorted(rows(database, alert), key=lambda row: int(str(row["alert_id"])))


def test_an_alert_is_of_the_read_and_says_why(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    read = a_read(1)
    message = read_message(read, received_at=read.best_at + timedelta(minutes=3))
    (raised,) = ingest(store, [message]).alerts
    assert (raised.edge_id, raised.epoch, raised.seq, raised.camera_id) == ("edge-1", 7, 1, "cam-1")
    assert (raised.captured_at, raised.late, raised.priority) == (read.best_at, True, 1)
    assert "LATE: it was seen 3 min before it arrived" in raised.explanation
    (row,) = rows(database, alert)
    assert (row["alert_id"], row["explanation"]) == (raised.alert_id, raised.explanation)


def test_two_lists_raise_two_alerts(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    with database.begin() as connection:
        connection.exec_driver_sql("UPDATE hotlist_entry SET list_name = 'interpol'")
    list_plates(database, tmp_path, LISTED)
    assert {a.list_name for a in ingest(store, [read_message(a_read(1))]).alerts} == {"medellin", "interpol"}


def test_an_update_towards_a_listed_plate_raises_the_alert(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    assert ingest(store, [read_message(a_read(1, plate="ABC128"))]).alerts == ()
    assert [a.seq for a in ingest(store, [update_message(a_read(1), 1)]).alerts] == [1]
    assert ingest(store, [update_message(a_read(1), 2)]).alerts == ()


def test_an_update_away_from_it_leaves_the_alert_and_says_so(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    ingest(store, [read_message(a_read(1)), update_message(a_read(1, plate="ABC128"), 1)])
    (row,) = rows(database, alert)
    assert str(row["explanation"]).count("A better look") == 1
    assert "reads ABC128" in str(row["explanation"])
    assert "does not fit" in str(row["explanation"])
    assert ingest(store, [update_message(a_read(1), 2)]).alerts == ()
    assert "fits this entry" in str(rows(database, alert)[0]["explanation"])


def test_a_stale_update_says_nothing(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    ingest(store, [read_message(a_read(1)), update_message(a_read(1), 5)])
    ingest(store, [update_message(a_read(1, plate="ABC128"), 4)])
    assert "better look" not in str(rows(database, alert)[0]["explanation"])


def test_the_same_batch_twice_raises_nothing_new(store: Store, database: Engine, tmp_path: Path):
    list_plates(database, tmp_path, LISTED)
    batch = [read_message(a_read(1)), update_message(a_read(1, plate="ABC128"), 1)]
    ingest(store, batch)
    before = rows(database, alert), rows(database, alert_trail)
    assert ingest(store, batch).alerts == ()
    assert (rows(database, alert), rows(database, alert_trail)) == before


# All or nothing


def test_a_failed_commit_leaves_nothing_and_the_batch_can_come_again(
    store: Store, database: Engine, tmp_path: Path
):
    list_plates(database, tmp_path, LISTED)
    failing = True

    def fail(_connection: object) -> None:
        if failing:
            raise OperationalError("COMMIT", {}, Exception("power cut"))

    event.listen(database, "commit", fail)
    batch = [read_message(a_read(1)), picture_message(a_read(1), 1), gone_message(a_read(1), 5, 6)]
    for _ in range(3):
        with pytest.raises(OperationalError):
            ingest(store, batch)
    tables = (hot_read, received_range, alert, alert_trail, picture, gone_range)
    assert [rows(database, table) for table in tables] == [[]] * len(tables)
    failing = False
    assert ingest(store, batch).counts["duplicate"] == 0
    assert all(rows(database, table) for table in tables)
    (pack,) = (tmp_path / "pictures").rglob("*.pack")
    assert pack.read_bytes() == JPEG, "written once, however often the commit failed"


def test_ranges_that_were_lost_by_hand_do_not_double_a_row(store: Store, database: Engine):
    """Not something that we do; but a row's key still stands guard."""
    ingest(store, [read_message(a_read(1))])
    with database.begin() as connection:
        connection.execute(delete(received_range))
    with pytest.raises(Exception, match=r"(?i)unique"):
        ingest(store, [read_message(a_read(1))])
    assert identities(database, hot_read) == {("edge-1", 7, 1): 1}
