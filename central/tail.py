"""The live table: the newest reads as they come, alerts on top; plain lines where there is no terminal."""

from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final, Protocol

from rich.console import Console, ConsoleDimensions, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.table import Table
from rich.text import Text
from sqlalchemy.exc import SQLAlchemyError

from central.archive.set_aside import Missing
from central.errors import CentralError
from central.query.snapshot import Totals
from central.show import Style, add_row, country_class, likelihood, missing_line, plain, reads_table
from central.text import printable
from central.types import Alert, KeptRead

_POLL_S: Final = 0.5
_RATE_OVER: Final = timedelta(minutes=1)
_MOST_READS: Final = 60
_MOST_ALERTS: Final = 5
_MOST_ARRIVALS: Final = 20_000
_FIXED_LINES: Final = 4  # summary, header, the zone, and one for the cursor


class Source(Protocol):
    """Where the reads come from (`central.query.watch.Watch`)."""

    passed_over: bool
    missing: tuple[Missing, ...]

    def fresh(self, *, since: datetime) -> list[KeptRead]:
        """Reads since the last call, in order of arrival."""

    def alerts(self, *, limit: int) -> Sequence[Alert]:
        """Alerts, newest first."""

    def totals(self) -> Totals:
        """How many reads there are."""


class Board:
    """What the table shows now (pure).

    Attributes:
        shown: reads put on it, whether they are still there or not.
        alerts: raised since the board was set up, newest first.
        raised: how many.
        totals: of the whole centre, from its first day.
        fault: why the last look failed; empty where it did not.
        passed_over: in a burst, only the newest reads were shown.
        missing: reads of damaged files, which are neither shown nor counted.
    """

    def __init__(self, *, since: datetime) -> None:
        self.reads: Final[deque[KeptRead]] = deque(maxlen=_MOST_READS)
        self.alerts: Sequence[Alert] = ()
        self.shown = 0
        self.raised = 0
        self.totals = Totals(0, 0)
        self.fault = ""
        self.passed_over = False
        self.missing: tuple[Missing, ...] = ()
        self._since: Final = since
        self._newest_alert = 0
        self._arrivals: Final[deque[tuple[datetime, str]]] = deque(maxlen=_MOST_ARRIVALS)

    def add_reads(self, fresh: Sequence[KeptRead]) -> None:
        """Put reads on top, in order of arrival."""
        self.reads.extendleft(fresh)
        self.shown += len(fresh)
        self._arrivals.extend((read.received_at, read.camera_id) for read in fresh)

    def add_alerts(self, newest: Sequence[Alert]) -> list[Alert]:
        """Take the newest alerts; those that were not on the board, oldest first."""
        fresh = [a for a in newest if a.alert_id > self._newest_alert and a.raised_at >= self._since]
        self.alerts = [*fresh, *self.alerts][:_MOST_ALERTS]
        self.raised += len(fresh)
        self._newest_alert = max((a.alert_id for a in newest), default=self._newest_alert)
        return fresh[::-1]

    def per_minute(self, now: datetime) -> list[tuple[str, int]]:
        """Reads of the last minute by camera, the busiest first."""
        while self._arrivals and self._arrivals[0][0] < now - _RATE_OVER:
            self._arrivals.popleft()
        counted = Counter(camera for _, camera in self._arrivals)
        return sorted(counted.items(), key=lambda pair: (-pair[1], pair[0]))


def follow(
    source: Source,
    *,
    console: Console,
    style: Style,
    clock: Callable[[], datetime],
    stop: Callable[[float], bool],
) -> None:
    """Show reads until it is time to stop.

    Args:
        source: where they come from.
        console: a terminal gets a table that renews itself, anything else a line a read.
        style: for whom.
        clock: now, UTC-aware.
        stop: waits so many seconds; whether it is time to stop.
    """
    began = clock() - _RATE_OVER
    board = Board(since=began)
    if not console.is_terminal:
        names = ("time", "camera", "plate", "class", "likelihood")
        console.print("  ".join(map(style.heading, names)), soft_wrap=True)
        told = set[Missing]()
        for fresh, alerts in _looks(source, board, since=began, stop=stop):
            _print_lines(console, board, fresh, alerts, style)
            new = [missing for missing in board.missing if missing not in told]
            told.update(new)
            for missing in new:
                console.print(plain(missing_line(missing, style)), soft_wrap=True)
        console.print(_summary(board, style), soft_wrap=True)
        return
    with Live(console=console, auto_refresh=False, vertical_overflow="crop") as live:
        for _ in _looks(source, board, since=began, stop=stop):
            live.update(_page(board, style, now=clock(), size=console.size), refresh=True)


