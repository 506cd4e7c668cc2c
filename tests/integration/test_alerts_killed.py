"""Whoever acts on an alert is killed with -9, before any statement and at random moments, in each state of the alert.

What is found then is the state before or the state after, never anything between: the alert, its log and the audit log
say the same, and nothing was done twice.
"""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from central_commands import config_in
from central_messages import a_store, ingest, list_plates, picture_message, read_message, rows
from central_reads import a_read
from keepers import Keepers
from sqlalchemy import Engine

from central.access.audit import verify
from central.access.key import open_key
from central.alert.life import MOVES, State
from central.alert.log import events
from central.db import alert, audit, open_database, reading
from central.types import EventKind

LISTED = "ABC123,CO,,stolen,1,SIJIN,C-1,,2099-12-31"
LOOK = "--as ana.rojas --purpose check --case 2026-117"
LIFE = (
    ("seen 1", "seen"),
    ("confirm 1 --saw ABC123", "confirmed"),
    ("claim 1", "claimed"),
    ("release 1", "confirmed"),
    ("claim 1", "claimed"),
    ("dispatch 1 --unit moto-7", "dispatched"),
    ("outcome 1 recovered", "closed"),
)
"""What is done, and the state that it leads to."""


class Scene:
    """Alert #1, with a picture, and whoever acts on it."""

    def __init__(self, folder: Path, database_url: str, engine: Engine) -> None:
        self.engine = engine
        config = config_in(folder)
        config.write_text(config.read_text().replace("sqlite:///state/central.sqlite", database_url))
        list_plates(engine, folder, LISTED)
        store = a_store(engine, folder / "state" / "pictures")
        ingest(store, [read_message(a_read(1)), picture_message(a_read(1), 1)])
        store._pictures.close()
        self.key = folder / "state" / "audit.key"
        self.keepers = Keepers(config, folder / "log")
        self.state = "raised"

    def run(self, command: str, then: str, *, rounds: int, chance: random.Random) -> None:
        """Kill it so many times at most, then let it end; each time one of two states is found."""
        words = f"alerts {command} {LOOK}"
        for _ in range(rounds):
            self.keepers.killed(words, chance)
            if self.check({self.state, then}) == then:
                break
        else:
            assert self.keepers.whole(words) == 0, self.keepers.log.read_text()
        self.state = self.check({then})

    def check(self, may_be: set[str]) -> str:
        (row,) = rows(self.engine, alert)
        with reading(self.engine) as connection:
            happened = events(connection, 1)
        kinds = [event.act.kind for event in happened]
        assert [event.number for event in happened] == list(range(1, int(str(row["events"])) + 1))
        state = State.RAISED
        for kind in kinds:
            state = MOVES.get(kind, {}).get(state, state)
        assert row["state"] == state
        assert state in may_be
        acted = [kind for kind in kinds if kind is not EventKind.RAISED]
        told = [str(each["action"]) for each in rows(self.engine, audit)]
        assert told == [f"alert.{kind}" for kind in acted]
        return str(state)


@pytest.fixture
def scene(tmp_path: Path, database_url: str) -> Iterator[Scene]:
    engine = open_database(database_url)
    scene = Scene(tmp_path, database_url, engine)
    yield scene
    scene.keepers.end()
    engine.dispose()


def live(scene: Scene, *, rounds: int, seed: int) -> None:
    chance = random.Random(seed)
    for command, then in LIFE:
        scene.run(command, then, rounds=rounds, chance=chance)
    (row,) = rows(scene.engine, alert)
    told = (row["state"], row["claimed_by"], row["unit_id"], row["outcome"], row["events"])
    assert told == ("closed", "ana.rojas", "moto-7", "recovered", 1 + len(LIFE))
    assert verify(scene.engine, open_key(scene.key)).fault == ""
    assert "ABC123" not in str(rows(scene.engine, audit))
    assert scene.keepers.kills.total() > 0


def test_killed_in_each_state(scene: Scene) -> None:
    live(scene, rounds=2, seed=7)


@pytest.mark.proof
@pytest.mark.parametrize("seed", range(3))
def test_killed_in_each_state_over_and_over(scene: Scene, seed: int) -> None:
    live(scene, rounds=30, seed=seed)
