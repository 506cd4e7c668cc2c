"""A centre with a plate everywhere: in the archive and its copies, hot, late, listed, in alerts and pictures."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pyarrow.parquet as pq
from central_city import FIRST, City
from central_messages import JPEG, ingest, list_plates, picture_message, read_message
from central_reads import a_read, put
from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.access.key import AuditKey, open_key
from central.alert.store import Alerts
from central.archive.packing import PackWriter
from central.archive.pictures import open_packs
from central.archive.place import LocalArchive
from central.archive.write import seal
from central.consume.refuse import Refusals
from central.consume.store import Outcome, Store
from central.db import late_update
from central.erase.order import Order, Ordered, give
from central.erase.roots import search_all
from central.erase.run import How, Result, run
from central.erase.search import Aim, Searched
from central.hotlist.grammar import load_grammar
from central.hotlist.live import Hotlist
from central.maintain import Step
from central.query.desk import open_reads
from central.query.plan import Question
from central.settings import CentralSettings
from central.types import Arrival, Look
from edge.contract.topics import Kind

PLATE = "ABC003"
TODAY = datetime(2025, 2, 2, 12, tzinfo=UTC)
LATER = TODAY + timedelta(hours=3)
LOOK = Look("ana.rojas", "order of the court", "2025-117")
AT_ONCE = How(pause=None)


def files_with(folder: Path, plate: str) -> list[str]:
    """The files below a folder that hold a plate, in a column of Parquet or in their bytes; not the broker's."""
    found = []
    for path in (each for each in folder.rglob("*") if "mosquitto" not in each.parts):
        if path.suffix == ".parquet" and "_delta_log" not in path.parts:
            table = pq.ParquetFile(path).read()
            texts = (table[name] for name in ("plate", "plate_raw") if name in table.column_names)
            held = any(plate in text.to_pylist() for text in texts)
        else:
            held = path.is_file() and plate.encode() in path.read_bytes()
        found += [str(path)] if held else []
    return found


class Scene:
    """One centre, with the parts that `serve` wires."""

    def __init__(self, engine: Engine, folder: Path) -> None:
        self.engine = engine
        self.settings = CentralSettings.model_validate(
            {
                "database_url": engine.url.render_as_string(hide_password=False),
                "archive": {"path": folder / "archive", "memory_mb": 256},
                "pictures": {"path": folder / "pictures"},
                "access": {"key_file": folder / "audit.key"},
                "erase": {"search": [folder / "exports"]},
                "query": {"timeout_s": 20},
            }
        )
        self.folder = folder
        self.key: AuditKey = open_key(self.settings.access.key_file)
        self.city = City(engine, folder / "archive")
        (folder / "exports").mkdir(exist_ok=True)

    def store(self) -> Store:
        return Store(
            self.engine,
            pictures=PackWriter(self.settings.pictures.path),
            hotlist=Hotlist(grammar=load_grammar()),
            alerts=Alerts(within=timedelta(seconds=30)),
            late_after=timedelta(seconds=60),
            refusals=Refusals(self.key),
        )

    def fill(self) -> None:
        """Days that are closed, derived and merged; one that is not over; and what came today."""
        for day in (0, 1, 5):
            self.city.read(FIRST + timedelta(days=day), 40)
        # Spelt as the plate before a grammar put it right; sealed.
        spelt = a_read(9_000, plate="A8C003", plate_raw="ABC-003", captured_at=FIRST, camera_id="cam-0")
        put(self.engine, [spelt])
        self.city.seal()
        self.city.maintain(TODAY)
        self.city.read(TODAY - timedelta(hours=4), 30)
        # Improved to the plate, which the archive does not know yet.
        other = next(row for row in self.city.rows() if row["plate"] != PLATE)
        better = a_read(
            int(str(other["seq"])),
            plate=PLATE,
            captured_at=other["captured_at"],
            camera_id=other["camera_id"],
        )
        put(self.engine, [better], table=late_update, update_seq=1)
        self.list_plate()
        self.take(self.messages(1, PLATE, "XYZ789", PLATE))
        letter = b'{"plate": "abc-003", broken'
        self.take([Arrival("lpr/v1/0/site-1/edge-2/nonsense", letter, TODAY, 1)])

    def list_plate(self) -> None:
        list_plates(self.engine, self.folder, f"{PLATE},CO,,stolen,1,SIJIN,C-1,,2026-12-31", at=FIRST)
        (self.folder / "hotlist.csv").unlink()

    def messages(self, first: int, *plates: str) -> list[Arrival]:
        """A read and its crop of each plate, a minute apart; the crop tells its number."""
        found = []
        for seq, plate in enumerate(plates, start=first):
            read = a_read(seq, plate=plate, edge_id="edge-2", captured_at=TODAY + timedelta(minutes=seq))
            crop = JPEG[:2] + b"\xff\xfe\x00\x08%06d" % seq + JPEG[2:]
            found += [read_message(read), picture_message(read, seq, kind=Kind.CROP, jpeg=crop)]
        return found

    def take(self, arrivals: list[Arrival]) -> Outcome:
        store = self.store()
        try:
            return ingest(store, arrivals)
        finally:
            store._pictures.close()

    def order(
        self,
        *,
        look: Look = LOOK,
        reference: str = "STC-2025-4411",
        with_lists: bool = True,
        **window: datetime,
    ) -> Ordered:
        log = AuditLog(self.engine, self.key, clock=lambda: TODAY)
        wanted = Order(PLATE, reference, look, TODAY, with_lists=with_lists, **window)
        with open_reads(self.settings, self.engine, clock=lambda: TODAY) as reads:
            return give(
                self.engine,
                reads,
                wanted,
                key=self.key,
                log=lambda connection, plate, told: log.note(
                    connection, LOOK, "erase.order", {"plate": plate, **told}
                ),
            )

    def run(
        self, how: How = AT_ONCE, *, now: datetime = LATER, on_step: Callable[[Step], None] = lambda _: None
    ) -> list[Result]:
        return run(self.engine, self.settings, how, key=self.key, clock=lambda: now, on_step=on_step)

    def seal(self) -> None:
        seal(self.engine, LocalArchive(self.settings.archive.path), clock=lambda: TODAY)

    def shown(self, plate: str | None = None) -> list[tuple[object, ...]]:
        """Every read that questions show, in its order."""
        since = FIRST - timedelta(days=2)
        with open_reads(self.settings, self.engine, clock=lambda: TODAY) as reads:
            found = reads.find(Question(plate=plate, since=since, limit=100_000), detailed=True).reads
        return sorted(
            (r.edge_id, r.seq, r.plate, r.captured_at, r.camera_id, r.received_at, r.likelihood)
            for r in found
        )

    def counted(self) -> int:
        """What the counts by camera and hour come to."""
        with open_reads(self.settings, self.engine, clock=lambda: TODAY) as reads:
            found = reads.counts(Question(since=datetime(2025, 1, 1, tzinfo=UTC), limit=100_000))
        return sum(hour.reads for hour in found.hours)

    def search(self, aim: Aim) -> Searched:
        archive = LocalArchive(self.settings.archive.path)
        return search_all(self.engine, self.settings, archive, open_packs(self.settings), aim)
