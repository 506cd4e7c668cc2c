"""Every question is answered alike from hot rows, from sealed files and from both, on SQLite and on PostgreSQL.

The reads are made by chance and the answers compared with what plain loops over them say.
"""

import random
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from central_reads import LASTING, NOON, a_read, put
from databases import NewDatabase
from sqlalchemy import Engine, insert

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.db import alert, late_update, to_us
from central.errors import QueryError
from central.query.answers import HeatCell, Hour, Place, Seen, Volume
from central.query.area import Area, Circle, Polygon, Position, area_of
from central.query.pattern import compile_pattern
from central.query.plan import Question
from central.query.reads import Reads
from central.sections import QuerySettings
from edge.contract.read import GeoPosition, PlateRead

BOGOTA, KOLKATA, MADRID = (ZoneInfo(name) for name in ("America/Bogota", "Asia/Kolkata", "Europe/Madrid"))
PLATES = ["ABC123", "A8C123", "ABD123", "XYZ98D", "XYZ980", "KLM01"]
STANDING = {
    "cam-1": Position(6.20, -75.60),
    "cam-2": Position(6.25, -75.58),
    "cam-3": Position(6.30, -75.56),
}
CENTRE = Circle(Position(6.25, -75.58), 4_000)
SQUARE = Polygon(
    (
        tuple(
            Position(lat, lon)
            for lat, lon in ((6.19, -75.61), (6.26, -75.61), (6.26, -75.57), (6.19, -75.57))
        ),
    )
)
Kept = tuple[Reads, list[PlateRead]]


def some_reads() -> list[PlateRead]:
    """Of four weeks in which Madrid puts its clocks on; the last camera drives around."""
    chance = random.Random(7)
    found = []
    for seq in range(1, 181):
        camera = chance.choice([*STANDING, "patrol"])
        moved = {}
        if camera == "patrol":
            moved = {
                "location": GeoPosition(lat=chance.uniform(6.15, 6.3), lon=chance.uniform(-75.65, -75.55))
            }
        captured_at = NOON + timedelta(
            seconds=chance.randrange(28 * 86_400), microseconds=chance.randrange(10**6)
        )
        found.append(
            a_read(seq, plate=chance.choice(PLATES), camera_id=camera, captured_at=captured_at, **moved)
        )
    return found


@pytest.fixture(scope="module", params=["hot", "sealed", "both", "improved"])
def kept(
    request: pytest.FixtureRequest, new_database: NewDatabase, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Kept]:
    """The reads, kept in one of the ways in which reads are kept, and what they are in truth."""
    folder = tmp_path_factory.mktemp("kept")
    with new_database(folder) as database:
        yield from keep(request.param, database, folder / "archive")


