"""The signed copy of the hotlists: what a head and a part say, and what is none."""

import base64
import json
import zlib
from datetime import UTC, datetime

import pytest

from edge.contract import hotlist
from edge.contract.hotlist import (
    DIGEST_BYTES,
    EMPTY,
    PARTS,
    CopyError,
    Entry,
    Head,
    SignedHead,
    digest,
    entries_of,
    open_head,
    pack,
    part_of,
    plates_in,
    to_sign,
    unpack,
)

NOW = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
DIGESTS = [EMPTY] * PARTS


def an_entry(plate: str = "ABC123", list_name: str = "stolen", **more: object) -> Entry:
    entry = Entry(plate, list_name, "CO", "particular", "moto", "rojo", None, 0, 2_000_000_000_000_000, 1)
    return entry._replace(**more)  # type: ignore[arg-type]


def of_one_part(part: int, count: int) -> list[Entry]:
    """So many entries, each of its own plate, that stand in this part."""
    plates = (f"P{number}" for number in range(10_000_000))
    found = (an_entry(plate) for plate in plates if part_of(plate) == part)
    return [next(found) for _ in range(count)]


def a_head(**more: object) -> Head:
    fields = {"issued_at": NOW, "number": 5, "entries": 1, "least": {"stolen": 0.5}}
    return Head.of(DIGESTS, **{**fields, **more})  # type: ignore[arg-type]


def test_a_part_says_its_entries_in_the_order_of_their_plates_and_lists() -> None:
    entries = of_one_part(7, 3)
    twice = entries[0]._replace(list_name="another")
    found = unpack(pack([entries[2], entries[0], entries[1], twice]), 7)
    assert set(found) == {*entries, twice}
    assert [(e.plate, e.list_name) for e in found] == sorted((e.plate, e.list_name) for e in found)


def test_of_a_part_that_was_taken_one_plate_is_had_without_the_others() -> None:
    entries = [*of_one_part(7, 3), of_one_part(7, 1)[0]._replace(list_name="another")]
    payload = pack(entries)
    assert sorted(plates_in(payload)) == sorted(entry.plate for entry in entries)
    for plate in {entry.plate for entry in entries}:
        assert entries_of(plate, payload) == [entry for entry in unpack(payload, 7) if entry.plate == plate]
    assert entries_of("NONE1", payload) == entries_of("ABC123", b"") == plates_in(b"") == []


def test_a_part_holds_no_more_than_matching_takes() -> None:
    content = json.loads(zlib.decompress(pack([an_entry()])))
    assert content == [
        ["ABC123", "stolen", "CO", "particular", "moto", "rojo", None, 0, 2_000_000_000_000_000, 1]
    ]


def test_an_empty_part_is_no_message_and_has_a_digest() -> None:
    assert pack([]) == b""
    assert digest(pack([])) == EMPTY
    assert unpack(b"", 3) == ()
    assert len(EMPTY) == DIGEST_BYTES


def test_an_entry_tells_from_when_to_when_to_the_microsecond() -> None:
    entry = an_entry(valid_from_us=1_772_625_600_000_001)
    assert entry.valid_from == datetime(2026, 3, 4, 12, 0, 0, 1, tzinfo=UTC)
    assert entry.valid_until == datetime(2033, 5, 18, 3, 33, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    "wrong",
    [
        {"plate": "abc-1"},
        {"valid_from_us": 2**60},
        {"valid_until_us": -(2**60)},
        {"country": None},
        {"priority": "1"},
    ],
)
def test_what_a_box_could_not_read_is_not_packed_nor_told(wrong: dict[str, object]) -> None:
    with pytest.raises(CopyError, match="cannot be made") as fault:
        pack([an_entry()._replace(**wrong)])  # type: ignore[arg-type]
    assert "ABC" not in str(fault.value)
    assert "abc" not in str(fault.value)


def test_entries_of_several_parts_make_none() -> None:
    one, other = of_one_part(1, 1) + of_one_part(2, 1)
    with pytest.raises(CopyError, match="other parts"):
        pack([one, other])
    with pytest.raises(CopyError, match="other parts"):
        unpack(pack([one]), 2)


def test_the_same_plate_of_two_countries_is_two_entries_of_a_list() -> None:
    two = [an_entry(country="VE"), an_entry(country="CO")]
    assert unpack(pack(two), part_of("ABC123")) == tuple(reversed(two))


def test_a_plate_of_a_country_stands_once_in_a_list() -> None:
    with pytest.raises(CopyError, match="twice"):
        pack([an_entry(), an_entry(color="azul")])


@pytest.mark.parametrize(
    "payload",
    [
        b"x",
        zlib.compress(b"[]x"),
        zlib.compress(b'[["ABC123"]]'),
        zlib.compress(b'{"plate": "ABC123"}'),
        pack([an_entry()])[:-9],
    ],
)
def test_what_is_no_part_is_refused_without_a_plate(payload: bytes) -> None:
    with pytest.raises(CopyError, match="part 3 (is damaged|cannot be read)") as fault:
        unpack(payload, 3)
    assert "ABC" not in str(fault.value)


def test_a_part_that_would_fill_the_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    payload = pack(of_one_part(3, 50))
    monkeypatch.setattr(hotlist, "MOST_PART_BYTES", 1000)
    with pytest.raises(CopyError, match="part 3 cannot be read"):
        unpack(payload, 3)
    with pytest.raises(CopyError, match="more than 1000"):
        pack(of_one_part(3, 50))


def test_a_head_names_every_part() -> None:
    digests = [digest(bytes([n])) for n in range(PARTS)]
    head = Head.of(digests, issued_at=NOW, number=5, entries=9, least={"stolen": 0.25})
    assert head.parts == tuple(digests)
    assert Head.model_validate_json(head.model_dump_json()) == head


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("format", 2),
        ("number", 0),
        ("number", 2**53),
        ("issued_at", "2026-03-04T12:00:00"),
        ("entries", -1),
        ("least", {"stolen": 1.5}),
        ("digests", "no base64!"),
        ("digests", base64.b64encode(b"x" * 4095).decode()),
    ],
)
def test_a_head_that_is_not_understood_is_none(field: str, wrong: object) -> None:
    text = json.dumps({**json.loads(a_head().model_dump_json()), field: wrong})
    with pytest.raises(CopyError, match=field):
        SignedHead(signed=text, certificate="", signature="").head()


def test_a_signed_head_travels_letter_for_letter() -> None:
    text = a_head().model_dump_json().replace(",", " ,  ")
    sent = SignedHead(signed=text, certificate="PEM", signature=base64.b64encode(b"s").decode())
    found = open_head(sent.model_dump_json().encode())
    assert (found.signed, found.signature_bytes) == (text, b"s")
    assert found.head() == a_head()
    assert to_sign(found.signed) == b"atalaya hotlist 1\n" + text.encode()


@pytest.mark.parametrize("payload", [b"", b"[]", b"\xff", b'{"signed": "x"}', b" " * (256 * 1024 + 1)])
def test_what_is_no_head_is_refused(payload: bytes) -> None:
    with pytest.raises(CopyError, match="a head"):
        open_head(payload)


def test_a_signature_that_is_no_base64_is_refused() -> None:
    with pytest.raises(CopyError, match="base64"):
        _ = SignedHead(signed="", certificate="", signature="?").signature_bytes
