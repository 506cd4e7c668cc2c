"""What comes from outside is shown as it is: it neither steers the operator's terminal nor breaks a table."""

import csv
import io
import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from central_reads import NOON, kept
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console, RenderableType

from central.archive.set_aside import Missing
from central.boxes import cameras_table, edges_table
from central.query.answers import Counts, HourCount
from central.query.lists import EdgeState, KeptLetter, LoggedAct
from central.query.snapshot import Totals
from central.show import (
    Style,
    as_json,
    audit_table,
    counts_table,
    hotlist_table,
    letters_table,
    reads_table,
    write_csv,
)
from central.stories import alert_blocks
from central.tail import follow
from central.text import harmless, is_printable, printable
from central.types import Alert, HotlistEntry, KeptRead, Reason
from central.words import Words
from edge.contract.health import CameraHealth, CameraState, EdgeHealth

STYLE = Style(zone=UTC, words=Words("en"))
HOSTILE = [
    "[/x]",  # closes what was never opened
    "[link=https://example.invalid]here",
    "\x1b[2J\x1b]0;title\x07",  # clears the screen, renames the window
    "\x9b2J",  # the same in one character
    "a\rb",
    "a\nb",
    "\u202eabc",  # written backwards
]


def screen(shown: RenderableType) -> str:
    out = io.StringIO()
    Console(file=out, width=400).print(shown)
    return out.getvalue()


def hostile_read(text: str) -> KeptRead:
    words = {"camera_id": text, "country": text, "plate_class": text, "vehicle_type": text, "direction": text}
    return replace(kept(1), **words)


def hostile_alert(text: str) -> Alert:
    return Alert(
        1, NOON, "edge-1", 7, 1, text, NOON, text, 0.9, text, Reason.STOLEN, 1, f"brand {text}", late=False
    )


def tables(text: str) -> Iterator[RenderableType]:
    yield reads_table([hostile_read(text)], STYLE, width=400)
    yield counts_table(Counts((HourCount(text, NOON, 1),), cut=False), STYLE)
    yield alert_blocks([hostile_alert(text)], (), STYLE)
    yield letters_table([KeptLetter(1, NOON, text, 1, text, 1)], STYLE)
    entry = HotlistEntry(text, text, text, text, Reason.STOLEN, 1, text, text, NOON, NOON)
    yield hotlist_table([(1, entry)], STYLE, now=NOON)
    yield audit_table([LoggedAct(1, NOON, text, text, text, text, {"list": text}, 1)], STYLE)
    camera = CameraHealth(camera_id="cam-1", state=CameraState.LIVE, detail=text)
    health = EdgeHealth(edge_id="edge-1", site_id="s", online=True, at=NOON, version=text, cameras=(camera,))
    edges = [EdgeState(health, online=True)]
    yield edges_table(edges, STYLE, now=NOON)
    yield cameras_table(edges, STYLE, now=NOON)


@pytest.mark.parametrize("text", HOSTILE)
def test_tables_show_it_as_it_is(text: str) -> None:
    for table in tables(text):
        lines = screen(table).splitlines()
        assert any(printable(text) in line for line in lines)
        assert all(map(is_printable, lines))


class OneLook:
    """A source of one hostile read and one hostile alert."""

    passed_over = False
    missing: tuple[Missing, ...] = ()

    def __init__(self, text: str) -> None:
        self._text = text

    def fresh(self, *, since: datetime) -> list[KeptRead]:
        return [replace(hostile_read(self._text), received_at=since)]

    def alerts(self, *, limit: int) -> list[Alert]:
        return [hostile_alert(self._text)][:limit]

    def totals(self) -> Totals:
        return Totals(1, 0)


@pytest.mark.parametrize("text", HOSTILE)
def test_so_do_lines_in_a_pipe(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, width=400)
    follow(OneLook(text), console=console, style=STYLE, clock=lambda: NOON, stop=lambda _: True)
    lines = out.getvalue().split("\n")
    assert len([line for line in lines if printable(text) in line]) == 3, "read, alert, and why"
    assert all(map(is_printable, lines))


@pytest.mark.parametrize("text", HOSTILE)
def test_so_does_the_live_table(text: str) -> None:
    out = io.StringIO()
    console = Console(file=out, force_terminal=True, color_system=None, width=200, height=50)
    follow(OneLook(text), console=console, style=STYLE, clock=lambda: NOON, stop=lambda _: True)
    assert out.getvalue().count(printable(text)) >= 2
    assert text not in out.getvalue() or text.isprintable()


@pytest.mark.parametrize("text", HOSTILE)
def test_json_says_it_and_shows_none_of_it(text: str) -> None:
    document = as_json("reads", [hostile_read(text)], STYLE)
    assert json.loads(document)["reads"][0]["camera_id"] == text
    assert all(map(is_printable, document.split("\n")))


@pytest.mark.parametrize("text", HOSTILE)
def test_csv_holds_none_of_it(text: str) -> None:
    out = io.StringIO()
    write_csv([hostile_read(text)], out, STYLE)
    (row,) = csv.DictReader(io.StringIO(out.getvalue()))
    assert row["camera_id"] == printable(text)


@given(st.text())
def test_what_is_printable_stays(text: str) -> None:
    shown = printable(text)
    assert is_printable(shown)
    assert len(shown) == len(text)
    assert (shown == text) is is_printable(text)


@given(st.text(min_size=1, max_size=10))
def test_no_cell_is_a_formula(cell: str) -> None:
    shown = harmless(cell)
    assert shown[0] not in "=+-@\t\r"
    assert shown.endswith(cell)


@pytest.mark.parametrize(
    ("until", "shown"),
    [
        (datetime(2027, 1, 1, 5, tzinfo=UTC), "2026-12-31"),
        (datetime(2026, 12, 31, 22, 30, tzinfo=UTC), "2026-12-31 17:30:00"),
    ],
)
def test_an_end_is_shown_as_it_was_entered(until: datetime, shown: str) -> None:
    assert Style(ZoneInfo("America/Bogota"), Words("en")).until(until) == shown


def test_every_table_names_the_zone_of_its_times() -> None:
    for table in tables("x"):
        assert "UTC" in screen(table).splitlines()[0] or "+00:00" in screen(table)


def test_no_cell_of_a_spanish_table_is_english() -> None:
    spanish = Style(UTC, Words("es"))
    cameras = tuple(CameraHealth(camera_id=f"c{n}", state=state) for n, state in enumerate(CameraState))
    health = EdgeHealth(edge_id="e", site_id="s", online=True, at=NOON, cameras=cameras)
    told = screen(cameras_table([EdgeState(health, online=True)], spanish, now=NOON))
    read = replace(kept(1), vehicle_color="white", direction="receding")
    told += screen(reads_table([read], spanish, width=200))
    assert [
        word for word in (*map(str, CameraState), "white", "receding", "Car") if f" {word} " in told
    ] == []
    assert "blanco" in told
    doubtful = replace(kept(1), vehicle_type="car", vehicle_color="white or grey")
    assert "automóvil blanco o gris" in screen(reads_table([doubtful], spanish, width=200))
    assert "car white or grey" in screen(reads_table([doubtful], Style(UTC, Words("en")), width=200))
