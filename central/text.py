"""Text from outside: what a terminal may be given, and what a spreadsheet would run (pure)."""

import unicodedata
from typing import Final

_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def is_printable(text: str) -> bool:
    """Whether it holds nothing that would steer a terminal or turn the direction of writing; any blank may be."""
    return text.isprintable() or all(map(_is_shown, text))


def printable(text: str) -> str:
    """The text with a replacement character for everything that cannot be printed."""
    return text if text.isprintable() else "".join(c if _is_shown(c) else "\ufffd" for c in text)


def harmless(text: str) -> str:
    """What a spreadsheet would run as a formula gets the apostrophe that makes it text there."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def storable(text: str) -> str:
    """PostgreSQL's text holds no NUL; a text column of ours, no half of a surrogate pair."""
    return text.replace("\x00", "\ufffd").encode(errors="replace").decode()


def _is_shown(character: str) -> bool:
    return character.isprintable() or unicodedata.category(character) == "Zs"
