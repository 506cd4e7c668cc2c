"""Maintenance as `serve` does it: five parts in turn, of which none keeps the others from theirs; and what is told."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from central_reads import NOON
from sqlalchemy import create_engine
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from central import keep as keeping
from central.archive.place import LocalArchive
from central.archive.retain_pictures import Retained
from central.erase.run import Result
from central.errors import StoreError
from central.keep import keep
from central.maintain import Round, Step
from central.settings import CentralSettings

PARTS = {
    "maintain": Round((), (), (), 0),
    "maintain_retention": [],
    "maintain_pictures": Retained(),
    "purge_events": [],
    "run": [],
}
"""Each part, and what it says where nothing was due."""


class Rounds:
    """Lets the keeper go so many rounds; or until it is over."""

    def __init__(self, rounds: int) -> None:
        self.left = rounds
        self.over = False

    def is_over(self) -> bool:
        return self.over

    def wait(self, timeout_s: float | None = None) -> bool:  # as `Stopping` has it
        self.left -= 1
        return self.over or self.left < 0


class Keeper:
    """The keeper with parts of our own.

    Attributes:
        came: the parts that had their turn, in order.
        acts: what a part does instead; it is given what is called before each step.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.folder = folder
        self.came: list[str] = []
        self.acts: dict[str, Callable[[Callable[[Step], None]], object]] = {}
        for name in PARTS:
            monkeypatch.setattr(keeping, name, self._part(name))

    def _part(self, name: str) -> Callable[..., object]:
        def part(*_args: Any, on_step: Callable[[Step], None], **_more: Any) -> object:
            self.came.append(name)
            return self.acts[name](on_step) if name in self.acts else PARTS[name]

        return part

    def run(self, stopping: Rounds) -> list[dict[str, Any]]:
        """The rounds; what was told."""
        settings = CentralSettings.model_validate({"access": {"key_file": self.folder / "audit.key"}})
        archive = LocalArchive(self.folder / "archive")
        with capture_logs() as said:
            keep(settings, create_engine("sqlite://"), archive, stopping, lambda: NOON)
        return [dict(line) for line in said]


@pytest.fixture
def keeper(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Keeper:
    return Keeper(tmp_path, monkeypatch)


def fails(error: Exception) -> Callable[[Callable[[Step], None]], object]:
    def act(_on_step: Callable[[Step], None]) -> object:
        raise error

    return act


def test_each_round_has_every_part_and_is_silent_where_nothing_was_due(keeper: Keeper) -> None:
    assert keeper.run(Rounds(2)) == []
    assert keeper.came == [*PARTS] * 2


@pytest.mark.parametrize("name", PARTS)
@pytest.mark.parametrize(
    "error",
    [
        StoreError("No space left on device"),
        OperationalError("SELECT 1", {}, Exception("No space left on device")),
        OSError(28, "No space left on device"),
    ],
)
def test_a_part_that_fails_is_told_and_keeps_no_other_from_its_turn(
    keeper: Keeper, name: str, error: Exception
) -> None:
    keeper.acts[name] = fails(error)
    (line,) = keeper.run(Rounds(1))
    assert (line["event"], line["log_level"]) == ("maintenance is left to the next round", "warning")
    assert "No space left on device" in line["reason"]
    assert keeper.came == [*PARTS]


def test_a_fault_of_the_program_ends_it(keeper: Keeper) -> None:
    """And with it the centre, which says so: nobody would miss maintenance before the disk is full."""
    keeper.acts["maintain"] = fails(ZeroDivisionError())
    with pytest.raises(ZeroDivisionError):
        keeper.run(Rounds(1))


def test_stopping_ends_it_between_two_parts(keeper: Keeper) -> None:
    stopping = Rounds(9)

    def stop(_on_step: Callable[[Step], None]) -> object:
        stopping.over = True
        return PARTS["maintain_retention"]

    keeper.acts["maintain_retention"] = stop
    assert keeper.run(stopping) == []
    assert keeper.came == ["maintain", "maintain_retention"]


def test_stopping_ends_it_between_two_steps_of_a_part(keeper: Keeper) -> None:
    stopping = Rounds(9)

    def work(on_step: Callable[[Step], None]) -> object:
        on_step(Step("closing", 0, 2))
        stopping.over = True
        on_step(Step("closing", 1, 2))
        pytest.fail("it goes on")

    keeper.acts["maintain"] = work
    (line,) = keeper.run(stopping)
    assert line["reason"] == "stopping"
    assert keeper.came == ["maintain"]


def test_what_an_order_waits_for_is_told(keeper: Keeper) -> None:
    waits = [
        Result(1, "cleared", backups=("20261123T041500000000Z",)),
        Result(2, "cleared", fault="/backups: cannot be used: Permission denied"),
        Result(3, "done"),
    ]
    keeper.acts["run"] = lambda _on_step: waits
    said = keeper.run(Rounds(1))
    told = [(line["number"], line["event"]) for line in said]
    assert told == [
        (1, "order of erasure"),
        (1, "an order of erasure waits for a new backup"),
        (2, "order of erasure"),
        (2, "an order of erasure waits"),
        (3, "order of erasure"),
    ]
    assert said[1]["snapshots"] == ("20261123T041500000000Z",)
    assert said[3]["reason"] == "/backups: cannot be used: Permission denied"
