"""A picture of a plate as a track would show it: some frames, each degraded anew, read one by one."""

from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.evidence import quality
from edge.ports import PlateReader
from edge.types import Box, Detection, Observation
from models.reader.view import shaken

_START = datetime(2026, 1, 1, tzinfo=UTC)
_FRAME = (1920, 1080)
COUNTRIES = {"br_crop": {"BR": 1.0}, "cl": {"CL": 1.0}}
"""What a camera at the site of a set would be told; a set that is not named is of a country without a grammar."""


def observations(
    crop: NDArray[np.uint8], reader: PlateReader, *, frames: int, seed: int
) -> list[Observation]:
    """A track's frames of one plate, grey as the crop is."""
    found = []
    rng = np.random.default_rng([seed, 5])
    for number in range(frames):
        seen = cv2.cvtColor(shaken(crop, rng), cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
        box = Box(400, 300, seen.shape[1], seen.shape[0])
        worth = quality(seen, box, frame_width_px=_FRAME[0], frame_height_px=_FRAME[1])
        (reading,) = reader.read([seen])
        at = _START + timedelta(seconds=number / 8)
        found.append(Observation(at, Detection(box, 0.9), reading, worth))
    return found
