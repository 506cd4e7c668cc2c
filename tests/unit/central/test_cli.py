"""The command line: looks are declared, answers have three forms, faults are one line and exit code 2."""

import csv
import hashlib
import io
import json
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from central_commands import LOOK, Run, config_in, database_of, runner
from central_reads import NOON, a_read, kept, put
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, insert, select, text

from central.access.audit import verify
from central.access.key import read_key
from central.archive.packing import PackWriter
from central.cli import cli
from central.db import (
    alert,
    alert_trail,
    audit,
    dead_letter,
    edge_health,
    hotlist_entry,
    picture,
    table_version,
    to_us,
)
from central.errors import QueryError
from central.hotlist.row import OPTIONAL, REQUIRED
from central.query.when import moment
from central.show import Style, write_csv
from central.words import Words
from edge.contract.health import CameraHealth, CameraState, EdgeHealth

LOOKED = ("ana.rojas", "stolen motorcycle", "2026-117")
BOGOTA = ZoneInfo("America/Bogota")
BOX = {"x": 0.25, "y": 0.5, "width": 0.1, "height": 0.05}


@pytest.fixture
def config(tmp_path: Path) -> Path:
    return config_in(tmp_path, archive={"seal_s": 60})


@pytest.fixture
def run(config: Path) -> Run:
    return runner(config)


@pytest.fixture
def engine(config: Path) -> Engine:
    return database_of(config)


def log_of(engine: Engine) -> list[tuple]:
    with engine.begin() as connection:
        rows = connection.execute(select(audit).order_by(audit.c.id))
        return [(row.action, row.actor, row.purpose, row.case_number, row.rows) for row in rows]


class TestHelp:
    def test_help_imports_nothing_heavy(self) -> None:
        code = (
            "import sys; from click.testing import CliRunner; from central.cli import cli\n"
            "for words in ([], ['history'], ['tail'], ['hotlist', 'import'], ['hotlist', 'remove'],\n"
            "              ['audit', 'verify'], ['audit', 'list']):\n"
            "    assert CliRunner().invoke(cli, [*words, '--help']).exit_code == 0\n"
            "heavy = {'pyarrow', 'deltalake', 'duckdb', 'sqlalchemy', 'pydantic', 'paho', 'rich', 'alembic'}\n"
            "print(sorted(heavy & set(sys.modules)))"
        )
        done = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=60
        )
        assert done.stdout.strip() == "[]"

    def test_every_command_says_what_it_does(self) -> None:
        listed = CliRunner().invoke(cli, ["--help"]).output
        for name in (
            "serve",
            "hotlist",
            "history",
            "alerts",
            "tail",
            "seal",
            "dead-letters",
            "audit",
            "health",
        ):
            assert f"  {name} " in listed

    @pytest.mark.parametrize("words", [[], ["hotlist"], ["audit"]])
    def test_summaries_are_whole(self, words: list[str]) -> None:
        usage, *rest = CliRunner().invoke(cli, [*words, "--help"]).output.splitlines()
        assert usage.endswith("[ARGS]...")
        assert [line for line in rest if "..." in line] == []

    def test_language_and_configuration_are_told(self) -> None:
        listed = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
        assert "English where LC_ALL, LC_MESSAGES or LANG begins with en" in listed
        assert "ATALAYA_CENTRAL_CONFIG names the configuration file" in listed
        assert "ATALAYA_CENTRAL_CONFIG" in CliRunner().invoke(cli, ["health", "--help"]).output

    @pytest.mark.parametrize("words", [["history"], ["tail"], ["audit", "list"], ["hotlist", "remove"]])
    def test_what_a_look_must_say_is_called_compulsory(self, words: list[str]) -> None:
        told = " ".join(CliRunner().invoke(cli, [*words, "--help"]).output.split())
        for option in (
            "--as WHO who looks",
            "--purpose TEXT why you look",
            "--case NUMBER case that the look is",
        ):
            assert option in told
        assert told.count("compulsory, and kept in the audit log") == 3

    def test_the_columns_of_a_hotlist_are_told(self) -> None:
        told = CliRunner().invoke(cli, ["hotlist", "import", "--help"]).output
        assert [name for name in (*REQUIRED, *OPTIONAL) if name not in told] == []
        assert [name for name in REQUIRED if f"{name}*" not in told] == []


