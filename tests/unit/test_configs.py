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


def leaves(content: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Every value by its key, such as `mqtt.port`."""
    found = {}
    for name, value in content.items():
        found |= leaves(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return found


def test_the_documented_values_of_the_centre_are_the_defaults() -> None:
    documented = central.settings.load(CONFIGS / "central.yaml")
    default = central.settings.CentralSettings.model_validate({}, context={"folder": CONFIGS})
    assert leaves(documented.model_dump()) == leaves(default.model_dump())


def test_the_documented_values_of_the_edge_are_the_defaults() -> None:
    content = load("edge.yaml")
    (camera,) = content["cameras"]
    must = {"edge_id": content["edge_id"], "site_id": content["site_id"]}
    must["cameras"] = [{"id": camera["id"], "url": camera["url"]}]
    documented = edge.settings.load(CONFIGS / "edge.yaml")
    default = edge.settings.EdgeSettings.model_validate(must, context={"folder": CONFIGS})
    (documented_camera,), (default_camera,) = documented.cameras, default.cameras
    examples = {
        "username": None,
        "password_file": None,
        "countries": {},
    }  # shown with a value: no one is typical
    assert documented_camera.model_copy(update=examples) == default_camera
    assert leaves(documented.model_dump(exclude={"cameras"})) == leaves(
        default.model_dump(exclude={"cameras"})
    )


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
