"""The watched folder: what is whole is imported once, whenever the process dies, and put away with a report."""

import json
import os
import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from central_messages import HEADER, rows
from sqlalchemy import Engine
from structlog.testing import capture_logs
from told_alerts import an_alert

import central.watched as watching
from central.access.audit import verify
from central.access.key import open_key
from central.db import alert_event, audit, from_us, hotlist, hotlist_entry, open_database, taken_file
from central.erase.plate import Needle
from central.errors import StoreError
from central.lock import exclusive
from central.settings import CentralSettings
from central.watched import Watcher, watch

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
GOOD = "ABC123,CO,,stolen,1,SIJIN,C-1,,2026-12-31"


def good(*plates: str) -> list[str]:
    return [GOOD.replace("ABC123", plate) for plate in plates]


class Box:
    """A watched folder, a database, and time that passes when it is told to."""

    def __init__(self, folder: Path, engine: Engine, **more: Any) -> None:
        self.folder = folder / "in"
        self.folder.mkdir(exist_ok=True)
        self.engine = engine
        kept = {"folder": self.folder, "lists": {"stolen": "whole", "bolo": "add"}, **more}
        content = {"access": {"key_file": folder / "audit.key"}, "hotlist": {"watch": kept}}
        self.settings = CentralSettings.model_validate(content)
        self.passed_s = 0.0
        self.start()

    def start(self) -> None:
        """As a process that begins; what it remembered is gone."""
        self.watcher = Watcher(
            self.settings,
            self.engine,
            clock=lambda: AT + timedelta(seconds=self.passed_s),
            monotonic=self.now,
        )

    def now(self) -> float:
        return self.passed_s

    def put(self, name: str, *lines: str) -> Path:
        path = self.folder / name
        path.write_text("\n".join([HEADER, *lines]) + "\n")
        return path

    def round(self, after_s: float = 1.0) -> list[str]:
        """Where files were put away to."""
        self.passed_s += after_s
        return [each.path.parent.name for each in self.watcher.round()]

    def plates(self) -> set[str]:
        """Those that are looked for."""
        return {str(row["plate"]) for row in rows(self.engine, hotlist_entry) if row["ended_why"] is None}

    def acts(self) -> list[str]:
        return [str(row["action"]) for row in rows(self.engine, audit)]

    def away(self, folder: str, ending: str = ".csv") -> list[Path]:
        return sorted((self.folder / folder).glob(f"*{ending}"))


@pytest.fixture
def box(database: Engine, tmp_path: Path) -> Box:
    return Box(tmp_path, database)


@pytest.fixture
def quick(tmp_path: Path):
    engine = open_database(f"sqlite:///{tmp_path}/central.sqlite")
    yield Box(tmp_path, engine)
    engine.dispose()


def test_a_file_is_taken_once_it_has_not_changed_for_a_while(box: Box) -> None:
    box.put("stolen.csv", *good("AAA111", "AAA112"), "bad")
    assert box.round() == [], "seen for the first time"
    assert box.round(0.5) == [], "not for long enough"
    assert box.round(0.5) == ["done"]
    assert box.plates() == {"AAA111", "AAA112"}
    (report,) = box.away("done", ".json")
    told = json.loads(report.read_text())
    assert (told["list"], told["added"], told["refused"], told["whole"]) == ("stolen", 2, 1, True)
    assert told["refused_lines"] == [{"line": 4, "reason": "1 fields, line 1 names 9"}]
    (words,) = box.away("done", ".txt")
    assert (
        "into list stolen: 2 added, 0 changed, 0 revived, 0 unchanged, 0 removed, 1 refused, 0 twins"
        in words.read_text()
    )
    assert "line 4: 1 fields" in words.read_text()
    assert [path.name for path in box.away("done")] == ["stolen-20260304T120002000000Z.csv"]
    assert {path.stat().st_mode & 0o777 for path in (report, words)} == {0o600}
    assert rows(box.engine, taken_file) == []
    assert box.acts() == ["hotlist.import"]
    (act,) = rows(box.engine, audit)
    assert act["actor"] == "watched-folder"
    assert "AAA111" not in str(act["detail"])
    assert verify(box.engine, open_key(box.settings.access.key_file)).fault == ""
    assert box.round() == []


