"""The commands that ask about reads: what they ask, and each form in which the answer goes out."""

import csv
import io
import json
import signal
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import damaged
import pyarrow.parquet as pq
import pytest
from central_commands import LOOK, Run, runner
from central_reads import NOON, a_read, kept, put
from click.testing import CliRunner, Result
from rich.console import Console
from sqlalchemy import Engine, select

from central.archive.place import LocalArchive
from central.archive.write import seal
from central.cli import cli
from central.db import audit, open_database
from central.errors import StoreError
from central.findings import heatmaps, journey_table, week
from central.parquet import schema_of, write_parquet
from central.query.answers import HeatCell, Hour, HourCount, Place, Seen, Volume
from central.query.clones import Lead
from central.query.journey import Passage
from central.query.pattern import ALIKE
from central.show import Style
from central.types import KeptRead
from central.words import Words

STYLE = Style(UTC, Words("en"))
SINCE = ["--from", "2025-03-01"]
ENDLESS = (
    "SELECT count(*) FROM range(10000000) a, range(10000000) b "
    "WHERE a.range * b.range % 7 = 3 OR $plate = '' OR len($files) = 0"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "central.yaml").write_text("cameras_file: cameras.yaml\n", encoding="utf-8")
    (tmp_path / "cameras.yaml").write_text(
        "cameras:\n  cam-1: {name: Calle 33, lat: 6.15, lon: -75.6}\n  cam-2: {lat: 6.25, lon: -75.6}\n",
        encoding="utf-8",
    )
    return tmp_path


@pytest.fixture
def run(folder: Path) -> Run:
    asked = runner(folder / "central.yaml")
    return lambda *words, **more: asked(*words, *LOOK, **more)


@pytest.fixture(autouse=True)
def engine(folder: Path) -> Engine:
    """Six reads at noon of UTC, 7 in the site's morning: half of them sealed."""
    opened = open_database(f"sqlite:///{folder}/state/central.sqlite")
    day = timedelta(days=1)
    put(opened, [a_read(1), a_read(2, plate="A8C123"), a_read(3, captured_at=NOON + day)])
    seal(opened, LocalArchive(folder / "state" / "archive"), clock=lambda: NOON)
    north = timedelta(seconds=100)
    put(
        opened,
        [
            a_read(4, camera_id="cam-2", captured_at=NOON + day + north),
            a_read(5, camera_id="cam-2", plate="XYZ98D"),
            a_read(6, camera_id="cam-9", captured_at=NOON + 2 * day),
        ],
    )
    return opened


def rows_of(result: Result, name: str) -> list[dict]:
    assert result.exit_code == 0, result.stderr
    return json.loads(result.stdout)[name]


@pytest.mark.parametrize(
    ("words", "seqs"),
    [
        (["ABC123"], [6, 4, 3, 1]),
        (["AB?12*"], [6, 4, 3, 1]),
        (["abc-123", "--alike"], [6, 4, 3, 2, 1]),
        (["*98O", "--alike"], [5]),
        (["???123", "--camera", "cam-2"], [4]),
        (["--area", "6.15,-75.6,1000", *SINCE], [3, 2, 1]),
        (["*9*", "--area", "6.25,-75.6,1000"], [5]),
    ],
)
def test_histories_of_plates_known_in_part_and_of_areas(run: Run, words: list[str], seqs: list[int]) -> None:
    assert [read["seq"] for read in rows_of(run("history", *words, "--json"), "reads")] == seqs


def test_polygons_come_from_a_file(run: Run, folder: Path) -> None:
    corners = [[-75.7, 6.2], [-75.5, 6.2], [-75.5, 6.3], [-75.7, 6.3]]
    path = folder / "norte.geojson"
    path.write_text(json.dumps({"type": "Polygon", "coordinates": [corners]}), encoding="utf-8")
    assert [read["seq"] for read in rows_of(run("history", "--area", str(path), "--json"), "reads")] == [4, 5]


def test_seen_says_when_and_where_first_and_last(run: Run) -> None:
    lines = run("seen", "ABC123").stdout.splitlines()
    assert lines[0].split("  ")[0] == "plate"
    assert "first seen (America/Bogota)" in lines[0]
    words = "ABC123 4 3 2025-03-04 07:00:01 cam-1 Calle 33 2025-03-06 07:00:00 cam-9"
    assert " ".join(lines[1].split()) == words


def test_places_are_cameras_and_hours_of_the_week(run: Run) -> None:
    result = run("places", "ABC123")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[1] == "cam-1 Calle 33 2 2 2025-03-04 07:00:01 2025-03-05 07:00:00"
    assert lines[-1] == "4 reads, █ = 2 in an hour"
    document = json.loads(run("places", "ABC123", "--json").stdout)
    assert document["hours"] == [
        {"weekday": 2, "hour": 7, "reads": 1},
        {"weekday": 3, "hour": 7, "reads": 2},
        {"weekday": 4, "hour": 7, "reads": 1},
    ]
    assert [place["camera_id"] for place in document["places"]] == ["cam-1", "cam-2", "cam-9"]


