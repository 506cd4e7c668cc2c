"""ultralytics is told to stay offline before it is imported; the user's own wishes win."""

import os
from pathlib import Path

import pytest

from edge.torch_ready import quiet_ultralytics

KEYS = ("YOLO_OFFLINE", "YOLO_AUTOINSTALL", "YOLO_VERBOSE", "YOLO_CONFIG_DIR")


@pytest.fixture(autouse=True)
def clean(monkeypatch: pytest.MonkeyPatch) -> None:
    for key in KEYS:
        monkeypatch.setenv(key, "")
        monkeypatch.delenv(key)


def test_it_stays_offline_and_out_of_the_home(tmp_path: Path) -> None:
    quiet_ultralytics(tmp_path / "settings")
    assert os.environ["YOLO_OFFLINE"] == "true"
    assert os.environ["YOLO_AUTOINSTALL"] == "false"
    assert os.environ["YOLO_CONFIG_DIR"] == str(tmp_path / "settings")
    assert (tmp_path / "settings").is_dir()


def test_what_the_user_has_set_stays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("YOLO_CONFIG_DIR", "elsewhere")
    quiet_ultralytics(tmp_path)
    assert os.environ["YOLO_CONFIG_DIR"] == "elsewhere"


def test_it_makes_a_folder_where_none_is_given(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    quiet_ultralytics()
    assert Path(os.environ["YOLO_CONFIG_DIR"]).parent == tmp_path