def test_a_file_that_grows_is_not_taken(quick: Box) -> None:
    path = quick.put("stolen.csv", *good("AAA111"))
    for number in range(5):
        assert quick.round() == []
        path.write_text(f"{path.read_text()}{good(f'AAB{number}00')[0]}\n")
    quick.round()
    assert quick.round() == ["done"]
    assert len(quick.plates()) == 6


def test_the_whole_list_ends_what_it_lacks_and_another_only_adds(quick: Box) -> None:
    for names in (("AAA111", "AAA112"), ("AAA112", "AAA113")):
        quick.put("stolen.csv", *good(*names))
        quick.put("bolo.csv", *good(*(name.replace("AAA", "BBB") for name in names)))
        quick.round()
        assert quick.round() == ["done", "done"]
    assert quick.plates() == {"AAA112", "AAA113", "BBB111", "BBB112", "BBB113"}


def test_an_open_alert_of_what_a_whole_list_ends_is_told(quick: Box) -> None:
    quick.put("stolen.csv", *good("AAA111", "AAA112", "AAA113"))
    quick.round()
    quick.round()
    with quick.engine.begin() as connection:
        for seq, (entry_id, state) in enumerate(((1, "dispatched"), (2, "raised"), (1, "closed"))):
            an_alert(connection, seq, hotlist_entry_id=entry_id, state=state)
    quick.put("stolen.csv", *good("AAA112", "AAA113"))
    quick.round()
    assert quick.round() == ["done"]
    (told,) = rows(quick.engine, alert_event)
    assert (told["alert_id"], told["kind"]) == (1, "noted")
    assert "looked for no longer" in str(told["detail"])


def test_the_same_file_that_comes_again_is_another(quick: Box) -> None:
    """It says that the list still holds."""
    for _ in range(2):
        quick.put("stolen.csv", *good("AAA111"))
        quick.round()
        assert quick.round() == ["done"]
    assert quick.acts() == ["hotlist.import"] * 2
    assert len(quick.away("done")) == 2


@pytest.mark.parametrize(
    ("name", "lines", "says"),
    [
        ("other.csv", good("AAA111"), "hotlist.watch.lists names no list 'other'"),
        ("stolen.csv", ["\x00"], None),
        ("ABC123.csv", good("AAA111"), "names no list 'ABC123'"),
    ],
)
def test_what_is_no_list_is_put_aside_with_the_reason(
    quick: Box, name: str, lines: list[str], says: str | None
) -> None:
    path = quick.put(name, *lines)
    if says is None:
        path.write_bytes(b"\xff\xfe\x00")
        says = "written in UTF-16"
    quick.round()
    with capture_logs() as logged:
        assert quick.round() == ["refused"]
    (report,) = quick.away("refused", ".json")
    assert says in json.loads(report.read_text())["refused_whole"]
    assert "NOT IMPORTED (NO SE IMPORTÓ)" in quick.away("refused", ".txt")[0].read_text()
    assert quick.acts() == ["hotlist.refused"]
    assert rows(quick.engine, hotlist) == []
    assert "ABC123" not in f"{logged}{rows(quick.engine, audit)}", "a name may be a plate"


def test_a_whole_list_that_may_be_cut_off_is_put_aside(quick: Box) -> None:
    names = [f"AAA{number:03d}" for number in range(60)]
    for some, where in ((names, "done"), (names[:30], "refused")):
        quick.put("stolen.csv", *good(*some))
        quick.round()
        assert quick.round() == [where]
    assert len(quick.plates()) == 60


