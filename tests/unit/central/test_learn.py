"""The city's own vehicles are learnt: at once, every hour, soon after all was forgotten, and whatever fails."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
from sqlalchemy import Engine, insert
from structlog.testing import capture_logs

from central import learn as learning
from central.access.key import open_key
from central.archive.place import LocalArchive
from central.db import erasure, open_database
from central.errors import StoreError
from central.hotlist.known import Known
from central.learn import learn
from central.settings import CentralSettings

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Minutes:
    """Lets so many minutes go by; each may do something."""

    def __init__(self, minutes: int, each: Callable[[int], None] = lambda _: None) -> None:
        self.left = minutes
        self.gone = 0
        self._each = each

    def is_over(self) -> bool:
        return self.left <= 0

    def wait(self, timeout_s: float | None = None) -> bool:
        assert timeout_s == 60.0
        self.left -= 1
        self.gone += 1
        self._each(self.gone)
        return self.is_over()


@pytest.fixture
def settings(tmp_path: Path) -> CentralSettings:
    return CentralSettings.model_validate({"access": {"key_file": str(tmp_path / "key")}})


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    opened = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield opened
    opened.dispose()


class Archive:
    """Answers with these plates, and counts how often it was asked."""

    def __init__(self, *plates: str) -> None:
        self.plates = plates
        self.asked = 0
        self.fault = ""

    def usual(self, *_: object, **__: object) -> Iterator[str]:
        self.asked += 1
        if self.fault:
            raise StoreError(self.fault)
        yield from self.plates


def run(
    archive: Archive,
    known: Known,
    minutes: Minutes,
    settings: CentralSettings,
    engine: Engine,
    tmp_path: Path,
) -> list[str]:
    with pytest.MonkeyPatch.context() as patch, capture_logs() as logs:
        patch.setattr(learning, "usual_plates", archive.usual)
        learn(known, settings, engine, LocalArchive(tmp_path), minutes, lambda: NOON)
    assert "ABC123" not in str(logs), "no plate in a log"
    return [log["event"] for log in logs]


def test_it_learns_at_once_and_every_hour(settings: CentralSettings, engine: Engine, tmp_path: Path) -> None:
    archive, known = Archive("ABC123"), Known()
    told = run(archive, known, Minutes(121), settings, engine, tmp_path)
    assert archive.asked == 3
    assert "ABC123" in known
    assert told == ["usual plates learnt"] * 3


def test_what_was_forgotten_is_learnt_within_a_minute(
    settings: CentralSettings, engine: Engine, tmp_path: Path
) -> None:
    archive, known = Archive("ABC123"), Known()
    minutes = Minutes(10, lambda gone: known.forget() if gone == 5 else None)
    run(archive, known, minutes, settings, engine, tmp_path)
    assert archive.asked == 2
    assert "ABC123" in known


def test_a_fault_leaves_what_is_known_and_is_told(
    settings: CentralSettings, engine: Engine, tmp_path: Path
) -> None:
    archive, known = Archive("XYZ98A"), Known(["ABC123"])
    archive.fault = "the disk is away"
    told = run(archive, known, Minutes(1), settings, engine, tmp_path)
    assert told == ["which plates are usual cannot be learnt"]
    assert "ABC123" in known


@pytest.mark.parametrize(("state", "is_known"), [("given", False), ("done", True)])
def test_what_is_to_be_erased_is_not_learnt_from_files_that_still_hold_it(
    settings: CentralSettings, engine: Engine, tmp_path: Path, state: str, is_known: bool
) -> None:
    """Once it is done, the plate is in no file; what comes of it later is another vehicle's."""
    with engine.begin() as connection:
        row = {"state": state, "plate_hash": open_key(settings.access.key_file).of_plate("ABC123")}
        told = {"reference": "R", "case_number": "C", "ordered_by": "ana", "ordered_us": 1, "removed": "{}"}
        connection.execute(insert(erasure).values(**row, **told))
    known = Known()
    run(Archive("ABC123", "XYZ98A"), known, Minutes(1), settings, engine, tmp_path)
    assert ("ABC123" in known, "XYZ98A" in known) == (is_known, True)
