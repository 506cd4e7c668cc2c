import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result
from pydantic import TypeAdapter

from edge.cli import cli
from edge.schema import documents

ROOT = Path(__file__).resolve().parents[3]
CONFIG = {
    "edge_id": "box-1",
    "site_id": "medellin",
    "cameras": [
        {"id": "north", "url": "rtsp://127.0.0.1:8554/north", "username": "u", "password_file": "secret"},
        {"id": "south", "url": "rtsp://127.0.0.1:8554/south", "min_plate_px": 60, "countries": {"CO": 1}},
    ],
}


def call(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words], env={"COLUMNS": "200"})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("pass\n")
    return tmp_path


def write(folder: Path, content: object, **changes: object) -> Path:
    path = folder / "edge.yaml"
    if isinstance(content, dict):
        content = yaml.safe_dump({**content, **changes})
    path.write_text(str(content))
    return path


def camera(**changes: object) -> dict[str, object]:
    return {"cameras": [{**CONFIG["cameras"][1], **changes}]}  # type: ignore[dict-item]


def test_help_names_every_command_and_imports_no_vision() -> None:
    code = (
        "import sys; from click.testing import CliRunner; from edge.cli import cli\n"
        "print(CliRunner().invoke(cli, ['--help']).output)\n"
        "print('HEAVY', [m for m in ('cv2', 'av', 'openvino', 'numpy', 'paho', 'torch') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    )
    for command in ("run", "check-config", "schema", "replay", "bench", "simulate"):
        assert f"\n  {command} " in done.stdout
    assert "HEAVY []" in done.stdout


@pytest.mark.parametrize("words", [[], ["simulate"], ["bench"]])
def test_summaries_are_whole(words: list[str]) -> None:
    usage, *rest = CliRunner().invoke(cli, [*words, "--help"]).output.splitlines()
    assert usage.endswith("[ARGS]...")
    assert rest
    assert [line for line in rest if "..." in line] == []


def test_a_good_configuration_is_told_back(folder: Path) -> None:
    result = call("check-config", write(folder, CONFIG))
    assert result.exit_code == 0, result.output
    for words in (
        "box-1 at medellin",
        "rtsp://127.0.0.1:8554/north (tcp) as u",
        "from 60 px, everywhere, of CO 1",
        "127.0.0.1:1883, MQTT 5",
        str(folder / "state/spool.sqlite"),
        "nothing wrong found",
    ):
        assert words in result.output
    assert "pass\n" not in result.output


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (camera(password_file="nowhere", username="u"), "cameras.0.password_file: "),
        (camera(username="u"), "username and password_file go together"),
        (camera(region=[[0.1, 0.1], [0.5, 0.5]]), "cameras.0.region: a polygon has at least 3 corners"),
        (
            camera(region=[[0.1, 0.1], [0.9, 0.9], [0.9, 0.1], [0.1, 0.9]]),
            "cameras.0.region: its outline crosses itself (0.1,0.1 - 0.9,0.9 and 0.9,0.1 - 0.1,0.9)",
        ),
        (
            camera(lanes=[{"name": "left", "polygon": [[0.1, 0.1], [0.5, 0.5]]}]),
            "cameras.0.lanes.0.polygon: a polygon has at least 3 corners",
        ),
        (camera(countries={"XX": 1}), "cameras.0.countries: no grammar of XX; known are AR, "),
        (camera(countries={"CO": float("inf")}), "cameras.0.countries.CO: Input should be a finite number"),
        (camera(url="http://127.0.0.1/"), "cameras.0.url"),
        (camera(fps=8), "cameras.0.fps"),
        (camera(analyse_fps="many"), "cameras.0.analyse_fps"),
        ({"mqtt": {"password_file": "nowhere", "username": "edge"}}, "mqtt.password_file: "),
        ({"mqtt": {"password_file": "secret"}}, "mqtt: username and password_file go together"),
        ({"mqtt": {"tls": {"ca_file": "ca.pem"}}}, "mqtt.tls.ca_file: "),
    ],
)
def test_faults_are_named_by_key(folder: Path, changes: dict[str, object], words: str) -> None:
    path = write(folder, CONFIG, **changes)
    for command in (("check-config", path), ("run", "--config", path)):
        result = call(*command)
        assert result.exit_code == 2
        assert words in result.stderr
        assert result.stderr.startswith(f"error: {path}")
        assert "Traceback" not in result.output


