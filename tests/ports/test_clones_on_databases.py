"""Plates that two vehicles seem to bear are those that plain loops find, in hot and sealed reads, on both databases."""

import random
from collections import defaultdict
from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest
from central_reads import LASTING, NOON, a_read, put
from databases import NewDatabase

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.query.area import Position, distance_m
from central.query.cameras import CameraPlace
from central.query.clones import Least
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from edge.contract.read import PlateRead, Scored, Vehicle

STANDING = {f"cam-{n}": CameraPlace("", Position(6.15 + 0.03 * n, -75.6)) for n in range(4)}
SINCE = NOON - timedelta(days=1)
Kept = tuple[Reads, list[PlateRead]]


def scored(value: str | None) -> Scored | None:
    return value and Scored(value=value, likelihood=0.9)


def a_look(seq: int, **more: object) -> PlateRead:
    kind, color, plate_class = (more.pop(name, None) for name in ("kind", "color", "plate_class"))
    fields = {"likelihood": 0.99, "plate_class": scored(plate_class), **more}
    return a_read(seq, vehicle=Vehicle(type=scored(kind), color=scored(color)), **fields)


def some_reads() -> list[PlateRead]:
    chance = random.Random(11)
    return [
        a_look(
            seq,
            plate=f"ABC12{chance.randrange(8)}",
            captured_at=NOON + timedelta(seconds=chance.randrange(40_000)),
            camera_id=chance.choice([*STANDING, "nowhere"]),
            likelihood=chance.choice([0.99, 0.99, 0.99, 0.9]),
            kind=chance.choice([None, "Car", "Truck", "Motorcycle"]),
            color=chance.choice([None, "white or grey", "red", "blue"]),
            plate_class=chance.choice([None, "private", "public"]),
        )
        for seq in range(1, 301)
    ]


@pytest.fixture(scope="module", params=["hot", "sealed"])
def kept(
    request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    folder, rows = tmp_path_factory.mktemp("kept"), some_reads()
    archive = LocalArchive(folder / "archive")
    with new_database(folder) as database:
        put(database, rows)
        if request.param == "sealed":
            seal(database, archive, clock=lambda: NOON)
        with Reads(database, archive, QuerySettings(), rules=LASTING) as reads:
            yield reads, rows


def way_m(one: PlateRead, other: PlateRead) -> float | None:
    places = [STANDING.get(read.camera_id) for read in (one, other)]
    return distance_m(*(place.position for place in places)) if all(places) else None


def kinds(one: PlateRead, other: PlateRead) -> set[str]:
    found = set()
    way, hours = way_m(one, other), (other.best_at - one.best_at).total_seconds() / 3600
    if way is not None and (way - 100) / 1000 > 200 * hours:
        found.add("travels")
    types = [read.vehicle.type for read in (one, other)]
    if all(types) and len({told.value == "Motorcycle" for told in types}) == 2:
        found.add("types")
    colors = [read.vehicle.color for read in (one, other)]
    if any(told is not None and told.value == "white or grey" for told in colors):
        colors = [None]
    for kind, values in (
        ("classes", [read.plate_class for read in (one, other)]),
        ("colors", colors),
    ):
        if all(values) and len({told.value for told in values}) == 2:
            found.add(kind)
    return found


def test_it_is_what_plain_loops_find(kept: Kept) -> None:
    reads, rows = kept
    of_plate = defaultdict(list)
    for row in sorted(rows, key=lambda row: (row.best_at, row.seq)):
        if row.likelihood >= 0.95:
            of_plate[row.plate].append(row)
    against = {
        plate: [(one, other, told) for one, other in pairwise(passed) if (told := kinds(one, other))]
        for plate, passed in of_plate.items()
    }
    found = reads.clones(Question(since=SINCE), STANDING, least=Least(pairs=3))
    assert {lead.plate for lead in found.rows} == {
        plate for plate, pairs in against.items() if len(pairs) >= 3
    }
    assert found.rows
    too_fast = defaultdict(set)
    for plate, pairs in against.items():
        for one, other, told in pairs:
            if "travels" in told:
                too_fast[frozenset((one.camera_id, other.camera_id))].add(plate)
    assert too_fast
    for lead in found.rows:
        pairs = against[lead.plate]
        assert lead.contradictions == len(pairs)
        for kind in ("travels", "types", "classes", "colors"):
            assert getattr(lead, kind) == sum(kind in told for _, _, told in pairs)
        one, other, _ = max(pairs, key=lambda pair: ("travels" in pair[2], pair[1].best_at, pair[1].seq))
        assert (lead.first_camera, lead.first_at) == (one.camera_id, one.best_at)
        assert (lead.then_camera, lead.then_at) == (other.camera_id, other.best_at)
        assert lead.distance_m == (pytest.approx(way) if (way := way_m(one, other)) is not None else None)
        shared = too_fast[frozenset((one.camera_id, other.camera_id))] - {lead.plate}
        assert lead.shared == len(shared)
    ranks = [
        (sum(bool(n) for n in (lead.travels, lead.types, lead.classes, lead.colors)), lead.contradictions)
        for lead in found.rows
    ]
    assert ranks == sorted(ranks, reverse=True)


def test_of_one_plate_and_cut(kept: Kept) -> None:
    reads, _ = kept
    every = reads.clones(Question(since=SINCE), STANDING, least=Least(pairs=1))
    one = reads.clones(Question(plate=every.rows[0].plate), STANDING, least=Least(pairs=1))
    assert [lead.plate for lead in one.rows] == [every.rows[0].plate]
    assert one.rows[0].shared == 0, "of the reads that are asked for alone"
    few = reads.clones(Question(since=SINCE, limit=2), STANDING, least=Least(pairs=1))
    assert (few.rows, few.cut, every.cut) == (every.rows[:2], True, False)


def test_a_look_is_told_in_the_cameras_words(kept: Kept) -> None:
    reads, rows = kept
    of_seq = {(row.plate, row.best_at): row for row in rows}
    for lead in reads.clones(Question(since=SINCE), STANDING, least=Least(pairs=1)).rows:
        read = of_seq[lead.plate, lead.then_at]
        told = (read.vehicle.type, read.vehicle.color, read.country, read.plate_class)
        assert lead.then_look == " ".join(scored.value for scored in told if scored)
