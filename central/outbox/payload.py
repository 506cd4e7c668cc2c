"""What is told, in whose words: JSON for programs, mail in Spanish and English for people (pure).

A plate, and what a person wrote, goes out only to a subscriber whose setting says `plates: true`. Everybody else gets
the alert's number, by which whoever may see it finds it.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from central.outbox.event import Notice
from central.query.cameras import CameraPlace

_TOLD: Final = (
    "unit_id",
    "station",
    "outcome",
    "as",
    "level",
    "waited_s",
    "wanted",
    "fits",
    "passage",
    "camera_id",
    "captured_at",
    "took_in",
    "into",
    "same_vehicle",
)
"""What of an event's detail is neither a plate nor a person's words."""


_ACTIONS: Final[Mapping[str, Literal["dispatch", "close"]]] = {
    "dispatched": "dispatch",
    "outcome": "close",
}
"""What events are to a dispatch system; any other one is a note."""


class _Told(BaseModel):
    """What is sent; receivers must bear with keys that are new."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Position(_Told):
    """WGS 84, degrees."""

    lat: float
    lon: float


class ToldAlert(_Told):
    """The alert that an event is about."""

    id: int = Field(description="its number at the centre")
    list: str = Field(description="the hotlist")
    reason: str = Field(description="stolen, wanted, missing, bolo or test")
    priority: int = Field(description="1 is the most urgent of 9")
    station: str | None = Field(description="where it is routed to")
    raised_at: datetime
    late: bool = Field(description="the read that raised it was old when it came")
    last_seen_at: datetime | None = Field(
        description="when this camera saw it: with `raised` the read that raised it, afterwards the last so far"
    )
    last_seen_confirmed: bool | None = Field(
        description="false: since the alert was confirmed, so compared by nobody; null: nobody has confirmed it"
    )
    edge: str | None = Field(description="the camera's")
    camera: str | None = Field(description="that saw it then")
    camera_name: str | None = Field(description="what people call the camera")
    position: Position | None = Field(description="of the camera")
    plate: str | None = Field(
        default=None, description="as listed; only for a subscriber that may have plates"
    )
    likelihood: float | None = Field(default=None, description="of the read that raised it; with the plate")


class Told(_Told):
    """What happened to an alert: the body of a webhook."""

    version: Literal[1] = 1
    key: str = Field(description="the same for every repetition; as in the header Idempotency-Key")
    event: str = Field(
        description="raised, confirmed, rejected, escalated, dispatched, outcome, merged, noted, ..."
    )
    sequence: int = Field(description="of the event within its alert: 1, 2, 3, ...; some may be left out")
    at: datetime
    actor: str = Field(description="a person's name, or atalaya")
    alert: ToldAlert
    detail: dict[str, Any] = Field(
        description="unit_id, station, outcome, as; level, waited_s; wanted: false where nobody is to be stopped any "
        "more, true where that is taken back; passage: new, or fits: whether a better look does; everything for who "
        "may have plates"
    )


class Dispatch(_Told):
    """What a dispatch system (CAD) is told: the body of a webhook of the kind `cad`."""

    version: Literal[1] = 1
    key: str = Field(description="the same for every repetition; as in the header Idempotency-Key")
    incident: str = Field(description="the same for all that is told of an alert")
    sequence: int = Field(description="grows with each event of the incident; some numbers are left out")
    action: Literal["dispatch", "close", "note"]
    at: datetime
    by: str = Field(description="the person who decided it; atalaya with note")
    unit: str | None = Field(description="that is sent")
    outcome: str | None = Field(description="recovered, arrested, not-found, false or test; with close")
    fits: bool | None = Field(
        description="with note: whether a better look fits the entry: false is to be told the unit at once; null: "
        "something else, such as a sighting that is new, whose place stands in alert"
    )
    wanted: bool | None = Field(
        description="with note: false where its entry was ended, deleted or suppressed: nobody is to be stopped, and "
        "the unit is to be told at once; true where that is taken back; else null"
    )
    alert: ToldAlert


def told(notice: Notice, *, plates: bool, place: CameraPlace | None) -> Told:
    """The body of a webhook."""
    event = notice.happening
    return Told(
        key=notice.key,
        event=event.kind,
        sequence=event.number,
        at=event.at,
        actor=event.actor,
        alert=_alert(notice, plates=plates, place=place),
        detail=notice.detail if plates else _harmless(notice.detail),
    )


def dispatch(notice: Notice, *, plates: bool, place: CameraPlace | None) -> Dispatch:
    """The body for a dispatch system."""
    event, detail = notice.happening, _harmless(notice.detail)
    return Dispatch(
        key=notice.key,
        incident=f"atalaya-{event.alert_id}",
        sequence=event.number,
        action=_ACTIONS.get(event.kind, "note"),
        at=event.at,
        by=event.actor,
        unit=detail.get("unit_id"),
        outcome=detail.get("outcome"),
        fits=detail.get("fits"),
        wanted=detail.get("wanted"),
        alert=_alert(notice, plates=plates, place=place),
    )


def _alert(notice: Notice, *, plates: bool, place: CameraPlace | None) -> ToldAlert:
    of, seen = notice.subject, notice.seen
    return ToldAlert(
        id=notice.happening.alert_id,
        list=of.list_name,
        reason=of.reason,
        priority=of.priority,
        station=of.station,
        raised_at=of.raised_at,
        late=of.late,
        last_seen_at=None if seen is None else seen.at,
        last_seen_confirmed=None if seen is None else seen.is_confirmed,
        edge=None if seen is None else seen.edge_id,
        camera=None if seen is None else seen.camera_id,
        camera_name=None if place is None else place.name,
        position=None if place is None else Position(**place.position._asdict()),
        plate=notice.plate if plates else None,
        likelihood=notice.likelihood if plates else None,
    )


def _harmless(detail: Mapping[str, Any]) -> dict[str, Any]:
    return {name: detail[name] for name in _TOLD if isinstance(detail.get(name), str | int)}
