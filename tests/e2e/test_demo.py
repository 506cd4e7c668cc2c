"""The demo, whole: real broker, four RTSP cameras, edge worker, centre; what it prints at the end is measured."""

import contextlib
import csv
import itertools
import json
import operator
import os
import shutil
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from archived import archived_rows
from deltalake import DeltaTable
from sqlalchemy import create_engine, select

from central.db import alert, alert_trail, picture
from edge.contract.read import ReadId
from edge.contract.spelling import normalise

CHECKOUT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of its own for the demo, so that a test leaves the run of `make demo` as it was."""
    root = tmp_path_factory.mktemp("demo")
    shutil.copytree(CHECKOUT / "configs", root / "configs")
    (root / "sample_videos").symlink_to(CHECKOUT / "sample_videos")
    return root


@pytest.fixture(scope="module")
def finished(root: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(root / "configs" / "demo" / "demo.py"), "--duration", "35"]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=170, check=False)


def last_line(finished: subprocess.CompletedProcess[str]) -> dict[str, object]:
    assert finished.returncode == 0, finished.stdout[-2000:] + finished.stderr[-4000:]
    line = json.loads(finished.stdout.splitlines()[-1])
    assert isinstance(line, dict)
    return line


def test_nothing_is_lost_or_doubled(finished: subprocess.CompletedProcess[str]) -> None:
    line = last_line(finished)
    assert (line["lost"], line["duplicates"]) == (0, 0)
    assert line["archived"] == line["reads"]


def test_plates_are_read(finished: subprocess.CompletedProcess[str]) -> None:
    """A low bar on purpose: how many are read depends on the machine's load; `make demo` says how many."""
    line = last_line(finished)
    assert int(str(line["passages"])) >= 20
    assert int(str(line["correct"])) >= 0.5 * int(str(line["passages"]))


def seen_at_presets(root: Path) -> list[tuple[str, datetime, datetime]]:
    """Where the turning camera stood, from when to when, by its own log; what else it shows is the way between."""
    lines = (root / "demo-run" / "passes.jsonl").read_text(encoding="utf-8").splitlines()
    events = [event for event in map(json.loads, lines) if event["mount"] == "ptz"]
    spans = []
    for event, after in itertools.pairwise(events):
        if event.get("clip") in {"ptz", "calm"}:
            until = after.get("ended_at") or after["started_at"]
            preset = "incoming" if event["clip"] == "ptz" else "quiet"
            spans.append((preset, *map(datetime.fromisoformat, (event["started_at"], until))))
    return spans


def test_the_turning_camera_is_read_at_its_presets_and_nowhere_else(
    root: Path, finished: subprocess.CompletedProcess[str]
) -> None:
    archive = Path(str(last_line(finished)["archive"]))
    columns = ["camera_id", "plate", "preset", "captured_at"]
    rows = archived_rows(DeltaTable(archive / "reads"), columns).to_pylist()
    assert {row["preset"] for row in rows if row["camera_id"] != "ptz"} == {None}
    reads = [row for row in rows if row["camera_id"] == "ptz"]
    spans = seen_at_presets(root)
    assert len({preset for preset, _, _ in spans}) == 2, "it has turned"
    # A device that has not answered yet, on a busy machine, is read as no preset while its picture stands still.
    assert {"incoming", "quiet"} & {row["preset"] for row in reads}
    astray = [
        row
        for row in reads
        if not any(
            row["preset"] in (preset, None) and since <= row["captured_at"] <= until
            for preset, since, until in spans
        )
    ]
    assert astray == []


def listed_plates() -> set[str]:
    with (CHECKOUT / "configs" / "demo" / "hotlist.csv").open(encoding="utf-8", newline="") as sheet:
        return {normalise(row["plate"]) for row in csv.DictReader(sheet)}


def archived_passages(archive: Path) -> dict[ReadId, int]:
    """The passage that each archived read of a listed plate is of: at one camera, with no long time between."""
    centre = yaml.safe_load((CHECKOUT / "configs" / "demo" / "central.yaml").read_text(encoding="utf-8"))
    apart = timedelta(seconds=centre["alert"]["passage_s"])
    place = operator.itemgetter("plate", "edge_id", "camera_id")
    columns = ["plate", "edge_id", "camera_id", "captured_at", "epoch", "seq"]
    rows = archived_rows(DeltaTable(archive / "reads"), columns).to_pylist()
    listed = [row for row in rows if row["plate"] in listed_plates()]
    passages: dict[ReadId, int] = {}
    number = 0
    for _, reads in itertools.groupby(sorted(listed, key=lambda r: (*place(r), r["captured_at"])), place):
        before = datetime.min.replace(tzinfo=UTC)
        for read in reads:
            number += read["captured_at"] - before > apart
            before = read["captured_at"]
            passages[ReadId(read["edge_id"], read["epoch"], read["seq"])] = number
    return passages