def test_a_report_says_what_a_slip_has_spared(quick: Box) -> None:
    for lines in (good("AAA111", "AAA112"), [*good("AAA111"), f"{good('AAA112')[0]},"]):
        quick.put("stolen.csv", *lines)
        quick.round()
        assert quick.round() == ["done"]
    assert quick.plates() == {"AAA111", "AAA112"}
    words = quick.away("done", ".txt")[-1].read_text()
    assert "STILL LOOKED FOR: 1 that the file" in words
    assert "SIGUEN VIGENTES 1 que el archivo" in words


@pytest.mark.parametrize(("age_h", "confirmed_h"), [(30, -30), (0, 0), (-48, 0)])
def test_a_file_confirms_as_of_when_it_was_written_and_never_the_future(
    quick: Box, age_h: int, confirmed_h: int
) -> None:
    """One that lay about since the day before is no news of today."""
    path = quick.put("stolen.csv", *good("AAA111"))
    written = AT - timedelta(hours=age_h)
    os.utime(path, (written.timestamp(), written.timestamp()))
    quick.round(0.0)
    assert quick.round() == ["done"]
    (row,) = rows(quick.engine, hotlist_entry)
    assert from_us(int(str(row["confirmed_us"]))) == AT + timedelta(hours=confirmed_h, seconds=age_h < 0)


