"""The signed copy of the hotlists that the centre gives to the boxes, so that they know what to send first.

It holds the least by which a read can be matched: no reason, case, source, agency or note. It is cut into `PARTS` by a
checksum of the plate, and a head names every part by its digest. The same entries make the same bytes, so a change of
one entry costs the head and one part:

    head  retained   SignedHead: the text that is signed, whose certificate it is, the signature
    part  retained   `pack`: the entries of one part; an empty part is no message

The centre publishes parts before the head that names them. A box takes the parts whose digests it lacks, and matches by
a head once it has all of them. Who may sign is the box's to judge (`edge.hotlist`): here is no cryptography.
"""

import base64
import binascii
import hashlib
import itertools
import json
import zlib
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Final, Literal, NamedTuple, Self

from pydantic import AwareDatetime, Field, TypeAdapter, ValidationError, field_validator

from edge.contract import delivery
from edge.contract.read import Likelihood, Message, PlateText

PARTS: Final = 256
DIGEST_BYTES: Final = 16
MOST_HEAD_BYTES: Final = 256 * 1024
MOST_PART_BYTES: Final = 16 * 1024 * 1024
"""Of a part as it is read: two hundred thousand entries, fifty million in all."""

_SIGNED_AS: Final = b"atalaya hotlist 1\n"
"""Stands before what is signed: no signature made for anything else is one of a head."""
_LEVEL: Final = 6
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEARS_US: Final = (-62_135_596_800_000_000, 253_402_300_799_999_999)  # of 1 and 9999

Moment = Annotated[int, Field(ge=_YEARS_US[0], le=_YEARS_US[1])]
"""Microseconds since 1970 UTC."""


class CopyError(ValueError):
    """A head or a part cannot be understood; the message says why, and never what stands in it."""


class Entry(NamedTuple):
    """What a box knows of an entry; as an array, in this order, it travels.

    Attributes:
        vehicle_type, color, brand: in the list's own words.
        valid_from_us, valid_until_us: microseconds since 1970 UTC.
        priority: as at the centre, 1 is the most urgent.
    """

    plate: PlateText
    list_name: str
    country: str
    plate_class: str | None
    vehicle_type: str | None
    color: str | None
    brand: str | None
    valid_from_us: Moment
    valid_until_us: Moment
    priority: int

    @property
    def valid_from(self) -> datetime:
        """UTC-aware."""
        return _EPOCH + timedelta(microseconds=self.valid_from_us)

    @property
    def valid_until(self) -> datetime:
        """UTC-aware."""
        return _EPOCH + timedelta(microseconds=self.valid_until_us)


_ENTRIES: Final = TypeAdapter(tuple[Entry, ...])


class Head(Message):
    """Which parts make the copy of one moment; this text is signed.

    `number` rises with every head, so that an older one cannot be played again.
    """

    format: Literal[1] = 1
    number: delivery.Sequence
    issued_at: AwareDatetime
    entries: Annotated[
        int,
        Field(ge=0, description="in force; parts leave out what no box could understand"),
    ]
    least: Annotated[
        dict[str, Likelihood], Field(description="of each list, the likelihood from which on a read counts")
    ]
    digests: Annotated[str, Field(description="base64 of the digests of all parts, one behind the other")]

    @field_validator("digests")
    @classmethod
    def _of_every_part(cls, digests: str) -> str:
        try:
            found = base64.b64decode(digests, validate=True)
        except binascii.Error as error:
            raise ValueError("not base64") from error
        if len(found) != PARTS * DIGEST_BYTES:
            raise ValueError(f"expected {PARTS} digests of {DIGEST_BYTES} bytes, found {len(found)} bytes")
        return digests

    @classmethod
    def of(
        cls,
        digests: Sequence[bytes],
        *,
        issued_at: datetime,
        number: int,
        entries: int,
        least: Mapping[str, float],
    ) -> Self:
        """A head of the parts with these digests, in the order of the parts."""
        together = base64.b64encode(b"".join(digests)).decode()
        return cls(number=number, issued_at=issued_at, entries=entries, least=dict(least), digests=together)

    @property
    def parts(self) -> tuple[bytes, ...]:
        """The digest of each part."""
        found = base64.b64decode(self.digests)
        return tuple(found[at : at + DIGEST_BYTES] for at in range(0, len(found), DIGEST_BYTES))


