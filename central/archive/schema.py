"""The archive's tables: what of a read is kept for five years, in which type, order and encoding.

Every read stands in a table partitioned by `captured_date`, the UTC date of capture, which stands in the path
alone; what is derived from it answers what it cannot quickly. Times are microseconds UTC (Spark refuses
nanoseconds); the other times of a read are whole milliseconds from `captured_at`, which pack into fewer bits.
What few reads have costs the others nothing: a column of nulls is a few bytes a file. What the message holds
beyond these columns is not kept: the second best guesses at country, class and vehicle, brand and model, the
track's number and the time of emission.
"""

import math
import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import pyarrow as pa

from edge.contract.read import Box, Character, CharacterAlternative, PtzPosition

PARTITION: Final = "captured_date"

ROW_GROUP_ROWS: Final = 128 * 1024

_text, _number, _small = pa.string(), pa.int64(), pa.int16()

SCHEMA: Final = pa.schema(
    [
        pa.field(PARTITION, pa.date32(), nullable=False),
        pa.field("captured_at", pa.timestamp("us", "UTC"), nullable=False),
        # Identity: made once at the edge, never reused.
        pa.field("edge_id", _text, nullable=False),
        pa.field("epoch", _number, nullable=False),
        pa.field("seq", _number, nullable=False),
        pa.field("site_id", _text, nullable=False),
        pa.field("camera_id", _text, nullable=False),
        pa.field("plate", _text, nullable=False),
        pa.field("country", _text),
        pa.field("plate_class", _text),
        # Ten-thousandths: 1 byte would blur 0.996 to 1, where every threshold lies.
        pa.field("likelihood_e4", _small, nullable=False),
        # From `captured_at`, whole milliseconds: first and last frame of the track (<= 0, >= 0), arrival at the
        # centre. In microseconds, for updates move `captured_at`.
        pa.field("first_offset_us", _number, nullable=False),
        pa.field("last_offset_us", _number, nullable=False),
        pa.field("received_offset_us", _number, nullable=False),
        pa.field("vehicle_type", _text),
        pa.field("vehicle_color", _text),
        pa.field("direction", _text),
        pa.field("votes", _small, nullable=False),
        pa.field("frames", _small, nullable=False),
        pa.field("late", pa.bool_(), nullable=False),
        # The update that this row shows; 0 is the read as first sent.
        pa.field("update_seq", _number, nullable=False),
        pa.field("lane", _text),
        pa.field("preset", _text),
        # Since here, each column of a later version may be null: tables made before are given it (`ADDED`).
        pa.field("speed_cmps", _small),  # centimetres a second
        pa.field("trust", _text),  # null: normal
        pa.field("lat_e7", pa.int32()),  # ten-millionths of a degree: a centimetre
        pa.field("lon_e7", pa.int32()),
        # Null where it is the plate itself.
        pa.field("plate_raw", _text),
        pa.field("characters", pa.binary()),  # pack_characters
        pa.field("box", pa.binary()),  # pack_box
        pa.field("clock_error_us", _number),
        pa.field("detector", _text),
        pa.field("reader", _text),
        pa.field("ptz", pa.binary()),  # pack_ptz
    ]
)

ADDED: Final = ("speed_cmps", "trust", "lat_e7", "lon_e7", "ptz")
"""Columns that a table or a file made before may lack; null there."""

EVIDENCE: Final = ("plate_raw", "characters", "box", "clock_error_us", "detector", "reader", "ptz")
"""The columns that most questions do not ask for."""

CORE: Final = pa.schema([field for field in SCHEMA if field.name not in EVIDENCE])

_DICTIONARY: Final = frozenset(
    (
        "edge_id",
        "epoch",
        "site_id",
        "camera_id",
        "plate",
        "country",
        "plate_class",
        "vehicle_type",
        "vehicle_color",
        "direction",
        "lane",
        "preset",
        "detector",
        "reader",
        "trust",
        "ptz",
        # Whole milliseconds: few thousand values, half the size that they would have packed by their differences.
        "first_offset_us",
        "last_offset_us",
        "received_offset_us",
    )
)

