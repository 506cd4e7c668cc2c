"""The desk of one person who looks, for one case: nothing leaves it that is not in the audit log first."""

from collections.abc import Callable, Iterator, Mapping, Sized
from contextlib import contextmanager
from datetime import datetime, timedelta, tzinfo
from typing import Final, Protocol, TypeVar

from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.access.key import AuditKey, open_key
from central.archive.pictures import Packs
from central.archive.place import archive_of
from central.archive.rules import Rules
from central.archive.set_aside import Missing
from central.clip.store import Wish, ask
from central.db import Clock, from_us, open_database
from central.errors import QueryError
from central.query.alert_desk import AlertDesk, spoken
from central.query.answers import Answer, Counts, HeatCell, Journey, Places, Rows, Seen, Volume
from central.query.cameras import CameraPlace
from central.query.clips import find_clip, locate, newest_clips
from central.query.clones import Lead, Least
from central.query.journey import passages
from central.query.lists import (
    KeptLetter,
    LoggedAct,
    acts,
    dead_letters,
    edges,
)
from central.query.logged import Form
from central.query.pictures import Picture, hand_out
from central.query.plan import Question, plan
from central.query.reads import Reads
from central.query.watch import Watch
from central.settings import CentralSettings
from central.types import AskedClip, Look
from edge.contract.read import ReadId
from edge.contract.topics import Address

_MOST_NAMED: Final = 20


class _About(Sized, Protocol):
    """An answer about reads."""

    @property
    def missing(self) -> tuple[Missing, ...]: ...


_Answer = TypeVar("_Answer", bound=_About)


