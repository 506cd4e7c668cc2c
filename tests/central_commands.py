"""The commands of a centre below one folder, called as somebody would; for tests of what they say."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml
from click.testing import CliRunner, Result
from sqlalchemy import Engine

from central.cli import cli
from central.db import open_database

LOOK = ["--as", "ana.rojas", "--purpose", "stolen motorcycle", "--case", "2026-117"]
Run = Callable[..., Result]


def config_in(folder: Path, **sections: dict[str, Any]) -> Path:
    """A configuration that keeps everything in `state` below a folder; each section adds to what that takes."""
    content: dict[str, Any] = {
        "database_url": "sqlite:///state/central.sqlite",
        "pictures": {"path": "state/pictures"},
        "archive": {"path": "state/archive"},
        "access": {"key_file": "state/audit.key"},
    }
    content |= {name: {**content.get(name, {}), **fields} for name, fields in sections.items()}
    path = folder / "central.yaml"
    path.write_text(yaml.safe_dump(content), encoding="utf-8")
    return path


def database_of(config: Path) -> Engine:
    """Its database."""
    return open_database(f"sqlite:///{config.parent}/state/central.sqlite")


def runner(config: Path) -> Run:
    """Calls `python -m central WORDS --config ...`, in English unless told otherwise."""

    def invoke(*words: str, language: str = "en") -> Result:
        environment = {"LANG": language, "LC_ALL": "", "LC_MESSAGES": ""}
        return CliRunner(env=environment).invoke(
            cli, [*words, "--config", str(config)], catch_exceptions=False
        )

    return invoke