BUCKETS: Final = 16
"""Parts of a month by plate: `crc32(plate) % 16`, which every engine can compute."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One table of the archive.

    Attributes:
        folder: in the archive's.
        schema: all columns.
        partition: the columns that stand in the path alone.
        order: SQL; how the rows of a file are sorted.
        dictionary: columns whose values are few.
        statistics: columns whose least and greatest value the log tells; never a plate.
        encoding: of the columns that are not packed as usual.
    """

    folder: str
    schema: pa.Schema
    partition: tuple[str, ...]
    order: str
    dictionary: frozenset[str]
    statistics: tuple[str, ...]
    encoding: Mapping[str, str] = field(default_factory=dict)

    @property
    def columns(self) -> pa.Schema:
        """The columns that a file has."""
        return pa.schema([column for column in self.schema if column.name not in self.partition])

    @property
    def properties(self) -> dict[str, str | None]:
        """Of the Delta table."""
        return {
            # A court-ordered deletion must leave no trace: the log keeps no smallest and largest plate of a file.
            "delta.dataSkippingStatsColumns": ",".join(self.statistics),
            # Commits slow down with the log's length: 17 -> 62 ms over 200 commits without these.
            "delta.checkpointInterval": "20",
            "delta.logRetentionDuration": "interval 7 days",
        }


_PARTS: Final = [pa.field(name, pa.int32(), nullable=False) for name in ("year", "month")]

READS: Final = Layout(
    folder="reads",
    schema=SCHEMA,
    partition=(PARTITION,),
    # A camera's day lies together: its window is read without the others', and its ids cost nothing.
    order="camera_id, captured_at, edge_id, epoch, seq",
    dictionary=_DICTIONARY,
    statistics=("captured_at", "seq"),
)
"""Every read, with its evidence, by UTC date of capture: for times and cameras."""

PLATES: Final = Layout(
    folder="plates",
    schema=pa.schema([*_PARTS, pa.field("bucket", pa.int32(), nullable=False), *list(SCHEMA)[1:]]),
    partition=("year", "month", "bucket"),
    order="plate, captured_at, edge_id, epoch, seq",
    dictionary=_DICTIONARY,
    statistics=("captured_at",),
)
"""The reads of closed days once more, by month and plate: for the history of a plate."""

REVERSED: Final = "reversed"
"""The column of plates that are spelt from their last character to their first."""

DICTIONARY: Final = Layout(
    folder="dictionary",
    schema=pa.schema(
        [*_PARTS, pa.field("plate", _text, nullable=False), pa.field("reads", _number, nullable=False)]
    ),
    partition=("year", "month"),
    order="plate",
    dictionary=frozenset(),
    statistics=("reads",),
    encoding={"plate": "DELTA_BYTE_ARRAY"},  # each after what it has in common with the one before
)
"""Which plates were read in a month, and how often: for wildcards."""

ENDINGS: Final = Layout(
    folder="endings",
    schema=pa.schema(
        [*_PARTS, pa.field(REVERSED, _text, nullable=False), pa.field("reads", _number, nullable=False)]
    ),
    partition=("year", "month"),
    order=REVERSED,
    dictionary=frozenset(),
    statistics=("reads",),
    encoding={REVERSED: "DELTA_BYTE_ARRAY"},
)
"""The dictionary once more, each plate from its last character to its first: for wildcards that begin with a star."""

HOURS: Final = Layout(
    folder="hours",
    schema=pa.schema(
        [
            *_PARTS,
            pa.field("camera_id", _text, nullable=False),
            pa.field("hour", _number, nullable=False),  # since 1970, UTC
            pa.field("reads", _number, nullable=False),
        ]
    ),
    partition=("year", "month"),
    order="camera_id, hour",
    dictionary=frozenset({"camera_id"}),
    statistics=("hour",),
)
"""How many reads a camera had in each hour: for heat maps and volumes."""

DERIVED: Final = (PLATES, DICTIONARY, ENDINGS, HOURS)

