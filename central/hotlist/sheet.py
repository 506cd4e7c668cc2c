"""A hotlist as a CSV file: good lines become rows, bad ones are named by their line and what is wrong.

The columns, named in the first line, in any order; those marked * must be there and be filled in:

    plate*         with or without separators: ABC-123, ABC 123, ABC123
    country*       two letters, ISO 3166-1, of a country in configs/plates: CO
    reason*        stolen, wanted, missing, bolo or test
    source*        who says so, such as the register that the list was taken from
    case_number*   the case
    valid_until*   when the entry expires: 2026-12-31 (that day included) or 2026-12-31T18:00-05:00
    plate_class    a class of that country in configs/plates; empty where unknown
    priority       1 (most urgent) to 9; empty is 5
    valid_from     as valid_until (from the start of that day); empty is the moment of the first import
    agency         whose entry it is
    legal_basis    by which law or order, in free words
    confirmed      when the source last confirmed it, as valid_from; without this column the import does
    vehicle_type, color, brand, note    free words

UTF-8, with commas or semicolons. One line is one entry: a quoted field ends on its line, so that a stray
quotation mark costs its own line and not the rest of the file. A file is read line by line: it may be large.
"""

import csv
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import IO, Final

from central.errors import HotlistError
from central.hotlist.row import OPTIONAL, REQUIRED, Checks, Refusal, Row, to_row

MAX_BYTES: Final = 512 * 1024 * 1024


class Sheet:
    """An open file, which is read once.

    Attributes:
        columns: that its first line names.
    """

    def __init__(self, path: Path, file: IO[bytes], checks: Checks) -> None:
        self._path: Final = path
        self._checks: Final = checks
        self._sha256: Final = sha256()
        self._lines: Final = self._decoded(file)
        first = next(self._lines, "")
        self._delimiter: Final = ";" if first.count(";") > first.count(",") else ","
        self.columns: Final = () if not first.strip() else _header(path, first, self._delimiter)

    @property
    def sha256(self) -> str:
        """Of what was read so far, hexadecimal; once `rows` has come to its end, of the whole file."""
        return self._sha256.hexdigest()

    def rows(self) -> Iterator[Row | Refusal]:
        """Each line, checked by itself: a plate may still stand twice.

        Raises:
            HotlistError: the file cannot be read on, is not UTF-8, or holds nothing.
        """
        empty = not self.columns
        for number, line in enumerate(self._lines, start=2):
            if not line.strip():
                continue
            if empty:
                raise HotlistError(f"{self._path}: line 1: blank; expected the columns' names")
            yield self._row(number, line)
        if empty:
            raise HotlistError(f"{self._path}: empty; expected a first line with the columns' names")

    def _row(self, number: int, line: str) -> Row | Refusal:
        try:
            fields = next(csv.reader([line], delimiter=self._delimiter, strict=True))
        except csv.Error as error:
            return Refusal(number, f"quotation marks do not pair up on this line ({error})")
        if len(fields) != len(self.columns):
            return Refusal(number, f"{len(fields)} fields, line 1 names {len(self.columns)}")
        named = dict(zip(self.columns, map(str.strip, fields), strict=True))
        return to_row(number, named, self._checks)

    def _decoded(self, file: IO[bytes]) -> Iterator[str]:
        """Its lines, whichever way they end."""
        number = 0
        try:
            for raw in file:
                self._sha256.update(raw)
                for line in _parts(raw.removesuffix(b"\n").removesuffix(b"\r")):
                    number += 1
                    yield self._text(number, line)
        except OSError as error:
            raise HotlistError(f"{self._path}: cannot be read: {error.strerror}") from error

    def _text(self, number: int, line: bytes) -> str:
        if number == 1 and line.startswith((b"\xff\xfe", b"\xfe\xff")):
            raise HotlistError(f"{self._path}: written in UTF-16; save it as 'CSV UTF-8'")
        try:
            return line.decode("utf-8-sig" if number == 1 else "utf-8")
        except UnicodeDecodeError as error:
            byte = line[error.start]
            raise HotlistError(
                f"{self._path}: line {number}: not UTF-8 (byte 0x{byte:02x}); if it is Latin-1 or Windows-1252 "
                f"(there this byte is {chr(byte)!r}), save it as 'CSV UTF-8'"
            ) from error


@contextmanager
def open_sheet(path: Path, checks: Checks) -> Iterator[Sheet]:
    """Open a file.

    Raises:
        HotlistError: it cannot be read, is too large, or its first line does not name the columns.
    """
    try:
        size, file = path.stat().st_size, path.open("rb")
    except OSError as error:
        raise HotlistError(f"{path}: cannot be read: {error.strerror}") from error
    with file:
        if size > MAX_BYTES:
            raise HotlistError(f"{path}: larger than {MAX_BYTES // 2**20} MB: split it")
        yield Sheet(path, file, checks)


def _parts(raw: bytes) -> Iterator[bytes]:
    """What stands between carriage returns, piece by piece: of a quarter of a billion of them a list takes 2 GiB."""
    start = 0
    while (end := raw.find(b"\r", start)) >= 0:
        yield raw[start:end]
        start = end + 1
    yield raw[start:]


def _header(path: Path, line: str, delimiter: str) -> tuple[str, ...]:
    try:
        names = tuple(name.strip().lower() for name in next(csv.reader([line], delimiter=delimiter)))
    except (csv.Error, StopIteration) as error:
        raise HotlistError(f"{path}: line 1: cannot be read as the columns' names: {error}") from error
    faults = [
        ("missing", [name for name in REQUIRED if name not in names]),
        ("unknown", [name for name in names if name not in REQUIRED + OPTIONAL]),
        ("twice", sorted({name for name in names if names.count(name) > 1})),
    ]
    told = "; ".join(f"{what}: {', '.join(map(repr, found))}" for what, found in faults if found)
    if told:
        raise HotlistError(f"{path}: line 1 must name the columns: {told}")
    return names
