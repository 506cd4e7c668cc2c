"""What is known about the reader's weights: reader.json beside them, written by the export."""

from functools import cached_property
from pathlib import Path
from typing import Annotated

from pydantic import Field

from edge import assets
from edge.contract.plate import OPEN
from edge.contract.seen import Look

MANIFEST = "reader/reader.json"


class Manifest(assets.Manifest):
    """The facts that both engines need, so that they agree."""

    alphabet: str = Field(description="characters of the columns after the blank")
    kinds: dict[str, Annotated[float, Field(gt=0, le=1)]] = Field(
        description="country and class of the second head's columns (ZZ: none of them), in their order, each with its"
        " share of the pictures that taught them"
    )
    temperature: Annotated[float, Field(gt=0)] = Field(
        description="divides the logits before they become likelihoods; fitted on pictures held out of the training"
    )

    @cached_property
    def looks(self) -> tuple[Look | None, ...]:
        """Country and class of each kind; None for the look of none of them."""
        named = (tuple(kind.split(" ", 1)) for kind in self.kinds)
        return tuple(None if country == OPEN else (country, name) for country, name in named)


def load_manifest() -> tuple[Manifest, Path]:
    """Read the manifest; returns it and its path, beside which the weights lie.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    return assets.load_manifest(MANIFEST, Manifest)
