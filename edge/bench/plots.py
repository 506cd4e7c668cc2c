"""The report's curves as pictures; they show figures only, no plate."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

import cv2

from edge.bench.chart import BLUE, INK, ORANGE, SHADE, Chart
from edge.bench.read_rate import FALSE_SHARES, Outcome, curve
from edge.bench.reliability import Reliability
from edge.bench.report import Report
from edge.bench.strata import Stratum
from edge.errors import ConfigError
from edge.types import Bgr

_MOST_FALSE: Final = 0.10
"""Right end of the axis of false reads."""
_TENTHS: Final = tuple((k / 5, f"{k / 5:.1f}") for k in range(6))


def write_plots(folder: Path, report: Report, *, outcomes: Mapping[str, Sequence[Outcome]]) -> list[Path]:
    """Write reliability.png, read_rate.png and one strata-*.png each.

    Args:
        folder: made if it is not there.
        report: of a run in which some text was labelled.
        outcomes: raw and decoded ones, for the curve.

    Raises:
        ConfigError: the folder cannot be written.
    """
    pictures = {
        "reliability-raw": reliability_plot(report.pooled["raw"].reliability, title="raw string"),
        "reliability-decoded": reliability_plot(
            report.pooled["decoded"].reliability, title="decoded by one frame's vote"
        ),
        "read_rate": read_rate_plot(outcomes),
        **{f"strata-{by}": strata_plot(by, classes) for by, classes in report.strata.items()},
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConfigError(f"{folder}: cannot be made: {error.strerror}") from error
    paths = []
    for name, picture in pictures.items():
        path = folder / f"{name}.png"
        write_picture(path, picture)
        paths.append(path)
    return paths


def write_picture(path: Path, picture: Bgr) -> None:
    """Write a PNG.

    Raises:
        ConfigError: the file cannot be written.
    """
    try:
        path.write_bytes(cv2.imencode(".png", picture)[1].tobytes())
    except OSError as error:
        raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def reliability_plot(found: Reliability, *, title: str) -> Bgr:
    """Share right against likelihood, with the 95 % band of a perfect reader and how many reads each bin has."""
    chart = Chart(
        title=f"Reliability, {title}: {found.n} reads, calibration error {found.error:.3f}",
        x_title="likelihood",
        y_title="share right",
    )
    for each in found.bins:
        chart.box((each.low + 0.005, each.high - 0.005), each.band, SHADE)
    chart.grid(x_labels=_TENTHS)
    chart.line([(0, 0), (1, 1)], INK, thick=1)
    chart.line([(b.mean, b.right) for b in found.bins], BLUE)
    for each in found.bins:
        chart.dot(each.mean, each.right, BLUE if each.inside else ORANGE)
        chart.note((each.low + each.high) / 2, 0.015, str(each.n), anchor="middle")
    chart.legend([("95 % band of a perfect reader", SHADE), ("inside", BLUE), ("outside", ORANGE)])
    return chart.picture


def read_rate_plot(outcomes: Mapping[str, Sequence[Outcome]]) -> Bgr:
    """The most that is right and accepted where so many of the accepted may be false."""
    chart = Chart(
        title="Read rate at the best threshold",
        x_title="false reads allowed among the accepted, %",
        y_title="right and accepted, of all plates",
    )
    chart.grid(x_labels=[(k / 10, f"{100 * _MOST_FALSE * k / 10:.0f}") for k in range(0, 11, 2)])
    colours = (BLUE, ORANGE)
    for (_, judged), colour in zip(outcomes.items(), colours, strict=False):
        chart.line(_stairs(judged), colour)
    for row, share in enumerate(FALSE_SHARES):
        chart.line([(share / _MOST_FALSE, 0), (share / _MOST_FALSE, 1)], INK, thick=1)
        chart.note(share / _MOST_FALSE + 0.008, 0.02 + 0.05 * row, f"{100 * share:g} %")
    chart.legend(list(zip(outcomes, colours, strict=False)))
    return chart.picture


def _stairs(judged: Sequence[Outcome]) -> list[tuple[float, float]]:
    """The corners of the read rate over the share of false reads allowed, in units of the axes."""
    corners, best = [], 0.0
    for point in sorted(curve(judged), key=lambda p: (p.false_share, p.right)):
        x, rate = point.false_share / _MOST_FALSE, point.read_rate.share
        if x <= 1 and rate > best:
            corners += [(x, best), (x, rate)]
            best = rate
    return [*corners, (1.0, best)]


def strata_plot(by: str, classes: Mapping[str, Stratum]) -> Bgr:
    """Share read right in each class, with Wilson's interval and the number of plates."""
    chart = Chart(
        title=f"Read right by {by.replace('_', ', ')}",
        x_title="",
        y_title="share right, 95 % interval",
        size=(max(640, 80 * len(classes)), 480),
    )
    middles = [(k + 0.5) / len(classes) for k in range(len(classes))]
    chart.grid(x_labels=list(zip(middles, classes, strict=True)))
    aside = 0.12 / len(classes)
    for x, stratum in zip(middles, classes.values(), strict=True):
        for share, place, colour in ((stratum.raw, x - aside, BLUE), (stratum.decoded, x + aside, ORANGE)):
            chart.span(place, share.interval, colour)
            chart.dot(place, share.share, colour)
        chart.note(x, 0.015, f"n {stratum.raw.n}", anchor="middle")
    chart.legend([("raw", BLUE), ("decoded", ORANGE)])
    return chart.picture
