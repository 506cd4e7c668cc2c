"""Alerts in the database: raised, joined and annotated in the transaction that commits the read itself."""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

import structlog
from sqlalchemy import Connection, Label, RowMapping, func, insert, select

from central.alert import rules
from central.alert.better import annotate, told_entries
from central.alert.life import OVER, State
from central.alert.log import Act, begin
from central.alert.sighting import Sighting
from central.alert.trail import add_to_trail, join, sighted, unwanted
from central.alert.vehicle import Known, choose, told_of_before
from central.alert.wanted import tell_late
from central.db import alert, alert_trail, at_a_time, from_us, to_us
from central.lock import take_turns
from central.sections import Language
from central.types import Alert, EventKind, Hit, Reason
from edge.contract.read import PlateRead

_INSERTED: Final = insert(alert).returning(alert.c.alert_id)

_log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Recorded:
    """What came of a sighting.

    Attributes:
        raised: new alerts.
        seen_again: the alerts whose vehicle came by once more.
        left: hits that joined none, and have not raised any.
    """

    raised: tuple[Alert, ...]
    seen_again: tuple[int, ...]
    left: tuple[Hit, ...] = ()

    @property
    def alerts(self) -> tuple[int, ...]:
        """Those whose vehicle has come by."""
        return (*(each.alert_id for each in self.raised), *self.seen_again)


