"""The classes of plates that can be rendered: their patterns, sizes and colours.

The patterns follow the project's plate grammar. Where sources disagree (the official's colours, the motor
tricycle's pattern) several looks are listed and one is drawn by chance, so that a reader learns them all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

Colour = tuple[int, int, int]
"""Blue, green, red, 0-255."""

BLACK: Colour = (26, 24, 24)
WHITE: Colour = (236, 238, 236)
YELLOW: Colour = (38, 196, 246)
BLUE: Colour = (140, 62, 16)
GREEN: Colour = (70, 110, 20)
RED: Colour = (38, 32, 178)


@dataclass(frozen=True, slots=True)
class Look:
    """How a class of plates looks.

    Attributes:
        ink: colour of the characters.
        ground: colour of the plate.
        band: a coloured band: "" (none), "top" (with the country's name), "left" (with the country's code) or
            "sides" (stripes).
        band_colour: colour of that band.
        caption: small type: "municipality" draws a town's name below, anything else is drawn as it is above
            the characters; "" draws none.
    """

    ink: Colour
    ground: Colour
    band: str = ""
    band_colour: Colour = BLUE
    caption: str = ""


@dataclass(frozen=True, slots=True)
class PlateClass:
    """A class of plates of one country.

    Attributes:
        country: ISO 3166-1 alpha-2, or "XX" for the open pattern.
        name: the class as the grammar names it.
        patterns: regular expressions of classes, counts and literals; the first is drawn most.
        looks: the looks in use.
        size_mm: width and height.
        lines: lengths of the lines, () = one line.
        vehicles: kinds of vehicle that carry it.
    """

    country: str
    name: str
    patterns: tuple[str, ...]
    looks: tuple[Look, ...]
    size_mm: tuple[int, int] = (330, 160)
    lines: tuple[int, ...] = ()
    vehicles: tuple[str, ...] = ("car",)

    def matches(self, text: str) -> bool:
        """Whether ``text`` is a plate of this class."""
        return any(re.fullmatch(pattern, text) for pattern in self.patterns)


_CO_PRIVATE = Look(BLACK, YELLOW, caption="municipality")
_CO_PUBLIC = Look(BLACK, WHITE, caption="municipality")
_HEAVY = ("truck", "bus")
_MOTO_MM = (235, 105)
_LONG_MM = (400, 130)

CLASSES: tuple[PlateClass, ...] = (
    PlateClass("CO", "particular", ("[A-Z]{3}[0-9]{3}",), (_CO_PRIVATE,), vehicles=("car",)),
    PlateClass("CO", "publico", ("[A-Z]{3}[0-9]{3}",), (_CO_PUBLIC,), vehicles=("taxi", "bus", "truck")),
    PlateClass(
        "CO", "oficial", ("O[A-Z]{2}[0-9]{3}",), (Look(WHITE, GREEN, caption="municipality"), _CO_PRIVATE)
    ),
    PlateClass(
        "CO",
        "motocicleta",
        ("[A-Z]{3}[0-9]{2}[A-Z]", "[A-Z]{3}[0-9]{2}"),
        (Look(BLACK, YELLOW, caption="municipality"),),
        _MOTO_MM,
        (3, 3),
        ("motorcycle",),
    ),
    PlateClass("CO", "motocarro", ("[0-9]{3}[A-Z]{3}",), (_CO_PUBLIC,), _MOTO_MM, (3, 3), ("motorcycle",)),
    *(
        PlateClass("CO", name, (f"{letter}[A-Z][0-9]{{4}}",), (Look(WHITE, BLUE, caption="COLOMBIA"),))
        for name, letter in (
            ("diplomatico", "D"),
            ("consular", "C"),
            ("misiones", "M"),
            ("organismos", "O"),
            ("administrativo", "A"),
        )
    ),
    PlateClass(
        "CO", "remolque", ("R[0-9]{5}",), (Look(WHITE, GREEN, caption="COLOMBIA"),), vehicles=("truck",)
    ),
    PlateClass(
        "CO", "semirremolque", ("S[0-9]{5}",), (Look(WHITE, GREEN, caption="COLOMBIA"),), vehicles=("truck",)
    ),
    PlateClass(
        "CO",
        "carga",
        ("T[0-9]{4}", "[A-Z][0-9]{4}"),
        (Look(WHITE, RED, caption="COLOMBIA"),),
        vehicles=("truck",),
    ),
    PlateClass(
        "CO",
        "antiguo",
        ("[A-Z]{3}[0-9]{3}",),
        (Look(BLACK, WHITE, "sides", BLUE, "ANTIGUO"),),
        vehicles=("car",),
    ),
    PlateClass(
        "CO",
        "clasico",
        ("[A-Z]{3}[0-9]{3}",),
        (Look(BLACK, WHITE, "sides", BLUE, "CLASICO"),),
        vehicles=("car",),
    ),
    PlateClass("CO", "maquinaria", ("M[ACI][0-9]{6}",), (_CO_PRIVATE,), vehicles=("truck",)),
    PlateClass(
        "VE",
        "particular",
        ("[A-Z]{2}[0-9]{3}[A-Z]{2}", "[A-Z]{3}[0-9]{3}", "[A-Z]{3}[0-9]{2}[A-Z]"),
        (Look((96, 40, 20), WHITE, "top", (30, 190, 240), "VENEZUELA"),),
    ),
    PlateClass(
        "EC",
        "particular",
        ("[A-Z]{3}[0-9]{4}", "[A-Z]{3}[0-9]{3}", "(CC|CD|OI|AT|IT)[0-9]{4}"),
        (Look(BLACK, WHITE, caption="ECUADOR"),),
        _LONG_MM,
    ),
    PlateClass(
        "PE",
        "particular",
        ("[A-Z][0-9A-Z][A-Z][0-9]{3}", "[A-Z]{2}[0-9]{4}", "[A-Z]{3}[0-9]{3}"),
        (Look(BLACK, WHITE, "top", (60, 60, 190), "PERU"),),
    ),
    PlateClass(
        "PE",
        "motocicleta",
        ("[0-9]{4}[0-9A-Z][A-Z]",),
        (Look(BLACK, WHITE, caption="PERU"),),
        _MOTO_MM,
        (4, 2),
        ("motorcycle",),
    ),
    PlateClass(
        "BR",
        "particular",
        ("[A-Z]{3}[0-9][A-Z][0-9]{2}", "[A-Z]{3}[0-9]{4}"),
        (Look(BLACK, WHITE, "top", BLUE, "BRASIL"), Look(BLACK, (168, 168, 166), caption="SP - SAO PAULO")),
        _LONG_MM,
    ),
    PlateClass(
        "BR",
        "motocicleta",
        ("[A-Z]{3}[0-9][A-Z][0-9]{2}", "[A-Z]{3}[0-9]{4}"),
        (Look(BLACK, WHITE, "top", BLUE, "BRASIL"),),
        (200, 170),
        (3, 4),
        ("motorcycle",),
    ),
    PlateClass(
        "AR",
        "particular",
        ("[A-Z]{2}[0-9]{3}[A-Z]{2}", "[A-Z]{3}[0-9]{3}"),
        (Look(BLACK, WHITE, "top", BLUE, "REPUBLICA ARGENTINA"), Look(WHITE, BLACK, caption="ARGENTINA")),
        _LONG_MM,
    ),
    PlateClass(
        "AR",
        "motocicleta",
        ("[A-Z][0-9]{3}[A-Z]{3}",),
        (Look(BLACK, WHITE, "top", BLUE, "ARGENTINA"),),
        (200, 160),
        (4, 3),
        ("motorcycle",),
    ),
    PlateClass(
        "CL",
        "particular",
        ("[BCDFGHJKLPRSTVWXYZ]{4}[0-9]{2}", "[A-Z]{2}[0-9]{4}"),
        (Look(BLACK, WHITE, caption="CHILE"),),
        (360, 130),
    ),
    PlateClass(
        "CL",
        "motocicleta",
        ("[BCDFGHJKLPRSTVWXYZ]{3}[0-9]{2}",),
        (Look(BLACK, WHITE, caption="CHILE"),),
        (200, 140),
        (3, 2),
        ("motorcycle",),
    ),
    PlateClass("PA", "particular", ("[A-Z]{2}[0-9]{4}", "[0-9]{6}"), (Look(BLACK, WHITE, caption="PANAMA"),)),
    PlateClass(
        "MX",
        "particular",
        ("[A-HJ-NPR-Z]{3}[0-9]{3}[A-HJ-NPR-Z]", "[A-HJ-NPR-Z]{3}[0-9]{4}"),
        (Look((60, 30, 20), WHITE, "top", (60, 100, 20), "MEXICO"),),
    ),
    PlateClass(
        "MX",
        "carga",
        ("[A-HJ-NPR-Z]{2}[0-9]{4}[A-HJ-NPR-Z]", "[A-HJ-NPR-Z]{2}[0-9]{5}"),
        (Look(BLACK, WHITE, "top", (60, 60, 60), "MEXICO"),),
        vehicles=("truck",),
    ),
    PlateClass(
        "BO",
        "particular",
        ("[0-9]{4}[A-Z]{3}", "[0-9]{3}[A-Z]{3}"),
        (Look(BLUE, WHITE, caption="BOLIVIA"),),
        _LONG_MM,
    ),
    PlateClass("GT", "particular", ("[A-Z][0-9]{3}[A-Z]{3}",), (Look(BLACK, WHITE, caption="GUATEMALA"),)),
    PlateClass(
        "PY", "particular", ("[A-Z]{4}[0-9]{3}",), (Look(BLACK, WHITE, "top", BLUE, "PARAGUAY"),), _LONG_MM
    ),
    PlateClass(
        "UY", "particular", ("[A-Z]{3}[0-9]{4}",), (Look(BLACK, WHITE, "top", BLUE, "URUGUAY"),), _LONG_MM
    ),
    PlateClass(
        "XX",
        "open",
        ("[A-Z0-9]{5,8}", "[A-Z0-9]{2,4}"),
        (
            Look(BLACK, WHITE, "left", (150, 60, 10)),
            Look(BLACK, YELLOW, "left", (150, 60, 10)),
            Look(BLACK, WHITE),
        ),
        (520, 110),
    ),
)


def find(country: str, name: str) -> PlateClass:
    """The class of a country by its name.

    Raises:
        KeyError: there is none.
    """
    for plate_class in CLASSES:
        if (plate_class.country, plate_class.name) == (country, name):
            return plate_class
    raise KeyError(f"no plate class {name!r} of country {country!r}")
