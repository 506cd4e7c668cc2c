"""A plate that is to be erased: how it may be spelt in any bytes, and how it is kept until the work is done."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from cryptography.fernet import Fernet, InvalidToken

from central.access.key import AuditKey
from central.errors import AccessError

_BETWEEN: Final = rb"(?:[-_./ \xb7\xad]|\xc2[\xa0\xb7\xad]|\xe2\x80[\x90-\x95\xa2\xaf]){0,2}"
"""What may stand between two characters of a plate: blanks, dashes and dots, of Latin-1 and UTF-8."""
_SIGN: Final = rb"[A-Za-z0-9]"


@dataclass(frozen=True, slots=True)
class Needle:
    """What to search for: the plate in capital or small letters, with or without separators.

    Attributes:
        plate: as it is stored.
        longer: words that hold it and are something else, such as the plate of another vehicle.
    """

    plate: str
    longer: frozenset[bytes] = frozenset()
    _anywhere: re.Pattern[bytes] = field(init=False, repr=False)
    _alone: re.Pattern[bytes] = field(init=False, repr=False)
    _within: re.Pattern[bytes] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        """Compile the patterns."""
        spelt = _BETWEEN.join(re.escape(c.encode()) for c in self.plate)
        for name, pattern in (
            ("_anywhere", spelt),
            ("_alone", rb"(?<!" + _SIGN + rb")" + spelt + rb"(?!" + _SIGN + rb")"),
            ("_within", _SIGN + rb"*" + re.escape(self.plate.encode()) + _SIGN + rb"*"),
        ):
            object.__setattr__(self, name, re.compile(pattern, re.IGNORECASE))

    @property
    def reach(self) -> int:
        """Bytes that one spelling takes at most, with a longer word around it."""
        return 8 * len(self.plate) + 128

    def in_text(self, text: str | bytes) -> bool:
        """Whether a text holds it as a word of its own."""
        return self._alone.search(text if isinstance(text, bytes) else text.encode()) is not None

    def longer_in(self, text: str | bytes) -> Iterable[bytes]:
        """The longer words of a text that hold it."""
        data = text if isinstance(text, bytes) else text.encode()
        words = (found.group().upper() for found in self._within.finditer(data))
        return (word for word in words if len(word) > len(self.plate))

    def without(self, text: str) -> str:
        """A text with dots in its place."""
        return self._alone.sub(b"...", text.encode()).decode()

    def in_pixels(self, data: bytes) -> list[int]:
        """Where it begins in compressed pictures, as it is stored: of so many bytes chance spells the rest."""
        plate, at, found = self.plate.encode(), -1, []
        while (at := data.find(plate, at + 1)) >= 0:
            before, after = data[max(0, at - 1) : at], data[at + len(plate) : at + len(plate) + 1]
            if not (before.isalnum() or after.isalnum()):
                found.append(at)
        return found

    def in_bytes(self, data: bytes) -> list[int]:
        """Where it begins in bytes that are no text; not where a longer word explains it."""
        return [
            found.start()
            for found in self._anywhere.finditer(data)
            if not self._explained(data, found.start())
        ]

    def _explained(self, data: bytes, at: int) -> bool:
        plate = self.plate.encode()
        for word in self.longer:
            begins = at - word.find(plate)
            if begins >= 0 and data[begins : begins + len(word)].upper() == word:
                return True
        return False


def boxed(plate: str, key: AuditKey) -> bytes:
    """The plate, encrypted; who has only the database cannot read it."""
    return _fernet(key).encrypt(plate.encode())


def unboxed(box: bytes, key: AuditKey) -> str:
    """The plate again.

    Raises:
        AccessError: the key is another one.
    """
    try:
        return _fernet(key).decrypt(box).decode()
    except InvalidToken:
        raise AccessError("an order of erasure was given under another access.key_file") from None


def _fernet(key: AuditKey) -> Fernet:
    return Fernet(base64.urlsafe_b64encode(key.derived("plates to erase")))
