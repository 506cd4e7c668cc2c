"""The live table: what is on it, where, and what becomes of it in a pipe."""

import io
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from central_reads import NOON, kept
from rich.console import Console
from rich.text import Text

from central.archive.set_aside import Missing
from central.errors import StoreError
from central.query.snapshot import Totals
from central.show import Style
from central.tail import Board, follow
from central.types import Alert, KeptRead, Reason
from central.words import Words, words

BOGOTA = ZoneInfo("America/Bogota")
SPANISH = Style(BOGOTA, Words("es"))
ENGLISH = Style(BOGOTA, Words("en"))


def an_alert(number: int, **more) -> Alert:
    fields = {
        "alert_id": number,
        "raised_at": NOON + timedelta(seconds=number),
        "edge_id": "edge-1",
        "epoch": 7,
        "seq": number,
        "camera_id": "cam-1",
        "captured_at": NOON + timedelta(seconds=number),
        "plate": f"XYZ{number:03d}",
        "likelihood": 0.93,
        "list_name": "robados",
        "reason": Reason.STOLEN,
        "priority": 1,
        "explanation": "exactly the plate [listed]",
        "late": False,
    }
    return Alert(**{**fields, **more})


def lost(number: int) -> Missing:
    """What a damaged file keeps back."""
    return Missing(f"reads/{number}.parquet", NOON.date(), 1_200, "torn", aside=False)


class Script:
    """A source that plays a script: a list of looks, each reads and alerts, or an error."""

    def __init__(self, *looks: tuple[list[KeptRead], list[Alert]] | Exception) -> None:
        self.passed_over = False
        self.missing: tuple[Missing, ...] = ()
        self.uncounted: tuple[Missing, ...] = ()
        self._looks = list(looks)
        self._alerts: list[Alert] = []
        self._count = 0

    def fresh(self, *, since: datetime) -> list[KeptRead]:
        look = self._looks.pop(0)
        if isinstance(look, Exception):
            raise look
        reads, alerts = look
        self._count += len(reads)
        self._alerts = [*alerts[::-1], *self._alerts]
        return reads

    def alerts(self, *, limit: int) -> Sequence[Alert]:
        return self._alerts[:limit]

    def totals(self) -> Totals:
        return Totals(hot=self._count, archived=1000, missing=self.uncounted)

    def stop(self, _seconds: float) -> bool:
        return not self._looks


def shown(
    script: Script, *, terminal: bool, style: Style = SPANISH, width: int = 120, height: int = 30
) -> str:
    out = io.StringIO()
    colours = "truecolor" if terminal else None
    console = Console(file=out, force_terminal=terminal, width=width, height=height, color_system=colours)
    follow(script, console=console, style=style, clock=lambda: NOON + timedelta(seconds=20), stop=script.stop)
    return out.getvalue()


class TestLines:
    """What a pipe gets."""

    def test_a_line_a_read_and_a_line_an_alert(self) -> None:
        text = shown(Script(([kept(1)], []), ([kept(2, late=True)], [an_alert(2)])), terminal=False)
        assert text.splitlines() == [
            "hora (America/Bogota)  cámara  placa  clase  certeza",
            "2025-03-04 07:00:01  cam-1  ABC001  CO private  0.910",
            "2025-03-04 07:00:02  cam-1  ABC002  CO private  0.910  tarde",
            "ALERTA  2025-03-04 07:00:02  cam-1  XYZ002  robados (hurtado)",
            "    exactly the plate [listed]",
            "Atalaya   lecturas 2   alertas 1   guardadas 1,002   archivadas 1,000",
        ]

    def test_in_english(self) -> None:
        text = shown(Script(([kept(2, late=True)], [an_alert(2)])), terminal=False, style=ENGLISH)
        assert "  late\n" in text
        assert "ALERT  2025-03-04 07:00:02" in text
        assert text.endswith("reads 1   alerts 1   kept 1,001   archived 1,000\n")

    def test_no_escape_sequence_reaches_a_pipe(self) -> None:
        assert "\x1b" not in shown(Script(([kept(1)], [an_alert(1)])), terminal=False)

    def test_what_is_unknown_is_a_question_mark(self) -> None:
        assert "  ? ?  " in shown(Script(([kept(1, country=None, plate_class=None)], [])), terminal=False)

    def test_a_look_that_fails_is_told_and_the_next_one_goes_on(self) -> None:
        text = shown(Script(StoreError("archive cannot be opened\nmore"), ([kept(1)], [])), terminal=False)
        assert text.splitlines()[1:3] == [
            "archive cannot be opened",
            "2025-03-04 07:00:01  cam-1  ABC001  CO private  0.910",
        ]

    def test_reads_that_were_passed_over_are_owned_up_to(self) -> None:
        script = Script(([kept(1)], []))
        script.passed_over = True
        assert shown(script, terminal=False).splitlines()[-1].endswith("no todas se mostraron")

    def test_what_is_missing_is_said_once(self) -> None:
        script = Script(([kept(1)], []), ([], []))
        script.missing, script.uncounted = (lost(1), lost(2)), (lost(2), lost(3))
        lines = shown(script, terminal=False, style=ENGLISH).splitlines()
        assert lines[2:-1] == [
            f"NOT IN THIS ANSWER: up to 1,200 reads of 2025-03-04 (UTC): reads/{day}.parquet is damaged (torn)"
            for day in (1, 2, 3)
        ]


