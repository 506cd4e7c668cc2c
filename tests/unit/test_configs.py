"""The documented configuration files say every key, and say its true default."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import BaseModel

import central.settings
import edge.settings
from edge.contract.config import Section

CONFIGS = Path(__file__).resolve().parents[2] / "configs"


def keys(model: type[BaseModel], prefix: str = "") -> set[str]:
    found = set()
    for name, field in model.model_fields.items():
        found.add(prefix + name)
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            found |= keys(kind, f"{prefix}{name}.")
    return found


def written(content: dict[str, Any], prefix: str = "") -> set[str]:
    found = set()
    for name, value in content.items():
        found.add(prefix + name)
        if isinstance(value, dict) and name != "countries":
            found |= written(value, f"{prefix}{name}.")
    return found


def load(name: str) -> dict[str, Any]:
    content = yaml.safe_load((CONFIGS / name).read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


@pytest.mark.parametrize(
    ("name", "model"),
    [("edge.yaml", edge.settings.EdgeSettings), ("central.yaml", central.settings.CentralSettings)],
)
def test_every_key_stands_in_the_documented_file(name: str, model: type[BaseModel]) -> None:
    assert keys(model) - {"cameras"} == written(load(name)) - {"cameras"}


def test_every_camera_key_stands_in_the_documented_file() -> None:
    (camera,) = load("edge.yaml")["cameras"]
    assert set(camera) == set(edge.settings.CameraSettings.model_fields)


def test_the_documented_values_are_the_defaults() -> None:
    documented = edge.settings.load(CONFIGS / "edge.yaml")
    for section in ("mqtt", "vote", "pictures", "health"):
        assert getattr(documented, section) == edge.settings.EdgeSettings.model_fields[section].default
    assert documented.spool.max_bytes == edge.settings.SpoolSettings().max_bytes
    (camera,) = documented.cameras
    bare = edge.settings.CameraSettings(id=camera.id, url=camera.url)
    assert camera.model_copy(update={"username": None, "password_file": None, "countries": {}}) == bare
    centre = central.settings.load(CONFIGS / "central.yaml")
    for section in ("mqtt", "ingest", "alert"):
        assert getattr(centre, section) == central.settings.CentralSettings.model_fields[section].default


@pytest.mark.parametrize("name", ["demo/edge.yaml", "demo/central.yaml"])
def test_the_demo_files_load(name: str) -> None:
    module = edge.settings if "edge" in name else central.settings
    assert module.load(CONFIGS / name).mqtt.port == 1884


def test_every_field_is_described() -> None:
    models = [m for m in vars(edge.settings).values() if isinstance(m, type) and issubclass(m, Section)]
    models += [m for m in vars(central.settings).values() if isinstance(m, type) and issubclass(m, Section)]
    leaves = [
        (model.__name__, name)
        for model in models
        for name, field in model.model_fields.items()
        if not field.description
        and not (isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel))
    ]
    assert leaves == []
