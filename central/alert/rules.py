"""Why a hit is one, and what speaks against it, in words (pure)."""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Final

from central.sections import Language
from central.types import Hit, HotlistEntry
from central.words import Words
from edge.contract.look import is_same
from edge.contract.read import Character, PlateRead, Scored

_DOUBT = 0.9
"""A character less likely than this is named in the explanation, with what else it may be."""

_SPANISH: Final = Words("es")

_LOWER_TRUST = (
    "LOWER TRUST: from ordinary CCTV or a recording, so compare the pictures before anybody is stopped.",
    "MENOR CONFIANZA: de CCTV común o de una grabación; compare las imágenes antes de detener a alguien.",
)

Said = tuple[str, str]
"""A sentence in English and in Spanish."""


def explain(hit: Hit, *, country_known: bool, late_by: timedelta | None, language: Language = "both") -> str:
    """Why this read matched this entry, and what speaks against it.

    What must keep somebody from being stopped is said in both languages whatever the setting: whoever stops a car must
    not need the other one to see it.

    Args:
        hit: the read and the entry.
        country_known: whether a grammar recognised the plate's country.
        late_by: how old the read was when it arrived; None where it was not late.
        language: of everything else.
    """
    return _told(_match(hit), hit, _sentences(hit, country_known=country_known, late_by=late_by), language)


def seen_again(
    hit: Hit, *, country_known: bool, late_by: timedelta | None, language: Language = "both"
) -> str:
    """What to add to an alert when its vehicle comes by once more: as `explain`, without what the list says.

    Neither when nor where: that goes with the read, should it be erased.
    """
    read, (english, spanish) = hit.read, _described(hit.read)
    may_be, puede_ser = _likely(hit)
    said = (
        f"Seen again: {english}, {_frames(read)[0]}; {may_be} looked for.",
        f"Vista otra vez: {spanish}, {_frames(read)[1]}; {puede_ser} que se busca.",
    )
    return _told(said, hit, _sentences(hit, country_known=country_known, late_by=late_by), language)


def second_look(read: PlateRead, *, fits: bool, language: Language = "both") -> str:
    """What to add to an alert when an update of one of its reads arrives."""
    at = f"{read.best_at:%H:%M:%S} UTC"
    english, spanish = _described(read)
    said = (
        f"A better look at {at} reads {english}, which fits this entry.",
        f"Una imagen mejor de las {at} dice {spanish}, y corresponde a esta entrada.",
    )
    against = (
        f"A better look at {at} reads {english}, which this entry does not fit: compare the pictures.",
        f"Una imagen mejor de las {at} dice {spanish}, que no corresponde a esta entrada: compare las imágenes.",
    )
    return in_words(said, language) if fits else in_words(against, "both")


def looks(hit: Hit) -> str:
    """What of the vehicle's look contradicts the list, in both languages; nothing where nothing does."""
    said = (each for agrees, each in _compared(hit.read, hit.entry) if agrees is False)
    return " ".join(in_words(each, "both") for each in said)


def looked_for_no_longer(hit: Hit) -> str:
    """What to say where the entry was over when the read arrived, although it was in force when the read was made."""
    since = f"{hit.entry.valid_until:%Y-%m-%d %H:%M} UTC"
    said = (
        f"STOP NOBODY: its vehicle is looked for no longer, since {since}.",
        f"NO DETENGA A NADIE: el vehículo ya no se busca desde {since}.",
    )
    return in_words(said, "both")


def in_words(said: Said, language: Language) -> str:
    """A sentence in one language, or in both, the Spanish one in brackets."""
    english, spanish = said
    if language == "both":
        return f"{english.removesuffix('.')} ({spanish.removesuffix('.')})."
    return english if language == "en" else spanish


def _told(first: Said, hit: Hit, others: Iterable[Said], language: Language) -> str:
    """What must keep somebody from being stopped comes second, and in both languages."""
    warnings = (in_words(each, "both") for each in _warnings(hit))
    return " ".join((in_words(first, language), *warnings, *(in_words(each, language) for each in others)))


def _match(hit: Hit) -> Said:
    read, entry = hit.read, hit.entry
    (english, spanish), (listed, registered) = _described(read), _likely(hit)
    reason = f"reason.{entry.reason}"
    return (
        f"{english}, {_frames(read)[0]}; {listed} listed as {entry.reason} in {entry.list_name} (priority "
        f"{entry.priority}, source {entry.source or 'not given'}, case {entry.case_number or 'not given'}).",
        f"{spanish}, {_frames(read)[1]}; {registered} que se busca en {entry.list_name}, motivo {_SPANISH(reason)} "
        f"(prioridad {entry.priority}, fuente {entry.source or 'no dada'}, caso {entry.case_number or 'no dado'}).",
    )


def _sentences(hit: Hit, *, country_known: bool, late_by: timedelta | None) -> Iterator[Said]:
    read, entry = hit.read, hit.entry
    yield from _doubts(read.characters)
    if not country_known:
        yield (
            f"The plate's country was not recognised; the list says {entry.country}.",
            f"No se reconoció el país de la placa; la lista dice {entry.country}.",
        )
    yield from _class_told(read, entry)
    yield from _look(read, entry)
    if late_by is not None:
        yield (
            f"LATE: it was seen {_spoken(late_by)} before it arrived.",
            f"TARDE: se vio {_spoken(late_by)} antes de llegar.",
        )