class TestTable:
    """What a terminal gets: the last page is what we look at."""

    def page(self, *looks, **more) -> list[str]:
        pages = re.split(r"(?:\x1b\[1A\x1b\[2K)+", shown(Script(*looks), terminal=True, **more))
        return [line.rstrip() for line in Text.from_ansi(pages[-1]).plain.splitlines()]

    def test_the_newest_read_is_on_top(self) -> None:
        lines = self.page(([kept(1), kept(2)], []), ([kept(3)], []))
        counts = "lecturas 3   alertas 0   guardadas 1,003   archivadas 1,000"
        assert lines[0] == f"Atalaya   {counts}", "as many reads as there are rows"
        plates = [line.split()[2] for line in lines if "ABC" in line]
        assert plates == ["ABC003", "ABC002", "ABC001"]

    def test_the_zone_of_its_times_is_named(self) -> None:
        assert "hora (America/Bogota)" in self.page(([kept(1)], []), width=80)

    def test_alerts_stand_above_the_reads_in_red(self) -> None:
        script = Script(([kept(1)], [an_alert(1, late=True)]))
        text = shown(script, terminal=True)
        assert text.index("XYZ001") < text.index("ABC001")
        assert "\x1b[1;37;41mXYZ001" in text
        assert "hurtado · robados" in text
        assert "tarde" in text

    def test_nothing_yet_says_so(self) -> None:
        assert any("todavía no hay lecturas" in line for line in self.page(([], [])))

    @pytest.mark.parametrize(("width", "height"), [(80, 24), (120, 30), (200, 60), (60, 12)])
    def test_a_page_fits_the_screen(self, width: int, height: int) -> None:
        reads = [kept(seq, camera_id=f"camera-{seq % 3}") for seq in range(1, 90)]
        alerts = [an_alert(seq) for seq in range(1, 4)]
        lines = self.page((reads, alerts), width=width, height=height)
        assert len(lines) <= height
        assert max(len(line) for line in lines) <= width
        if width >= 80:
            assert any("ABC089" in line and "CO private" in line for line in lines)

    def test_what_is_missing_stands_above_the_alerts_and_leaves_room_for_reads(self) -> None:
        script = Script(([kept(seq) for seq in range(1, 90)], [an_alert(1)]))
        script.missing = tuple(map(lost, range(1, 31)))
        pages = re.split(r"(?:\x1b\[1A\x1b\[2K)+", shown(script, terminal=True, height=24))
        lines = [line.rstrip() for line in Text.from_ansi(pages[-1]).plain.splitlines()]
        assert [line[:7] for line in lines[1:5]] == ["FALTAN "] * 4
        assert len(lines) <= 24
        assert sum("ABC" in line for line in lines) > 5

    def test_a_fault_stands_on_the_board_until_a_look_succeeds(self) -> None:
        assert any("disk on fire" in line for line in self.page(StoreError("disk on fire")))


class TestBoard:
    def test_reads_are_bounded(self) -> None:
        board = Board(since=NOON)
        for start in range(0, 500, 50):
            board.add_reads([kept(seq) for seq in range(start + 1, start + 51)])
        assert len(board.reads) == 60
        assert board.reads[0].seq == 500

    def test_an_alert_is_new_once(self) -> None:
        board = Board(since=NOON)
        assert [a.alert_id for a in board.add_alerts([an_alert(2), an_alert(1)])] == [1, 2]
        assert [a.alert_id for a in board.add_alerts([an_alert(3), an_alert(2), an_alert(1)])] == [3]
        assert board.add_alerts([an_alert(3)]) == []
        assert board.raised == 3
        assert [a.alert_id for a in board.alerts] == [3, 2, 1]

    def test_alerts_of_before_are_not_raised_again(self) -> None:
        board = Board(since=NOON)
        assert board.add_alerts([an_alert(1, raised_at=NOON - timedelta(seconds=1))]) == []
        assert board.alerts == []

    def test_the_rate_is_of_the_last_minute(self) -> None:
        board = Board(since=NOON)
        board.add_reads([kept(seq, camera_id=f"cam-{seq % 3 // 2}") for seq in range(1, 91)])
        assert board.per_minute(NOON + timedelta(seconds=91)) == [("cam-0", 41), ("cam-1", 20)]
        assert board.per_minute(NOON + timedelta(seconds=200)) == []


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({}, "es"),
        ({"LANG": "C.UTF-8"}, "es"),
        ({"LANG": "es_CO.UTF-8"}, "es"),
        ({"LANG": "en_GB.UTF-8"}, "en"),
        ({"LANG": "en_GB.UTF-8", "LC_ALL": "es_CO.UTF-8"}, "es"),
        ({"LANG": "es_CO.UTF-8", "LC_MESSAGES": "en_US.UTF-8"}, "en"),
    ],
)
def test_spanish_comes_first(environment: dict[str, str], language: str) -> None:
    assert words(environment)("plate") == {"es": "placa", "en": "plate"}[language]