def test_ctrl_c_while_it_starts_ends_it_quietly(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("central.settings.load", interrupted)
    result = run("serve")
    assert (result.exit_code, result.output) == (130, "")


class TestLooking:
    @pytest.mark.parametrize(
        "command",
        [
            ["history", "ABC123"],
            ["alerts", "list"],
            ["tail", "--for", "0"],
            ["dead-letters"],
            ["audit", "list"],
        ],
    )
    def test_no_look_without_who_why_and_case(self, run: Run, command: list[str], config: Path) -> None:
        result = run(*command, "--as", "ana.rojas")
        assert result.exit_code == 2
        assert result.stderr == (
            "error: no read is shown without the purpose (--purpose) and the case number (--case)\n"
        )
        assert result.stdout == ""
        assert not (config.parent / "state").exists(), "nothing was opened"

    def test_a_history_is_a_table_in_the_sites_time(self, run: Run, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2, plate="XYZ987"), a_read(3)])
        assert run("seal").output.splitlines()[0] == "2025-03-04 UTC  3"
        put(engine, [a_read(4)])
        result = run("history", "abc-123", *LOOK)
        assert result.exit_code == 0
        rows = [line for line in result.stdout.splitlines() if "ABC123" in line]
        assert [row.split()[1] for row in rows] == ["07:00:04", "07:00:03", "07:00:01"]
        assert "2025-03-04 07:00:04    cam-1   ABC123  CO private  ██████▍  79.1%  car" in rows[0]
        assert result.stdout.endswith("3 reads\n")
        assert log_of(engine) == [
            ("history", "ana.rojas", "stolen motorcycle", "2026-117", None),
            ("history.shown", "ana.rojas", "stolen motorcycle", "2026-117", 3),
        ]

    def test_in_spanish_unless_told_otherwise(self, run: Run, engine: Engine) -> None:
        put(engine, [a_read(1)])
        assert "1 lecturas" in run("history", "ABC123", *LOOK, language="C.UTF-8").stdout

    def test_json(self, run: Run, engine: Engine) -> None:
        put(engine, [a_read(seq) for seq in (1, 2, 3)])
        result = run("history", "ABC123", *LOOK, "--json", "--limit", "2")
        document = json.loads(result.stdout)
        assert document["cut"] is True
        assert [read["seq"] for read in document["reads"]] == [3, 2]
        first = document["reads"][0]
        assert first["captured_at"] == "2025-03-04T07:00:03.000000-05:00"
        assert (first["plate"], first["likelihood"], first["late"]) == ("ABC123", 0.7912, False)
        assert first["plate_raw"] == "ABC123"
        assert [position["char"] for position in first["characters"]] == list("ABC123")
        assert first["characters"][1]["alternatives"] == [
            {"char": "8", "likelihood": pytest.approx(0.2, rel=0.011)}
        ]
        assert first["box"] == {name: pytest.approx(share, abs=2e-4) for name, share in BOX.items()}
        assert result.stderr == "there are more: narrow the question or raise --limit\n"

    def test_csv(self, run: Run, engine: Engine) -> None:
        put(engine, [a_read(1, lane="=1+1"), a_read(2)])
        result = run("history", "ABC123", *LOOK, "--csv")
        rows = list(csv.DictReader(io.StringIO(result.stdout)))
        assert [row["seq"] for row in rows] == ["2", "1"]
        assert [row["lane"] for row in rows] == ["", "'=1+1"]
        assert rows[0]["captured_at"] == "2025-03-04T07:00:02.000000-05:00"
        assert result.stderr == ""

    def test_an_improved_read_says_why_its_best_frame_is_younger_than_its_arrival(
        self, run: Run, engine: Engine
    ) -> None:
        better = a_read(1, captured_at=NOON + timedelta(seconds=5))
        put(engine, [better], received_at=NOON + timedelta(seconds=2), update_seq=3)
        put(engine, [a_read(2, captured_at=NOON + timedelta(seconds=9))])
        plain, improved = json.loads(run("history", "ABC123", *LOOK, "--json").stdout)["reads"]
        assert (plain["improved"], improved["improved"]) == (False, True)
        assert improved["received_at"] < improved["captured_at"]
        assert plain["received_at"] > plain["captured_at"]
        header = run("history", "ABC123", *LOOK, "--csv").stdout.splitlines()[0]
        assert "improved" in header.split(",")

    def test_time_and_camera(self, run: Run, engine: Engine) -> None:
        days = [NOON + timedelta(days=day) for day in range(4)]
        put(engine, [a_read(n, captured_at=at, camera_id=f"cam-{n % 2}") for n, at in enumerate(days, 1)])

        def seqs(*words: str) -> list[int]:
            return [r["seq"] for r in json.loads(run("history", *words, *LOOK, "--json").stdout)["reads"]]

        assert seqs("ABC123", "--from", "2025-03-05", "--to", "2025-03-06") == [3, 2]
        assert seqs("--from", "2025-03-05T07:00", "--to", "2025-03-06T07:00") == [2]
        assert seqs("--camera", "cam-1") == [3, 1]
        assert seqs("--camera", "cam-1", "--camera", "cam-0", "--from", "2025-03-06") == [4, 3]

    def test_a_camera_that_nobody_knows_is_no_quiet_street(self, run: Run, engine: Engine) -> None:
        put(engine, [a_read(1), a_read(2, camera_id="cam-2")])
        run("seal")
        camera = CameraHealth(camera_id="cam-3", state=CameraState.LIVE)
        health = EdgeHealth(edge_id="box-1", site_id="s1", online=True, at=NOON, cameras=(camera,))
        row = {"edge_id": "box-1", "received_us": to_us(NOON), "message": health.model_dump_json()}
        with engine.begin() as connection:
            connection.execute(insert(edge_health).values(**row, online=True))
        for command in ("history", "counts"):
            for words in (["--camera", "cam-9"], ["--camera", "cam-1", "--camera", "cam-9"]):
                result = run(command, *words, *LOOK)
                assert (result.exit_code, result.stdout) == (2, "")
                assert result.stderr == "error: no camera 'cam-9' is known; the edge boxes have cam-3\n"
            for known in ("cam-2", "cam-3"):  # by its reads, by its box
                assert run(command, "--camera", known, "--from", "2030-01-01", *LOOK).exit_code == 0

    def test_two_forms_at_once_are_refused(self, run: Run, config: Path) -> None:
        for command in (["history", "ABC123"], ["audit", "list"]):
            result = run(*command, *LOOK, "--json", "--csv")
            assert result.exit_code == 2
            assert "name one form: --json, --csv or --parquet" in result.stderr
        assert not (config.parent / "state").exists(), "nothing was opened"

    def test_counts_by_hour_and_camera(self, run: Run, engine: Engine) -> None:
        hour = timedelta(hours=1)
        put(engine, [a_read(1), a_read(2), a_read(3, captured_at=NOON + hour, camera_id="cam-2")])
        lines = run("counts", "--from", "2025-03-04", *LOOK).stdout.splitlines()
        assert [line.split() for line in lines[1:]] == [
            ["2025-03-04", "08:00:00", "cam-2", "1"],
            ["2025-03-04", "07:00:00", "cam-1", "2"],
        ]
        assert [entry[0] for entry in log_of(engine)] == ["counts", "counts.shown"]
        assert run("counts", "--from", "2025-03-04", *LOOK, "--limit", "1").stderr.startswith(
            "there are more"
        )

    def test_a_fault_of_the_database_is_one_line(self, run: Run, engine: Engine) -> None:
        with engine.begin() as connection:
            connection.execute(text("DROP TABLE late_update"))
        result = run("history", "ABC123", *LOOK)
        assert result.exit_code == 2
        assert result.stderr == f"error: database sqlite {engine.url.database}: no such table: late_update\n"

    @pytest.mark.parametrize(
        ("words", "fault"),
        [
            (["ABC%"], "not a plate: 'ABC%'; expected 1 to 12 letters A-Z and digits"),
            ([], "a question needs a plate, a camera, an area or a time to start from"),
            (["ABC123", "--from", "yesterday"], "not a time: 'yesterday'; expected 2026-03-04"),
            (["ABC123", "--from", "2025-03-05", "--to", "2025-03-04"], "an empty time span"),
        ],
    )
    def test_a_wrong_question_is_one_line(self, run: Run, words: list[str], fault: str) -> None:
        result = run("history", *words, *LOOK)
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {fault}")
        assert result.stderr.count("\n") == 1

    def test_alerts_with_their_pictures(self, run: Run, engine: Engine, config: Path, tmp_path: Path) -> None:
        jpeg = b"\xff\xd8 a crop \xff\xd9"
        with PackWriter(config.parent / "state" / "pictures") as packs:
            (place,) = packs.write([jpeg], at=NOON)
        key = {"edge_id": "edge-1", "epoch": 7}
        at = to_us(NOON)
        with engine.begin() as connection:
            connection.execute(
                insert(alert).values(
                    **key, seq=5, alert_id=1, raised_us=at, camera_id="cam-1", captured_us=at, plate="ABC123",
                    likelihood=0.9, hotlist_entry_id=1, list_name="robados", reason="stolen", priority=2,
                    explanation="exactly the plate [listed]", late=True, passage_first_us=at, passage_last_us=at,
                )
            )  # fmt: skip
            trail = {"alert_id": 1, "captured_us": at, "camera_id": "cam-1"}
            connection.execute(insert(alert_trail).values(**key, seq=5, **trail))
            shot = {
                "pack": place.pack,
                "offset": place.offset,
                "length": place.length,
                "sha256": place.sha256,
            }
            connection.execute(insert(picture).values(**key, read_seq=5, kind="crop", seq=1, **shot))
        out = tmp_path / "out"
        result = run("alerts", "list", *LOOK, "--pictures", str(out))
        assert (
            "#1  2025-03-04 07:00:00 -05:00  cam-1  ABC123  stolen · robados  priority 2  1 pictures  late  raised"
            in result.stdout
        )
        assert "    exactly the plate [listed]" in result.stdout
        assert (out / "alert-1-edge-1-7-5-crop.jpg").read_bytes() == jpeg
        document = json.loads(run("alerts", "list", *LOOK, "--json").stdout)
        assert document["alerts"][0]["reason"] == "stolen"
        assert [entry[0] for entry in log_of(engine)] == ["alerts", "alerts.shown"] * 2
        (config.parent / "state" / "pictures" / place.pack).write_bytes(b"")
        broken = run("alerts", "list", *LOOK, "--pictures", str(out))
        assert broken.exit_code == 2
        assert broken.stderr.startswith("error: ")

    def test_tail_in_a_pipe(self, run: Run, engine: Engine) -> None:
        now = datetime.now(UTC)
        put(engine, [a_read(1, captured_at=now)], received_at=now)
        result = run("tail", *LOOK, "--for", "0")
        assert result.exit_code == 0
        heading, line, summary = result.stdout.splitlines()
        assert heading == "time (America/Bogota)  camera  plate  class  likelihood"
        assert line == f"{now.astimezone(BOGOTA):%Y-%m-%d %H:%M:%S}  cam-1  ABC123  CO private  0.791"
        assert summary == "Atalaya   reads 1   alerts 0   kept 1   archived 0"
        assert [(entry[0], entry[4]) for entry in log_of(engine)] == [("tail", None), ("tail.shown", 1)]


