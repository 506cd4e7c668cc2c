"""Any interleaving, repetition and cutting into batches gives exactly the set of distinct reads.

A story is what edges send: reads (some poisoned), updates, pictures and gone ranges of two edges. It is told
in any order, with repetitions, in batches, with seals between them; the end is always the same.
"""

import shutil
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from archived import archived_rows
from central_messages import (
    a_store,
    gone_message,
    identities,
    ingest,
    list_plates,
    picture_message,
    read_message,
    rows,
    standing,
    update_message,
)
from central_reads import NOON, a_read
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import Engine

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import alert_trail, dead_letter, hot_read, late_update, open_database, picture, to_us
from central.types import Arrival
from edge.contract.delivery import Received, Stream
from edge.contract.read import PlateRead

EDGES = ("edge-1", "edge-2")
LAST = 12


@dataclass(frozen=True)
class Message:
    """A message, and what it means for the end.

    Attributes:
        read: identity of the read that it is, updates or pictures; None for gone.
        version: 0 for the read itself, or the update's number; None where it brings no row.
        numbers: what it adds to the received ranges.
    """

    arrival: Arrival
    edge: str
    read: tuple[str, int, int] | None
    version: int | None
    numbers: frozenset[tuple[Stream, int]]
    plate: str = ""


def a_message(read: PlateRead, arrival: Arrival, stream: Stream, number: int, version: int | None) -> Message:
    numbers = frozenset({(stream, number)})
    return Message(arrival, read.edge_id, tuple(read.id), version, numbers, read.plate)


def poisoned(arrival: Arrival) -> Arrival:
    return Arrival(arrival.topic, arrival.payload[:-1], arrival.received_at, arrival.mid)


def is_poison(message: Message) -> bool:
    return (
        message.read is not None
        and message.version is None
        and (Stream.READ, message.read[2]) in message.numbers
    )


@st.composite
def stories(draw: st.DrawFn) -> list[Message]:
    """Each message once, in the order of the edges' numbers."""
    story: list[Message] = []
    for edge in EDGES:
        kinds = draw(st.lists(st.sampled_from(["read", "poison", "gone"]), min_size=1, max_size=LAST))
        reads = [a_read(seq, edge_id=edge, plate=f"AAA{seq:03d}") for seq in range(1, len(kinds) + 1)]
        for read, kind in zip(reads, kinds, strict=True):
            if kind == "gone":
                gone = gone_message(read, read.seq, read.seq)
                story.append(Message(gone, edge, None, None, frozenset({(Stream.READ, read.seq)})))
            elif kind == "poison":
                message = poisoned(read_message(read))
                story.append(a_message(read, message, Stream.READ, read.seq, None))
            else:
                story.append(a_message(read, read_message(read), Stream.READ, read.seq, 0))
        told = [read for read, kind in zip(reads, kinds, strict=True) if kind != "gone"]
        chosen = draw(st.lists(st.sampled_from(told), max_size=6)) if told else []
        for number, read in enumerate(chosen, start=1):
            better = read.model_copy(update={"plate_raw": f"look {number}"})
            story.append(a_message(better, update_message(better, number), Stream.UPDATE, number, number))
            story.append(a_message(read, picture_message(read, number), Stream.CROP, number, None))
    return story


@st.composite
def tellings(draw: st.DrawFn, story: list[Message]) -> list[list[Message]]:
    """The story in any order, each message at least once, in batches; an empty batch is a seal."""
    again = draw(st.lists(st.sampled_from(story), max_size=10))
    order = draw(st.permutations([*story, *again]))
    batches: list[list[Message]] = [[]]
    for message in order:
        cut = draw(st.sampled_from(["", "", "", "batch", "seal"]))
        if cut:
            batches += [[], []] if cut == "seal" else [[]]
        batches[-1].append(message)
    return batches


@pytest.fixture(scope="module")
def empty_database() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp())
    open_database(f"sqlite:///{folder}/central.sqlite").dispose()
    yield folder / "central.sqlite"
    shutil.rmtree(folder)


def exactly(messages: Iterable[Message], edge: str) -> dict[Stream, Received]:
    """The ranges that an edge must be told once these are committed.

    An update stands for its read where that has not come, so the read counts too.
    """
    numbers: dict[Stream, set[int]] = {}
    for message in messages:
        if message.edge == edge:
            for stream, number in message.numbers:
                numbers.setdefault(stream, set()).add(number)
            if message.version and message.read:
                numbers.setdefault(Stream.READ, set()).add(message.read[2])
    return {stream: Received().adding(found) for stream, found in numbers.items()}


def archived(path: Path) -> Counter[tuple[tuple[str, int, int], str]]:
    """(identity, plate as read) of every row of the archive, as often as it stands there."""
    if not DeltaTable.is_deltatable(str(path / "reads")):
        return Counter()
    names = ["edge_id", "epoch", "seq", "plate_raw", "plate"]
    return Counter(
        ((r["edge_id"], r["epoch"], r["seq"]), r["plate_raw"] or r["plate"])
        for r in archived_rows(DeltaTable(path / "reads"), names).to_pylist()
    )