def test_a_journey_has_travel_times_and_says_what_cannot_be(run: Run) -> None:
    lines = [" ".join(line.split()) for line in run("journey", "ABC123").stdout.splitlines()]
    assert lines[1:] == [
        "1 2025-03-04 07:00:01 cam-1 Calle 33 1",
        "2 2025-03-05 07:00:00 cam-1 Calle 33 1",
        "2025-03-05 07:01:40 cam-2 1 0:01:40 11.12 km 400 km/h impossible",
        "3 2025-03-06 07:00:00 cam-9 1",
    ]
    trips = [p["trip"] for p in rows_of(run("journey", "ABC123", "--gap", "1", "--json"), "passages")]
    assert trips == [1, 2, 3, 4]
    refused = run("journey", "ABC12?")
    assert (refused.exit_code, refused.stderr) == (
        2,
        "error: a journey is that of one vehicle: give its whole plate\n",
    )


def test_a_plate_in_two_places_is_a_lead_and_accuses_nobody(run: Run) -> None:
    result = run("clones", *SINCE, "--least", "0.5", "--pairs", "1")
    lines = [" ".join(line.split()) for line in result.stdout.splitlines()]
    assert lines[1:] == [
        "ABC123 1 too fast 2025-03-05 07:00:00 2025-03-05 07:01:40 11.12 km",
        "cam-1 Calle 33 cam-2",
        "Car CO private Car CO private",
        "Leads on whoever bears a plate wrongly; they prove nothing against the one to whom it belongs.",
    ]
    (lead,) = rows_of(run("clones", *SINCE, "--least", "0.5", "--pairs", "1", "--json"), "clones")
    assert (lead["contradictions"], lead["travels"], lead["shared"]) == (1, 1, 0)
    assert rows_of(run("clones", *SINCE, "--least", "0.5", "--json"), "clones") == [], (
        "one is mostly a misread"
    )
    assert rows_of(run("clones", *SINCE, "--pairs", "1", "--json"), "clones") == [], (
        "nor are doubtful reads one"
    )
    assert "Pistas" in run("clones", *SINCE, language="es").stdout


def test_a_heat_map_is_a_week_for_each_camera(run: Run) -> None:
    lines = run("heatmap", *SINCE).stdout.splitlines()
    assert [line for line in lines if line.startswith("cam")] == ["cam-1 Calle 33", "cam-2", "cam-9"]
    assert lines[3] == f"Tu {' ' * 14}██{' ' * 32}         2"
    one = run("heatmap", *SINCE, "--limit", "1")
    assert "cam-2" not in one.stdout
    assert one.stderr.startswith("there are more")
    assert rows_of(run("heatmap", "--camera", "cam-9", "--json"), "cells") == [
        {"camera_id": "cam-9", "weekday": 4, "hour": 7, "reads": 1}
    ]


def test_volumes_are_of_days_of_the_site(run: Run) -> None:
    expected = ["2025-03-06,cam-9,1,0", "2025-03-05,cam-1,1,0", "2025-03-05,cam-2,1,0"]
    lines = run("volumes", *SINCE, "--csv").stdout.splitlines()
    assert lines[:4] == ["day,camera_id,reads,hits", *expected]
    assert rows_of(run("volumes", "--camera", "cam-9", "--json"), "volumes")[0]["day"] == "2025-03-06"
    assert "día" in run("volumes", *SINCE, language="es").stdout


@pytest.mark.parametrize(
    ("command", "kind"),
    [
        (["history", "ABC123"], KeptRead),
        (["counts", "ABC123"], HourCount),
        (["seen", "ABC123"], Seen),
        (["places", "ABC123"], Place),
        (["journey", "ABC123"], Passage),
        (["clones", *SINCE, "--least", "0.5", "--pairs", "1"], Lead),
        (["heatmap", *SINCE], HeatCell),
        (["volumes", *SINCE], Volume),
    ],
)
def test_every_answer_has_every_form(run: Run, folder: Path, command: list[str], kind: type) -> None:
    path = folder / "answer.parquet"
    written = run(*command, "--parquet", str(path))
    table = pq.read_table(path)
    assert (written.stdout, written.stderr) == ("", f"{path}: {table.num_rows}\n")
    assert path.stat().st_mode & 0o777 == 0o600
    fields = list(kind.__dataclass_fields__)
    assert table.schema.names == fields
    sheet = list(csv.DictReader(io.StringIO(run(*command, "--csv").stdout)))
    assert list(sheet[0]) == fields
    document = json.loads(run(*command, "--json").stdout)
    records = next(iter(document.values()))
    assert set(fields) <= set(records[0])
    assert len(sheet) == len(records) == table.num_rows > 0
    assert document["cut"] is False


