"""An archive of a small city whose days are sealed, closed, derived and merged."""

import random
from collections import Counter
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from archived import archived_rows
from central_reads import a_read, put
from sqlalchemy import Engine

from central.archive.derive import bucket_of, parts_of
from central.archive.parts import Period, holders, newest
from central.archive.place import Archive, LocalArchive
from central.archive.retain import Removal
from central.archive.schema import DERIVED, DICTIONARY, ENDINGS, HOURS, PLATES, READS, Layout
from central.archive.table import live_files, open_archive
from central.archive.write import seal
from central.db import late_update
from central.maintain import Round, Step, maintain, maintain_retention
from central.sections import AccessSettings, ArchiveSettings
from central.settings import CentralSettings

FIRST = datetime(2025, 1, 27, 3, 0, tzinfo=UTC)
PLATES_SEEN = [f"{a}BC{n:03}" for a in "ADXZ" for n in range(9)]


class City:
    """An archive that reads of some days are sealed into."""

    def __init__(self, engine: Engine, path: Path, archive: Archive | None = None) -> None:
        self.engine = engine
        self.archive = archive or LocalArchive(path)
        self.settings = ArchiveSettings(path=path, memory_mb=256)
        self.now = FIRST
        self.seq = 0
        self._chance = random.Random(7)

    def read(self, moment: datetime, count: int = 12) -> None:
        """So many reads from that moment on, and a seal."""
        reads = []
        for _ in range(count):
            self.seq += 1
            at = moment + timedelta(seconds=self._chance.uniform(0, 7000))
            camera = f"cam-{self._chance.randrange(4)}"
            reads.append(
                a_read(self.seq, plate=self._chance.choice(PLATES_SEEN), captured_at=at, camera_id=camera)
            )
        put(self.engine, reads)
        self.seal()

    def improve(self, seq: int, moment: datetime, **more: object) -> None:
        put(self.engine, [a_read(seq, captured_at=moment, **more)], table=late_update, update_seq=1)
        self.seal()

    def seal(self) -> None:
        seal(self.engine, self.archive, clock=lambda: self.now)

    def maintain(self, now: datetime, on_step: Callable[[Step], None] = lambda _: None) -> Round:
        self.now = now
        return maintain(
            self.engine,
            self.archive,
            self.settings,
            clock=lambda: self.now,
            on_step=on_step,
        )

    def retain(
        self, now: datetime, *, keep_days: int, on_step: Callable[[Step], None] = lambda _: None
    ) -> list[Removal]:
        self.now = now
        archive = self.settings.model_copy(update={"keep_days": keep_days})
        access = AccessSettings(key_file=self.settings.path.with_name("audit.key"))
        settings = CentralSettings(archive=archive, access=access)
        return maintain_retention(
            self.engine, self.archive, settings, clock=lambda: self.now, on_step=on_step
        )

    def rows(self, layout: Layout = READS) -> list[dict[str, object]]:
        table = open_archive(self.archive, layout)
        assert table is not None
        return archived_rows(table).to_pylist()

    def identities(self, layout: Layout = READS) -> Counter[tuple[object, ...]]:
        return Counter((r["seq"], r["plate"], r["captured_at"], r["camera_id"]) for r in self.rows(layout))

    def files(self, layout: Layout) -> list[str]:
        table = open_archive(self.archive, layout)
        return [] if table is None else sorted(file.name for file in live_files(table))

    def periods(self) -> set[str]:
        return {str(part.period) for part in parts_of(open_archive(self.archive, PLATES))}

    def held(self) -> list[dict[date, Period]]:
        table = open_archive(self.archive)
        assert table is not None
        days = newest((file.captured_date, file.name) for file in live_files(table))
        return [holders(parts_of(open_archive(self.archive, layout)), days) for layout in DERIVED]

    def check_held(self) -> None:
        """Every day that is closed is held by each derived table."""
        held = self.held()
        assert held[0]
        assert all(each == held[0] for each in held)

    def check(self) -> None:
        """What is derived says of every row of the reads that it holds, and of no other."""
        assert self.identities(PLATES) == self.identities()
        plates: Counter[object] = Counter()
        for row in self.rows(DICTIONARY):
            plates[(row["year"], row["month"], row["plate"])] += row["reads"]
        turned: Counter[object] = Counter()
        for row in self.rows(ENDINGS):
            turned[(row["year"], row["month"], str(row["reversed"])[::-1])] += row["reads"]
        assert turned == plates
        hours: Counter[object] = Counter()
        for row in self.rows(HOURS):
            hours[(row["camera_id"], row["hour"])] += row["reads"]
        reads = self.rows()
        assert plates == Counter((r["captured_at"].year, r["captured_at"].month, r["plate"]) for r in reads)
        assert hours == Counter((r["camera_id"], int(r["captured_at"].timestamp()) // 3600) for r in reads)
        for row in self.rows(PLATES):
            assert row["bucket"] == bucket_of(str(row["plate"]))
            assert (row["year"], row["month"]) == (row["captured_at"].year, row["captured_at"].month)