class Desk(AlertDesk):
    """Answers questions about reads; one thread's, but for `cancel`.

    Every question about reads raises

        QueryError: it is wrong, names a camera that nobody knows, took too long (`TimedOutError`) or was cancelled
            (`CancelledError`);
        StoreError: the archive cannot be opened.

    The `form` in which an answer goes out is for the log.
    """

    def __init__(self, look: Look, *, log: AuditLog, key: AuditKey, reads: Reads, engine: Engine) -> None:
        super().__init__(look, log=log, key=key, engine=engine, rules=reads.rules)
        self._reads: Final = reads

    def cancel(self) -> None:
        """Give up the question about reads that is under way; from any thread."""
        self._reads.cancel()

    def history(self, question: Question, *, form: Form = "table") -> Answer:
        """The reads that a question is about, newest first; as JSON they are detailed."""
        detailed = form == "json"
        return self._about("history", question, form, lambda: self._reads.find(question, detailed=detailed))

    def counts(self, question: Question, *, form: Form = "table") -> Counts:
        """How many reads a question is about, by camera and UTC hour."""
        return self._about("counts", question, form, lambda: self._reads.counts(question))

    def seen(self, question: Question, *, form: Form = "table") -> Rows[Seen]:
        """The plates that a question is about, and when and where each was seen first and last."""
        return self._about("seen", question, form, lambda: self._reads.seen(question))

    def places(self, question: Question, *, zone: tzinfo, form: Form = "table") -> Places:
        """At which cameras and in which hours of the site's week it was seen what a question is about."""
        return self._about("places", question, form, lambda: self._reads.places(question, zone=zone))

    def journey(
        self,
        question: Question,
        *,
        cameras: Mapping[str, CameraPlace],
        gap: timedelta,
        form: Form = "table",
    ) -> Journey:
        """One vehicle's passages in the order of time; the question's limit counts reads, the newest are taken.

        Args:
            question: of a whole plate, or of one with its look-alikes.
            cameras: names and places of those that stand.
            gap: after so long without a read a new trip begins.
            form: for the log.
        """
        pattern = question.pattern
        if question.plate is None and (pattern is None or not pattern.is_whole):
            raise QueryError("a journey is that of one vehicle: give its whole plate")

        def ask() -> Journey:
            found = self._reads.find(question)
            return Journey(passages(found.reads, cameras, gap=gap), found.cut, found.missing)

        return self._about("journey", question, form, ask)

    def clones(
        self,
        question: Question,
        *,
        cameras: Mapping[str, CameraPlace],
        least: Least,
        form: Form = "table",
    ) -> Rows[Lead]:
        """Plates that two vehicles seem to bear; the question's limit counts plates.

        Args:
            question: of a time span, or of a plate.
            cameras: names and places of those that stand.
            least: what counts.
            form: for the log.
        """

        def ask() -> Rows[Lead]:
            return self._reads.clones(question, cameras, least=least)

        return self._about("clones", question, form, ask)

    def heatmap(self, question: Question, *, zone: tzinfo, form: Form = "table") -> Rows[HeatCell]:
        """Reads by camera, weekday and hour of the site; the question's limit counts cameras, the busiest first."""
        return self._about("heatmap", question, form, lambda: self._reads.heatmap(question, zone=zone))

    def volumes(self, question: Question, *, zone: tzinfo, form: Form = "table") -> Rows[Volume]:
        """Reads and hits by camera and day of the site."""
        return self._about("volumes", question, form, lambda: self._reads.volumes(question, zone=zone))

    def clips(self, *, limit: int, form: Form = "table") -> list[AskedClip]:
        """The newest requests for clips, and what came of them."""
        asked = {"limit": limit, "form": form}
        return self._logged("clips", asked, lambda: newest_clips(self._engine, limit=limit), len)

    def pictures(self, read: ReadId, *, packs: Packs) -> list[tuple[Picture, bytes]]:
        """Every picture of a read and its clip, with their bytes.

        Raises:
            QueryError: there is none.
            StoreError: one of them cannot be read.
        """
        return self._logged(
            "picture",
            {"read": f"{read.edge_id}/{read.epoch}/{read.seq}"},
            lambda: hand_out(self._engine, packs, read),
            lambda _: 1,
            more=lambda found: {"pictures": len(found)},
        )

    def clip(self, request: str) -> tuple[AskedClip, Picture]:
        """One clip that came, and where it lies, for `read_whole`.

        Raises:
            QueryError: nobody asked for it, or it has not come.
        """
        return self._logged(
            "clip",
            {"request": request[:40]},
            lambda: find_clip(self._engine, request),
            lambda _: 1,
            more=lambda _: {"pictures": 1},
        )

    def ask_for_clip(self, read: ReadId, *, before_s: float, after_s: float, now: datetime) -> str:
        """Ask the edge of a read for its clip; the request's name. Logged in the transaction that asks.

        Raises:
            QueryError: the read is not among those whose video an edge may still hold.
        """
        found = locate(self._engine, read)
        wish = Wish(
            address=Address(found["site_id"], read.edge_id),
            camera_id=found["camera_id"],
            read=read,
            at=from_us(found["captured_us"]),
            before_s=before_s,
            after_s=after_s,
            by=self._look.actor,
            asked_at=now,
        )
        with self._engine.begin() as connection:
            request = ask(connection, wish)
            named = {"read": f"{read.edge_id}/{read.epoch}/{read.seq}", "request": request}
            self._log.note(connection, self._look, "clip.ask", named)
        return request

    def dead_letters(self, *, limit: int) -> list[KeptLetter]:
        """The newest messages that could not be understood: their reasons and topics may hold plates."""
        return self._logged(
            "dead-letters", {"limit": limit}, lambda: dead_letters(self._engine, limit=limit), len
        )

    def audit(
        self,
        *,
        who: str | None,
        since: datetime | None,
        until: datetime | None,
        limit: int,
        form: Form = "table",
    ) -> list[LoggedAct]:
        """The newest rows of the audit log; this look is the first of them.

        Args:
            who: whose; None: everybody's.
            since: at or after; None: from the first row on.
            until: before; None: to the last row.
            limit: rows at most.
            form: in which they go out, for the log.
        """
        spans = {"since": since, "until": until}
        asked = {"who": who, "limit": limit, "form": form, **spoken(spans)}

        def ask() -> list[LoggedAct]:
            return acts(self._engine, who=who, since=since, until=until, limit=limit)

        return self._logged("audit", asked, ask, len)

    @contextmanager
    def watching(self) -> Iterator[Watch]:
        """One look that goes on: logged when it begins, and when it ends with how many reads it showed."""
        watch = Watch(self._reads, self._engine)
        begun = self._log.begin(self._look, "tail", {})
        try:
            yield watch
        finally:
            self._log.end(self._look, "tail", begun=begun, rows=watch.shown)

    def _about(self, action: str, question: Question, form: Form, ask: Callable[[], _Answer]) -> _Answer:
        """Answer a question about reads, logged before and after."""

        def ask_of_known() -> _Answer:
            self._check_cameras(question)
            return ask()

        asked = {**self._asked(question), "form": form}
        return self._logged(action, asked, ask_of_known, len, more=_lacking)

    def _check_cameras(self, question: Question) -> None:
        """A mistyped name would give the answer of a quiet street.

        Raises:
            QueryError: no edge box has such a camera, and no read is of it.
        """
        if not question.cameras:
            return
        told = {camera.camera_id for edge in edges(self._engine) for camera in edge.health.cameras}
        for camera in question.cameras:
            # Counts, which five years of hours answer at once; to find no read takes all of the reads.
            if camera not in told and not self._reads.counts(Question(cameras=(camera,), limit=1)).hours:
                known = ", ".join(sorted(told)[:_MOST_NAMED]) or "none"
                raise QueryError(f"no camera {camera[:63]!r} is known; the edge boxes have {known}")

    def _asked(self, question: Question) -> dict[str, object]:
        """The question for the log: a plate, and a pattern too, as its keyed hash, times in UTC."""
        checked = plan(question).question
        plate, area = checked.pattern, checked.area
        in_part = {} if plate is None else {"pattern": self._key.of_plate(plate.text), "alike": plate.alike}
        within = {} if area is None else {"area": str(area.shape)}
        return {
            "plate": None if checked.plate is None else self._key.of_plate(checked.plate),
            "cameras": list(checked.cameras),
            **in_part,
            **within,
            "limit": checked.limit,
            **spoken({"since": checked.since, "until": checked.until}),
        }


def _lacking(answer: _About) -> dict[str, object]:
    """What an answer may lack, for the log."""
    missing = answer.missing
    if not missing:
        return {}
    return {"missing": sum(each.reads for each in missing), "damaged": [each.file for each in missing]}


def open_reads(
    settings: CentralSettings, engine: Engine, *, clock: Clock, threads: int | None = None
) -> Reads:
    """All reads, for whoever writes down himself what is done with them; `threads` as of `Reads`."""
    rules = Rules(keep=timedelta(days=settings.archive.keep_days), clock=clock)
    return Reads(engine, archive_of(settings), settings.query, rules=rules, threads=threads)


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
        with open_reads(settings, engine, clock=clock) as reads:
            yield Desk(look, log=log, key=key, reads=reads, engine=engine)
    finally:
        engine.dispose()