def _looks(
    source: Source, board: Board, *, since: datetime, stop: Callable[[float], bool]
) -> Iterator[tuple[list[KeptRead], list[Alert]]]:
    """Look again and again; a look that fails is told on the board, and the next one may succeed."""
    while True:
        fresh: list[KeptRead] = []
        alerts: list[Alert] = []
        try:
            fresh = source.fresh(since=since)
            board.add_reads(fresh)
            alerts = board.add_alerts(source.alerts(limit=100))
            board.totals = source.totals()
            board.passed_over = source.passed_over
            board.missing = tuple(dict.fromkeys((*source.missing, *board.totals.missing)))
            board.fault = ""
        except (CentralError, SQLAlchemyError) as error:
            board.fault = str(error).splitlines()[0]
        yield fresh, alerts
        if stop(_POLL_S):
            return


def _page(board: Board, style: Style, *, now: datetime, size: ConsoleDimensions) -> RenderableType:
    """One screen: a sixth at most each for what is missing, the alerts and the cameras, the rest for the reads."""
    sixth = max(1, size.height // 6)
    alerts, rates = board.alerts[:sixth], board.per_minute(now)[:sixth]
    lacking = board.missing[:sixth]
    used = _FIXED_LINES + len(rates) + (len(alerts) + 2 if alerts else 0) + bool(board.fault) + len(lacking)
    shown = list(board.reads)[: max(1, size.height - used)]
    parts: list[RenderableType] = [_summary(board, style)]
    if board.fault:  # a line of its own: faults are told in English
        parts.append(Text(printable(board.fault), "bold yellow", no_wrap=True, overflow="ellipsis"))
    for missing in lacking:
        line = missing_line(missing, style)
        parts.append(Text(line, "bold yellow", no_wrap=True, overflow="ellipsis"))
    if alerts:
        parts.append(_alarm(alerts, style))
    cameras = _rates(rates, style)
    table = reads_table(shown, style, width=size.width, dated=False)
    zone = Text(style.heading("time"), "dim")
    parts += [table if shown else Text(style.words("no_reads"), "dim"), zone, cameras]
    return Group(*parts)


def _summary(board: Board, style: Style) -> Text:
    """Reads and alerts as they stand below; then what the centre keeps altogether, and how much of it is archived."""
    total = board.totals.hot + board.totals.archived
    counts = (
        ("reads", board.shown, "bold"),
        ("alerts", board.raised, "bold red"),
        ("kept", total, ""),
        ("archived", board.totals.archived, ""),
    )
    line = Text.assemble(("Atalaya", "bold cyan"))
    for name, count, look in counts:
        line.append(f"   {style.words(name)} ").append(f"{count:,}", look)
    if board.passed_over:
        line.append(f"   {style.words('passed_over')}", "yellow")
    return line


def _alarm(alerts: Sequence[Alert], style: Style) -> Panel:
    table = Table.grid(padding=(0, 2))
    for _ in range(6):
        table.add_column(no_wrap=True)
    for alert in alerts:
        late = Text(style.words("late"), "bold yellow") if alert.late else ""
        what = f"{style.words(f'reason.{alert.reason}')} · {alert.list_name}"
        add_row(
            table,
            style.clock(alert.captured_at),
            plain(alert.plate, "bold white on red"),
            plain(what, "bold red"),
            alert.camera_id,
            likelihood(alert.likelihood),
            late,
        )
    return Panel(table, title=style.words("ALERT"), title_align="left", border_style="red", expand=False)


def _rates(rates: Sequence[tuple[str, int]], style: Style) -> Table:
    table = Table.grid(padding=(0, 2))
    for camera, count in rates:
        add_row(table, plain(camera, "dim"), f"{count:>4} {style.words('per_minute')}")
    return table


def _print_lines(
    console: Console, board: Board, fresh: Sequence[KeptRead], alerts: Sequence[Alert], style: Style
) -> None:
    lines = [_read_line(read, style) for read in fresh]
    for alert in alerts:
        # Apart, for the explanation is English whatever the language of the words.
        lines += [_alert_line(alert, style), f"    {alert.explanation}"]
    for line in [*lines, *([board.fault] if board.fault else [])]:
        console.print(plain(line), soft_wrap=True)


def _read_line(read: KeptRead, style: Style) -> str:
    kind = country_class(read.country, read.plate_class)
    late = f"  {style.words('late')}" if read.late else ""
    when = style.moment(read.captured_at)
    return f"{when}  {read.camera_id}  {read.plate}  {kind}  {read.likelihood:.3f}{late}"


def _alert_line(alert: Alert, style: Style) -> str:
    when, reason = style.moment(alert.captured_at), style.words(f"reason.{alert.reason}")
    seen = f"{style.words('ALERT')}  {when}  {alert.camera_id}  {alert.plate}"
    return f"{seen}  {alert.list_name} ({reason})"
