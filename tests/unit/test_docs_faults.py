"""docs/faults.md names tests that are there, and every test of a fault."""

import re
from pathlib import Path

from edge.contract.health import Ailment

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "docs" / "faults.md").read_text(encoding="utf-8")
NAMED = re.findall(r"`([\w/]+\.py)::(test_\w+)`", PAGE)


def test_every_test_that_it_names_is_there() -> None:
    assert len(NAMED) > 50
    missing = [
        f"{file}::{name}"
        for file, name in NAMED
        if not re.search(rf"def {name}\b", (ROOT / "tests" / file).read_text(encoding="utf-8"))
    ]
    assert missing == []


def test_every_ailment_is_explained() -> None:
    assert [a for a in Ailment if a is not Ailment.UNKNOWN and f"| `{a}` |" not in PAGE] == []
