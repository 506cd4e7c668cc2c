"""What was told to whom, and what waits: for people."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime

from rich.table import Table
from sqlalchemy import Engine, case, func, select

from central.db import alert_event, delivery, from_us, reading
from central.outbox.rules import State
from central.show import Style, add_row, new_table, plain


@dataclass(frozen=True, slots=True)
class Delivered:
    """A delivery, and how it stands.

    Attributes:
        number: of the event within its alert.
        event: its kind; None where it was erased.
        since: when it happened, or was asked for again.
        next_at: not tried before; None where it is over.
        said: what came of the last try.
    """

    subscriber: str
    alert_id: int
    number: int
    event: str | None
    state: State
    tries: int
    since: datetime
    next_at: datetime | None
    done_at: datetime | None
    said: str
    key: str


@dataclass(frozen=True, slots=True)
class Standing:
    """How a subscriber stands.

    Attributes:
        since: of what has waited longest; None: nothing waits.
    """

    name: str
    waiting: int
    given_up: int
    since: datetime | None


def listed(
    engine: Engine, *, subscribers: Collection[str] = (), states: Collection[State], limit: int
) -> list[Delivered]:
    """Deliveries in these states, newest first; of these subscribers, or of all."""
    each = delivery.c
    query = (
        select(delivery, alert_event.c.kind)
        .select_from(delivery.outerjoin(alert_event, alert_event.c.event_id == each.event_id))
        .where(each.state.in_(list(states)))
        .order_by(each.event_id.desc(), each.subscriber)
        .limit(limit)
    )
    if subscribers:
        query = query.where(each.subscriber.in_(list(subscribers)))
    with reading(engine) as connection:
        return [
            Delivered(
                subscriber=row["subscriber"],
                alert_id=row["alert_id"],
                number=row["number"],
                event=row["kind"],
                state=State(row["state"]),
                tries=row["tries"],
                since=from_us(row["since_us"]),
                next_at=from_us(row["next_us"]) if row["state"] == State.WAITING else None,
                done_at=None if row["done_us"] is None else from_us(row["done_us"]),
                said=row["said"],
                key=row["key"],
            )
            for row in connection.execute(query).mappings()
        ]


def standings(engine: Engine, names: Iterable[str]) -> list[Standing]:
    """How these subscribers stand, and others for whom something is left."""
    each = delivery.c
    waits = each.state == State.WAITING
    query = (
        select(
            each.subscriber,
            func.sum(case((waits, 1), else_=0)),
            func.sum(case((each.state == State.GIVEN_UP, 1), else_=0)),
            func.min(case((waits, each.since_us))),
        )
        .where(each.state != State.SENT)
        .group_by(each.subscriber)
    )
    with reading(engine) as connection:
        found = {
            name: Standing(name, int(waiting), int(lost), None if since is None else from_us(since))
            for name, waiting, lost, since in connection.execute(query)
        }
    clear = {name: Standing(name, 0, 0, None) for name in names}
    return [each for _, each in sorted((clear | found).items())]


def deliveries_table(found: Iterable[Delivered], style: Style) -> Table:
    """A line a delivery."""
    names = ("subscriber", "ALERT", "number", "event", "state", "tries", "since", "next", "said")
    table = new_table(style, *names)
    looks = {State.SENT: "green", State.WAITING: "yellow", State.GIVEN_UP: "red"}
    for one in found:
        add_row(
            table,
            one.subscriber,
            f"#{one.alert_id}",
            str(one.number),
            style.words(f"event.{one.event}") if one.event else "",
            plain(style.words(f"delivery.{one.state}"), looks[one.state]),
            str(one.tries),
            style.moment(one.since),
            "" if one.next_at is None else style.moment(one.next_at),
            one.said,
        )
    return table


def standings_table(found: Iterable[Standing], style: Style) -> Table:
    """A line a subscriber."""
    table = new_table(style, "subscriber", "delivery.waiting", "since", "delivery.given-up")
    for one in found:
        add_row(
            table,
            one.name,
            plain(str(one.waiting), "yellow" if one.waiting else ""),
            "" if one.since is None else style.moment(one.since),
            plain(str(one.given_up), "red" if one.given_up else ""),
        )
    return table
