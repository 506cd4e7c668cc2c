"""An event in words, Spanish first and then English: whoever is on duty must not need the other one (pure)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from central.outbox.event import Notice
from central.query.cameras import CameraPlace
from central.text import printable
from central.words import Words

_LANGUAGES: Final = (Words("es"), Words("en"))
_OWN: Final = {
    "captured": ("captada", "captured"),
    "station": ("estación", "station"),
    "look": (
        "La placa y las imágenes las ve quien tenga acceso, con el número de la alerta.",
        "Whoever has access finds plate and pictures by the number of the alert.",
    ),
    "note": ("nota", "note"),
    "saw": ("leyó", "read"),
    "unit_id": ("unidad", "unit"),
    "outcome": ("resultado", "outcome"),
    "as": ("como", "as"),
}
_DETAIL: Final = ("note", "saw", "unit_id", "outcome", "as")
"""What of an event's detail is told, where plates and people's words may be."""


def subject(notice: Notice) -> str:
    """One line without a plate: which alert, what happened, how urgent it is."""
    event, of = notice.happening, notice.subject
    happened = " / ".join(dict.fromkeys(words(f"event.{event.kind}") for words in _LANGUAGES))
    return printable(f"Atalaya #{event.alert_id}: {happened} ({of.list_name}, P{of.priority})")


def body(notice: Notice, *, plates: bool, place: CameraPlace | None, zone: ZoneInfo) -> str:
    """Both languages, one below the other.

    Args:
        notice: what happened.
        plates: whether the plate, and what people wrote, are told.
        place: of the camera.
        zone: in which times are told.
    """
    parts = [
        [
            *_head(notice, words, zone),
            *_where(notice, at, words, place, zone),
            *_whose(notice, at, words, plates),
        ]
        for at, words in enumerate(_LANGUAGES)
    ]
    return "\n\n".join("\n".join(map(printable, lines)) for lines in parts) + "\n"


def _head(notice: Notice, words: Words, zone: ZoneInfo) -> Iterator[str]:
    event, of = notice.happening, notice.subject
    yield f"{words('ALERT')} #{event.alert_id}: {words(f'event.{event.kind}')}"
    yield f"{words('time')}: {_spoken(event.at, zone)} ({zone.key})"
    yield f"{words('who')}: {event.actor}"
    yield f"{words('list')}: {of.list_name} ({words(f'reason.{of.reason}')}, {words('priority')} {of.priority})"


def _where(notice: Notice, at: int, words: Words, place: CameraPlace | None, zone: ZoneInfo) -> Iterator[str]:
    of = notice.subject
    known = "" if place is None else f" {place.name} ({place.position.lat:.5f}, {place.position.lon:.5f})"
    yield f"{words('camera')}: {of.camera_id}{known}"
    if notice.captured_at is not None:
        late = f" ({words('late')})" if of.late else ""
        yield f"{_OWN['captured'][at]}: {_spoken(notice.captured_at, zone)}{late}"
    if of.station is not None:
        yield f"{_OWN['station'][at]}: {of.station}"


def _whose(notice: Notice, at: int, words: Words, plates: bool) -> Iterator[str]:
    if not plates:
        yield _OWN["look"][at]
        return
    yield f"{words('plate')}: {notice.plate} ({words('likelihood')} {notice.likelihood:.2f})"
    for name in _DETAIL:
        if name in notice.detail:
            yield f"{_OWN[name][at]}: {notice.detail[name]}"


def _spoken(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
