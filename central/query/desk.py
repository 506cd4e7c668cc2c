"""The desk of one person who looks, for one case: nothing leaves it that is not in the audit log first."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Final, Literal, TypeVar

from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.access.key import AuditKey, open_key
from central.db import Clock, open_database
from central.errors import CentralError
from central.query.lists import Evidence, KeptLetter, dead_letters, evidence, newest_alerts
from central.query.plan import Question, plan
from central.query.reads import Answer, Counts, Reads
from central.query.watch import Watch
from central.settings import CentralSettings
from central.types import Alert, Look

Form = Literal["table", "json", "csv"]
"""What an answer goes out as: what a program can take away is no mere look."""

_T = TypeVar("_T")


class Desk:
    """Answers questions about reads; one thread's."""

    def __init__(self, look: Look, *, log: AuditLog, key: AuditKey, reads: Reads, engine: Engine) -> None:
        self._look: Final = look
        self._log: Final = log
        self._key: Final = key
        self._reads: Final = reads
        self._engine: Final = engine

    def history(self, question: Question, *, form: Form = "table") -> Answer:
        """The reads that a question is about, newest first.

        Args:
            question: which.
            form: in which they go out, for the log; as JSON they are detailed.

        Raises:
            QueryError: the question is wrong, or took too long.
            StoreError: the archive cannot be opened.
        """
        asked = {**self._asked(question), "form": form}
        detailed = form == "json"
        return self._logged(
            "history", asked, lambda: self._reads.find(question, detailed=detailed), lambda a: len(a.reads)
        )

    def counts(self, question: Question) -> Counts:
        """How many reads a question is about, by camera and UTC hour.

        Raises:
            QueryError: the question is wrong, or took too long.
            StoreError: the archive cannot be opened.
        """
        asked = self._asked(question)
        return self._logged("counts", asked, lambda: self._reads.counts(question), lambda c: len(c.hours))

    def alerts(
        self, *, limit: int, form: Form = "table", with_pictures: bool = False
    ) -> tuple[list[Alert], list[Evidence]]:
        """The newest alerts, and where the pictures of their reads lie.

        Args:
            limit: alerts at most.
            form: in which they go out, for the log.
            with_pictures: the pictures themselves go out too, for the log.
        """

        def ask() -> tuple[list[Alert], list[Evidence]]:
            alerts = newest_alerts(self._engine, limit=limit)
            return alerts, evidence(self._engine, alerts)

        def handed_out(found: tuple[list[Alert], list[Evidence]]) -> int | None:
            return len(found[1]) if with_pictures else None

        asked = {"limit": limit, "form": form, "with_pictures": with_pictures}
        return self._logged("alerts", asked, ask, lambda found: len(found[0]), pictures=handed_out)

    def dead_letters(self, *, limit: int) -> list[KeptLetter]:
        """The newest messages that could not be understood: their reasons and topics may hold plates."""
        return self._logged(
            "dead-letters", {"limit": limit}, lambda: dead_letters(self._engine, limit=limit), len
        )

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """One look that goes on: logged when it begins, and when it ends with how many reads it showed."""
        watch = Watch(self._reads, self._engine)
        begun = self._log.begin(self._look, "tail", {})
        try:
            yield watch
        finally:
            self._log.end(self._look, "tail", begun=begun, rows=watch.shown)

    def _logged(
        self,
        action: str,
        detail: Mapping[str, object],
        ask: Callable[[], _T],
        count: Callable[[_T], int],
        *,
        pictures: Callable[[_T], int | None] = lambda _: None,
    ) -> _T:
        begun = self._log.begin(self._look, action, detail)
        try:
            answer = ask()
        except CentralError as error:
            self._log.fail(self._look, action, begun=begun, why=type(error).__name__)
            raise
        self._log.end(self._look, action, begun=begun, rows=count(answer), pictures=pictures(answer))
        return answer

    def _asked(self, question: Question) -> dict[str, object]:
        """The question for the log: the plate as its keyed hash, times in UTC."""
        checked = plan(question).question
        spans = {"since": checked.since, "until": checked.until}
        return {
            "plate": None if checked.plate is None else self._key.of_plate(checked.plate),
            "cameras": list(checked.cameras),
            "limit": checked.limit,
            **{name: None if moment is None else moment.isoformat() for name, moment in spans.items()},
        }


@contextmanager
def open_desk(settings: CentralSettings, look: Look, *, clock: Clock) -> Iterator[Desk]:
    """Sit down: database, archive and the key of the log.

    Raises:
        StoreError: the database cannot be opened.
        AccessError: the key cannot be used.
    """
    key = open_key(settings.access.key_file)
    engine = open_database(settings.database_url)
    try:
        log = AuditLog(engine, key, clock=clock)
        with Reads(engine, settings.archive.path, settings.query) as reads:
            yield Desk(look, log=log, key=key, reads=reads, engine=engine)
    finally:
        engine.dispose()
