"""What is no number is refused on a command line, where it would switch a bound off: a look that never ends."""

import click
import pytest
from click.testing import CliRunner

from edge.cli import cli
from edge.number import Number


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("probe", "rtsp://192.0.2.1/x"), "--seconds"),
        (("discover",), "--timeout"),
        (("alive", "--config", __file__), "--within"),
        (("replay", __file__), "--fps"),
        (("replay", __file__), "--seconds"),
        (("replay", __file__), "--clock-offset"),
        (("replay", __file__), "--gpx-offset"),
        (("replay", __file__), "--gpx-gap"),
    ],
)
@pytest.mark.parametrize("word", ["nan", "NaN", "-nan"])
def test_what_is_no_number_is_refused(command: tuple[str, ...], option: str, word: str) -> None:
    result = CliRunner().invoke(cli, [*command, f"{option}={word}"])
    assert result.exit_code == 2
    assert f"Invalid value for '{option}': {word} is not a number" in result.output


@pytest.mark.parametrize(
    ("word", "told"), [("0.5", "not in the range"), ("inf", "not in the range"), ("x", "not a")]
)
def test_bounds_are_click_s(word: str, told: str) -> None:
    with pytest.raises(click.BadParameter, match=told):
        Number(1, 60).convert(word, None, None)
    assert Number(1, 60).convert("1e1", None, None) == 10.0
