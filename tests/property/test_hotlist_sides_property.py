"""Box and centre decide alike: what the centre would alert on goes first at a box that has its copy."""

from datetime import UTC, datetime

from edge_reads import plate_read
from hotlist_copies import NOW, packed
from hypothesis import given
from hypothesis import strategies as st

from central.hotlist.match import match
from central.types import HotlistEntry, Reason
from edge.assets import plate_files
from edge.contract.hotlist import Entry, Head, digest
from edge.contract.listed import Terms
from edge.contract.match import spellings
from edge.contract.read import Character, CharacterAlternative, PlateRead, Scored, Vehicle
from edge.grammar import load_grammar
from edge.hotlist.match import Copy

GRAMMAR = load_grammar(plate_files())
PLATES = ["ABC123", "ABC128", "A8C123", "ABC12B", "ABC12D"]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

words = st.sampled_from([None, "moto", "carro", "rojo", "azul"])
moments = st.sampled_from([0, 10**15, 1_772_366_400_000_000, 10**16])
shares = st.floats(0, 1)
listed = st.builds(
    Entry, st.sampled_from(PLATES), st.sampled_from(["stolen", "wanted"]), st.sampled_from(["CO", "EC"]),
    st.sampled_from([None, "particular", "motocicleta"]), words, words, words, moments, moments, st.integers(1, 9),
)  # fmt: skip


def scored(values: list[str]) -> st.SearchStrategy[Scored | None]:
    return st.none() | st.builds(Scored, value=st.sampled_from(values), likelihood=shares)


@st.composite
def reads(draw: st.DrawFn) -> PlateRead:
    plate = draw(st.sampled_from(PLATES))
    likelihood = draw(shares)
    characters = tuple(
        Character(
            char=char,
            likelihood=draw(st.sampled_from([1.0, 0.7])),
            alternatives=tuple(CharacterAlternative(char=c, likelihood=0.25) for c in "8B"[:1] if c != char),
        )
        for char in plate
    )
    vehicle = Vehicle(type=draw(scored(["car", "motorcycle"])), color=draw(scored(["red", "blue"])))
    changed = {
        "characters": characters,
        "likelihood": likelihood,
        "vehicle": vehicle,
        "country": draw(scored(["CO", "EC", "ZZ"])),
        "plate_class": draw(scored(["particular", "motocicleta"])),
    }
    return plate_read(1, 1, plate=plate).model_copy(update=changed)


def at_the_centre(entry: Entry) -> HotlistEntry:
    return HotlistEntry(
        list_name=entry.list_name,
        plate=entry.plate,
        country=entry.country,
        plate_class=entry.plate_class,
        reason=Reason.STOLEN,
        priority=entry.priority,
        source="SIJIN",
        case_number="C-1",
        valid_from=entry.valid_from,
        valid_until=entry.valid_until,
        vehicle_type=entry.vehicle_type,
        color=entry.color,
        brand=entry.brand,
    )


@given(
    reads(),
    st.lists(listed, max_size=5, unique_by=lambda e: (e.plate, e.list_name)),
    st.frozensets(st.sampled_from(PLATES)),
    st.fixed_dictionaries({"stolen": shares, "wanted": shares}),
)
def test_a_box_lets_go_first_all_that_the_centre_would_alert_on(
    read: PlateRead, entries: list[Entry], known: frozenset[str], least: dict[str, float]
) -> None:
    parts = packed(entries)
    held = {digest(part): part for part in parts}
    head = Head.of(list(map(digest, parts)), issued_at=NOW, number=1, entries=len(entries), least=least)
    first = Copy.of(head, held.__getitem__).is_listed(read, grammar=GRAMMAR, load=held.__getitem__)

    def hits(known: frozenset[str]) -> bool:
        terms = Terms(GRAMMAR, known, lambda name: least[name])
        return bool(match(read, spellings(read), enumerate(map(at_the_centre, entries)), terms))

    assert first is hits(frozenset()), "by the same code"
    assert first or not hits(known), "and a plate that is known makes no other more likely"
