"""The pages of docs/ say every column, and README names the pages."""

import re
from pathlib import Path

import pytest

from central.alert.life import Outcome, RejectedAs
from central.hotlist.sheet import OPTIONAL, REQUIRED
from central.query.answers import HeatCell, HourCount, Place, Seen, Volume
from central.query.journey import Passage
from central.types import DetailedRead, EventKind, Reason

ROOT = Path(__file__).resolve().parents[2]


def text(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def documented(page: str, *, under: str = "") -> list[list[str]]:
    """The rows of its tables, or of those under a heading: the names in the first cell, then the other cells."""
    part = text(page).partition(f"\n## {under}\n")[2].partition("\n## ")[0] if under else text(page)
    rows = [line.strip("| ").split(" | ") for line in part.splitlines() if line.startswith("| `")]
    return [[*re.findall(r"`(\w+)`", row[0]), "|", *row[1:]] for row in rows]


def names(rows: list[list[str]]) -> list[str]:
    return [name for row in rows for name in row[: row.index("|")]]


def test_every_column_of_a_hotlist_is_documented() -> None:
    rows = documented("docs/hotlist.md")
    assert sorted(names(rows)) == sorted((*REQUIRED, *OPTIONAL))
    assert sorted(names([row for row in rows if row[row.index("|") + 1] == "yes"])) == sorted(REQUIRED)
    assert [reason for reason in Reason if f"`{reason}`" not in text("docs/hotlist.md")] == []


def test_all_that_may_happen_to_an_alert_is_documented() -> None:
    assert sorted(names(documented("docs/alerts.md", under="The log of an alert"))) == sorted(EventKind)
    assert [word for word in (*RejectedAs, *Outcome) if f"`{word}`" not in text("docs/alerts.md")] == []


@pytest.mark.parametrize(
    ("question", "kind"),
    [
        ("history", DetailedRead),
        ("seen", Seen),
        ("places", Place),
        ("journey", Passage),
        ("heatmap", HeatCell),
        ("volumes", Volume),
        ("counts", HourCount),
    ],
)
def test_every_column_of_an_answer_is_documented(question: str, kind: type) -> None:
    assert sorted(names(documented("docs/history.md", under=question))) == sorted(kind.__dataclass_fields__)


@pytest.mark.parametrize("page", sorted(path.name for path in (ROOT / "docs").glob("*.md")))
def test_every_page_is_linked(page: str) -> None:
    assert f"(docs/{page})" in text("README.md")


def test_every_link_of_the_readme_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#:]+)\)", text("README.md"))
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