def test_a_plate_in_a_report_is_kept_as_it_was_typed_so_that_an_erasure_finds_it(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    box.put("stolen.csv", *good("AAA111", "ABC\N{EN DASH}123?"))
    box.round()
    with monkeypatch.context() as patched:
        patched.setattr(watching, "write_atomic", full)
        with pytest.raises(OSError, match="disk full"):
            box.round()
    (taken,) = rows(box.engine, taken_file)
    assert Needle("ABC123").in_text(str(taken["report"]))
    assert box.round() == ["done"]


def full(*_: object) -> None:
    raise OSError("disk full")


def test_links_folders_and_other_names_are_left_alone(quick: Box, tmp_path: Path) -> None:
    elsewhere = tmp_path / "secret.csv"
    elsewhere.write_text(f"{HEADER}\n{GOOD}\n")
    (quick.folder / "stolen.csv").symlink_to(elsewhere)
    (quick.folder / "bolo.csv").mkdir()
    quick.put(".stolen.csv", GOOD)
    quick.put("stolen.part", GOOD)
    assert [quick.round() for _ in range(3)] == [[], [], []]
    assert quick.plates() == set()


def test_what_is_written_into_while_it_is_taken_is_not_imported_until_it_rests(
    quick: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.put("stolen.csv", *good("AAA111"))
    real = watching.import_csv

    def slow(engine: Engine, path: Path, *args: Any, **more: Any) -> Any:
        def log(*told: Any) -> None:
            with path.open("a") as file:  # its writer has it open still
                file.write(f"{good('AAA112')[0]}\n")
            more["log"](*told)

        return real(engine, path, *args, **{**more, "log": log})

    quick.round()
    with monkeypatch.context() as patched:
        patched.setattr(watching, "import_csv", slow)
        assert quick.round() == []
    assert quick.plates() == set()
    assert quick.acts() == []
    assert quick.round() == ["done"]
    assert quick.plates() == {"AAA111", "AAA112"}


def cut_at(monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """The process dies at one of the steps with which a file is put away: by turns before it and behind it."""
    steps = 0

    def dying(real: Callable[..., Any]) -> Callable[..., Any]:
        def step(*args: Any, **more: Any) -> Any:
            nonlocal steps
            steps = number = steps + 1
            if number * 2 == at:
                raise KeyboardInterrupt
            done = real(*args, **more)
            if number * 2 + 1 == at:
                raise KeyboardInterrupt
            return done

        return step

    monkeypatch.setattr(watching, "sync", dying(watching.sync))
    monkeypatch.setattr(watching, "write_atomic", dying(watching.write_atomic))
    monkeypatch.setattr(watching, "import_csv", dying(watching.import_csv))
    monkeypatch.setattr(Path, "replace", dying(Path.replace))


@pytest.mark.parametrize("at", range(2, 28))
def test_cut_off_at_any_step_it_is_imported_once(
    quick: Box, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    quick.put("stolen.csv", *good("AAA111"))
    quick.round()
    with monkeypatch.context() as patched:
        cut_at(patched, at)
        was_cut = False
        try:
            quick.round()
        except KeyboardInterrupt:
            was_cut = True
    assert was_cut is (at < 24), "eleven steps, each before and behind it"
    quick.start()
    quick.round()
    quick.round()
    assert quick.plates() == {"AAA111"}
    assert quick.acts() == ["hotlist.import"]
    assert [len(quick.away("done", ending)) for ending in (".csv", ".json", ".txt")] == [1, 1, 1]
    assert rows(quick.engine, taken_file) == []
    assert [path for path in quick.folder.rglob("*.csv") if path.parent.name != "done"] == []
    quick.put("stolen.csv", *good("AAA111"))
    quick.round()
    assert quick.round() == ["done"], "the next one is another"
    assert quick.acts() == ["hotlist.import"] * 2


def test_a_database_that_cannot_be_written_leaves_the_file_to_the_next_round(
    quick: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.put("stolen.csv", *good("AAA111"))
    quick.round()

    def full(*_: object, **__: object) -> None:
        raise StoreError("disk full")

    with monkeypatch.context() as patched:
        patched.setattr(watching, "import_csv", full)
        with pytest.raises(StoreError, match="disk full"):
            quick.round()
    assert quick.round() == ["done"]


def test_of_two_centres_one_looks(box: Box) -> None:
    box.put("stolen.csv", *good("AAA111"))
    box.round()
    with exclusive(box.engine, "watching", wait=False), pytest.raises(StoreError):
        box.round()
    assert box.round() == ["done"]


def test_a_centre_looks_until_it_ends_and_says_a_fault_once(
    quick: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick.put("stolen.csv", *good("AAA111"))
    turns: list[float] = []

    def wait(seconds: float) -> bool:
        turns.append(seconds)
        return len(turns) > 5

    def full(_watcher: Watcher) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Watcher, "round", full)
    with capture_logs() as said:
        watch(quick.settings, quick.engine, wait, lambda: AT)
    assert turns == [2.0] * 6
    assert [line["event"] for line in said] == ["the watched folder is left to the next round"]


def test_where_no_folder_is_watched_there_is_no_look(quick: Box) -> None:
    watch(CentralSettings(), quick.engine, lambda _: pytest.fail("it waits"), lambda: AT)


def test_a_running_centre_s_thread_imports_by_the_clock(quick: Box) -> None:
    """With real time, as `serve` runs it."""
    settings = quick.settings.model_copy(deep=True)
    quickly = settings.hotlist.watch.model_copy(update={"every_s": 0.1, "quiet_s": 0.1})
    settings = settings.model_copy(update={"hotlist": settings.hotlist.model_copy(update={"watch": quickly})})
    over = threading.Event()
    thread = threading.Thread(target=watch, args=(settings, quick.engine, over.wait, lambda: AT))
    thread.start()
    quick.put("stolen.csv", *good("AAA111"))
    deadline = threading.Event()
    while not quick.away("done", ".csv") and not deadline.wait(0.05):
        assert thread.is_alive()
    over.set()
    thread.join()
    assert quick.plates() == {"AAA111"}


@pytest.mark.parametrize("name", [b"cami\xf3n.csv", b"x" * 240 + b".csv"], ids=["no UTF-8", "too long"])
def test_a_name_that_cannot_be_told_stays_where_it_is_and_stops_nobody(quick: Box, name: bytes) -> None:
    odd = quick.folder / os.fsdecode(name)
    odd.write_text("anything", encoding="utf-8")
    quick.put("stolen.csv", *good("AAA111"))
    quick.round()
    assert quick.round() == ["done"]
    assert odd.exists()