def test_each_passage_of_a_listed_vehicle_raises_one_alert(
    root: Path, finished: subprocess.CompletedProcess[str]
) -> None:
    line = last_line(finished)
    passages = archived_passages(Path(str(line["archive"])))
    trails: dict[int, set[ReadId]] = {}
    pictured: set[ReadId] = set()
    engine = create_engine(f"sqlite:///{root}/demo-run/centre/central.sqlite")
    with engine.connect() as database:
        for row in database.execute(select(alert_trail)):
            trails.setdefault(row.alert_id, set()).add(ReadId(row.edge_id, row.epoch, row.seq))
        for row in database.execute(select(picture)):
            pictured.add(ReadId(row.edge_id, row.epoch, row.read_seq))
        raised = {
            row.alert_id for row in database.execute(select(alert).where(alert.c.merged_into.is_(None)))
        }
    engine.dispose()
    assert len(raised) == line["alerts"]
    assert passages, "no listed vehicle was read at all"
    # A read that an update took for another plate keeps its alert, which then says so; the archive has it no more.
    told = {
        number: {passages[read] for read in trail if read in passages} for number, trail in trails.items()
    }
    assert set(trails) == raised
    assert sorted(number for found in told.values() for number in found) == sorted(set(passages.values()))
    assert all(len(found) <= 1 for found in told.values())
    assert set(passages) <= {read for trail in trails.values() for read in trail}
    assert [number for number, trail in trails.items() if not trail & pictured] == []


def test_the_archive_is_where_it_says(root: Path, finished: subprocess.CompletedProcess[str]) -> None:
    archive = Path(str(last_line(finished)["archive"]))
    assert archive.is_relative_to(root / "demo-run")
    assert list(archive.rglob("captured_date=*/*.parquet"))


def left_behind(root: Path) -> list[str]:
    """What still runs in the demo's folder: every process of the demo does."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if (process / "cwd").resolve(strict=True) == root:
                found.append((process / "cmdline").read_text().replace("\0", " "))
    return found


def test_it_leaves_no_process_behind(root: Path, finished: subprocess.CompletedProcess[str]) -> None:
    last_line(finished)
    assert left_behind(root) == []


def test_secrets_are_the_owners_alone(root: Path, finished: subprocess.CompletedProcess[str]) -> None:
    last_line(finished)
    secrets = list((root / "demo-run" / "secrets").iterdir())
    assert secrets
    assert [path.name for path in secrets if path.stat().st_mode & 0o077] == []


def test_a_taken_port_is_named(root: Path) -> None:
    holder = "import socket,time; s=socket.socket(); s.bind(('127.0.0.1', 8554)); print(1, flush=True); time.sleep(9)"
    with subprocess.Popen([sys.executable, "-c", holder], stdout=subprocess.PIPE) as busy:
        try:
            assert busy.stdout is not None
            busy.stdout.readline()
            command = [sys.executable, str(root / "configs" / "demo" / "demo.py"), "--duration", "5"]
            done = subprocess.run(command, cwd=root, capture_output=True, text=True, timeout=60, check=False)
        finally:
            busy.send_signal(signal.SIGTERM)
    assert done.returncode == 1
    assert "port 8554 of 127.0.0.1 (cameras) is taken" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGHUP], ids=["Ctrl-C", "closed terminal"])
def test_a_signal_ends_it_cleanly(root: Path, number: signal.Signals) -> None:
    command = [sys.executable, "-u", str(root / "configs" / "demo" / "demo.py")]
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        command, cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    ) as demo:
        assert demo.stdout is not None
        try:
            demo.stdout.readline()  # the live table has begun
            assert len(left_behind(root)) >= 7
            demo.send_signal(number)
            out, err = demo.communicate(timeout=120)
        finally:
            demo.terminate()
    assert demo.returncode == 0, out[-2000:] + err[-4000:]
    assert json.loads(out.splitlines()[-1])["lost"] == 0
    assert left_behind(root) == []
