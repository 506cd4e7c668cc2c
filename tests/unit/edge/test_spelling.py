"""How plates are spelt: one rule for what nets read and for what people write."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.contract.pattern import ALPHABET
from edge.contract.spelling import normalise, typed


@pytest.mark.parametrize(
    ("raw", "plate"),
    [
        ("abc-123", "ABC123"), ("ABC 123", "ABC123"), ("A·B.C_1/2:3", "ABC123"), ("\uff21\uff11", "A1"), ("", ""),
        ("粤B12345", "B12345"), ("ÑÁ1", "NA1"), ("O0Il1", "O0IL1"),
    ],
)  # fmt: skip
def test_normalising_leaves_the_characters_and_takes_none_for_another(raw: str, plate: str) -> None:
    assert normalise(raw) == plate


@pytest.mark.parametrize(
    "written",
    ["abc123", "ABC 123", "ABC-123", "abc·123", "A.B.C.123", "ABC•123", "ABC/123", "ABC_123", "ABC\u2013123",
     "abc123\n", "\uff21BC\u3000123", "ABC\u2011123"],
)  # fmt: skip
def test_what_people_write_between_the_characters_does_not_matter(written: str) -> None:
    assert typed(written) == "ABC123"


@pytest.mark.parametrize(
    "written", ["", " - ", "A" * 13, "ABC%", "\u00c1BC123", "\u00df12", "\u0131BC", "\u0410BC123"]
)
def test_what_is_no_plate_is_not_made_one(written: str) -> None:
    with pytest.raises(ValueError, match="expected 1 to 12 letters A-Z and digits"):
        typed(written)


@given(st.one_of(st.text(max_size=14), st.text("ABCabc019 -._/\u00b7\u2022\uff21\u00c1%", max_size=14)))
def test_people_and_nets_spell_alike(text: str) -> None:
    try:
        plate = typed(text)
    except ValueError:
        return
    assert plate == normalise(text)


@given(st.text(ALPHABET, min_size=1, max_size=12))
def test_a_plate_is_spelt_as_it_is(plate: str) -> None:
    assert typed(plate) == normalise(plate) == plate
