"""The hunt that a centre does by itself, for tests: with a clock that they set, and without its rests."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from central_messages import rows
from central_reads import NOON
from sqlalchemy import Engine

from central.archive.rules import Rules
from central.db import hunt_trace
from central.query.hunter import Hunter
from central.query.traces import Traces, Wanted, traces
from central.settings import CentralSettings

AT = NOON + timedelta(days=30)
KEEP = 365
LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,2024-01-01,2199-12-31"


def listed(plate: str) -> str:
    """A line of a list."""
    return LISTED.replace("ABC123", plate)


def settings_in(folder: Path, **hotlist: object) -> CentralSettings:
    return CentralSettings.model_validate(
        {
            "archive": {"path": folder / "archive", "keep_days": KEEP},
            "access": {"key_file": folder / "audit.key"},
            "hotlist": hotlist,
        }
    )


class Hunt:
    """A centre's hunter, its clocks in hand.

    Attributes:
        at: now.
        elapsed_s: by the clock that nobody sets.
    """

    def __init__(self, engine: Engine, folder: Path, wait: Callable[[float], bool] = lambda _: False) -> None:
        self.engine = engine
        self.at = AT
        self.elapsed_s = 0.0
        self.hunter = Hunter(
            settings_in(folder), engine, wait, clock=lambda: self.at, monotonic=lambda: self.elapsed_s
        )

    def look(self, *, after: timedelta = timedelta(0)) -> int:
        self.at += after
        self.elapsed_s += after.total_seconds()
        return self.hunter.look()

    def told(self, **wanted: object) -> Traces:
        """What the report says."""
        rules = Rules(keep=timedelta(days=KEEP), clock=lambda: self.at)
        return traces(self.engine, rules, Wanted(**wanted))  # type: ignore[arg-type]

    def rows(self) -> list[dict[str, object]]:
        return sorted(rows(self.engine, hunt_trace), key=lambda row: int(str(row["entry_id"])))
