"""Where weights and plate grammars lie: inside the installed wheel, or in a checkout beside `edge/`."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.errors import AssetError

_PACKAGE = Path(__file__).resolve().parent
_PACKED = _PACKAGE / "_data"
_CHECKOUT = {"plates": _PACKAGE.parent / "configs" / "plates", "models": _PACKAGE.parent / "models"}


def _folder(kind: str) -> Path:
    packed = _PACKED / kind
    return packed if packed.is_dir() else _CHECKOUT[kind]


def model_file(name: str) -> Path:
    """A weight file by its name under models/, such as `detector/plate.xml`.

    Raises:
        AssetError: there is none.
    """
    path = _folder("models") / name
    if not path.is_file():
        raise AssetError(f"weight file {name} is missing: looked for {path}")
    return path


class Manifest(BaseModel):
    """What is known about a model's weights: a JSON file beside them, written by the export."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="name of the weights, part of every read's model versions")
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        description="of each weight file, by file name"
    )

    def version(self, file: str) -> str:
        """name@first 12 hex digits of the SHA-256 of the weight file that is run."""
        return f"{self.name}@{self.sha256[file][:12]}"


_Kind = TypeVar("_Kind", bound=Manifest)


def load_manifest(name: str, kind: type[_Kind]) -> tuple[_Kind, Path]:
    """Read a manifest by its name under models/; returns it and its path, beside which the weights lie.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    path = model_file(name)
    try:
        return kind.model_validate_json(path.read_bytes()), path
    except ValidationError as error:
        raise AssetError(f"{path}: damaged: {error}") from error


def checked(manifest: Path, sha256: Mapping[str, str], *files: str) -> tuple[Path, ...]:
    """Find weight files beside their manifest and check that they are the ones that it names.

    Args:
        manifest: its path.
        sha256: what it says of each file.
        files: names of the files wanted.

    Raises:
        AssetError: a file is missing, unknown to the manifest, or its SHA-256 is another.
    """
    paths = []
    for name in files:
        path = manifest.parent / name
        if name not in sha256:
            raise AssetError(f"{manifest}: names no SHA-256 of {name}")
        if not path.is_file():
            raise AssetError(f"weight file {name} is missing: looked for {path}")
        found = hashlib.sha256(path.read_bytes()).hexdigest()
        if found != sha256[name]:
            raise AssetError(f"{path}: damaged: SHA-256 is {found[:12]}…, expected {sha256[name][:12]}…")
        paths.append(path)
    return tuple(paths)


def plate_files() -> tuple[Path, ...]:
    """The plate grammars, one YAML file a country, by name.

    Raises:
        AssetError: there is none.
    """
    folder = _folder("plates")
    files = tuple(sorted(folder.glob("*.yaml")))
    if not files:
        raise AssetError(f"no plate grammar (*.yaml) in {folder}")
    return files
