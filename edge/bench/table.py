"""The report for people."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from rich.console import Console
from rich.table import Table

from edge.bench.against import Absent, Rival
from edge.bench.intervals import Share
from edge.bench.read_rate import Point
from edge.bench.reliability import Reliability
from edge.bench.report import Report, Way
from edge.bench.scores import FalseBoxes
from edge.bench.speed import WARM_UPS, Speed

_PAIRS: Final = 20


def show(report: Report, rivals: Sequence[Rival | Absent], console: Console) -> None:
    """Print everything."""
    _nets(report, console)
    if report.sets:
        console.print(_sets(report))
        console.print(_pooled(report))
        console.print(_strata(report))
        console.print(_confusion(report))
    if report.synth:
        console.print(_synth(report))
    if rivals:
        console.print(_against(report, [r for r in rivals if isinstance(r, Rival)]))
        _rivals(rivals, console)


def share(found: Share | None) -> str:
    """`93.1% 83-97`: a share and its interval."""
    if found is None:
        return "-"
    low, high = found.interval
    return f"{found.share:.1%} [dim]{100 * low:.0f}-{100 * high:.0f}[/dim]"


def _nets(report: Report, console: Console) -> None:
    score = report.detector
    console.print(f"detector  {report.models.detector}")
    console.print(f"          recall at IoU .5 {share(score.recall50)} of {_n(score.recall50)} plates")
    by_set = ", ".join(f"{name} {found.share:.1%} of {found.n}" for name, found in score.sets.items())
    console.print(f"          by set: {by_set or '-'}")
    console.print(
        f"          false boxes a picture: {_boxes(score.on_negatives)} without a plate, "
        f"{_boxes(score.on_labelled)} with every plate labelled"
    )
    console.print(
        f"          median of a scene {_speed(report.detect)}; of 1920x1080 {_speed(report.detect_full_hd)}"
    )
    console.print(f"reader    {report.models.reader}")
    console.print(f"          median of a crop {_speed(report.read)}")
    console.print(f"          [dim]one thread; the first {WARM_UPS} calls of each left out[/dim]")


def _sets(report: Report) -> Table:
    table = _table("read right, %: raw = the net alone, decoded = one frame's vote told the country", "set")
    for column in (
        "n", "distinct", "found", "raw exact", "O=0", "all alike", "CER", "decoded exact", "O=0", "all alike", "CER",
    ):  # fmt: skip
        table.add_column(column, justify="right")
    for name, score in report.sets.items():
        cells = [str(score.n), str(score.distinct), f"{score.found.share:.1%}"]
        for text in (score.raw, score.decoded):
            cells += [
                share(text.exact), f"{text.merged_o0:.1%}", f"{text.merged_all:.1%}", f"{text.cer:.1%}"
            ]  # fmt: skip
        table.add_row(name, *cells)
    return table


def _pooled(report: Report) -> Table:
    table = _table("all sets pooled: right and accepted, of all plates", "judged")
    for column in ("n", "right", "at 4 % false", "at 1 % false", "at 0.5 % false", "legible: read, false"):
        table.add_column(column, justify="right")
    table.add_column("calibration error", justify="right")
    for way, pooled in report.pooled.items():
        accepted = f"{pooled.legible.read_rate.share:.1%}, {pooled.legible.false_share:.1%}"
        table.add_row(
            way.replace("_o0", ", O=0"),
            str(pooled.exact.n),
            share(pooled.exact),
            *(_point(point) for point in pooled.read_rates.values()),
            f"{accepted} [dim]≥{pooled.legible.threshold:g}[/dim]",
            f"{pooled.reliability.error:.3f} [dim]{_outside(pooled.reliability)}[/dim]",
        )
    return table


def _outside(found: Reliability) -> str:
    return f"{sum(not b.inside for b in found.bins)} of {len(found.bins)} bins out"


def _strata(report: Report) -> Table:
    table = _table("strata", "by")
    table.add_column("class")
    for column in ("n", "found", "raw exact", "decoded exact"):
        table.add_column(column, justify="right")
    for by, classes in report.strata.items():
        if by == "set":  # the table above says it
            continue
        for place, (name, stratum) in enumerate(classes.items()):
            first = by.replace("_", ", ") if place == 0 else ""
            cells = (str(stratum.raw.n), f"{stratum.found.share:.1%}")
            table.add_row(first, name, *cells, share(stratum.raw), share(stratum.decoded))
    return table


def _confusion(report: Report) -> Table:
    table = _table("characters taken for others", "string")
    table.add_column(f"truth>read (- none) and how often, the commonest {_PAIRS}")
    for way, found in report.confusion.items():
        pairs = list(found.errors.items())[:_PAIRS]
        table.add_row(way, "  ".join(f"{a or '-'}>{b or '-'} {n}" for (a, b), n in pairs) or "none")
    return table


def _synth(report: Report) -> Table:
    table = _table("rendered plates", "class or light")
    for column in ("n", "distinct", "decoded exact", "raw exact", "read as a car's"):
        table.add_column(column, justify="right")
    for name, score in report.synth.items():
        cells = (str(score.exact.n), str(score.distinct), share(score.exact), share(score.raw))
        table.add_row(name, *cells, share(score.as_car))
    return table


def _against(report: Report, rivals: Sequence[Rival]) -> Table:
    table = _table("read right, exact, beside others on the same pictures", "set")
    for column in ("n", "raw", "decoded", *(r.name for r in rivals)):
        table.add_column(column, justify="right")
    for name, score in report.sets.items():
        theirs = (r.sets[name].raw.exact if name in r.sets else None for r in rivals)
        table.add_row(name, str(score.n), *map(share, (score.raw.exact, score.decoded.exact, *theirs)))
    for name, rendered in report.synth.items():
        theirs = (r.synth[name].raw if name in r.synth else None for r in rivals)
        table.add_row(
            f"rendered {name}", str(rendered.exact.n), *map(share, (rendered.raw, rendered.exact, *theirs))
        )
    return table


def _rivals(rivals: Iterable[Rival | Absent], console: Console) -> None:
    for rival in rivals:
        if isinstance(rival, Absent):
            console.print(f"{rival.name}: {rival.why}", markup=False)
            continue
        how = "finds plates itself" if rival.finds else "given each labelled plate, cut out"
        console.print(f"{rival.name}: {rival.version}; {how}", markup=False)
        if rival.n:
            console.print(f"    read rates at 4, 1 and 0.5 % false, of {rival.n}: {_rates(rival.read_rates)}")
            console.print(f"    [dim]ours there: {_rates(rival.ours)}[/dim]")
        if rival.detector:
            false = rival.detector.on_negatives
            console.print(f"    recall {share(rival.detector.recall50)}, false boxes {_boxes(false)}")
        console.print(f"    median of a scene {_speed(rival.scene)}; of a cut plate {_speed(rival.plate)}")


def _table(title: str, first: str) -> Table:
    return Table(first, title=title, title_justify="left", title_style="bold")


def _rates(ways: Mapping[Way, Mapping[float, Point]]) -> str:
    return "; ".join(
        f"{way.replace('_o0', ', O=0')} " + " ".join(f"{p.read_rate.share:.1%}" for p in points.values())
        for way, points in ways.items()
    )


def _point(point: Point) -> str:
    if not point.right:
        return "none"
    return f"{share(point.read_rate)} [dim]≥{point.threshold:.3f}[/dim]"


def _boxes(found: FalseBoxes | None) -> str:
    return "-" if found is None else f"{found.per_picture:.3f} ({found.boxes} in {found.pictures})"


def _speed(found: Speed) -> str:
    if found.ms is None or found.cpu_ms is None:
        return "-"
    return f"{found.ms:.1f} ms, {found.cpu_ms:.1f} ms of processor, {found.n} calls"


def _n(found: Share | None) -> int:
    return found.n if found else 0
