"""What is known about the reader's weights: reader.json beside them, written by the export."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from edge.assets import model_file
from edge.errors import AssetError

MANIFEST = "reader/reader.json"


class Manifest(BaseModel):
    """The facts that both engines need, so that they agree."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: str = Field(description="name of the weights, part of every read's model versions")
    height: Annotated[int, Field(ge=8, le=512)] = Field(description="of the input, px")
    width: Annotated[int, Field(ge=8, le=1024)] = Field(description="of the input, px")
    alphabet: str = Field(description="characters of the columns after the blank")
    steps: Annotated[int, Field(ge=3)] = Field(
        description="time steps: the upper line's, one between, the lower line's"
    )
    kinds: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        description="country and class of the second head's columns (ZZ: none of them), in their order, each with its"
        " share of the pictures that taught them"
    )
    temperature: Annotated[float, Field(gt=0)] = Field(
        description="divides the logits before they become likelihoods; fitted on pictures held out of the training"
    )
    sha256: dict[str, Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]] = Field(
        description="of each weight file, by file name"
    )


def load_manifest() -> tuple[Manifest, Path]:
    """Read the manifest; returns it and its path, beside which the weights lie.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    path = model_file(MANIFEST)
    try:
        return Manifest.model_validate_json(path.read_bytes()), path
    except ValidationError as error:
        raise AssetError(f"{path}: damaged: {error}") from error
