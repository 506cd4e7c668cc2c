"""Which characters are taken for which."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from edge.bench.align import align


@dataclass(frozen=True, slots=True)
class Confusion:
    """Characters of the truth against characters read.

    Attributes:
        right: how often each character was read as it is.
        errors: (character of the truth, character read) -> how often; an empty one where the other was lost or
            added. Commonest first.
    """

    right: dict[str, int]
    errors: dict[tuple[str, str], int]

    def as_json(self) -> dict[str, Any]:
        """Plain values, for `json`."""
        errors = [{"truth": a, "read": b, "n": n} for (a, b), n in self.errors.items()]
        return {"right": self.right, "errors": errors}


def confusion(pairs: Iterable[tuple[str, str]]) -> Confusion:
    """Count over (truth, read) pairs of strings."""
    right: Counter[str] = Counter()
    errors: Counter[tuple[str, str]] = Counter()
    for truth, read in pairs:
        for a, b in align(truth, read):
            if a == b:
                right[a] += 1
            else:
                errors[a, b] += 1
    ranked = sorted(errors.items(), key=lambda item: (-item[1], item[0]))
    return Confusion(dict(sorted(right.items())), dict(ranked))
