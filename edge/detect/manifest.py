"""What is known about a detector's weights: plate.json beside them, written by the export."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.assets import checked, model_file
from edge.errors import AssetError

MANIFEST = "detector/plate.json"


class Manifest(BaseModel):
    """The facts that both engines need, so that they agree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="name of the weights, part of every read's model versions")
    width: Annotated[int, Field(ge=32, le=4096)] = Field(description="of the input, px")
    height: Annotated[int, Field(ge=32, le=4096)] = Field(description="of the input, px")
    score: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="least score of a detection, chosen on pictures held out of the training"
    )
    overlap: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="intersection over union above which the worse of two boxes goes"
    )
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        description="of each weight file, by file name"
    )


def load_manifest() -> tuple[Manifest, Path]:
    """Read the manifest; returns it and the folder that it and the weights lie in.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    path = model_file(MANIFEST)
    try:
        return Manifest.model_validate_json(path.read_bytes()), path.parent
    except ValidationError as error:
        raise AssetError(f"{path}: damaged: {error}") from error


def checked_weights(manifest: Manifest, folder: Path, *files: str) -> tuple[Path, ...]:
    """Find weight files and check that they are the ones the manifest names.

    Raises:
        AssetError: a file is missing, unknown to the manifest, or its SHA-256 is another.
    """
    return checked(folder / Path(MANIFEST).name, manifest.sha256, *files)


def version(manifest: Manifest, file: str) -> str:
    """name@first 12 hex digits of the weights' SHA-256."""
    return f"{manifest.name}@{manifest.sha256[file][:12]}"
