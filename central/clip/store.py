"""Requests for clips in the database, and the answers to them.

    asked -> came     every part is here
          -> gone     the edge says that it does not hold what was asked, or has had to give the clip up
          -> refused  the edge will not make it
          -> expired  no answer, and too many or too old requests; or it came, and the time of pictures was over

What came stays until then; a clip that comes after all takes the place of any other answer. The parts of a clip stay
in packs: a clip is put together when somebody looks at it.
"""

import contextlib
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, RowMapping, bindparam, func, insert, select, update

from central.archive.packing import Place
from central.db import clip, clip_part, from_us, to_us
from central.text import storable
from central.types import ClipArrival, ClipState
from edge.contract.clip import MOST_REQUESTS, ClipCommands, ClipRequest
from edge.contract.read import Identifier, ReadId
from edge.contract.topics import Address

GIVEN_UP: Final = timedelta(days=7)
"""A box that was away for so long is not asked any more."""

_NAME: Final = TypeAdapter[str](Identifier)
_INSERTED: Final = insert(clip)
_SAME: Final = select(clip.c.request).where(
    clip.c.edge_id == bindparam("edge_id"),
    clip.c.epoch == bindparam("epoch"),
    clip.c.read_seq == bindparam("seq"),
    clip.c.before_s >= bindparam("before"),
    clip.c.after_s >= bindparam("after"),
    clip.c.state.in_((ClipState.ASKED, ClipState.CAME)),
)
"""A statement that is made once: to make it takes as long as to run it."""


@dataclass(frozen=True, slots=True)
class Wish:
    """A clip that somebody wants.

    Attributes:
        at: the read's best_at.
        by: who asks, or which alert.
        asked_at: now.
    """

    address: Address
    camera_id: str
    read: ReadId
    at: datetime
    before_s: float
    after_s: float
    by: str
    asked_at: datetime


def ask(connection: Connection, wish: Wish) -> str:
    """Ask for a clip, in the caller's transaction; the request's name.

    Who asks for what was asked before, and came or may still come, gets the name of that request.
    """
    same = {**wish.read._asdict(), "before": wish.before_s, "after": wish.after_s}
    if (known := connection.scalar(_SAME, same)) is not None:
        return str(known)
    request = uuid.uuid4().hex
    row = {
        "request": request,
        "site_id": wish.address.site_id,
        "edge_id": wish.read.edge_id,
        "camera_id": wish.camera_id,
        "epoch": wish.read.epoch,
        "read_seq": wish.read.seq,
        "at_us": to_us(wish.at),
        "before_s": wish.before_s,
        "after_s": wish.after_s,
        "asked_us": to_us(wish.asked_at),
        "asked_by": wish.by,
        "state": ClipState.ASKED,
        "reason": "",
    }
    connection.execute(_INSERTED, row)
    return request


def asked(connection: Connection, *, broken: dict[str, str] | None = None) -> dict[Address, ClipCommands]:
    """What is asked of each edge, the newest requests, as it is told to it.

    Args:
        connection: to the database.
        broken: takes, by their requests, rows that no edge can be asked with, and what is wrong with each.
    """
    rows = connection.execute(
        select(clip).where(clip.c.state == ClipState.ASKED).order_by(clip.c.asked_us.desc(), clip.c.request)
    ).mappings()
    requests: dict[Address, list[ClipRequest]] = {}
    for row in rows:
        try:
            request = _to_request(row)
            address = _address(row["site_id"], row["edge_id"])
        except (ValueError, OverflowError) as error:  # another hand's row, or an older version's
            if broken is not None:
                broken[row["request"]] = _fault(error)
            continue
        requests.setdefault(address, []).append(request)
    return {
        address: ClipCommands(edge_id=address.edge_id, clips=tuple(reversed(found[:MOST_REQUESTS])))
        for address, found in requests.items()
    }


def end_broken(connection: Connection, broken: Mapping[str, str], *, now: datetime) -> None:
    """End requests that no edge can be asked with; why, by request."""
    for request, fault in broken.items():
        values = {"state": ClipState.EXPIRED, "reason": storable(fault)[:200], "answered_us": to_us(now)}
        connection.execute(update(clip).where(clip.c.request == request).values(values))


def addresses(connection: Connection) -> set[Address]:
    """Every edge that was ever asked."""
    rows = connection.execute(select(clip.c.site_id, clip.c.edge_id).distinct())
    found = set()
    for site_id, edge_id in rows:
        with contextlib.suppress(ValueError):  # nobody was ever asked there
            found.add(_address(site_id, edge_id))
    return found


