"""An event in words, Spanish first and then English: whoever is on duty must not need the other one (pure)."""

from collections.abc import Iterator
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from central.outbox.event import Notice
from central.query.cameras import CameraPlace
from central.text import printable
from central.types import EventKind
from central.words import Words

_LANGUAGES: Final = (Words("es"), Words("en"))
_OWN: Final = {
    "captured": ("captada", "captured"),
    "seen": ("vista por última vez", "last seen"),
    "unconfirmed": (
        "SIN CONFIRMAR: nadie ha comparado esa imagen",
        "NOT CONFIRMED: nobody has compared that picture",
    ),
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
    "level": ("escalada, vez", "escalated, time"),
    "waited_s": ("segundos de espera", "seconds waited"),
    "took_in": ("se le unió la alerta", "took in alert"),
    "into": ("unida a la alerta", "one with alert"),
    "same_vehicle": ("mismo vehículo que la alerta", "same vehicle as alert"),
}
_TYPED: Final = ("note", "saw")
"""What of an event's detail is told where plates and people's words may be."""
_DETAIL: Final = ("unit_id", "outcome", "as", "level", "waited_s", "took_in", "into", "same_vehicle")
"""What of it is told to everybody."""
_SAID: Final = {
    ("wanted", False): (
        "NO DETENGA A NADIE por esta alerta: su entrada terminó, se borró o está suspendida.",
        "STOP NOBODY for this alert: its entry was ended, deleted or suppressed.",
    ),
    ("wanted", True): (
        "SE BUSCA DE NUEVO: su entrada volvió, o ya no está suspendida. Verifique antes de detener a alguien.",
        "LOOKED FOR AGAIN: its entry is back, or no longer suppressed. Check before anybody is stopped.",
    ),
    ("fits", False): (
        "UNA IMAGEN MEJOR NO CORRESPONDE a esta entrada: compare las imágenes antes de detener a alguien.",
        "A BETTER LOOK DOES NOT FIT this entry: compare the pictures before anybody is stopped.",
    ),
    ("fits", True): (
        "Una imagen mejor corresponde: compárela también.",
        "A better look fits: compare it too.",
    ),
    ("passage", "new"): (
        "VISTA OTRA VEZ: compare esa imagen también.",
        "SEEN AGAIN: compare that picture too.",
    ),
}
"""What is told in a sentence."""


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
    of, seen = notice.subject, notice.seen
    if seen is not None:
        known = "" if place is None else f" {place.name} ({place.position.lat:.5f}, {place.position.lon:.5f})"
        yield f"{words('camera')}: {seen.camera_id}{known}"
        is_first = notice.happening.kind == EventKind.RAISED
        late = f" ({words('late')})" if of.late and is_first else ""
        when = _OWN["captured" if is_first else "seen"][at]
        yield f"{when}: {_spoken(seen.at, zone)}{late}"
        if seen.is_confirmed is False:
            yield _OWN["unconfirmed"][at]
    if of.station is not None:
        yield f"{_OWN['station'][at]}: {of.station}"


def _whose(notice: Notice, at: int, words: Words, plates: bool) -> Iterator[str]:
    if plates:
        yield f"{words('plate')}: {notice.plate} ({words('likelihood')} {notice.likelihood:.2f})"
    for (name, value), said in _SAID.items():
        if notice.detail.get(name) == value:
            yield said[at]
    for name in (*_TYPED, *_DETAIL) if plates else _DETAIL:
        if name in notice.detail:
            yield f"{_OWN[name][at]}: {notice.detail[name]}"
    if not plates:
        yield _OWN["look"][at]


def _spoken(moment: datetime, zone: ZoneInfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M:%S}"
