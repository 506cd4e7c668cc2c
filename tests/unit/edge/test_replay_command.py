"""What `python -m edge replay` says, with fake nets."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result
from replay_process import PLATES, film, nets

from edge.cli import cli

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
TRACK = """<gpx xmlns="http://www.topografix.com/GPX/1/1" version="1.1"><trk><trkseg>
<trkpt lat="6.25" lon="-75.56"><time>2026-03-01T12:00:00Z</time></trkpt>
<trkpt lat="6.26" lon="-75.56"><time>2026-03-01T12:00:08Z</time></trkpt>
</trkseg></trk></gpx>"""


@pytest.fixture(autouse=True)
def _fakes(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr("edge.replay.commands.build", lambda *_, **__: nets())
    monkeypatch.setenv("COLUMNS", "100")
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return film(tmp_path_factory.mktemp("film") / "20260301_070000.mp4", seconds=5)


def call(*words: object) -> Result:
    return CliRunner().invoke(cli, ["replay", *map(str, words)])


def test_a_table_of_reads_and_who_says_when_they_were(recording: Path, tmp_path: Path) -> None:
    track = tmp_path / "track.gpx"
    track.write_text(TRACK)
    result = call(recording, "--zone", "America/Bogota", "--gpx", track)
    assert result.exit_code == 0, result.output
    assert "20260301_070000.mp4, 2026-03-01 (UTC)" in result.output
    assert PLATES[1] in result.output
    assert "6.25" in result.output
    assert "began: its name says 2026-03-01 07:00:00 in America/Bogota" in result.output


def test_the_document_says_the_same(recording: Path) -> None:
    result = call(recording, "--start", "2026-03-01T12:00:00Z", "--json")
    assert result.exit_code == 0, result.output
    content = json.loads(result.stdout)
    (told,) = content["recordings"]
    assert (told["source"], told["began_at"]) == ("start", NOON.isoformat())
    assert told["reads"] == content["counts"]["reads"] == len(content["reads"]) > 1
    assert told["media_s"] == pytest.approx(5, abs=0.2)
    assert told["faults"] == []
    assert {read["trust"] for read in content["reads"]} == {"lower"}
    assert content["reads"][0]["recording"] == recording.name


def test_a_bad_file_among_good_ones_is_told_by_the_exit_code(recording: Path, tmp_path: Path) -> None:
    bad = tmp_path / "bad[red].mp4"
    bad.write_text("no recording")
    result = call(bad, recording, "--start-from", "modified")
    assert result.exit_code == 1
    assert "bad[red].mp4: FAULT: " in result.output.replace("\n", " ")
    assert PLATES[1] in result.output
    alone = call(bad)
    assert alone.exit_code == 2
    assert "cannot be read as a video" in alone.stderr


def test_pictures_go_alone(recording: Path, tmp_path: Path) -> None:
    result = call(recording, tmp_path)
    assert result.exit_code == 2
    assert "pictures go alone" in result.stderr


def test_reads_that_wait_for_a_broker_are_told(recording: Path, tmp_path: Path) -> None:
    path = tmp_path / "edge.yaml"
    cameras = [{"id": "body-1", "url": "rtsp://127.0.0.1/none"}]
    content = {
        "edge_id": "e",
        "site_id": "s",
        "cameras": cameras,
        "mqtt": {"port": 9},
        "spool": {"path": "spool"},
    }
    path.write_text(json.dumps(content))
    result = call(recording, "--publish", path, "--zone", "-05:00", "--json")
    assert result.exit_code == 0, result.output
    assert "messages wait in the spool for the centre" in result.stderr
    told = json.loads(result.stdout)
    assert not told["published"]["is_delivered"]
    assert told["published"]["messages"] >= 3 * told["counts"]["reads"]
    again = call(recording, "--publish", path, "--zone", "-05:00")
    assert again.exit_code == 0
    assert "had been published already, and its reads are kept here no longer; --again" in again.output
    assert f"{told['counts']['reads']} reads;" in again.output


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--start", "noon"), "--start: expected such as"),
        (("--start", "2026-03-01T12:00"), "in which zone? Give --zone"),
        (("--zone", "Bogota"), "--zone Bogota: expected a name that this machine knows"),
        (("--start-from", "container"), "--start-from container: it does not say"),
        (("--camera", "Not A Name"), "--camera:\n  id: String should match pattern"),
        (("--country", "CO=inf"), "--country CO=inf: expected one of"),
        (("--country", "CO=nan"), "and a finite number above 0"),
        (("--country", "CO=0"), "and a finite number above 0"),
        (("--clock-offset", "inf"), "Invalid value for '--clock-offset': inf is not in the range"),
        (("--gpx-offset", "-1e300"), "Invalid value for '--gpx-offset'"),
    ],
)
def test_options_that_are_wrong_are_said(recording: Path, words: tuple[str, str], told: str) -> None:
    result = call(recording, *words)
    assert result.exit_code == 2
    assert told in result.stderr