class TestKeeping:
    HEADER = "plate,country,reason,source,case_number,valid_until\n"

    def test_a_hotlist_is_imported_and_shown(self, run: Run, tmp_path: Path) -> None:
        sheet = tmp_path / "stolen.csv"
        sheet.write_text(f"{self.HEADER}ABC123,CO,stolen,register,2026-1,2199-12-31\n", encoding="utf-8")
        result = run("hotlist", "import", str(sheet), "--list", "robados", "--as", "ana")
        assert (result.exit_code, result.stdout) == (0, "1 added, 0 changed, 0 unchanged, 0 refused\n")
        shown = run("hotlist", "show").stdout
        assert "until (America/Bogota)" in shown
        assert "1  robados  ABC123  CO ?   stolen  5         2199-12-31 " in shown, (
            "the last day, not the next one"
        )
        assert run("hotlist", "show", "--list", "robados").stdout == shown
        other = run("hotlist", "show", "--list", "robado")
        assert (other.exit_code, other.stdout) == (2, "")
        assert other.stderr == "error: no list 'robado' is known; known are robados\n"

    def listed(self, run: Run, tmp_path: Path, *lists: str) -> None:
        sheet = tmp_path / "stolen.csv"
        sheet.write_text(f"{self.HEADER}ABC123,CO,stolen,register,2026-1,2199-12-31\n", encoding="utf-8")
        for name in lists:
            assert run("hotlist", "import", str(sheet), "--list", name, "--as", "ana").exit_code == 0

    def test_an_entry_is_ended_and_stays(
        self, run: Run, engine: Engine, tmp_path: Path, config: Path
    ) -> None:
        self.listed(run, tmp_path, "robados")
        before = datetime.now(UTC)
        result = run("hotlist", "remove", "abc-123", "--country", "co", *LOOK)
        assert (result.exit_code, result.stdout) == (
            0,
            "#1 ABC123 (CO) is looked for no longer in robados\n",
        )
        with engine.begin() as connection:
            (entry,) = connection.execute(select(hotlist_entry)).all()
            of_lists = table_version.c.name == hotlist_entry.name
            version = connection.execute(select(table_version.c.version).where(of_lists)).scalar_one()
            act = connection.execute(select(audit).order_by(audit.c.id.desc())).first()
        assert to_us(before) <= entry.valid_until_us <= to_us(datetime.now(UTC))
        assert (entry.entered_by, version) == ("ana.rojas", 2), "a running centre sees it"
        assert (act.actor, act.purpose, act.case_number, act.action) == (*LOOKED, "hotlist.remove")
        assert json.loads(act.detail).keys() == {"entry", "list", "plate"}
        assert "ABC123" not in act.detail
        assert "expired" in run("hotlist", "show").stdout
        again = run("hotlist", "remove", "--entry", "1", *LOOK)
        assert again.exit_code == 2
        assert again.stderr == "error: no entry #1 is in force; `hotlist show` lists them all\n"
        assert verify(engine, read_key(config.parent / "state" / "audit.key")).fault == ""

    def test_an_entry_of_several_lists_is_named_by_its_list(self, run: Run, tmp_path: Path) -> None:
        self.listed(run, tmp_path, "robados", "interpol")
        plate = ["hotlist", "remove", "ABC123", "--country", "CO"]
        assert run(*plate, *LOOK).stderr == (
            "error: ABC123 (CO) stands in interpol, robados: name one with --list\n"
        )
        assert run(*plate, "--list", "interpol", *LOOK).exit_code == 0
        assert run(*plate, *LOOK).stdout.endswith("in robados\n")

    @pytest.mark.parametrize(
        ("words", "fault"),
        [
            (["ABC123"], "name one entry: PLATE --country CO, or --entry N"),
            (["ABC123", "--country", "CO", "--entry", "1"], "name one entry"),
            (["ABC%", "--country", "CO"], "not a plate: 'ABC%'"),
            (["XYZ987", "--country", "CO", "--list", "x"], "no entry XYZ987 (CO) of list 'x' is in force"),
        ],
    )
    def test_a_removal_of_nothing_says_so(self, run: Run, words: list[str], fault: str) -> None:
        result = run("hotlist", "remove", *words, *LOOK)
        assert result.exit_code == 2
        assert fault in result.stderr

    def test_a_removal_says_who_why_and_for_which_case(
        self, run: Run, tmp_path: Path, engine: Engine
    ) -> None:
        self.listed(run, tmp_path, "robados")
        result = run("hotlist", "remove", "--entry", "1", "--as", "ana.rojas")
        assert result.exit_code == 2
        assert "without the purpose (--purpose) and the case number (--case)" in result.stderr
        assert [entry[0] for entry in log_of(engine)] == ["hotlist.import"]

    def test_an_import_is_in_the_log_with_its_counts_and_its_files_hash(
        self, run: Run, engine: Engine, tmp_path: Path, config: Path
    ) -> None:
        sheet = tmp_path / "stolen.csv"
        line = "ABC123,CO,stolen,register,2026-1,2199-12-31\n"
        sheet.write_text(f"{self.HEADER}{line}XYZ987,CO,stolen,register,2026-1,\n", encoding="utf-8")
        run("hotlist", "import", str(sheet), "--list", "robados", "--as", "ana")
        first = hashlib.sha256(sheet.read_bytes()).hexdigest()
        sheet.write_text(f"{self.HEADER}{line.replace('2199', '2198')}", encoding="utf-8")
        run("hotlist", "import", str(sheet), "--list", "robados", "--as", "jose")
        with engine.begin() as connection:
            logged = [
                (row.actor, row.action, json.loads(row.detail)) for row in connection.execute(select(audit))
            ]
        counts = {
            "list": "robados",
            "file": "stolen.csv",
            "sha256": first,
            "revived": 0,
            "unchanged": 0,
            "removed": 0,
            "spared": 0,
            "twins": 0,
        }
        assert logged[0] == (
            "ana",
            "hotlist.import",
            {**counts, "added": 1, "changed": 0, "ended_sooner": 0, "refused": 1},
        )
        second = hashlib.sha256(sheet.read_bytes()).hexdigest()
        assert logged[1] == (
            "jose",
            "hotlist.import",
            {**counts, "sha256": second, "added": 0, "changed": 1, "ended_sooner": 1, "refused": 0},
        )
        assert verify(engine, read_key(config.parent / "state" / "audit.key")).rows == 2
        assert "ABC123" not in str(logged)

    def test_bad_lines_are_named_and_good_ones_kept(self, run: Run, tmp_path: Path) -> None:
        sheet = tmp_path / "stolen.csv"
        good = "ABC123,CO,stolen,register,2026-1,2199-12-31\n"
        sheet.write_text(f"{self.HEADER}{good}XYZ987,CO,stolen,register,2026-1,\n", encoding="utf-8")
        result = run("hotlist", "import", str(sheet), "--list", "robados", "--as", "ana")
        assert result.exit_code == 1
        assert result.stderr.startswith(f"{sheet}: line 3: valid_until")
        assert result.stdout == "1 added, 0 changed, 0 unchanged, 1 refused\n"

    def test_a_file_that_is_no_hotlist(self, run: Run, tmp_path: Path) -> None:
        sheet = tmp_path / "stolen.csv"
        sheet.write_bytes(b"\xff\xfe\x00")
        result = run("hotlist", "import", str(sheet), "--list", "robados", "--as", "ana")
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {sheet}")

    def test_sealing_says_what_it_did(self, run: Run, engine: Engine, config: Path) -> None:
        put(engine, [a_read(1), a_read(2, captured_at=NOON + timedelta(days=1))])
        result = run("seal")
        archive = config.parent / "state" / "archive"
        assert result.stdout == f"2025-03-04 UTC  1\n2025-03-05 UTC  1\n2 archived in {archive}\n"

    def test_dead_letters_are_listed_without_their_payloads(self, run: Run, engine: Engine) -> None:
        letter = {
            "topic": "lpr/v1/[x]",
            "payload": b"secret plate",
            "reason": "not JSON",
            "received_us": to_us(NOON),
        }
        with engine.begin() as connection:
            connection.execute(insert(dead_letter).values(**letter))
        shown = run("dead-letters", *LOOK).stdout
        assert "1  2025-03-04 07:00:00    lpr/v1/[x]  12     1      not JSON" in shown
        assert "secret" not in shown
        logged = [(entry[0], entry[1], entry[3], entry[4]) for entry in log_of(engine)]
        assert logged == [
            ("dead-letters", "ana.rojas", "2026-117", None),
            ("dead-letters.shown", "ana.rojas", "2026-117", 1),
        ]

    def test_health_of_edges_and_cameras(self, run: Run, engine: Engine) -> None:
        camera = CameraHealth(camera_id="cam-1", state=CameraState.REFUSED, detail="wrong password", reads=7)
        health = EdgeHealth(edge_id="box-1", site_id="s1", online=True, at=NOON, cameras=(camera,))
        row = {"edge_id": "box-1", "received_us": to_us(NOON), "message": health.model_dump_json()}
        with engine.begin() as connection:
            connection.execute(insert(edge_health).values(**row, online=False))
        shown = run("health").stdout
        assert "box-1  s1    offline  2025-03-04 07:00:00" in shown
        assert "wrong password" in shown

    @pytest.mark.parametrize(
        ("said_ago_s", "clock_error_s", "is_silent"),
        [(10, None, False), (600, None, True), (600, -590.0, False), (-600, 1200.0, True)],
    )
    def test_health_is_as_old_as_the_box_said_it_however_late_it_came(
        self, run: Run, engine: Engine, said_ago_s: float, clock_error_s: float | None, is_silent: bool
    ) -> None:
        at = datetime.now(UTC) - timedelta(seconds=said_ago_s)
        health = EdgeHealth(edge_id="box-1", site_id="s1", online=True, at=at, clock_error_s=clock_error_s)
        row = {
            "edge_id": "box-1",
            "received_us": to_us(datetime.now(UTC)),
            "message": health.model_dump_json(),
        }
        with engine.begin() as connection:
            connection.execute(insert(edge_health).values(**row, online=True))
        shown = run("health").stdout
        said = f"{at.astimezone(BOGOTA):%Y-%m-%d %H:%M:%S}"
        assert f"{'silent' if is_silent else 'online'}  {said}" in shown

    def test_a_box_that_never_said_how_it_is(self, run: Run, engine: Engine) -> None:
        health = EdgeHealth(edge_id="box-1", site_id="s1", online=False)
        row = {
            "edge_id": "box-1",
            "received_us": to_us(datetime.now(UTC)),
            "message": health.model_dump_json(),
        }
        with engine.begin() as connection:
            connection.execute(insert(edge_health).values(**row, online=False))
        assert "box-1  s1    offline  ?" in run("health").stdout

    def test_the_log_is_listed_and_the_look_at_it_is_on_top(self, run: Run, engine: Engine) -> None:
        run("history", "ABC123", *LOOK)
        run("history", "ABC123", "--as", "jose", *LOOK[2:])
        shown = run("audit", "list", *LOOK).stdout
        assert "time (America/Bogota)" in shown
        rows = [line.split() for line in shown.splitlines()[1:]]
        assert [(row[0], row[3], row[7]) for row in rows] == [
            ("5", "ana.rojas", "audit"),
            ("4", "jose", "history.shown"),
            ("3", "jose", "history"),
            ("2", "ana.rojas", "history.shown"),
            ("1", "ana.rojas", "history"),
        ]
        assert "ABC123" not in shown
        assert log_of(engine)[-2:] == [("audit", *LOOKED, None), ("audit.shown", *LOOKED, 5)]

    def test_the_log_is_listed_for_programs(self, run: Run) -> None:
        run("history", "ABC123", *LOOK)
        document = json.loads(run("audit", "list", *LOOK, "--json", "--limit", "2").stdout)
        assert [(act["number"], act["action"]) for act in document["acts"]] == [
            (3, "audit"),
            (2, "history.shown"),
        ]
        assert document["acts"][0]["detail"]["form"] == "json"
        assert document["acts"][1]["detail"] == {"look": 1}
        sheet = run("audit", "list", *LOOK, "--csv", "--who", "ana.rojas").stdout
        last = list(csv.DictReader(io.StringIO(sheet)))[-1]
        assert (last["number"], last["actor"], last["action"]) == ("1", "ana.rojas", "history")
        assert json.loads(last["detail"])["limit"] == 1000
        assert last["at"].endswith("-05:00")

    def test_the_log_is_listed_by_person_and_time(self, run: Run, engine: Engine) -> None:
        run("history", "ABC123", "--as", "jose", *LOOK[2:])

        def listed(*words: str) -> list[int]:
            return [
                act["number"]
                for act in json.loads(run("audit", "list", *words, *LOOK, "--json").stdout)["acts"]
            ]

        assert listed("--who", "jose") == [2, 1]
        assert listed("--who", "nobody") == []
        assert listed("--to", "2025-01-01") == []
        assert len(listed("--from", "2025-01-01")) == 9

    def test_the_log_is_verified(self, run: Run, engine: Engine, config: Path) -> None:
        run("history", "ABC123", *LOOK)
        verdict = verify(engine, read_key(config.parent / "state" / "audit.key"))
        result = run("audit", "verify")
        assert (result.exit_code, result.stdout) == (0, f"2 rows, head {verdict.head}\n")
        with engine.begin() as connection:
            connection.execute(text("DROP TRIGGER audit_no_update"))
            connection.execute(text("UPDATE audit SET actor = 'somebody else' WHERE id = 2"))
        result = run("audit", "verify")
        assert result.exit_code == 2
        assert result.stdout.startswith("1 rows, head ")
        assert result.stderr == "error: audit log: row 2: was altered\n"


