"""The part of a desk that deals with alerts: what is shown of them, and what people do with them."""

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, Engine

from central.access.audit import AuditLog
from central.access.key import AuditKey
from central.alert.desk import take_step
from central.alert.life import Change, Step, plain_plate
from central.alert.precision import Precision
from central.archive.rules import Rules
from central.errors import AlertError, QueryError
from central.query.alerts import By, Rejected, Story, TrailRead, last_sighting, measured, rejected, story
from central.query.cameras import CameraPlace
from central.query.lists import newest_alerts
from central.query.logged import Form, Logged
from central.query.pictures import Evidence, evidence
from central.query.units import Unit, nearest, units
from central.types import Alert, Look


class AlertDesk:
    """Answers questions about alerts and acts on them; one thread's."""

    def __init__(self, look: Look, *, log: AuditLog, key: AuditKey, engine: Engine, rules: Rules) -> None:
        self._look: Final = look
        self._log: Final = log
        self._key: Final = key
        self._engine: Final = engine
        self._rules: Final = rules
        self._logged: Final = Logged(look, log)

    def alerts(
        self,
        *,
        limit: int,
        form: Form = "table",
        with_pictures: bool = False,
        open_only: bool = False,
        station: str | None = None,
    ) -> tuple[list[Alert], list[Evidence]]:
        """The newest alerts, and where the pictures and clips of their reads lie.

        Args:
            limit: alerts at most.
            form: in which they go out, for the log.
            with_pictures: the pictures themselves go out too, for the log.
            open_only: those that are not over.
            station: of this station alone.
        """

        def ask() -> tuple[list[Alert], list[Evidence]]:
            wanted = {"open_only": open_only, "station": station}
            alerts = newest_alerts(self._engine, rules=self._rules, limit=limit, **wanted)  # type: ignore[arg-type]
            return alerts, evidence(self._engine, alerts)

        asked: dict[str, object] = {"limit": limit, "form": form, "with_pictures": with_pictures}
        if open_only or station:
            asked |= {"open_only": open_only, "station": station}
        return self._logged(
            "alerts", asked, ask, lambda found: len(found[0]), more=_handed_out(with_pictures)
        )

    def alert(
        self, alert_id: int, *, form: Form = "table", with_pictures: bool = False
    ) -> tuple[Story, list[Evidence]]:
        """One alert, all that happened to it, and where the pictures and clips of its reads lie.

        Raises:
            QueryError: there is none.
        """

        def ask() -> tuple[Story, list[Evidence]]:
            found = story(self._engine, alert_id, rules=self._rules)
            return found, evidence(self._engine, [found.alert])

        asked = {"alert": alert_id, "form": form, "with_pictures": with_pictures}
        return self._logged("alert", asked, ask, lambda _: 1, more=_handed_out(with_pictures))

    def act(self, alert_id: int, step: Step) -> int:
        """Do something with an alert; the number of the event that says so. Logged in the transaction that does it.

        What is refused is logged too: who types one plate after another until one is taken is seen to.

        Raises:
            AlertError: this may not be done with it, or not so.
        """

        def log(connection: Connection, change: Change) -> None:
            told = {"alert": alert_id, **{name: change.values[name] for name in sorted(change.values)}}
            self._log.note(connection, self._look, f"alert.{change.act.kind}", told)

        try:
            return take_step(self._engine, alert_id, step, log=log)
        except AlertError as error:
            saw = {} if step.saw is None else {"saw": self._key.of_plate(plain_plate(step.saw))}
            told = {"alert": alert_id, "why": str(error), **saw}
            with self._engine.begin() as connection:
                self._log.note(connection, self._look, f"alert.{step.kind}.refused", told)
            raise

    def units(
        self, alert_id: int | None, *, cameras: Mapping[str, CameraPlace], now: datetime, fresh: timedelta
    ) -> tuple[list[Unit], TrailRead | None]:
        """All units; of an alert those that are free, the nearest to its last sighting first, and that sighting.

        Raises:
            QueryError: there is no such alert, another has taken it in, or nobody has said where its camera stands.
        """

        def ask() -> tuple[list[Unit], TrailRead | None]:
            found = units(self._engine)
            if alert_id is None:
                return found, None
            last = last_sighting(story(self._engine, alert_id, rules=self._rules))
            if last.camera_id not in cameras:
                raise QueryError(f"where {last.camera_id} stands is not known: cameras_file does not name it")
            return nearest(found, cameras[last.camera_id].position, now=now, fresh=fresh), last

        return self._logged("alert.units", {"alert": alert_id}, ask, lambda found: len(found[0]))

    def precision(
        self, *, by: By, since: datetime | None, until: datetime | None, form: Form = "table"
    ) -> list[Precision]:
        """How often alerts were right, as people have judged them."""
        asked = {"by": by, "form": form, **spoken({"since": since, "until": until})}

        def ask() -> list[Precision]:
            return measured(self._engine, rules=self._rules, by=by, since=since, until=until)

        return self._logged("alerts.precision", asked, ask, len)

    def rejected(
        self, *, since: datetime | None, until: datetime | None, limit: int, form: Form = "table"
    ) -> list[Rejected]:
        """Entries whose alerts people have rejected, most often first: what to suppress, or to have put right."""
        asked = {"limit": limit, "form": form, **spoken({"since": since, "until": until})}

        def ask() -> list[Rejected]:
            return rejected(self._engine, rules=self._rules, since=since, until=until, limit=limit)

        return self._logged("alerts.rejected", asked, ask, len)


def _handed_out(with_pictures: bool) -> Callable[[tuple[object, list[Evidence]]], dict[str, object]]:
    """How many pictures of alerts went out, for the log."""
    return lambda found: {"pictures": len(found[1])} if with_pictures else {}


def spoken(spans: Mapping[str, datetime | None]) -> dict[str, str | None]:
    """Times for the log, in UTC as far as they came so."""
    return {name: None if moment is None else moment.isoformat() for name, moment in spans.items()}
