"""A look that contradicts the list weighs as much as the camera is sure of it, and never too much."""

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.look import LEAST_FIT, fit, weighed
from edge.contract.read import Scored, Vehicle

SHARES = st.floats(0.0, 1.0)


@dataclass(frozen=True, slots=True)
class Entry:
    vehicle_type: str | None = None
    color: str | None = None


def seen(kind: str | None = None, color: str | None = None, *, sure: float = 0.8) -> Vehicle:
    scored = (None if word is None else Scored(value=word, likelihood=sure) for word in (kind, color))
    return Vehicle(**dict(zip(("type", "color"), scored, strict=True)))


@pytest.mark.parametrize(
    ("entry", "vehicle", "expected"),
    [
        (Entry("moto"), seen("motorcycle"), 1.0),
        (Entry("moto"), seen("car"), 0.2),
        (Entry("moto"), seen("car", sure=0.99), LEAST_FIT),
        (Entry("camioneta"), seen("car", sure=0.99), 1.0),  # told either way
        (Entry("moto"), seen(), 1.0),
        (Entry(), seen("car", "red"), 1.0),
        (Entry(color="rojo"), seen("car", "blue"), 0.2),
        (Entry(color="gris plata"), seen(color="white or grey"), 1.0),
        (Entry(color="beige"), seen(color="red", sure=1.0), 1.0),
        (Entry("moto", "rojo"), seen("car", "blue"), 0.2),  # they err together
        (Entry("carro", "rojo"), seen("car", "blue"), 0.2),
    ],
)
def test_what_contradicts_weighs_and_nothing_else(entry: Entry, vehicle: Vehicle, expected: float) -> None:
    assert fit(entry, vehicle) == pytest.approx(expected)


@given(SHARES, SHARES)
def test_a_look_makes_no_plate_likelier_and_keeps_their_order(one: float, other: float) -> None:
    for fitting in (LEAST_FIT, 0.5, 1.0):
        assert 0.0 <= weighed(one, fitting) <= one + 1e-12
        if one <= other:
            assert weighed(one, fitting) <= weighed(other, fitting) + 1e-12
    assert weighed(one, 1.0) == pytest.approx(one)
    assert weighed(1.0, LEAST_FIT) == pytest.approx(1.0)
