"""Whether a vehicle looks as a list says, and what it weighs that it does not: for both sides (pure).

A plate that stands on another vehicle than its own was misread more often than swapped. So a look that contradicts the
list makes the listed plate less likely; it never makes it unlikely, for plates are stolen too, and lists are wrong.
"""

from typing import Final, Protocol
from unicodedata import combining, normalize

from edge.contract.read import Vehicle

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
LEAST_FIT: Final = 0.1
"""How much less likely a look that contradicts makes a listed plate, at most. An estimate: of listed vehicles so many
bear plates that were swapped, or are described wrongly."""


class Listed(Protocol):
    """What is looked at of a list's entry."""

    @property
    def vehicle_type(self) -> str | None:
        """In the list's own words."""
        ...

    @property
    def color(self) -> str | None:
        """In the list's own words."""
        ...


def fit(listed: Listed, seen: Vehicle) -> float:
    """How likely this look is on the listed vehicle, of 1 on any other; 1 where nothing contradicts.

    Brands do not count: cameras tell them too badly. Type and colour err together (a box around the neighbour), so the
    worse of the two counts, and not both.
    """
    pairs = (("type", listed.vehicle_type, seen.type), ("color", listed.color, seen.color))
    contradicting = [
        told.likelihood
        for name, word, told in pairs
        if word and told and is_same(name, word, told.value) is False
    ]
    return max(LEAST_FIT, 1.0 - max(contradicting, default=0.0))


def weighed(likelihood: float, fitting: float) -> float:
    """A likelihood, given how well the look fits: Bayes' rule for one vehicle against all others.

    Args:
        likelihood: 0..1.
        fitting: as `fit` tells.
    """
    return likelihood * fitting / (likelihood * fitting + 1.0 - likelihood)


def is_same(name: str, listed: str, seen: str) -> bool | None:
    """Whether any of a list's words is what was seen, or one of `white or grey`; None where they are all unknown.

    A brand has no table: it is the same, or another one.

    Args:
        name: type, color or brand.
        listed: in the list's own words.
        seen: as cameras tell it.
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