class SignedHead(Message):
    """A head as it travels; nothing in it is true before the signature is found to be right."""

    signed: Annotated[str, Field(description="a Head as JSON, letter for letter as it was signed")]
    certificate: Annotated[str, Field(description="the signer's (PEM)")]
    signature: Annotated[str, Field(description="base64 of ECDSA over SHA-256 of `to_sign(signed)`")]

    @property
    def signature_bytes(self) -> bytes:
        """The signature.

        Raises:
            CopyError: it is no base64.
        """
        try:
            return base64.b64decode(self.signature, validate=True)
        except binascii.Error as error:
            raise CopyError("the head's signature is no base64") from error

    def head(self) -> Head:
        """What was signed.

        Raises:
            CopyError: it is not of a format that is known here.
        """
        try:
            return Head.model_validate_json(self.signed)
        except ValidationError as error:
            raise CopyError(f"a head that cannot be read: {_first(error)}") from error


def to_sign(text: str) -> bytes:
    """What the signature of a head's text is made over."""
    return _SIGNED_AS + text.encode()


def open_head(payload: bytes) -> SignedHead:
    """A head as it arrived.

    Raises:
        CopyError: it is none.
    """
    if len(payload) > MOST_HEAD_BYTES:
        raise CopyError(f"a head of {len(payload)} bytes, more than {MOST_HEAD_BYTES}")
    try:
        return SignedHead.model_validate_json(payload)
    except ValidationError as error:
        raise CopyError(f"a head that cannot be read: {_first(error)}") from error


def part_of(plate: str) -> int:
    """The part in which a plate's entries stand, 0 to 255."""
    return zlib.crc32(plate.encode()) % PARTS


def digest(payload: bytes) -> bytes:
    """By what a head names a part."""
    return hashlib.sha256(payload).digest()[:DIGEST_BYTES]


EMPTY: Final = digest(b"")
"""The digest of a part without entries; as a retained message, it takes away what was there."""


def pack(entries: Iterable[Entry]) -> bytes:
    """The entries of one part as they travel, in whatever order they come; nothing for none.

    Raises:
        CopyError: a box could not read it.
    """
    ordered = tuple(sorted(entries, key=_place))
    if not ordered:
        return b""
    part = part_of(ordered[0].plate)
    try:
        content = _ENTRIES.dump_json(_checked(_ENTRIES.validate_python(ordered, strict=True), part))
    except ValidationError as error:
        raise CopyError(f"part {part} cannot be made: {_first(error)}") from error
    if len(content) > MOST_PART_BYTES:
        raise CopyError(f"part {part} would have {len(content)} bytes, more than {MOST_PART_BYTES}")
    return zlib.compress(content, _LEVEL)


def unpack(payload: bytes, part: int) -> tuple[Entry, ...]:
    """The entries of a part, by plate, list and country.

    Raises:
        CopyError: it is not what `pack` makes of this part's entries.
    """
    if not payload:
        return ()
    inflate = zlib.decompressobj()
    try:
        content = inflate.decompress(payload, MOST_PART_BYTES)
        entries = _ENTRIES.validate_json(content, strict=True)
    except zlib.error as error:
        raise CopyError(f"part {part} is damaged: {error}") from error
    except ValidationError as error:
        raise CopyError(f"part {part} cannot be read: {_first(error)}") from error
    return _checked(entries, part)


def plates_in(payload: bytes) -> list[str]:
    """The plates of a part that `unpack` has taken; nothing is checked again. One for each entry."""
    return [row[0] for row in _rows(payload)]


def entries_of(plate: str, payload: bytes) -> list[Entry]:
    """The entries of one plate in a part that `unpack` has taken; nothing is checked again."""
    return [Entry(*row) for row in _rows(payload) if row[0] == plate]


def _rows(payload: bytes) -> list[list[Any]]:
    rows: list[list[Any]] = json.loads(zlib.decompress(payload)) if payload else []
    return rows


def _checked(entries: tuple[Entry, ...], part: int) -> tuple[Entry, ...]:
    """These entries, where each stands in its place."""
    places = [_place(entry) for entry in entries]
    if any(first >= second for first, second in itertools.pairwise(places)):
        raise CopyError(f"part {part} has entries out of order, or twice")
    if any(part_of(entry.plate) != part for entry in entries):
        raise CopyError(f"part {part} has entries of other parts")
    return entries


def _place(entry: Entry) -> tuple[str, str, str]:
    return entry.plate, entry.list_name, entry.country


def _first(error: ValidationError) -> str:
    """What is wrong first, without what stands there: it may be a plate."""
    found = error.errors(include_url=False, include_input=False, include_context=False)[0]
    return f"{'.'.join(map(str, found['loc']))}: {found['msg']}"
