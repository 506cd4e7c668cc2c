"""Why a hit is one, and what speaks against it, in words (pure)."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Final
from unicodedata import combining, normalize

from central.types import Hit, HotlistEntry
from edge.contract.read import Character, PlateRead, Scored

_TOLD_NAMES: Final = {
    "color": {
        "white": "white blanco blanca",
        "grey": "grey gray silver gris plata plateado plateada",
        "black": "black negro negra",
        "red": "red rojo roja",
        "blue": "blue azul",
        "green": "green verde",
        "yellow": "yellow amarillo amarilla",
        "orange": "orange naranja anaranjado anaranjada",
        "brown": "brown marron cafe",
    },
    "type": {
        "car": "car automovil auto carro coche sedan taxi",
        "motorcycle": "motorcycle motorbike moto motocicleta motociclo",
        "truck": "truck lorry camion tractocamion tractomula volqueta",
        "bus": "bus buseta microbus autobus colectivo",
    },
}
"""What lists call the colours and types that cameras tell, in English and Spanish, without accents. Left out are words
for what may be told either way, such as camioneta."""
_NAMES: Final = {
    kind: {word: told for told, words in table.items() for word in words.split()}
    for kind, table in _TOLD_NAMES.items()
}
_DOUBT = 0.9
"""A character less likely than this is named in the explanation, with what else it may be."""

_LOWER_TRUST = (
    "LOWER TRUST: from ordinary CCTV or a recording, so compare the pictures before anybody is stopped "
    "(MENOR CONFIANZA: de CCTV común o de una grabación; compare las imágenes antes de detener a alguien)."
)
"""In both languages: whoever stops a car must not need the other one to see it."""

_SECOND_LOOK = "A better look"


def explain(hit: Hit, *, country_known: bool, late_by: timedelta | None) -> str:
    """Why this read matched this entry, and what speaks against it.

    Args:
        hit: the read and the entry.
        country_known: whether a grammar recognised the plate's country.
        late_by: how old the read was when it arrived; None where it was not late.
    """
    return " ".join(_sentences(hit, country_known=country_known, late_by=late_by))


def second_look(read: PlateRead, *, fits: bool) -> str:
    """What to add to an alert when an update of one of its reads arrives."""
    end = "which fits this entry again" if fits else "which this entry does not fit: compare the pictures"
    return f"{_SECOND_LOOK} at {read.best_at:%H:%M:%S} UTC reads {_described(read)}, {end}."


def is_doubted(explanation: str) -> bool:
    """Whether a second look has spoken against the alert."""
    return _SECOND_LOOK in explanation


def _sentences(hit: Hit, *, country_known: bool, late_by: timedelta | None) -> Iterator[str]:
    read, entry = hit.read, hit.entry
    yield (
        f"{_described(read)}, {_frames(read)}; {_listed(hit)} listed as "
        f"{entry.reason} in {entry.list_name} (priority {entry.priority}, source {entry.source or 'not given'}, "
        f"case {entry.case_number or 'not given'})."
    )
    if read.trust == "lower":
        yield _LOWER_TRUST
    yield from _warnings(entry)
    yield from _doubts(read.characters)
    if hit.rival is not None:
        yield f"COMPARE: {hit.rival}, which looks alike, drives here often."
    if not country_known:
        yield f"The plate's country was not recognised; the list says {entry.country}."
    yield from _class_told(read, entry)
    yield from _look(read, entry)
    if late_by is not None:
        yield f"LATE: it was seen {_spoken(late_by)} before it arrived."


def _warnings(entry: HotlistEntry) -> Iterator[str]:
    """In both languages too: what the list itself leaves open."""
    if entry.stale_since is not None:
        since = f"{entry.stale_since:%Y-%m-%d %H:%M} UTC"
        yield (
            f"STALE: not confirmed since {since}, so its priority is {entry.priority}: ask its source before anybody "
            f"is stopped (SIN CONFIRMAR desde {since}: verifique con la fuente antes de detener a alguien)."
        )
    if entry.twins:
        others = ", ".join(entry.twins)
        yield (
            f"COMPARE: {others} {'is' if len(entry.twins) == 1 else 'are'} listed too, and taken for {entry.plate} "
            f"(COMPARE: también se busca {others}; no las confunda)."
        )


def _listed(hit: Hit) -> str:
    if hit.is_exact:
        return "exactly the plate"
    return f"it may be {hit.entry.plate} (likelihood {hit.likelihood:.2f}), the plate"


def _described(read: PlateRead) -> str:
    known = [scored.value for scored in (read.country, read.plate_class) if scored is not None]
    return f"{read.plate} ({', '.join([*known, f'likelihood {read.likelihood:.2f}'])})"


def _frames(read: PlateRead) -> str:
    if read.votes == 0:
        return f"no single frame says so, but the sum of {read.frames}"
    return f"in {read.votes} of {read.frames} frames"


def _doubts(characters: tuple[Character, ...]) -> Iterator[str]:
    doubtful = [
        f"character {place} {c.char} {c.likelihood:.2f}"
        + "".join(f" / {a.char} {a.likelihood:.2f}" for a in c.alternatives)
        for place, c in enumerate(characters, start=1)
        if c.likelihood < _DOUBT
    ]
    if doubtful:
        yield f"In doubt: {'; '.join(doubtful)}."


def _class_told(read: PlateRead, entry: HotlistEntry) -> Iterator[str]:
    if entry.plate_class is None:
        return
    if read.plate_class is None:
        yield f"The list says class {entry.plate_class}; the camera could not tell."
    elif read.plate_class.value != entry.plate_class:
        yield (
            f"The list says class {entry.plate_class}, the camera {read.plate_class.value} "
            f"({read.plate_class.likelihood:.2f}): the two share these strings."
        )


def _look(read: PlateRead, entry: HotlistEntry) -> Iterator[str]:
    """The vehicle itself: what cost people most was a stop for the right plate on the wrong vehicle."""
    pairs: tuple[tuple[str, str | None, Scored | None], ...] = (
        ("type", entry.vehicle_type, read.vehicle.type),
        ("color", entry.color, read.vehicle.color),
        ("brand", entry.brand, read.vehicle.brand),
    )
    unsure = []
    for name, listed, seen in pairs:
        if listed is None:
            continue
        is_same = _same(name, listed, seen.value) if seen else None
        if seen is None or is_same is None:
            unsure.append(
                f"{name} {listed}" + (f" (seen {seen.value} {seen.likelihood:.2f})" if seen else "")
            )
        elif is_same:
            yield f"Vehicle {name} {seen.value} as listed ({seen.likelihood:.2f})."
        else:
            yield f"COMPARE: vehicle {name} listed {listed}, seen {seen.value} ({seen.likelihood:.2f})."
    if unsure:
        yield f"Not recognised by the camera, so compare: {', '.join(unsure)}."


def _same(name: str, listed: str, seen: str) -> bool | None:
    """Whether any of a list's words is what was seen, or one of `white or grey`; None where they are all unknown.

    A brand has no table: it is the same, or another one.
    """
    words, told = _words(listed), _words(seen)
    names = _NAMES.get(name)
    if words == told:
        return True
    if names is None:
        return False
    meant = {names[word] for word in words if word in names}
    return bool(meant & {names.get(word, word) for word in told}) if meant else None


def _words(text: str) -> list[str]:
    """The words of a text in small letters without accents."""
    plain = "".join(c for c in normalize("NFKD", text.casefold()) if not combining(c))
    return "".join(c if c.isalnum() else " " for c in plain).split()


def _spoken(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2]) or "0 s"
