"""A small chart: axes from 0 to 1, lines, points, bands and bars. Drawn by OpenCV; no plotting library is needed."""

from collections.abc import Sequence
from typing import Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.types import Bgr

Colour = tuple[int, int, int]
"""Blue, green, red."""

INK: Final[Colour] = (50, 50, 50)
GRID: Final[Colour] = (225, 225, 225)
BLUE: Final[Colour] = (180, 105, 30)
ORANGE: Final[Colour] = (20, 120, 235)
SHADE: Final[Colour] = (235, 220, 205)
_FINE: Final = 4
"""Fractional bits of coordinates, so that lines fall between pixels."""
_TEXT: Final = 0.42


class Chart:
    """A picture with one plot in it; x and y are given in units of the axes."""

    def __init__(
        self,
        *,
        title: str,
        x_title: str,
        y_title: str,
        size: tuple[int, int] = (640, 480),
        y_from: float = 0.0,
    ) -> None:
        """Draw an empty plot, y up to 1.

        Args:
            title: stands above it.
            x_title: stands below it; the x axis goes from 0 to 1.
            y_title: stands at the upper end of the y axis.
            size: width and height of the picture, px.
            y_from: lower end of the y axis.
        """
        self._wide, self._high = size
        self._left, self._right, self._top, self._bottom = 60, 20, 58, 56
        self._y_from = y_from
        self.picture: Final[Bgr] = np.full((self._high, self._wide, 3), 255, dtype=np.uint8)
        self._say(title, (self._left, 22), scale=0.52)
        self._say(y_title, (self._left, 46))
        self._say(x_title, (self._wide - self._right, self._high - 12), anchor="right")

    def grid(self, *, x_labels: Sequence[tuple[float, str]], y_step: float = 0.2) -> None:
        """Draw the axes and their labels."""
        for x, text in x_labels:
            at = self._at(x, self._y_from)
            cv2.line(self.picture, at, self._at(x, 1.0), GRID, 1)
            self._say(text, (at[0], at[1] + 18), anchor="middle")
        for k in range(round((1 - self._y_from) / y_step) + 1):
            y = self._y_from + k * y_step
            at = self._at(0.0, y)
            cv2.line(self.picture, at, self._at(1.0, y), GRID, 1)
            self._say(f"{y:.2g}", (at[0] - 8, at[1] + 5), anchor="right")
        cv2.rectangle(self.picture, self._at(0, 1), self._at(1, self._y_from), INK, 1)

    def line(self, points: Sequence[tuple[float, float]], colour: Colour, *, thick: int = 2) -> None:
        """A line through points."""
        if len(points) > 1:
            cv2.polylines(
                self.picture, [self._fine(points)], isClosed=False, color=colour, thickness=thick,
                lineType=cv2.LINE_AA, shift=_FINE,
            )  # fmt: skip

    def dot(self, x: float, y: float, colour: Colour, *, radius: int = 4) -> None:
        """A point."""
        cv2.circle(self.picture, self._at(x, y), radius, colour, -1, cv2.LINE_AA)

    def box(self, x: tuple[float, float], y: tuple[float, float], colour: Colour) -> None:
        """A filled rectangle."""
        cv2.rectangle(self.picture, self._at(x[0], y[1]), self._at(x[1], y[0]), colour, -1)

    def span(self, x: float, y: tuple[float, float], colour: Colour, *, cap: int = 4) -> None:
        """An upright interval with caps of `cap` px to both sides."""
        lower, upper = self._at(x, y[0]), self._at(x, y[1])
        cv2.line(self.picture, lower, upper, colour, 1, cv2.LINE_AA)
        for px, py in (lower, upper):
            cv2.line(self.picture, (px - cap, py), (px + cap, py), colour, 1, cv2.LINE_AA)

    def note(self, x: float, y: float, text: str, *, colour: Colour = INK, anchor: str = "left") -> None:
        """Text beside a place."""
        px, py = self._at(x, y)
        self._say(text, (px, py), colour=colour, anchor=anchor)

    def legend(self, entries: Sequence[tuple[str, Colour]]) -> None:
        """What the colours mean, at the upper right."""
        right = self._wide - self._right
        for text, colour in reversed(entries):
            (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, _TEXT, 1)
            self._say(text, (right, 46), anchor="right")
            cv2.rectangle(self.picture, (right - width - 16, 38), (right - width - 6, 46), colour, -1)
            right -= width + 32

    def _at(self, x: float, y: float) -> tuple[int, int]:
        px, py = self._place(x, y)
        return round(px), round(py)

    def _place(self, x: float, y: float) -> tuple[float, float]:
        wide = self._wide - self._left - self._right
        high = self._high - self._top - self._bottom
        up = min(max((y - self._y_from) / (1 - self._y_from), 0.0), 1.0)
        return self._left + wide * min(max(x, 0.0), 1.0), self._top + high * (1 - up)

    def _fine(self, points: Sequence[tuple[float, float]]) -> NDArray[np.int32]:
        return np.array([[round(v * 2**_FINE) for v in self._place(x, y)] for x, y in points], dtype=np.int32)

    def _say(
        self,
        text: str,
        at: tuple[int, int],
        *,
        scale: float = _TEXT,
        colour: Colour = INK,
        anchor: str = "left",
    ) -> None:
        (width, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
        x = at[0] - {"left": 0, "middle": width // 2, "right": width}[anchor]
        cv2.putText(self.picture, text, (x, at[1]), cv2.FONT_HERSHEY_SIMPLEX, scale, colour, 1, cv2.LINE_AA)
