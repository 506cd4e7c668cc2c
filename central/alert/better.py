"""What a better look at a read says of the alerts that have it in their trails."""

from sqlalchemy import ColumnElement, Connection, and_, select, update

from central.alert import rules
from central.alert.log import Act, note
from central.alert.sighting import Sighting
from central.alert.trail import named
from central.db import alert, alert_trail
from central.sections import Language
from central.types import EventKind
from edge.contract.read import ReadId


def told_entries(connection: Connection, read: ReadId) -> set[int]:
    """The entries whose alerts have this very read in their trails (an update of the read says it again)."""
    its = select(alert.c.hotlist_entry_id).join(alert_trail, alert_trail.c.alert_id == alert.c.alert_id)
    return set(connection.scalars(its.where(_is_read(read))))


def annotate(connection: Connection, sighting: Sighting, language: Language) -> None:
    """Tell every alert that has this read in its trail what the better look says.

    A read that it refutes is no last sighting where there is another, until a later look fits again. A look that reads
    the very plate refutes nothing: how the vehicle looks, which cameras tell badly at night, is told instead.
    """
    fitting = {hit.entry_id for hit in sighting.hits}
    borne = {hit.entry_id: hit for hit in sighting.borne if hit.entry_id not in fitting}
    is_it = _is_read(sighting.read.id)
    alerts = connection.execute(
        select(alert.c.alert_id, alert.c.hotlist_entry_id, alert.c.explanation, alert_trail.c.refuted)
        .join(alert_trail, alert_trail.c.alert_id == alert.c.alert_id)
        .where(is_it)
    ).all()
    for alert_id, entry_id, explanation, refuted in alerts:
        fits = entry_id in fitting or entry_id in borne
        against = rules.looks(borne[entry_id]) if entry_id in borne else ""
        if fits and not refuted and not against:
            continue
        told = rules.second_look(sighting.read, fits=fits, language=language)
        if against:
            told = f"{told} {against}"
        connection.execute(
            update(alert).where(alert.c.alert_id == alert_id).values(explanation=f"{explanation} {told}")
        )
        its = update(alert_trail).where(alert_trail.c.alert_id == alert_id, is_it)
        connection.execute(its.values(refuted=not fits))
        detail = {**named(sighting.read), "fits": fits}
        note(connection, alert_id, Act(EventKind.NOTED, sighting.received_at, detail=detail))


def _is_read(read: ReadId) -> ColumnElement[bool]:
    return and_(
        alert_trail.c.edge_id == read.edge_id,
        alert_trail.c.epoch == read.epoch,
        alert_trail.c.seq == read.seq,
    )