def give_up(connection: Connection, *, now: datetime) -> int:
    """End requests that are too old, or too many for their edge to be told; how many it were."""
    rows = connection.execute(
        select(clip.c.request, clip.c.edge_id, clip.c.asked_us)
        .where(clip.c.state == ClipState.ASKED)
        .order_by(clip.c.asked_us.desc(), clip.c.request)
    ).all()
    oldest_us, count, over = to_us(now - GIVEN_UP), dict[str, int](), list[str]()
    for request, edge_id, asked_us in rows:
        count[edge_id] = count.get(edge_id, 0) + 1
        if asked_us < oldest_us or count[edge_id] > MOST_REQUESTS:
            over.append(request)
    if over:
        values = {"state": ClipState.EXPIRED, "reason": "the box never answered", "answered_us": to_us(now)}
        connection.execute(update(clip).where(clip.c.request.in_(over)).values(values))
    return len(over)


def misfits(connection: Connection, arrivals: Iterable[ClipArrival]) -> dict[int, str]:
    """What is wrong with answers, by the `id` of each that is wrong: nobody asked, or another edge answers."""
    chosen = list(arrivals)
    rows = _rows(connection, {a.answer.request for a in chosen})
    return {id(a): fault for a in chosen if (fault := _misfit(a, rows.get(a.answer.request)))}


def record(connection: Connection, answers: Sequence[tuple[ClipArrival, Place | None]]) -> None:
    """Enter answers that fit; a part that is here already stays as it was."""
    for arrival, place in sorted(answers, key=lambda pair: pair[0].topic.seq):
        if place is None:
            _enter_end(connection, arrival)
        else:
            _enter_part(connection, arrival, place)


def _enter_end(connection: Connection, arrival: ClipArrival) -> None:
    answer = arrival.answer
    values = {
        "state": ClipState(answer.outcome),
        "reason": storable(answer.reason),
        "answered_us": to_us(arrival.received_at),
    }
    connection.execute(
        update(clip).where(clip.c.request == answer.request, clip.c.state != ClipState.CAME).values(values)
    )


def _enter_part(connection: Connection, arrival: ClipArrival, place: Place) -> None:
    answer = arrival.answer
    key = (clip_part.c.request == answer.request, clip_part.c.part == answer.part)
    if connection.execute(select(clip_part.c.part).where(*key)).first() is not None:
        return
    row = {"request": answer.request, "part": answer.part}
    row |= {"pack": place.pack, "offset": place.offset, "length": place.length, "sha256": place.sha256}
    connection.execute(insert(clip_part).values(row))
    began_at, ended_at = answer.began_at, answer.ended_at
    values: dict[str, Any] = {
        "parts": answer.parts,
        "size": answer.size,
        "sha256": answer.sha256,
        "began_us": None if began_at is None else to_us(began_at),
        "ended_us": None if ended_at is None else to_us(ended_at),
    }
    here, length = connection.execute(
        select(func.count(), func.sum(clip_part.c.length)).where(clip_part.c.request == answer.request)
    ).one()
    if here == answer.parts:
        whole = int(length) == answer.size
        values |= {
            "state": ClipState.CAME if whole else ClipState.GONE,
            "reason": storable(answer.reason)
            if whole
            else f"its parts have {int(length)} bytes, {answer.size} were told",
            "answered_us": to_us(arrival.received_at),
        }
    connection.execute(update(clip).where(clip.c.request == answer.request).values(values))


def _misfit(arrival: ClipArrival, row: RowMapping | None) -> str:
    answer, topic = arrival.answer, arrival.topic
    if row is None:
        return f"a clip that nobody asked for: {answer.request}"
    said = (*answer.of(topic.address.edge_id, topic.read_seq), topic.camera_id)
    meant = (row["edge_id"], row["epoch"], row["read_seq"], row["camera_id"])
    if said != meant:
        return f"a clip of {said}; asked was {meant}"
    if answer.parts and row["sha256"] not in (None, answer.sha256):
        return f"part {answer.part} is of another clip than the parts before it"
    return ""


def _rows(connection: Connection, requests: set[str]) -> dict[str, RowMapping]:
    rows = connection.execute(select(clip).where(clip.c.request.in_(requests))).mappings()
    return {row["request"]: row for row in rows}


def _address(site_id: str, edge_id: str) -> Address:
    """Where an edge hears.

    Raises:
        pydantic.ValidationError: no topic bears such a name.
    """
    return Address(_NAME.validate_python(site_id), _NAME.validate_python(edge_id))


def _fault(error: ValueError | OverflowError) -> str:
    if not isinstance(error, ValidationError):
        return f"it cannot be asked for: {error}"
    first = error.errors(include_url=False, include_input=False)[0]
    return f"it cannot be asked for: {'.'.join(map(str, first['loc']))}: {first['msg']}"


def _to_request(row: RowMapping) -> ClipRequest:
    return ClipRequest(
        request=row["request"],
        camera_id=row["camera_id"],
        epoch=row["epoch"],
        seq=row["read_seq"],
        at=from_us(row["at_us"]),
        before_s=row["before_s"],
        after_s=row["after_s"],
    )
