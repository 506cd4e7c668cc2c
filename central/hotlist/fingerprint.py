"""Which part of the copies an entry stands in, and a number that is another once anything that is sent has changed.

Both are columns of the entry, kept by whoever writes it: so what has changed among a million is one sum a part.
"""

import json
from collections.abc import Mapping
from hashlib import sha256
from typing import Any, Final

from edge.contract.hotlist import Entry, part_of

SENT: Final = Entry._fields
"""Columns of an entry that boxes are told."""

_BYTES: Final = 5  # a million of them, summed, stay within 63 bits


def marks(entry: Mapping[str, Any]) -> dict[str, int]:
    """The columns `part` and `fingerprint` of an entry with these values.

    A checksum would not do: its sum may stay as it was where two entries swap what they say.
    """
    told = json.dumps([entry[name] for name in SENT], separators=(",", ":"))
    return {
        "part": part_of(entry["plate"]),
        "fingerprint": int.from_bytes(sha256(told.encode()).digest()[:_BYTES]),
    }
