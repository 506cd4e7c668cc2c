"""What somebody may do: nothing but what was given to him by name (pure)."""

from dataclasses import dataclass
from enum import StrEnum


class Right(StrEnum):
    """One thing that may be allowed."""

    LISTS_IMPORT = "lists.import"


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, known by a key.

    Attributes:
        number: of the key.
        name: under which its acts stand in entries and in the audit log.
        rights: what it may do.
        lists: the hotlists that it may do it with.
    """

    number: int
    name: str
    rights: frozenset[Right]
    lists: frozenset[str]

    def may(self, right: Right) -> bool:
        """Whether this was given to it."""
        return right in self.rights