@pytest.mark.parametrize("spool", ["/proc/atalaya/spool.sqlite", "secret/spool.sqlite"])
def test_a_spool_that_cannot_be_written_is_told_before_it_is_needed(folder: Path, spool: str) -> None:
    path = write(folder, CONFIG, spool={"path": spool})
    for command in (("check-config", path), ("run", "--config", path)):
        result = call(*command)
        assert result.exit_code == 2
        assert f"spool.path: {folder / spool}: cannot be written: " in result.stderr


def test_ctrl_c_while_it_starts_ends_it_quietly(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_path: Path) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("edge.settings.load", interrupted)
    result = call("run", "--config", write(folder, CONFIG))
    assert (result.exit_code, result.output) == (130, "")


def test_checking_leaves_nothing_behind(folder: Path) -> None:
    path = write(folder, CONFIG)
    before = sorted(folder.rglob("*"))
    assert call("check-config", path).exit_code == 0
    assert sorted(folder.rglob("*")) == before


def test_broken_yaml_is_named_by_line(folder: Path) -> None:
    result = call("check-config", write(folder, "edge_id: a\n  site_id: b\n"))
    assert result.exit_code == 2
    assert "line 2" in result.stderr


def test_faults_are_named_by_line(folder: Path) -> None:
    path = write(
        folder,
        "edge_id: box-1\n"
        "site_id: medellin\n"
        "cameras:\n"
        "  - &one\n"
        "    id: north\n"
        "    url: rtsp://127.0.0.1/north\n"
        "    region: [[0, 0], [1, 1]]\n"
        "  - {<<: *one, id: south}\n"
        "mqtt:\n"
        "  username: edge\n"
        "  password_file: nowhere\n",
    )
    result = call("check-config", path)
    assert result.exit_code == 2
    said = [line.split(": ")[:2] for line in result.stderr.splitlines()[1:]]
    assert said == [
        ["  line 7", "cameras.0.region"],
        ["  line 8", "cameras.1.region"],
        ["  line 11", "mqtt.password_file"],
    ]
    path.write_text(path.read_text().replace("site_id: medellin", "colour: red"))
    result = call("check-config", path)
    assert "  line 2: colour: unknown setting" in result.stderr
    assert "  site_id: needed, but not there" in result.stderr, "what is missing has no line"


def test_no_secret_of_an_address_is_printed(folder: Path) -> None:
    url = "rtsp://[fd00::1]:554/s?user=admin&password=geheim"
    result = call("check-config", write(folder, CONFIG, **camera(url=url)))
    assert result.exit_code == 0
    assert "rtsp://[fd00::1]:554/s?user=***&password=***" in result.output
    assert "geheim" not in result.output


def test_the_configuration_is_named_in_one_way(folder: Path) -> None:
    path = write(folder, CONFIG)
    for words in ((path,), ("--config", path)):
        result = call("check-config", *words)
        assert (result.exit_code, "nothing wrong found" in result.output) == (0, True)
    for words in ((), (path, "--config", path)):
        result = call("check-config", *words)
        assert result.exit_code == 2
        assert "name one configuration file: FILE or --config FILE" in result.stderr


@pytest.mark.parametrize("words", [("replay", "."), ("schema",)])
def test_a_folder_that_cannot_be_made_is_said(folder: Path, words: tuple[str, ...]) -> None:
    out = folder / "secret" / "below"
    result = call(*words, "--out", out)
    assert result.exit_code == 2
    assert result.stderr.startswith(f"error: --out {out}: Not a directory")


def test_a_schema_that_cannot_be_written_is_said(folder: Path) -> None:
    (folder / "ack.json").mkdir()
    result = call("schema", "--out", folder)
    assert result.exit_code == 2
    assert f"error: --out {folder}: Is a directory" in result.stderr


