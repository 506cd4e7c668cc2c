"""Whether a read may be of a listed vehicle, by a copy."""

from collections.abc import Iterable, Mapping

import pytest
from edge_reads import plate_read
from hotlist_copies import NOW, an_entry, packed

from edge.assets import plate_files
from edge.contract.hotlist import Entry, Head, digest, part_of
from edge.contract.read import Character, CharacterAlternative, PlateRead
from edge.errors import HotlistError
from edge.grammar import load_grammar
from edge.hotlist import match
from edge.hotlist.match import Copy

GRAMMAR = load_grammar(plate_files())


class Store:
    """Parts by their digests, and how often each was asked for."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self.parts = packed(entries)
        self.by_digest = {digest(part): part for part in self.parts}
        self.asked: list[bytes] = []

    def head(self, *, number: int = 1, least: Mapping[str, float] | None = None) -> Head:
        digests = [digest(part) for part in self.parts]
        allowed = {"stolen": 0.3} if least is None else least
        return Head.of(digests, issued_at=NOW, number=number, entries=1, least=allowed)

    def load(self, name: bytes) -> bytes:
        self.asked.append(name)
        if name not in self.by_digest:
            raise HotlistError("not held")
        return self.by_digest[name]

    def copy(self, **more: Mapping[str, float]) -> Copy:
        return Copy.of(self.head(**more), self.load)


def doubtful() -> PlateRead:
    """ABC123 by .6, ABC128 by .4."""
    *first, last = (Character(char=c, likelihood=1.0) for c in "ABC123")
    other = CharacterAlternative(char="8", likelihood=0.4)
    last = Character(char=last.char, likelihood=0.6, alternatives=(other,))
    return plate_read(1, 1).model_copy(update={"characters": (*first, last), "likelihood": 0.6})


def is_listed(read: PlateRead, store: Store, **more: Mapping[str, float]) -> bool:
    return store.copy(**more).is_listed(read, grammar=GRAMMAR, load=store.load)


def test_a_listed_plate_and_what_it_may_be_are_listed() -> None:
    assert is_listed(doubtful(), Store([an_entry("ABC123")]))
    assert is_listed(doubtful(), Store([an_entry("ABC128")]))
    assert not is_listed(doubtful(), Store([an_entry("ABC127")]))
    assert not is_listed(doubtful(), Store([]))


def test_as_likely_as_its_list_asks_for() -> None:
    store = Store([an_entry("ABC128")])
    assert is_listed(doubtful(), store, least={"stolen": 0.4})
    assert not is_listed(doubtful(), store, least={"stolen": 0.41})
    assert is_listed(doubtful(), store, least={}), "of a list that the head does not name, the centre judges"


def test_an_entry_that_does_not_hold_lists_nobody_and_one_beside_it_does() -> None:
    over = an_entry("ABC123", "bolo", valid_until_us=0)
    assert not is_listed(doubtful(), Store([over]))
    assert is_listed(doubtful(), Store([over, an_entry("ABC123")]), least={"bolo": 0.1, "stolen": 0.1})


def test_only_the_parts_in_which_a_plate_stands_are_read() -> None:
    store = Store(an_entry(plate) for plate in ("ABC123", "XYZ789", "KLM456"))
    copy = store.copy()
    store.asked.clear()
    assert not copy.is_listed(plate_read(1, 1, plate="GHJ555"), grammar=GRAMMAR, load=store.load)
    assert store.asked == []
    assert copy.is_listed(doubtful(), grammar=GRAMMAR, load=store.load)
    assert store.asked == [copy.digests[part_of("ABC123")]]


def test_of_a_new_head_only_what_changed_is_read() -> None:
    plates = [f"AAA{number:03}" for number in range(900)]
    before = Store(map(an_entry, plates))
    copy = before.copy()
    after = Store(map(an_entry, [*plates, "XYZ789"]))
    following = Copy.of(after.head(number=2), after.load, before=copy)
    assert after.asked == [following.digests[part_of("XYZ789")]]
    assert "XYZ789" in following
    assert "XYZ789" not in copy
    assert all(plate in following for plate in plates)


@pytest.mark.parametrize("plate", ["A", "0A", "00", "ZZZZZZZZZZZZ", "000000000000", "Z0", "100"])
def test_plates_of_every_length_are_told_apart(plate: str) -> None:
    others = {"A", "0A", "00A", "0", "00", "ZZZZZZZZZZZZ", "ZZZZZZZZZZZ", "000000000000", "Z0", "1Z0"} - {
        plate
    }
    copy = Store(map(an_entry, others)).copy()
    assert plate not in copy
    assert plate in Store(map(an_entry, [*others, plate])).copy()


def test_a_part_that_cannot_be_had_is_said() -> None:
    store = Store([an_entry("ABC123")])
    copy = store.copy()
    with pytest.raises(HotlistError, match="not held"):
        copy.is_listed(doubtful(), grammar=GRAMMAR, load=Store([]).load)
    with pytest.raises(HotlistError, match="not held"):
        Copy.of(store.head(), Store([an_entry("XYZ789")]).load)


def test_a_plate_takes_eight_bytes() -> None:
    copy = Store(an_entry(f"P{number:05}") for number in range(5000)).copy()
    assert sum(codes.itemsize * len(codes) for codes in copy.codes) == 5000 * 8
    assert frozenset() == match._KNOWN, "a box knows none"
