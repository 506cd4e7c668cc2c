"""A checksum in every data file: DuckDB looks at none, and of a page with a flipped bit it makes other rows.

    pages ... | page index | ATALAYA1, CRC-32 of the footer, CRC-32 of all the rest | footer, its length, PAR1

A reader of Parquet finds the footer from the end, and what lies before it through the footer: it passes over the mark.
The footer says too that there is one, so that a mark which was hit is missed.
"""

import struct
from collections.abc import Mapping
from typing import BinaryIO, Final
from zlib import crc32

KEY: Final = "atalaya.crc32"
"""In the footer's own words, for a file that has a mark."""

GROUPS: Final = "atalaya.crc32.groups"
"""There too: length and CRC-32 of each row group, the first with the four bytes before it."""

_MAGIC: Final = b"ATALAYA1"
_MARK: Final = struct.Struct("<8sII")
_END: Final = struct.Struct("<I4s")

END_BYTES: Final = _END.size
"""Of a file's last bytes, which say how long its footer is (`tail_length`)."""


class Summed:
    """A file that pyarrow writes Parquet into, and that sums what goes through it."""

    closed = False

    def __init__(self, file: BinaryIO) -> None:
        self._file: Final = file
        self._sum = 0
        self._since_cut = (0, 0)
        self._held: bytearray | None = None

    def write(self, piece: bytes) -> int:
        """Write on; once `hold` was called, keep."""
        content = memoryview(piece).cast("B")
        if self._held is not None:
            self._held += content
        else:
            self._pass_on(content)
        return len(content)

    def flush(self) -> None:
        """As a file does."""
        self._file.flush()

    def cut(self) -> str:
        """Length and CRC-32 of what came since the last cut, as `groups_of` reads them."""
        length, checksum = self._since_cut
        self._since_cut = (0, 0)
        return f"{length},{checksum}"

    def hold(self) -> None:
        """What comes now ends the file: page index and footer."""
        self._held = bytearray()

    def finish(self) -> int:
        """Put the mark before the footer; how long the file is."""
        held = bytes(self._held or b"")
        (length, _) = _END.unpack(held[-_END.size :])
        footer = held[-_END.size - length :]
        self._pass_on(held[: -len(footer)])
        self._file.write(_MARK.pack(_MAGIC, crc32(footer), self._sum))
        self._file.write(footer)
        return self._file.tell()

    def _pass_on(self, content: bytes | memoryview) -> None:
        self._sum = crc32(content, self._sum)
        length, checksum = self._since_cut
        self._since_cut = (length + len(content), crc32(content, checksum))
        self._file.write(content)


def groups_of(words: Mapping[bytes, bytes]) -> list[tuple[int, int]]:
    """Length and CRC-32 of each row group, from the footer's own words; none where it has none."""
    told = words.get(GROUPS.encode(), b"").decode().split()
    pairs = (each.split(",") for each in told)
    return [(int(length), int(checksum)) for length, checksum in pairs]


def tail_length(end: bytes) -> int:
    """How much of a file `split` needs to see, from its last bytes; these alone where they are not Parquet's."""
    length, magic = _END.unpack(end) if len(end) == _END.size else (0, b"")
    return 4 + _MARK.size + int(length) + _END.size if magic == b"PAR1" else len(end)


def fault_in(content: bytes) -> str | None:
    """What is wrong with a data file; None where nothing is, or an earlier version wrote it without a mark."""
    mark, footer = split(content)
    if footer is None:
        return "it does not end as Parquet does"
    if mark is None:
        return "its checksum is damaged" if KEY.encode() in footer else None
    if crc32(footer) != mark[0]:
        return "its footer is not what was written"
    rest = memoryview(content)[: len(content) - len(footer) - _MARK.size]
    return None if crc32(rest) == mark[1] else "its pages are not what was written"


def has_whole_footer(content: bytes) -> bool:
    """Whether the footer is what was written: one that is not can bring a reader down, and its process with it."""
    mark, footer = split(content)
    return mark is not None and footer is not None and crc32(footer) == mark[0]


def split(content: bytes) -> tuple[tuple[int, int] | None, bytes | None]:
    """Of a file or its tail: the two sums of the mark, and the footer with the end; None where they are not there."""
    if len(content) < 4 + _END.size:
        return None, None
    length, end = _END.unpack(content[-_END.size :])
    begin = len(content) - _END.size - length
    if end != b"PAR1" or begin < 4:
        return None, None
    footer = content[begin:]
    if begin < 4 + _MARK.size:
        return None, footer
    magic, of_footer, of_rest = _MARK.unpack(content[begin - _MARK.size : begin])
    return ((of_footer, of_rest) if magic == _MAGIC else None), footer