class Alerts:
    """Turns sightings into alerts: one for each vehicle and entry, as `central.alert.vehicle` says."""

    def __init__(
        self,
        *,
        within: timedelta,
        vehicle: timedelta = timedelta(0),
        station_of: Callable[[PlateRead], str | None] = lambda _: None,
        language: Language = "both",
    ) -> None:
        """Prepare.

        Args:
            within: a repeat at the same camera so soon, before or after, is the same passage.
            vehicle: an open alert takes what is seen elsewhere so soon; zero: each passage is an alert.
            station_of: which station an alert goes to that this read raises; None: to none.
            language: in which alerts say why they were raised.
        """
        self._language: Final = language
        self._station_of: Final = station_of
        self._within_us: Final = within // timedelta(microseconds=1)
        self._vehicle: Final = vehicle

    def alone(self, connection: Connection, sightings: Sequence[Sighting]) -> set[int]:
        """Before a batch of sightings: nobody else changes alerts of their entries until the transaction ends.

        A vehicle may be before two consumers at once. All of them take all that they need at once, in the same order,
        so that no two wait for each other.

        Returns:
            The entries that were hit and have alerts: of the others nothing can be joined.
        """
        entries: set[int] = set()
        for sighting in sightings:
            entries |= {hit.entry_id for hit in sighting.hits}
            if sighting.is_update:  # what no longer fits is told to its alerts
                entries |= told_entries(connection, sighting.read.id)
        take_turns(connection, "entry", entries)
        return _with_alerts(connection, entries)

    def record(self, connection: Connection, sighting: Sighting, met: set[int]) -> Recorded:
        """Raise an alert for each hit that joins none; `met`, the entries that have alerts, grows by theirs.

        Whatever the order in which sightings come, an alert tells of its vehicle from the first sighting on.
        An update that no longer fits an entry does not take the alert back, for somebody may be under way:
        the alert says so instead.
        """
        joined = self.join(connection, sighting, met)
        raised = tuple(self._raise(connection, hit, sighting, met) for hit in joined.left)
        if sighting.is_update:
            annotate(connection, sighting, self._language)
        recorded = Recorded(raised, joined.seen_again)
        if any(hit.has_stays for hit in sighting.hits):  # one may have been entered since it was captured
            tell_late(connection, sighting.received_at, recorded.alerts)
        return recorded

    def _raise(self, connection: Connection, hit: Hit, sighting: Sighting, met: set[int]) -> Alert:
        why = _words(rules.explain, hit, sighting, self._language)
        before = _before(connection, hit, self._language) if hit.entry_id in met else ""
        explanation, station = " ".join(filter(None, (why, before))), self._station_of(hit.read)
        met.add(hit.entry_id)
        return _insert(connection, hit, sighting, explanation, station)

    def join(self, connection: Connection, sighting: Sighting, met: set[int]) -> Recorded:
        """Add a sighting to the alerts that it joins, of entries that have any (`met`)."""
        left, seen_again = list[Hit](), list[int]()
        for hit in sighting.hits:
            if hit.entry_id not in met:
                left.append(hit)
                continue
            if hit.entry_id in told_entries(connection, hit.read.id):
                continue
            choice = choose(hit.read.best_at, self._known(connection, hit), within=self._vehicle)
            if choice is None:
                left.append(hit)
                continue
            words = ""
            if choice.is_new_passage:
                words = _words(rules.seen_again, hit, sighting, self._language)
                seen_again.append(choice.joins.alert_id)
            join(connection, hit, choice, sighting.received_at, words=words)
        return Recorded((), tuple(seen_again), tuple(left))

    def _known(self, connection: Connection, hit: Hit) -> list[Known]:
        """The alerts that a hit may join. On PostgreSQL nobody ends one of them until our transaction ends."""
        at_us = to_us(hit.read.best_at)
        reach_us = max(self._within_us, self._vehicle // timedelta(microseconds=1))
        passage = (self._passage(hit, alike=is_alike) for is_alike in (False, True))
        query = select(alert, *passage).where(
            alert.c.hotlist_entry_id == hit.entry_id,
            alert.c.merged_into.is_(None),
            alert.c.passage_last_us >= at_us - reach_us,
            alert.c.passage_first_us <= at_us + reach_us,
        )
        rows = connection.execute(query.with_for_update(of=alert)).mappings()
        return [_to_known(row, hit) for row in rows]

    def _passage(self, hit: Hit, *, alike: bool) -> Label[int | None]:
        """The event with which reads of the hit's passage came: exact ones, or ones of a plate that looks alike."""
        read, trail, at_us = hit.read, alert_trail.c, to_us(hit.read.best_at)
        number = select(func.max(trail.number)).where(
            trail.alert_id == alert.c.alert_id,
            trail.edge_id == read.edge_id,  # a camera is named within its edge: two may both have a `cam-1`
            trail.camera_id == read.camera_id,
            trail.captured_us.between(at_us - self._within_us, at_us + self._within_us),
            trail.alike == alike,
        )
        return number.scalar_subquery().label("alike" if alike else "exact")


def _with_alerts(connection: Connection, entries: Collection[int]) -> set[int]:
    """Those of some entries of which there ever was an alert."""
    found: set[int] = set()
    for some in at_a_time(entries):
        query = select(alert.c.hotlist_entry_id).distinct().where(alert.c.hotlist_entry_id.in_(some))
        found.update(connection.scalars(query))
    return found


def _to_known(row: RowMapping, hit: Hit) -> Known:
    exact, alike = row["exact"], row["alike"]
    own, other = (exact, alike) if hit.is_exact else (alike, exact)
    return Known(
        alert_id=row["alert_id"],
        state=State(row["state"]),
        camera_id=row["camera_id"],
        first_at=from_us(row["passage_first_us"]),
        last_at=from_us(row["passage_last_us"]),
        passage=other if own is None else own,
        is_other=not hit.is_exact and alike is None and exact is not None,
    )


def _before(connection: Connection, hit: Hit, language: Language) -> str:
    """What came of the last alert of this entry, in words; nothing where there was none, or nobody judged it."""
    ended = (
        select(alert.c.alert_id, alert.c.state, alert.c.outcome)
        .where(
            alert.c.hotlist_entry_id == hit.entry_id,
            alert.c.state.in_(OVER),
            alert.c.merged_into.is_(None),
            alert.c.outcome.is_not(None),
            alert.c.passage_first_us <= to_us(hit.read.best_at),
        )
        .order_by(alert.c.passage_last_us.desc())
        .limit(1)
    )
    row = connection.execute(ended).first()
    if row is None:
        return ""
    return rules.in_words(told_of_before(row.alert_id, State(row.state), row.outcome), language)


def _words(rule: Callable[..., str], hit: Hit, sighting: Sighting, language: Language) -> str:
    """What a rule says of a hit."""
    late_by = sighting.received_at - hit.read.best_at if sighting.late else None
    said = rule(hit, country_known=sighting.country_known, late_by=late_by, language=language)
    is_over = hit.entry.valid_until <= sighting.received_at
    return f"{rules.looked_for_no_longer(hit)} {said}" if is_over else said


def _insert(
    connection: Connection, hit: Hit, sighting: Sighting, explanation: str, station: str | None
) -> Alert:
    read, entry, at = hit.read, hit.entry, sighting.received_at
    told = {
        **read.id._asdict(),
        "camera_id": read.camera_id,
        "plate": entry.plate,
        "likelihood": hit.likelihood,
        "list_name": entry.list_name,
        "reason": str(entry.reason),
        "priority": entry.priority,
        "explanation": explanation,
        "late": sighting.late,
        "station": station,
    }
    acts = [Act(EventKind.RAISED, at, detail=sighted(hit) | unwanted(hit, at))]
    if station is not None:
        acts.append(Act(EventKind.ASSIGNED, at, detail={"station": station}))
    captured_us = to_us(read.best_at)
    row = {
        **told,
        "events": len(acts),
        "raised_us": to_us(at),
        "captured_us": captured_us,
        "hotlist_entry_id": hit.entry_id,
        "passage_first_us": captured_us,
        "passage_last_us": captured_us,
    }
    alert_id = connection.execute(_INSERTED, row).scalar_one()
    begin(connection, alert_id, acts)
    add_to_trail(connection, alert_id, hit, number=1)
    times = {"raised_at": at, "captured_at": read.best_at}
    numbers = {"alert_id": alert_id, "events": len(acts)}
    return Alert(**{**told, **times, **numbers, "reason": Reason(entry.reason)})