class TestConfiguration:
    def test_a_good_file_is_explained(self, config: Path) -> None:
        result = CliRunner().invoke(cli, ["check-config", str(config)])
        assert result.exit_code == 0
        assert f"database  sqlite {config.parent}/state/central.sqlite\n" in result.stdout
        assert f"archive   {config.parent}/state/archive, sealed every 60 s" in result.stdout
        assert result.stdout.endswith("nothing wrong found\n")

    @pytest.mark.parametrize(
        ("content", "fault"),
        [
            ("site_timezone: Mars/Olympus\n", "not a time zone of the IANA list: 'Mars/Olympus'"),
            ("site_timezone: ../etc/passwd\n", "not a time zone of the IANA list"),
            ("query: {timeout_s: 0}\n", "query.timeout_s"),
            ("mqtt: {username: centre, password_file: nowhere}\n", "secret cannot be read"),
            ("archive: [\n", "not YAML"),
            ("database_url: nonsense\n", "line 1: database_url: expected sqlite:///"),
            ("mqtt: {password_file: p}\n", "username is missing"),
            (
                "database_url: postgresql+psycopg://a@/b?passfile=nowhere\n",
                "database_url: passfile",
            ),
        ],
    )
    def test_a_wrong_file_is_told_why(self, tmp_path: Path, content: str, fault: str) -> None:
        path = tmp_path / "central.yaml"
        path.write_text(content, encoding="utf-8")
        result = CliRunner().invoke(cli, ["check-config", str(path)])
        assert result.exit_code == 2
        assert result.stderr.startswith(f"error: {tmp_path}")
        assert fault in result.stderr

    @pytest.mark.parametrize(
        "place",
        [
            "database_url: sqlite:////proc/atalaya/central.sqlite",
            "pictures: {path: a-file/pictures}",
            "archive: {path: a-file}",
            "access: {key_file: /proc/audit.key}",
        ],
    )
    def test_a_place_that_cannot_be_written_is_told(self, tmp_path: Path, place: str) -> None:
        path = tmp_path / "central.yaml"
        path.write_text(f"{place}\n", encoding="utf-8")
        (tmp_path / "a-file").write_text("no folder")
        before = sorted(tmp_path.rglob("*"))
        result = CliRunner().invoke(cli, ["check-config", str(path)])
        assert result.exit_code == 2
        key = place.partition(":")[0]
        assert result.stderr.startswith(f"error: {path}: {key}")
        assert ": cannot be written: " in result.stderr
        assert sorted(tmp_path.rglob("*")) == before

    def test_the_file_is_named_in_one_way(
        self, config: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        monkeypatch.chdir(tmp_path)
        by_environment = {"ATALAYA_CENTRAL_CONFIG": str(config)}
        for words, env in (([str(config)], {}), (["--config", str(config)], {}), ([], by_environment)):
            result = CliRunner().invoke(cli, ["check-config", *words], env=env)
            assert (result.exit_code, result.stderr) == (0, "")
        result = CliRunner().invoke(cli, ["check-config", str(config), "--config", str(config)])
        assert result.exit_code == 2
        assert "name one configuration file: FILE or --config FILE" in result.stderr

    def test_a_missing_certificate_is_told(self, tmp_path: Path) -> None:
        path = tmp_path / "central.yaml"
        path.write_text("mqtt: {tls: {ca_file: ca.pem}}\n", encoding="utf-8")
        result = CliRunner().invoke(cli, ["check-config", str(path)])
        assert result.exit_code == 2
        assert result.stderr == f"error: {path}: mqtt.tls.ca_file: {tmp_path}/ca.pem: no such file\n"

    def test_a_missing_file_is_named(self, tmp_path: Path) -> None:
        words = ["history", "ABC123", *LOOK, "--config", str(tmp_path / "none.yaml")]
        result = CliRunner().invoke(cli, words)
        assert result.exit_code == 2
        assert result.stderr == f"error: {tmp_path}/none.yaml: cannot be read: No such file or directory\n"


class TestWhen:
    @pytest.mark.parametrize(
        ("typed", "end", "utc"),
        [
            ("2025-03-04", False, "2025-03-04T05:00:00+00:00"),
            ("2025-03-04", True, "2025-03-05T05:00:00+00:00"),
            (" 2025-03-04T17:30 ", True, "2025-03-04T22:30:00+00:00"),
            ("2025-03-04 17:30:05", False, "2025-03-04T22:30:05+00:00"),
            ("2025-03-04T17:30Z", False, "2025-03-04T17:30:00+00:00"),
            ("2025-03-04T17:30+02:00", True, "2025-03-04T15:30:00+00:00"),
        ],
    )
    def test_what_people_type(self, typed: str, end: bool, utc: str) -> None:
        assert moment(typed, zone=BOGOTA, end=end).astimezone(UTC).isoformat() == utc

    @given(st.text(max_size=12))
    def test_anything_else_is_refused_politely(self, typed: str) -> None:
        found = None
        with suppress(QueryError):
            found = moment(typed, zone=BOGOTA)
        assert found is None or found.tzinfo is not None

    def test_the_last_day_of_time_has_no_end(self) -> None:
        with pytest.raises(QueryError):
            moment("9999-12-31", zone=BOGOTA, end=True)


class TestCsv:
    def test_a_round_trip(self) -> None:
        out = io.StringIO()
        reads = (kept(1), replace(kept(2), lane='a "quoted", one'))
        write_csv(reads, out, Style(BOGOTA, Words("en")))
        rows = list(csv.DictReader(io.StringIO(out.getvalue())))
        assert [row["plate"] for row in rows] == ["ABC001", "ABC002"]
        assert rows[1]["lane"] == 'a "quoted", one'
