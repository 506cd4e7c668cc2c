"""Which strings a read may be."""

import pytest
from edge_reads import plate_read

from edge.contract.match import ALIKE, LEAST, LOOK_ALIKE, MOST, Spelling, likelihood_of, spellings
from edge.contract.read import Character, CharacterAlternative, PlateRead


def a_read(
    likelihood: float, *positions: tuple[str, float] | tuple[str, float, dict[str, float]]
) -> PlateRead:
    """A read whose characters are (char, likelihood, alternatives)."""
    characters = []
    for char, share, *rest in positions:
        others = rest[0] if rest else {}
        alternatives = tuple(CharacterAlternative(char=c, likelihood=p) for c, p in others.items())
        characters.append(Character(char=char, likelihood=share, alternatives=alternatives))
    plate = "".join(c.char for c in characters)
    changed = {"plate": plate, "likelihood": likelihood, "characters": tuple(characters)}
    return plate_read(1, 1, plate=plate).model_copy(update=changed)


def likelihoods(read: PlateRead) -> dict[str, float]:
    return dict(spellings(read))


def test_a_certain_read_is_that_string_alone() -> None:
    read = a_read(0.9995, ("A", 1.0), ("8", 0.9995, {"B": 0.0005}))
    assert spellings(read) == [Spelling("A8", 0.9995)]


def test_what_was_decoded_comes_first_however_unlikely() -> None:
    read = a_read(0.0001, ("A", 0.01, {"4": 0.9}), ("B", 0.01))
    assert spellings(read)[0] == Spelling("AB", 0.0001)


def test_an_alternative_takes_its_share_of_the_whole() -> None:
    found = likelihoods(a_read(0.6, ("A", 1.0), ("B", 0.62, {"8": 0.35})))
    assert found["A8"] == pytest.approx(0.6 * 0.35 / 0.62)


def test_two_doubtful_positions_multiply() -> None:
    found = likelihoods(a_read(0.4, ("O", 0.6, {"0": 0.4}), ("8", 0.7, {"B": 0.3})))
    assert found["0B"] == pytest.approx(0.4 * (0.4 / 0.6) * (0.3 / 0.7))
    assert list(found) == ["O8", "08", "OB", "0B", *list(found)[4:]]


def test_what_is_left_over_goes_to_what_looks_alike() -> None:
    found = likelihoods(a_read(0.6, ("A", 1.0), ("5", 0.6)))
    assert set(found) == {"A5", "AS"}
    assert 0 < found["AS"] < 0.6 * 0.4 / 0.6, "a half of it, and that is every position's together"


def test_a_character_that_looks_like_none_keeps_what_is_left_over_to_itself() -> None:
    assert "9" not in ALIKE
    assert spellings(a_read(0.6, ("A", 1.0), ("9", 0.6))) == [Spelling("A9", 0.6)]


def test_what_is_too_unlikely_is_left_out() -> None:
    read = a_read(0.99, ("A", 1.0), ("9", 0.99, {"4": 0.9 * LEAST}))
    assert [text for text, _ in spellings(read)] == ["A9"]
    assert "A4" in dict(spellings(read, least=LEAST / 10))


def test_an_alternative_that_is_what_was_decoded_says_nothing() -> None:
    read = a_read(0.5, ("A", 0.5, {"A": 0.4}))
    assert spellings(read) == [Spelling("A", 0.5), *spellings(read)[1:]]
    assert [text for text, _ in spellings(read)].count("A") == 1


def test_a_read_that_is_surer_of_the_whole_than_of_a_part_is_not_believed_more_than_the_part() -> None:
    """Boxes and versions of other people may send anything."""
    found = likelihoods(a_read(0.95, ("A", 0.2, {"4": 0.8}), ("C", 1.0)))
    assert found["4C"] == pytest.approx(0.05), "no more than the whole leaves over"


def test_what_errs_together_is_not_counted_once_a_position() -> None:
    """Two strings a character's breadth apart differ in every position, and are two strings."""
    pairs = zip("ABC123", "XKL789", strict=True)
    read = a_read(0.6, *((one, 0.6, {other: 0.35}) for one, other in pairs))
    spelt = spellings(read)
    assert sum(p for _, p in spelt) <= 1.0 + 1e-9
    assert likelihood_of("ABC123", spelt, frozenset()) == pytest.approx(0.6)


def test_a_read_that_says_nothing_at_all_is_bounded() -> None:
    read = a_read(0.02, *(("1", 0.02, {"I": 0.02, "7": 0.02}) for _ in range(12)))
    assert len(spellings(read)) <= MOST


def test_nothing_is_divided_by_nothing() -> None:
    assert likelihoods(a_read(0.0, ("A", 0.0, {"4": 0.5})))["A"] == 0.0


def test_no_character_looks_like_itself_and_alike_goes_both_ways() -> None:
    for char, others in ALIKE.items():
        assert char not in others
        assert all(char in ALIKE[other] for other in others)
    assert {"0", "O", "1", "I", "8", "B"} <= set("".join(LOOK_ALIKE))