def test_a_missing_file_is_said() -> None:
    result = call("check-config", "nowhere.yaml")
    assert result.exit_code == 2
    assert "nowhere.yaml" in result.stderr


def test_an_empty_secret_is_said(folder: Path) -> None:
    (folder / "secret").write_text("\n")
    result = call("check-config", write(folder, CONFIG))
    assert (result.exit_code, "secret is empty" in result.stderr) == (2, True)


def test_the_engine_that_is_not_installed_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("edge.check.find_spec", lambda _: None)
    result = call("check-config", write(folder, CONFIG, engine="torch"))
    assert result.exit_code == 2
    assert "engine: torch needs ultralytics" in result.stderr


def test_the_schemas_in_the_repository_are_fresh() -> None:
    kept = {p.name: p.read_text(encoding="utf-8") for p in (ROOT / "configs" / "schema").glob("*.json")}
    ours = documents()
    assert {name: kept.get(name) for name in ours} == ours, "run `python -m edge schema --out configs/schema`"


def test_schemas_are_written_and_printed(tmp_path: Path) -> None:
    out = tmp_path / "schema"
    assert call("schema", "--out", out).exit_code == 0
    written = {p.name: p.read_text(encoding="utf-8") for p in out.iterdir()}
    assert written == documents()
    printed = call("schema").output
    for text in written.values():
        assert json.loads(text)["$schema"].startswith("https://json-schema.org/")
        assert text in printed


def test_the_read_schema_says_what_a_read_needs() -> None:
    schema = TypeAdapter(dict[str, object]).validate_json(documents()["plate_read.json"])
    assert {"edge_id", "epoch", "seq", "plate", "likelihood", "best_at"} <= set(schema["required"])  # type: ignore[call-overload]


@pytest.mark.parametrize("words", ["CO=many", "CO=0", "XX=1"])
def test_a_wrong_country_of_replay_is_said(tmp_path: Path, words: str) -> None:
    result = call("replay", tmp_path, "--country", words)
    assert result.exit_code == 2
    assert f"--country {words}: expected" in result.stderr


def test_a_folder_without_pictures_is_said(tmp_path: Path) -> None:
    result = call("replay", tmp_path)
    assert result.exit_code == 2
    assert "holds no picture" in result.stderr


def test_a_file_that_is_no_recording_is_said(tmp_path: Path) -> None:
    path = tmp_path / "notes.mp4"
    path.write_text("no recording")
    result = call("replay", path)
    assert result.exit_code == 2
    assert str(path) in result.stderr
    assert "Traceback" not in result.output


@pytest.mark.parametrize("out", [".", "below", "../pictures", "link"])
def test_copies_never_go_among_the_pictures(tmp_path: Path, out: str) -> None:
    folder = tmp_path / "pictures"
    folder.mkdir()
    (folder / "link").symlink_to(folder)
    (folder / "read-001-ABC123.jpg").write_bytes(b"the user's own")
    result = call("replay", folder, "--out", folder / out)
    assert result.exit_code == 2
    assert "lies in the folder that is read; name another" in result.stderr
    assert sorted(p.name for p in folder.iterdir()) == ["link", "read-001-ABC123.jpg"]


def test_a_picture_that_an_earlier_replay_wrote_is_no_source_of_another(tmp_path: Path) -> None:
    path = tmp_path / "read-001-ABC123.jpg"
    path.write_bytes(b"a crop")
    (tmp_path / ".replay").write_text(f"{path.name}\n")
    result = call("replay", path, "--out", tmp_path)
    assert (result.exit_code, path.exists()) == (2, True)
    assert "would overwrite" in result.stderr


def test_copies_never_overwrite_the_source(tmp_path: Path) -> None:
    path = tmp_path / "annotated.mp4"
    path.write_bytes(b"a recording")
    result = call("replay", path, "--out", tmp_path)
    assert result.exit_code == 2
    assert "would overwrite" in result.stderr
    assert path.read_bytes() == b"a recording"