_STEPS_PER_HALVING: Final = 32
_LEAST: Final = 1 / 256
_BOX_STEPS: Final = 4_095


@dataclass(frozen=True, slots=True)
class PackedCharacter:
    """One position as the archive keeps it; the likelihoods are right to 1.1 per cent of themselves, from 1/256 up."""

    likelihood: float
    alternatives: tuple[CharacterAlternative, ...]


def pack_characters(characters: Iterable[Character]) -> bytes:
    """Pack what else may stand at each position of a plate; sure positions cost nothing.

    A position in doubt is one byte `position << 2 | number of alternatives`, one byte likelihood, and two
    bytes an alternative: its character and its likelihood. A likelihood p is the byte round(-32 log2 p), for
    matching weighs ratios and not differences. Alternatives below 1/256 are left out.
    """
    packed = bytearray()
    for position, character in enumerate(characters):
        others = [a for a in character.alternatives if a.likelihood >= _LEAST]
        own = _to_byte(character.likelihood)
        if own or others:
            packed += bytes((position << 2 | len(others), own))
            for other in others:
                packed += bytes((ord(other.char), _to_byte(other.likelihood)))
    return bytes(packed)


def unpack_characters(packed: bytes) -> dict[int, PackedCharacter]:
    """Positions in doubt and what else may stand there; every other position is sure.

    Raises:
        ValueError: the bytes end in the middle of a position.
    """
    found: dict[int, PackedCharacter] = {}
    at = 0
    while at < len(packed):
        position, count = packed[at] >> 2, packed[at] & 3
        end = at + 2 + 2 * count
        if end > len(packed):
            raise ValueError(f"characters end after {len(packed)} bytes, position {position} needs {end}")
        pairs = packed[at + 2 : end]
        alternatives = tuple(
            CharacterAlternative(char=chr(pairs[i]), likelihood=_from_byte(pairs[i + 1]))
            for i in range(0, 2 * count, 2)
        )
        found[position] = PackedCharacter(_from_byte(packed[at + 1]), alternatives)
        at = end
    return found


def _to_byte(likelihood: float) -> int:
    if likelihood <= 0.0:
        return 255
    return min(255, round(-_STEPS_PER_HALVING * math.log2(likelihood)))


def _from_byte(value: int) -> float:
    return float(2.0 ** (-value / _STEPS_PER_HALVING))


def pack_box(box: Box) -> bytes:
    """x, y, width, height as four 12-bit shares of the picture, big-endian: less than a pixel of a 4K frame."""
    packed = 0
    for share in (box.x, box.y, box.width, box.height):
        packed = packed << 12 | round(share * _BOX_STEPS)
    return packed.to_bytes(6, "big")


def unpack_box(packed: bytes) -> tuple[float, float, float, float]:
    """(x, y, width, height) in shares of the picture, right to 1/8190."""
    shares = int.from_bytes(packed, "big")
    x, y, width, height = ((shares >> shift & 0xFFF) / _BOX_STEPS for shift in (36, 24, 12, 0))
    return x, y, width, height


def pack_ptz(ptz: PtzPosition) -> bytes:
    """Pan, tilt and, where it is told, zoom: big-endian floats of 32 bits, for their units are the camera's own.

    A camera at rest trembles in the digits that are cut off, and a preset must be one word of the dictionary.
    """
    told = (ptz.pan, ptz.tilt) if ptz.zoom is None else (ptz.pan, ptz.tilt, ptz.zoom)
    return struct.pack(f">{len(told)}f", *(round(value, 4) + 0.0 for value in told))


def unpack_ptz(packed: bytes) -> tuple[float, float, float | None]:
    """(pan, tilt, zoom), right to a ten-thousandth up to 100 units, to 7 digits beyond."""
    pan, tilt, *zoom = (round(value, 4) for value in struct.unpack(f">{len(packed) // 4}f", packed))
    return pan, tilt, zoom[0] if zoom else None


def likelihood_e4(likelihood: float) -> int:
    """A likelihood in ten-thousandths."""
    return round(likelihood * 10_000)
