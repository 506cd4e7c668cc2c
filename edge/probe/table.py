"""A look on a terminal."""

from rich.console import Console
from rich.markup import escape
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from edge.probe.facts import Report, Severity, Verdict
from edge.probe.rows import legend, plate_columns, plate_row, sections, wanted
from edge.probe.words import Words

_COLOURS = {
    Verdict.FIT: "bold green",
    Verdict.SHORT: "bold yellow",
    Verdict.UNUSABLE: "bold red",
    Verdict.UNKNOWN: "bold cyan",
}


def show(report: Report, words: Words, console: Console) -> None:
    """Verdict first, then what to better, then what was measured."""
    console.print(Text(_plain(f"{report.camera}  {report.address}"), style="bold"))
    console.print(Text(words.verdict(report.verdict), style=_COLOURS[report.verdict]))
    if report.facts is None:
        return
    console.print()
    console.print(Text(words["advice"], style="bold"))
    if not report.advice:
        console.print(Padding(words["nothing"], (0, 0, 0, 2)))
    for number, advice in enumerate(report.advice, start=1):
        kind = words["shorts"] if advice.severity is Severity.SHORT else words["hints"]
        text = Text.assemble((f"{number}. {kind}: ", _style(advice.severity)), _plain(advice.text))
        console.print(Padding(text, (0, 0, 0, 2)))
    for heading, rows in sections(report.facts, words):
        table = Table(title=heading, title_justify="left", show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        for name, value in rows:
            table.add_row(escape(name), escape(_plain(value)))
        console.print()
        console.print(table)
    if report.facts.plates:
        console.print()
        table = Table(title=words["plates"], title_justify="left", box=None, padding=(0, 1, 0, 0))
        for name in plate_columns(words):
            table.add_column(name)
        for plate in report.facts.plates:
            table.add_row(*(escape(cell) for cell in plate_row(plate, words)))
        console.print(table)
        console.print(Text(legend(report.facts, words), style="dim"))
    console.print(Text(wanted(words), style="dim"))


def _style(severity: Severity) -> str:
    return "yellow" if severity is Severity.SHORT else "cyan"


def _plain(text: str) -> str:
    """Without what would write over a terminal."""
    return "".join(letter if letter.isprintable() else "?" for letter in text)
