"""The container file of an edge box, read as a builder reads it."""

import re
from pathlib import Path

CONTAINER = Path(__file__).resolve().parents[1] / "configs" / "container" / "Containerfile.edge"


def instructions() -> list[tuple[str, str]]:
    """(instruction, what follows) in order; comments left out, continued lines joined."""
    lines = [x for x in CONTAINER.read_text(encoding="utf-8").splitlines() if not x.startswith("#")]
    joined = re.sub(r"\\\n\s*", "", "\n".join(lines))
    pairs = [line.partition(" ") for line in joined.splitlines() if line]
    return [(name, rest.strip()) for name, _, rest in pairs]


def stages() -> list[list[tuple[str, str]]]:
    """The instructions of each image, its FROM first."""
    found: list[list[tuple[str, str]]] = []
    for name, rest in instructions():
        if name == "FROM":
            found.append([])
        found[-1].append((name, rest))
    return found
