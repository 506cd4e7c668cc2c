"""The second look at what the detector proposes: is it a plate, where exactly does it lie, and what bears it.

The detector sees a whole frame made small; it proposes generously. A second, much smaller net then sees each
proposal by itself (views.py). Its word and the detector's score together make the score of a detection; it moves
the box's sides to where the plate ends, and names the vehicle.
"""

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Final

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from edge import assets
from edge.contract.read import Scored
from edge.detect.decode import suppress
from edge.detect.letterbox import Fit
from edge.detect.views import Grey, far_view, near_view, size_of
from edge.types import Bgr, Box, Detection

MANIFEST: Final = "second_look/look.json"
VEHICLES: Final = ("car", "motorcycle", "bus", "truck")
"""What the net tells apart, in the order of its last outputs."""
MOST: Final = 16
"""Proposals of one frame that are looked at; they are sorted, and a street scene has one or two."""
_FARTHEST: Final = 0.8
"""How far a box may be moved, in its sizes, and by how much (as a logarithm) its sides may grow or shrink."""

Net = Callable[[Grey, Grey], NDArray[np.float32]]
"""From the near and the far view of one box to the net's nine outputs (models/second_look/net.py)."""


class Manifest(assets.Manifest):
    """What is known about the second look's weights: look.json beside them, written by the export."""

    proposal: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="least score by the detector of a box that is looked at"
    )
    bias: float = Field(description="of the score's logit")
    detector_weight: float = Field(description="of the logit of the detector's score in the score's logit")
    look_weight: float = Field(description="of the second look's logit in the score's logit")
    score: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="least score of a detection, chosen on pictures held out of both trainings"
    )
    overlap: Annotated[float, Field(gt=0, lt=1)] = Field(
        description="intersection over union above which the worse of two moved boxes goes"
    )
    still: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="how much of each move and growth is taken for uncertainty and not made"
    )
    temperature: Annotated[float, Field(gt=0)] = Field(description="of the vehicles' likelihoods")
    vehicle: Annotated[float, Field(ge=0, lt=1)] = Field(
        description="least likelihood of the best vehicle; below it none is named"
    )


def load_manifest() -> tuple[Manifest, Path]:
    """Read the manifest; returns it and its path.

    Raises:
        AssetError: it is missing, not JSON, or a value is out of bounds.
    """
    return assets.load_manifest(MANIFEST, Manifest)


def version_with(first: str, manifest: Manifest, file: str) -> str:
    """The version of both nets together: the first one's name, and 12 hex digits of a SHA-256 over both.

    Args:
        first: the detector's own, name@digits.
        manifest: the second look's.
        file: which of its weight files is run.
    """
    name, _, digits = first.partition("@")
    both = hashlib.sha256(f"{digits} {manifest.sha256[file]}".encode()).hexdigest()
    return f"{name}-{manifest.name}@{both[:12]}"


@dataclass(frozen=True, slots=True)
class SecondLook:
    """Looks at proposals with a net, whatever runs it.

    Attributes:
        least_score: of a detection, 0..1.
    """

    net: Net
    manifest: Manifest
    least_score: float

    def look(self, bgr: Bgr, proposals: Sequence[Detection], *, picture: Bgr, fit: Fit) -> list[Detection]:
        """Judge the first `MOST` proposals.

        Args:
            bgr: (h, w, 3) uint8, BGR: the frame.
            proposals: boxes in px of the frame, best first.
            picture: the detector's input.
            fit: where the frame lies in it.

        Returns:
            Detections with the score of both nets, the moved box and the vehicle, best first.
        """
        found = []
        for proposal in proposals[:MOST]:
            near = near_view(bgr, proposal.box)
            far = far_view(picture, fit.to_input(proposal.box))
            found.append(judged(proposal, self.net(near, far), manifest=self.manifest, frame=bgr.shape[:2]))
        kept = [d for d in found if d is not None and d.score >= self.least_score]
        return without_doubles(kept, most_overlap=self.manifest.overlap)


def judged(
    proposal: Detection, answers: NDArray[np.float32], *, manifest: Manifest, frame: tuple[int, int]
) -> Detection | None:
    """Put together what both nets say of a box.

    Args:
        proposal: the detector's.
        answers: (9,) float32, the second net's outputs.
        manifest: how they are weighed.
        frame: height and width of the frame, px.

    Returns:
        The detection; None where the moved box lies outside the frame.
    """
    box = moved(proposal.box, answers[1:5], still=manifest.still, frame=frame)
    if box is None:
        return None
    certain = min(max(proposal.score, 1e-6), 1 - 1e-6)
    logit = (
        manifest.bias
        + manifest.detector_weight * math.log(certain / (1 - certain))
        + manifest.look_weight * float(answers[0])
    )
    score = 1 / (1 + math.exp(-min(max(logit, -30.0), 30.0)))
    return Detection(box, score, vehicles(answers[5:], manifest=manifest))


def moved(box: Box, change: NDArray[np.float32], *, still: float = 0.0, frame: tuple[int, int]) -> Box | None:
    """Move a box's sides as the net says.

    Args:
        box: the proposal.
        change: (4,) float32: shift of the middle in sizes of the box, x and y; logarithms of the growth of width
            and height.
        still: by how much each change is lessened, down to none.
        frame: height and width of the frame, px, that the box is clipped to.

    Returns:
        The box; None where nothing of it is left.
    """
    lessened = np.sign(change) * np.maximum(np.abs(change) - still, 0.0)
    right, down, wider, higher = (float(value) for value in np.clip(lessened, -_FARTHEST, _FARTHEST))
    size, (x, y) = size_of(box), box.centre
    x, y = x + right * size, y + down * size
    width, height = box.width * math.exp(wider), box.height * math.exp(higher)
    x1, x2 = max(x - width / 2, 0.0), min(x + width / 2, float(frame[1]))
    y1, y2 = max(y - height / 2, 0.0), min(y + height / 2, float(frame[0]))
    return Box(x1, y1, x2 - x1, y2 - y1) if x2 > x1 and y2 > y1 else None


def vehicles(logits: NDArray[np.float32], *, manifest: Manifest) -> tuple[Scored, ...]:
    """What bears the plate, best first; empty where the best is not likely enough.

    Args:
        logits: (4,) float32, of `VEHICLES`.
        manifest: their temperature and the least likelihood.
    """
    cooled = logits.astype(np.float64) / manifest.temperature
    likelihoods = np.exp(cooled - cooled.max())
    likelihoods /= likelihoods.sum()
    if likelihoods.max() < manifest.vehicle:
        return ()
    order = np.argsort(-likelihoods, kind="stable")
    return tuple(Scored(value=VEHICLES[i], likelihood=float(likelihoods[i])) for i in order)


def without_doubles(found: Sequence[Detection], *, most_overlap: float) -> list[Detection]:
    """Drop the worse of two detections that moved onto one plate; best first."""
    best_first = sorted(found, key=lambda d: -d.score)
    corners = np.array(
        [(d.box.x, d.box.y, d.box.x + d.box.width, d.box.y + d.box.height) for d in best_first], np.float32
    ).reshape(-1, 4)
    return [best_first[i] for i in suppress(corners, most_overlap=most_overlap)]
