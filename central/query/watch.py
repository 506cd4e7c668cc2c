"""The newest reads and alerts, asked for again and again: what is new since the last time."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Engine

from central.archive.set_aside import Missing
from central.query.lists import newest_alerts
from central.query.plan import Question
from central.query.reads import Reads
from central.query.snapshot import Totals
from central.types import Alert, KeptRead
from edge.contract.read import ReadId

MOST_FRESH: Final = 2_000
"""Reads handed out at once; older ones of a burst are passed over."""

_COMMIT_WITHIN: Final = timedelta(seconds=20)
"""How long a read may wait between its arrival and its commit; it is shown all the same."""


class Watch:
    """Follows the reads as they come; one thread's.

    Attributes:
        shown: reads handed out so far.
        passed_over: there were bursts of which only the newest were handed out.
        missing: reads of damaged files, which the last call may have lacked.
    """

    def __init__(self, reads: Reads, engine: Engine) -> None:
        self.shown = 0
        self.passed_over = False
        self.missing: tuple[Missing, ...] = ()
        self._reads: Final = reads
        self._engine: Final = engine
        self._known: dict[ReadId, datetime] = {}

    def fresh(self, *, since: datetime) -> list[KeptRead]:
        """Reads that came since the last call, in order of arrival; the first time, since the time given.

        Raises:
            QueryError: it took too long.
            StoreError: the archive cannot be opened.
        """
        newest = max(self._known.values(), default=None)
        asked_since = since if newest is None else newest - _COMMIT_WITHIN
        answer = self._reads.find(Question(arrived_since=asked_since, limit=MOST_FRESH))
        fresh = [
            read for read in answer.reads if ReadId(read.edge_id, read.epoch, read.seq) not in self._known
        ]
        self._known = {ReadId(r.edge_id, r.epoch, r.seq): r.received_at for r in answer.reads}
        self.passed_over |= answer.cut
        self.missing = answer.missing
        self.shown += len(fresh)
        return sorted(fresh, key=lambda read: read.received_at)

    def alerts(self, *, limit: int) -> Sequence[Alert]:
        """Alerts, newest first."""
        return newest_alerts(self._engine, rules=self._reads.rules, limit=limit)

    def totals(self) -> Totals:
        """How many reads there are.

        Raises:
            StoreError: the archive cannot be opened.
        """
        return self._reads.totals()
