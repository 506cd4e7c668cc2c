"""How a plate is spelt: capital letters and digits, no separators. No character is taken for another: O is not 0."""

import re
import unicodedata
from typing import Final

from edge.contract.pattern import ALPHABET, LONGEST

_SEPARATORS: Final = "·.•/_"
"""Beside every blank and every dash: what people write between the characters of a plate."""
_WRITTEN: Final = re.compile(rf"[A-Za-z0-9]{{1,{LONGEST}}}")


def normalise(raw: str) -> str:
    """What a net spelt as a plate; every sign that no plate has is left out, so it may come out empty."""
    plain = unicodedata.normalize("NFKD", raw).upper()
    return "".join(c for c in plain if c in ALPHABET)


def typed(text: str) -> str:
    """What a person wrote as a plate; with any other sign it is none, and never another one.

    Raises:
        ValueError: says what was expected, without repeating the text.
    """
    bare = unseparated(text)
    if _WRITTEN.fullmatch(bare) is None:
        raise ValueError(f"expected 1 to {LONGEST} letters A-Z and digits")
    return bare.upper()


def unseparated(text: str) -> str:
    """What a person wrote without what people write between the characters of a plate; else as it was."""
    return "".join(c for c in unicodedata.normalize("NFKC", text) if not _separates(c))


def _separates(character: str) -> bool:
    return character in _SEPARATORS or character.isspace() or unicodedata.category(character) == "Pd"