def _warnings(hit: Hit) -> Iterator[Said]:
    """What speaks against stopping anybody before somebody has looked."""
    entry = hit.entry
    if hit.read.trust == "lower":
        yield _LOWER_TRUST
    if entry.stale_since is not None:
        since = f"{entry.stale_since:%Y-%m-%d %H:%M} UTC"
        yield (
            f"STALE: not confirmed since {since}, so its priority is {entry.priority}: ask its source before anybody "
            "is stopped.",
            f"SIN CONFIRMAR desde {since}: verifique con la fuente antes de detener a alguien.",
        )
    if entry.twins:
        others = ", ".join(entry.twins)
        yield (
            f"COMPARE: {others} {'is' if len(entry.twins) == 1 else 'are'} listed too, and taken for {entry.plate}.",
            f"COMPARE: también se busca {others}; no las confunda.",
        )
    if hit.rival is not None:
        yield (
            f"COMPARE: {hit.rival}, which looks alike, drives here often.",
            f"COMPARE: {hit.rival}, que se le parece, pasa por aquí a menudo.",
        )


def _likely(hit: Hit) -> Said:
    if hit.is_exact:
        return "exactly the plate", "exactamente la placa"
    plate, likely = hit.entry.plate, f"{hit.likelihood:.2f}"
    return (
        f"it may be {plate} (likelihood {likely}), the plate",
        f"puede ser {plate} (certeza {likely}), la placa",
    )


def _described(read: PlateRead) -> Said:
    known = [scored.value for scored in (read.country, read.plate_class) if scored is not None]
    english, spanish = (
        f"{read.plate} ({', '.join([*known, f'{word} {read.likelihood:.2f}'])})"
        for word in ("likelihood", "certeza")
    )
    return english, spanish


def _frames(read: PlateRead) -> Said:
    if read.votes == 0:
        return (
            f"no single frame says so, but the sum of {read.frames}",
            f"no lo dice ningún cuadro solo, sino la suma de {read.frames}",
        )
    return f"in {read.votes} of {read.frames} frames", f"en {read.votes} de {read.frames} cuadros"


def _doubts(characters: tuple[Character, ...]) -> Iterator[Said]:
    doubtful = [
        f"{place} {c.char} {c.likelihood:.2f}"
        + "".join(f" / {a.char} {a.likelihood:.2f}" for a in c.alternatives)
        for place, c in enumerate(characters, start=1)
        if c.likelihood < _DOUBT
    ]
    if doubtful:
        english, spanish = (
            "; ".join(f"{word} {each}" for each in doubtful) for word in ("character", "carácter")
        )
        yield f"In doubt: {english}.", f"En duda: {spanish}."


def _class_told(read: PlateRead, entry: HotlistEntry) -> Iterator[Said]:
    listed, seen = entry.plate_class, read.plate_class
    if listed is None:
        return
    if seen is None:
        yield (
            f"The list says class {listed}; the camera could not tell.",
            f"La lista dice clase {listed}; la cámara no la pudo distinguir.",
        )
    elif seen.value != listed:
        yield (
            f"The list says class {listed}, the camera {seen.value} ({seen.likelihood:.2f}): the two share these "
            "strings.",
            f"La lista dice clase {listed}, la cámara {seen.value} ({seen.likelihood:.2f}): las dos comparten esta "
            "numeración.",
        )


def _look(read: PlateRead, entry: HotlistEntry) -> Iterator[Said]:
    """The vehicle itself: what cost people most was a stop for the right plate on the wrong vehicle."""
    told = list(_compared(read, entry))
    yield from (said for agrees, said in told if agrees is not None)
    if unsure := [said for agrees, said in told if agrees is None]:
        english, spanish = (", ".join(each) for each in zip(*unsure, strict=True))
        yield (
            f"Not recognised by the camera, so compare: {english}.",
            f"La cámara no lo reconoció, así que compare: {spanish}.",
        )


def _compared(read: PlateRead, entry: HotlistEntry) -> Iterator[tuple[bool | None, Said]]:
    """Of each thing that the list says of the vehicle, whether it was seen so, in a sentence.

    None and its name alone: nobody can tell.
    """
    pairs: tuple[tuple[Said, str | None, Scored | None], ...] = (
        (("type", "tipo"), entry.vehicle_type, read.vehicle.type),
        (("color", "color"), entry.color, read.vehicle.color),
        (("brand", "marca"), entry.brand, read.vehicle.brand),
    )
    for (name, nombre), listed, seen in pairs:
        if listed is None:
            continue
        if seen is None:
            yield None, (f"{name} {listed}", f"{nombre} {listed}")
            continue
        value, sure = seen.value, f"{seen.likelihood:.2f}"
        valor, agrees = _SPANISH(value), is_same(name, listed, value)
        if agrees is None:
            said = f"{name} {listed} (seen {value} {sure})", f"{nombre} {listed} (visto {valor} {sure})"
        elif agrees:
            said = (
                f"Vehicle {name} {value} as listed ({sure}).",
                f"Vehículo de {nombre} {valor}, como en la lista ({sure}).",
            )
        else:
            said = (
                f"COMPARE: vehicle {name} listed {listed}, seen {value} ({sure}).",
                f"COMPARE: {nombre} del vehículo en la lista {listed}, visto {valor} ({sure}).",
            )
        yield agrees, said


def _spoken(span: timedelta) -> str:
    minutes, seconds = divmod(round(span.total_seconds()), 60)
    hours, minutes = divmod(minutes, 60)
    days, hours = divmod(hours, 24)
    parts = ((days, "d"), (hours, "h"), (minutes, "min"), (seconds, "s"))
    return " ".join([f"{number} {unit}" for number, unit in parts if number][:2]) or "0 s"
