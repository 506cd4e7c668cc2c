"""What is known about a detector's weights: plate.json beside them, written by the export."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge import assets

MANIFEST = "detector/plate.json"


class Manifest(assets.Manifest):
    """The facts that both engines need, so that they agree."""

    width: Annotated[int, Field(ge=32, le=4096)] = Field(description="of the input, px")
    height: Annotated[int, Field(ge=32, le=4096)] = Field(description="of the input, px")
    score: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="least score of a detection, chosen on pictures held out of the training"
    )
    overlap: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="intersection over union above which the worse of two boxes goes"
    )


def load_manifest() -> tuple[Manifest, Path]:
    """Read the manifest; returns it and its path, beside which the weights lie.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    return assets.load_manifest(MANIFEST, Manifest)