def tell(engine: Engine, folder: Path, batches: list[list[Message]]) -> None:
    """Ingest batch after batch; after each, what is acknowledged is exactly what has come."""
    store = a_store(engine, folder / "pictures")
    come: list[Message] = []
    for batch in batches:
        if not batch:
            seal(engine, LocalArchive(folder / "archive"), clock=lambda: NOON)
            continue
        come += batch
        outcome = ingest(store, [message.arrival for message in batch])
        assert {r.ack.edge_id for r in outcome.replies} == {message.edge for message in batch}
        for reply in outcome.replies:
            assert reply.ack.streams == exactly(come, reply.ack.edge_id)
        assert sum(outcome.counts.values()) == len(batch)
        stored = identities(engine, hot_read)
        assert set(stored.values()) <= {1}
    store._pictures.close()


@settings(max_examples=25, deadline=timedelta(seconds=20))
@given(data=st.data())
def test_every_telling_of_a_story_ends_the_same(data: st.DataObject, empty_database: Path):
    story = data.draw(stories())
    batches = data.draw(tellings(story))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(empty_database, folder / "central.sqlite")
        engine = open_database(f"sqlite:///{folder}/central.sqlite")
        tell(engine, folder, batches)
        seal(engine, LocalArchive(folder / "archive"), clock=lambda: NOON)
        assert identities(engine, hot_read, late_update) == {}

        newest: dict[tuple[str, int, int], tuple[int, str]] = {}
        for message in story:
            if message.read is not None and message.version is not None:
                raw = f"look {message.version}" if message.version else message.plate
                newest[message.read] = max(newest.get(message.read, (0, "")), (message.version, raw))
        assert archived(folder / "archive") == Counter((read, raw) for read, (_, raw) in newest.items())

        pictured = {m.read for m in story for stream, _ in m.numbers if stream is Stream.CROP}
        assert {(str(r["edge_id"]), r["epoch"], r["read_seq"]) for r in rows(engine, picture)} == pictured
        # A poisoned read whose update came first is a duplicate: the update stands for it.
        poison = {m.read: m.arrival.topic for m in story if is_poison(m)}
        updated = {m.read for m in story if m.version}
        dead = Counter(str(row["topic"]) for row in rows(engine, dead_letter))
        assert dead <= Counter(poison.values())
        assert dead >= Counter(topic for read, topic in poison.items() if read not in updated)
        engine.dispose()


@settings(max_examples=15, deadline=timedelta(seconds=20))
@given(
    order=st.permutations(list(range(1, 13)) * 2),
    cuts=st.lists(st.integers(0, 24), max_size=6),
)
def test_every_listed_read_stands_in_one_trail(order: list[int], cuts: list[int], empty_database: Path):
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(empty_database, folder / "central.sqlite")
        engine = open_database(f"sqlite:///{folder}/central.sqlite")
        list_plates(engine, folder, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
        store = a_store(engine, folder / "pictures", passage_s=30.0)
        # Two passages: the first six reads a second apart, the others a quarter of an hour later.
        reads = {
            seq: a_read(seq, captured_at=NOON + timedelta(seconds=seq + (900 if seq > 6 else 0)))
            for seq in range(1, 13)
        }
        edges = [0, *sorted(cuts), len(order)]
        alerts = 0
        for start, end in pairwise(edges):
            alerts += len(ingest(store, [read_message(reads[seq]) for seq in order[start:end]]).alerts)
        assert alerts == 2
        trails: dict[object, set[object]] = {}
        for row in rows(engine, alert_trail):
            trails.setdefault(row["alert_id"], set()).add(row["seq"])
        assert sorted(map(sorted, trails.values())) == [[1, 2, 3, 4, 5, 6], [7, 8, 9, 10, 11, 12]]
        engine.dispose()


@pytest.mark.parametrize(("vehicle_s", "cameras", "gap_s"), [(0, 1, 30), (60, 3, 60)])
@settings(max_examples=15, deadline=timedelta(seconds=20))
@given(data=st.data())
def test_the_order_of_arrival_decides_no_alert(
    data: st.DataObject, empty_database: Path, vehicle_s: int, cameras: int, gap_s: int
):
    """Sightings in any order and any batches: one alert for each run of them without a gap, from its first on."""
    seconds = data.draw(st.lists(st.integers(0, 300), min_size=1, max_size=12, unique=True), label="seen at")
    cuts = data.draw(st.lists(st.integers(0, len(seconds)), max_size=4), label="cuts")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        shutil.copy(empty_database, folder / "central.sqlite")
        engine = open_database(f"sqlite:///{folder}/central.sqlite")
        list_plates(engine, folder, "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31")
        store = a_store(engine, folder / "pictures", passage_s=30.0, vehicle_h=vehicle_s / 3600)
        messages = [
            read_message(
                a_read(seq, camera_id=f"cam-{seq % cameras}", captured_at=NOON + timedelta(seconds=second))
            )
            for seq, second in enumerate(seconds, start=1)
        ]
        for start, end in pairwise([0, *sorted(cuts), len(messages)]):
            ingest(store, messages[start:end])
        runs: list[list[int]] = []
        for second in sorted(seconds):
            if not runs or second - runs[-1][-1] > gap_s:
                runs.append([])
            runs[-1].append(second)
        begun = [to_us(NOON + timedelta(seconds=run[0])) for run in runs]
        assert sorted(int(str(row["captured_us"])) for row in standing(engine)) == begun
        trails = Counter(row["alert_id"] for row in rows(engine, alert_trail))
        assert sorted(trails.values()) == sorted(map(len, runs))
        engine.dispose()