def test_the_log_says_what_was_taken_away(run: Run, folder: Path, engine: Engine) -> None:
    run("seen", "AB?12*", "--parquet", str(folder / "seen.parquet"))
    with engine.begin() as connection:
        action, detail = connection.execute(select(audit.c.action, audit.c.detail)).first() or ("", "")
    assert (action, json.loads(detail)["form"]) == ("seen", "parquet")
    assert "AB?12" not in detail


@pytest.mark.parametrize(
    ("words", "wrong"),
    [
        (["history", "AB%"], "not a plate"),
        (["history", "--alike"], "--alike goes with a PLATE"),
        (["history", "?*"], "pattern ?* needs a character, a camera, an area or a time to start from"),
        (["history", "--area", "6,7"], "not an area"),
        (["volumes"], "needs a plate, a camera, an area or a time"),
        (["seen", "ABC123", "--json", "--parquet", "x"], "name one form"),
        (["seen", "ABC123", "--parquet", "nowhere/x"], "nowhere/x: cannot be written: No such file"),
    ],
)
def test_what_cannot_be_asked_is_told(run: Run, words: list[str], wrong: str) -> None:
    result = run(*words)
    assert result.exit_code == 2
    assert wrong in result.stderr


def test_ctrl_c_gives_a_question_up_and_the_log_says_so(folder: Path, engine: Engine) -> None:
    begun = folder / "begun"
    program = (
        "import signal\n"
        "from pathlib import Path\n"
        "import central.query.reads as reads\n"
        "from central.cli import main\n"
        f"reads.seen_sql = lambda *_: Path({str(begun)!r}).touch() or {ENDLESS!r}\n"
        # Ignored where the tests run in the background of a shell.
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "main()\n"
    )
    config = ["--config", str(folder / "central.yaml")]
    with subprocess.Popen(
        [sys.executable, "-c", program, "seen", "ABC123", *LOOK, *config],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as asking:
        try:
            while asking.poll() is None and not begun.exists():
                time.sleep(0.05)
            time.sleep(0.5)
            asking.send_signal(signal.SIGINT)
            assert asking.communicate(timeout=30) == ("", "")
        finally:
            asking.kill()
    assert asking.returncode == 130
    assert logged(engine) == ["seen", "seen.failed"]


def logged(engine: Engine) -> list[str]:
    with engine.begin() as connection:
        return list(connection.scalars(select(audit.c.action).order_by(audit.c.id)))


def test_an_area_without_a_camera_is_told(run: Run) -> None:
    result = run("history", "--area", "1,1,50", "--json")
    assert rows_of(result, "reads") == []
    assert result.stderr.startswith("no camera of cameras_file stands in this area")


def test_a_wrong_file_of_cameras_is_told_by_line(run: Run, folder: Path) -> None:
    (folder / "cameras.yaml").write_text("cameras:\n  cam-1: {lat: 96, lon: 0}\n", encoding="utf-8")
    result = run("seen", "ABC123")
    assert result.exit_code == 2
    assert "cameras.yaml:\n  line 2: cameras.cam-1.lat: " in result.stderr


def test_help_names_the_look_alikes() -> None:
    told = " ".join(CliRunner().invoke(cli, ["history", "--help"]).stdout.split())
    assert all(" ".join(group) in told for group in ALIKE)


class TestPictures:
    def test_an_hour_is_as_dark_as_it_is_busy(self) -> None:
        hours = [Hour(1, hour, reads) for hour, reads in enumerate([100, 76, 75, 51, 26, 25, 1])]
        monday = week(hours, STYLE).plain.splitlines()[1]
        assert monday.startswith("Mo ████▓▓▓▓▒▒░░░░  ")
        assert monday.endswith(" 354")

    def test_a_week_without_reads_is_blank(self) -> None:
        lines = week([], STYLE).plain.splitlines()
        assert len(lines) == 9
        assert not set("".join(lines)) & set("░▒▓")
        assert "█ = 0" in lines[-1]

    def test_names_from_outside_steer_no_terminal(self) -> None:
        def named(_: str) -> str:
            return "\x1b[31m[bold]"

        passage = Passage(1, "ABC123", "cam", "", NOON, NOON, 1, None, None, None, None, None, False)
        console = Console(width=200, file=io.StringIO(), force_terminal=False)
        console.print(heatmaps([HeatCell("cam", 1, 1, 1)], STYLE, named))
        console.print(journey_table([passage], STYLE, named))
        shown = console.file.getvalue()  # type: ignore[attr-defined]
        assert "\x1b" not in shown
        assert shown.count("[bold]") == 2

    def test_a_journey_of_look_alikes_shows_the_plates(self) -> None:
        def passage(plate: str) -> Passage:
            return Passage(1, plate, "cam", "", NOON, NOON, 1, None, None, None, None, None, False)

        for plates, header in (("AB", True), ("AA", False)):
            table = journey_table([passage(plate) for plate in plates], STYLE, str)
            assert ("plate" in [column.header for column in table.columns]) is header


class TestParquet:
    def test_rows_come_back_as_they_were(self, tmp_path: Path) -> None:
        reads = [kept(1, speed_mps=12.5), kept(2, country=None)]
        write_parquet(tmp_path / "reads.parquet", reads, kind=KeptRead)
        found = pq.read_table(tmp_path / "reads.parquet").to_pylist()
        assert [KeptRead(**row) for row in found] == reads

    def test_no_row_is_a_file_too(self, tmp_path: Path) -> None:
        write_parquet(tmp_path / "none.parquet", [], kind=Volume)
        table = pq.read_table(tmp_path / "none.parquet")
        assert (table.num_rows, table.schema) == (0, schema_of(Volume))

    def test_days_are_days(self, tmp_path: Path) -> None:
        write_parquet(tmp_path / "v.parquet", [Volume(date(2025, 3, 4), "cam", 1, 0)], kind=Volume)
        assert pq.read_table(tmp_path / "v.parquet").to_pylist()[0]["day"] == date(2025, 3, 4)

    def test_what_stood_there_is_replaced_whole(self, tmp_path: Path) -> None:
        path = tmp_path / "v.parquet"
        path.write_bytes(b"old")
        path.chmod(0o644)
        write_parquet(path, [HourCount("cam", datetime(2025, 3, 4, tzinfo=UTC), 1)], kind=HourCount)
        assert pq.read_table(path).num_rows == 1
        assert path.stat().st_mode & 0o777 == 0o600
        assert [each.name for each in tmp_path.iterdir() if each.suffix == ".part"] == []

    def test_a_folder_that_is_not_there_is_told(self, tmp_path: Path) -> None:
        with pytest.raises(StoreError, match="cannot be written"):
            write_parquet(tmp_path / "none" / "v.parquet", [], kind=Volume)


@pytest.mark.parametrize(
    "words", [["history", "ABC123"], ["seen", "ABC123"], ["counts", "ABC123"], ["journey", "ABC123"]]
)
def test_what_is_missing_is_said_and_logged_and_the_rest_answers(
    run: Run, folder: Path, engine: Engine, words: list[str]
) -> None:
    (hit,) = (folder / "state" / "archive" / "reads" / "captured_date=2025-03-04").glob("*.parquet")
    damaged.tear(hit)
    name = f"reads/captured_date=2025-03-04/{hit.name}"
    shown = run(*words)
    assert shown.exit_code == 0
    assert f"NOT IN THIS ANSWER: up to 2 reads of 2025-03-04 (UTC): {name} is damaged (" in shown.stderr
    assert "FALTAN en esta respuesta hasta 2 lecturas" in run(*words, "--csv", language="es").stderr
    document = run(*words, "--json")
    assert "NOT IN THIS ANSWER" in document.stderr
    (missing,) = json.loads(document.stdout)["missing"]
    assert (missing["file"], missing["day"], missing["reads"]) == (name, "2025-03-04", 2)
    with engine.connect() as connection:
        details = [json.loads(d) for d in connection.scalars(select(audit.c.detail).where(audit.c.rows >= 0))]
    assert {(detail["missing"], *detail["damaged"]) for detail in details} == {(2, name)}


def test_verify_names_what_is_damaged_and_mends_it(run: Run, folder: Path) -> None:
    verify = ["verify", "--config", str(folder / "central.yaml")]
    runner = CliRunner()
    whole = runner.invoke(cli, [*verify, "--all"])
    assert (whole.exit_code, whole.stdout) == (0, "2 files, 2 of them read whole, 0 damaged\n")
    (hit,) = (folder / "state" / "archive" / "reads" / "captured_date=2025-03-04").glob("*.parquet")
    damaged.flip(hit)
    assert runner.invoke(cli, verify).exit_code == 0, "its size is right"
    found = runner.invoke(cli, [*verify, "--all", "--json"])
    document = json.loads(found.stdout)
    assert (found.exit_code, document["files"], document["read"], document["reads"]) == (1, 2, 2, 3)
    name = f"reads/captured_date=2025-03-04/{hit.name}"
    assert document["damaged"] == [{"file": name, "reads": 2, "why": "its pages are not what was written"}]
    mended = runner.invoke(cli, [*verify, "--all", "--mend"])
    assert mended.exit_code == 0
    assert mended.stdout.splitlines()[-1] == "0 rebuilt, 0 to be derived anew, 1 set aside, 2 reads lost"
    assert runner.invoke(cli, [*verify, "--all"]).exit_code == 0
