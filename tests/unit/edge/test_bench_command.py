"""`bench recognise` as it is called, with the real nets on drawn plates."""

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from click.testing import CliRunner, Result
from labelled import Folder
from plates import car, motorcycle

from edge.bench.commands import bench
from edge.errors import ConfigError


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two drawn plates and a bare wall."""
    folder = Folder(tmp_path_factory.mktemp("real"))
    folder.add("crops/a.png", car("ABC123", city="CALI"), kind="crop", set="co", plate="ABC123")
    folder.add("crops/b.png", car("KLM456"), kind="crop", set="co", plate="KLM456")
    folder.add("scenes/n.png", np.full((360, 640, 3), 90, np.uint8), set="negative", label="negative")
    return folder.write()


@pytest.fixture(scope="module")
def rendered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A drawn motorcycle's plate, as the renderer labels it."""
    folder = Folder(tmp_path_factory.mktemp("rendered"))
    labels = {"kind": "crop", "set": "synth", "class": "motorcycle", "light": "night"}
    folder.add("crops/m.png", motorcycle("ABC", "12D"), plate="ABC12D", **labels)
    return folder.write()


def call(*arguments: str | Path) -> Result:
    return CliRunner().invoke(bench, ["recognise", *map(str, arguments)])


def test_the_json_is_as_documented(real: Path, rendered: Path) -> None:
    done = call("--data", real, "--synth", rendered, "--json")
    assert done.exit_code == 0, done.output
    report = json.loads(done.stdout)
    assert report["detector"]["false_boxes_per_picture"] == 0
    found = report["sets"]["co"]
    assert (found["n"], found["distinct"]) == (2, 2)
    assert 0 <= found["exact"] <= found["merged_o0"] <= found["merged_all"] <= 1
    assert set(report["synth"]) == {"moto", "night"}
    assert set(report["synth"]["moto"]) >= {"n", "exact", "as_car"}
    assert "against" not in report
    assert "pictures: 3 to look at\n" in done.stderr  # what is under way is said where no bar can move
    assert "rendered: 1 to look at\n" in done.stderr


def test_without_json_there_are_tables(real: Path) -> None:
    done = call("--data", real)
    assert done.exit_code == 0, done.output
    for words in ("recall at IoU .5", "all sets pooled", "strata", "characters taken for others"):
        assert words in done.stdout


def test_plots_and_contact_sheet_are_written_and_named(real: Path, tmp_path: Path) -> None:
    done = call(
        "--data", real, "--plots", tmp_path / "plots", "--contact-sheet", tmp_path / "sheet.png", "--json"
    )
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["sets"]
    assert (tmp_path / "plots" / "read_rate.png").is_file()
    assert cv2.imread(str(tmp_path / "sheet.png")) is not None
    assert f"written: {tmp_path / 'sheet.png'}" in done.stderr


def test_a_contact_sheet_of_real_plates_in_a_repository_is_refused_at_once(
    real: Path, tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    done = call("--data", real, "--contact-sheet", tmp_path / "sheet.png")
    assert isinstance(done.exception, ConfigError)
    assert "lies in the git repository" in str(done.exception)
    assert not (tmp_path / "sheet.png").exists()


def test_rendered_plates_alone_may_be_shown_there(rendered: Path, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    done = call("--synth", rendered, "--contact-sheet", tmp_path / "sheet.png", "--json")
    assert done.exit_code == 0, done.output
    assert (tmp_path / "sheet.png").is_file()


def test_a_sample_is_looked_at(real: Path) -> None:
    done = call("--data", real, "--sample", "1", "--json")
    assert json.loads(done.stdout)["sets"]["co"]["n"] == 1


def test_an_unknown_baseline_is_named_with_the_known_ones(real: Path) -> None:
    done = call("--data", real, "--against", "easyocr,openalpr")
    assert done.exit_code == 2
    assert "no such baseline: openalpr; known are easyocr, rapidocr, platedet, simplelpr" in done.stderr


def test_a_baseline_has_its_row_installed_or_not(real: Path) -> None:
    done = call("--data", real, "--against", "platedet, platedet", "--json")
    assert done.exit_code == 0, done.output
    (row,) = json.loads(done.stdout)["against"]
    assert "sets" in row or "pip install" in row["absent"]


def test_nothing_to_look_at_is_a_wrong_call() -> None:
    done = call("--json")
    assert done.exit_code == 2
    assert "name --data, --synth or both" in done.stderr


def test_a_folder_without_labels_is_an_error(tmp_path: Path) -> None:
    assert isinstance(call("--data", tmp_path).exception, ConfigError)