def keep(how: str, database: Engine, archive: Path) -> Iterator[Kept]:
    rows = some_reads()
    half = {"hot": 0, "sealed": len(rows)}.get(how, len(rows) // 2)
    if half:
        put(database, rows[:half])
        seal(database, LocalArchive(archive), clock=lambda: NOON)
    if rows[half:]:
        put(database, rows[half:])
    if how == "improved":
        rows[:30] = [row.model_copy(update={"plate": "ZZZ999", "plate_raw": "ZZZ999"}) for row in rows[:30]]
        put(database, rows[:30], table=late_update, update_seq=1)
    with Reads(database, LocalArchive(archive), QuerySettings(), rules=LASTING) as reads:
        for number, (camera, captured_at) in enumerate(alerts_of(rows), start=1):
            raise_alert(database, number, camera, captured_at)
        yield reads, rows


def seqs(reads: Reads, **question) -> list[int]:
    return [read.seq for read in reads.find(Question(**question)).reads]


def those(rows: list[PlateRead], wanted: Callable[[PlateRead], bool]) -> list[int]:
    return [row.seq for row in sorted(rows, key=lambda r: r.best_at, reverse=True) if wanted(row)]


@pytest.mark.parametrize(
    ("typed", "alike", "plates"),
    [
        ("AB?12*", False, {"ABC123", "ABD123"}),
        ("ABC123", True, {"ABC123", "A8C123"}),
        ("XYZ98O", True, {"XYZ98D", "XYZ980"}),
        ("*9*", False, {"XYZ98D", "XYZ980", "ZZZ999"}),
        ("?????", False, {"KLM01"}),
        ("Q*", False, set()),
    ],
)
def test_patterns(kept: Kept, typed: str, alike: bool, plates: set[str]) -> None:
    reads, rows = kept
    pattern = compile_pattern(typed, alike=alike)
    since = NOON - timedelta(days=1)
    assert seqs(reads, pattern=pattern, since=since) == those(rows, lambda row: row.plate in plates)


@pytest.mark.parametrize("plates", [{"ABC123", "KLM01", "QQQ111"}, {"ZZZ999"}, {"QQQ111"}])
def test_some_plates(kept: Kept, plates: set[str]) -> None:
    reads, rows = kept
    assert seqs(reads, plates=frozenset(plates)) == those(rows, lambda row: row.plate in plates)
    since = NOON + timedelta(days=9)
    seen = reads.seen(Question(plates=frozenset(plates), since=since)).rows
    expected = Counter(row.plate for row in rows if row.plate in plates and row.best_at >= since)
    assert {each.plate: each.reads for each in seen} == expected


@pytest.mark.parametrize("shape", [CENTRE, SQUARE])
def test_an_area_and_a_window(kept: Kept, shape: Circle | Polygon) -> None:
    reads, rows = kept
    area = area_of(shape, STANDING)
    since, until = NOON + timedelta(days=3), NOON + timedelta(days=20)

    def is_within(row: PlateRead) -> bool:
        at = Position(row.location.lat, row.location.lon) if row.location else STANDING[row.camera_id]
        return shape.holds(at) and since <= row.best_at < until

    found = seqs(reads, area=area, since=since, until=until)
    assert found == those(rows, is_within)
    assert {row.camera_id for row in rows if row.seq in found} > {"patrol"}


def test_an_area_in_which_no_camera_stands(kept: Kept) -> None:
    reads, rows = kept
    everywhere = Circle(Position(6.25, -75.6), 100_000)
    assert seqs(reads, area=Area(everywhere, ())) == those(rows, lambda row: row.location is not None)


def test_first_and_last_seen(kept: Kept) -> None:
    reads, rows = kept
    answer = reads.seen(Question(since=NOON))
    expected = []
    for plate in {row.plate for row in rows}:
        of_it = sorted((row for row in rows if row.plate == plate), key=lambda row: row.best_at)
        first, last = of_it[0], of_it[-1]
        cameras = len({row.camera_id for row in of_it})
        expected.append(
            Seen(plate, len(of_it), cameras, first.best_at, first.camera_id, last.best_at, last.camera_id)
        )
    assert list(answer.rows) == sorted(expected, key=lambda seen: seen.last_at, reverse=True)
    assert not answer.cut
    two = reads.seen(Question(since=NOON, limit=2))
    assert (two.rows, two.cut) == (answer.rows[:2], True)
    assert all(seen.first_at.tzinfo is UTC for seen in answer.rows)


@pytest.mark.parametrize("zone", [BOGOTA, KOLKATA, MADRID])
def test_frequent_places_and_hours(kept: Kept, zone: ZoneInfo) -> None:
    reads, rows = kept
    of_it = [row for row in rows if row.plate == "ABC123"]
    answer = reads.places(Question(plate="ABC123"), zone=zone)
    expected = []
    for camera in {row.camera_id for row in of_it}:
        times = sorted(row.best_at for row in of_it if row.camera_id == camera)
        days = len({moment.astimezone(zone).date() for moment in times})
        expected.append(Place(camera, len(times), days, times[0], times[-1]))
    assert list(answer.places) == sorted(expected, key=lambda place: (-place.reads, place.camera_id))
    hours = Counter((at.isoweekday(), at.hour) for at in (row.best_at.astimezone(zone) for row in of_it))
    assert answer.hours == tuple(Hour(*when, count) for when, count in sorted(hours.items()))
    one = reads.places(Question(plate="ABC123", limit=1), zone=zone)
    assert (one.places, one.hours, one.cut) == (answer.places[:1], answer.hours, True)


@pytest.mark.parametrize("zone", [BOGOTA, KOLKATA, MADRID, timezone(timedelta(hours=-5))])
def test_the_heat_map_is_in_the_sites_hours(kept: Kept, zone: ZoneInfo) -> None:
    reads, rows = kept
    answer = reads.heatmap(Question(since=NOON, limit=3), zone=zone)
    of_camera = Counter(row.camera_id for row in rows)
    cameras = sorted(of_camera, key=lambda camera: (-of_camera[camera], camera))
    cells = Counter(
        (row.camera_id, at.isoweekday(), at.hour) for row in rows for at in [row.best_at.astimezone(zone)]
    )
    expected = [HeatCell(*cell, count) for cell, count in cells.items() if cell[0] in cameras[:3]]
    expected.sort(key=lambda cell: (cameras.index(cell.camera_id), cell.weekday, cell.hour))
    assert list(answer.rows) == expected
    assert answer.cut
    whole = reads.heatmap(Question(since=NOON, limit=4), zone=zone)
    assert sum(cell.reads for cell in whole.rows) == len(rows)
    assert not whole.cut


def alerts_of(rows: list[PlateRead]) -> list[tuple[str, datetime]]:
    """Camera and time of each: two of one day, and one where no read is left."""
    return [("cam-1", rows[0].best_at), ("cam-1", rows[0].best_at), ("cam-9", NOON + timedelta(days=40))]


def raise_alert(engine: Engine, number: int, camera_id: str, captured_at: datetime) -> None:
    with engine.begin() as connection:
        connection.execute(
            insert(alert).values(
                raised_us=0,
                edge_id="edge-1",
                epoch=7,
                seq=number,
                camera_id=camera_id,
                captured_us=to_us(captured_at),
                plate="ABC123",
                likelihood=0.8,
                hotlist_entry_id=1,
                list_name="stolen",
                reason="stolen",
                priority=3,
                explanation="",
                late=False,
                passage_first_us=0,
                passage_last_us=0,
            )
        )


@pytest.mark.parametrize("zone", [BOGOTA, KOLKATA])
def test_volumes_and_hits_by_camera_and_day(kept: Kept, zone: ZoneInfo) -> None:
    reads, rows = kept
    counted: Counter[tuple[date, str]] = Counter(
        (r.best_at.astimezone(zone).date(), r.camera_id) for r in rows
    )
    hits = Counter((captured_at.astimezone(zone).date(), camera) for camera, captured_at in alerts_of(rows))
    expected = [Volume(*each, counted[each], hits[each]) for each in counted | hits]
    expected.sort(key=lambda volume: (-volume.day.toordinal(), volume.camera_id))
    answer = reads.volumes(Question(since=NOON), zone=zone)
    assert list(answer.rows) == expected
    some = reads.volumes(Question(cameras=("cam-1",), since=NOON, until=NOON + timedelta(days=30)), zone=zone)
    assert list(some.rows) == [v for v in expected if v.camera_id == "cam-1"]
    area = Area(CENTRE, ("cam-9",))
    assert [v.hits for v in reads.volumes(Question(area=area), zone=zone).rows if v.camera_id == "cam-9"] == [
        1
    ]
    assert reads.volumes(Question(since=NOON, limit=2), zone=zone).cut


def test_volumes_are_of_no_plate(kept: Kept) -> None:
    with pytest.raises(QueryError, match="not of a plate"):
        kept[0].volumes(Question(plate="ABC123"), zone=BOGOTA)


def test_nothing_yet_answers_nothing(database: Engine, tmp_path: Path) -> None:
    question = Question(since=NOON)
    with Reads(database, LocalArchive(tmp_path / "none"), QuerySettings(), rules=LASTING) as reads:
        assert reads.seen(question).rows == ()
        assert reads.places(question, zone=BOGOTA).places == reads.places(question, zone=BOGOTA).hours == ()
        assert reads.heatmap(question, zone=BOGOTA).rows == ()
        assert reads.volumes(question, zone=BOGOTA).rows == ()
