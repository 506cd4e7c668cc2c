"""Numbers on a command line."""

import math
from typing import Any

import click


class Number(click.FloatRange):
    """A number within bounds; what is no number (`nan`) lies within none, though it compares as if it did."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:  # noqa: ANN401
        """As click has it."""
        number: float = super().convert(value, param, ctx)
        if math.isnan(number):
            self.fail(f"{value} is not a number", param, ctx)
        return number
