"""One box of one picture as the second look learns it, and the banks that many of them are kept in.

A bank is near.npy, far.npy and boxes.npz: where the box lies in the patches, and what it is.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from edge.detect.views import FAR_RISE, size_of, view
from edge.types import Bgr, Box

UNKNOWN: Final = -1
"""Of a vehicle: not known here, and not to be learnt from."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One box of one picture.

    Attributes:
        near, far: grey patches, (h, w) uint8.
        box: the labelled plate, or what is none, in px of the near patch, (4,) x y w h.
        scale: px of the far patch per px of the near one.
        shift: place of the near patch's left top corner in the far one, px.
        proposal: the detector's box for it in px of the near patch; the box itself where it has none.
        plate: whether it is one.
        exact: whether its sides were set by a person.
        vehicle: place in `VEHICLES` where rendering knows it, otherwise `UNKNOWN`.
        name: the picture's path, and which of its plates, as teach.py names them.
        set_name: source set.
    """

    near: NDArray[np.uint8]
    far: NDArray[np.uint8]
    box: NDArray[np.float32]
    scale: float
    shift: NDArray[np.float32]
    proposal: NDArray[np.float32]
    plate: bool
    exact: bool
    vehicle: int
    set_name: str
    name: str = ""


def patches(bgr: Bgr, box: Box, proposal: Box, rules: dict[str, Any]) -> dict[str, Any]:
    """Cut both patches around a box; returns the fields of a `Sample` that depend on them."""
    size, (x, y) = size_of(box), box.centre
    near_sizes, near_px = rules["near"]
    far_sizes, far_px = rules["far"]
    shape = (round(near_sizes * near_px), round(near_sizes * near_px * 0.65))
    near = view(bgr, (x, y), width=near_sizes * size, shape=shape)
    side = round(far_sizes * far_px)
    far = view(bgr, (x, y - FAR_RISE * size), width=far_sizes * size, shape=(side, side))
    scale = near_px / size
    left, top = x - shape[0] / scale / 2, y - shape[1] / scale / 2

    def inside(b: Box) -> NDArray[np.float32]:
        return np.array([(b.x - left) * scale, (b.y - top) * scale, b.width * scale, b.height * scale], "f4")

    far_left, far_top = x - far_sizes * size / 2, y - FAR_RISE * size - far_sizes * size / 2
    shift = np.array([left - far_left, top - far_top], np.float32) * np.float32(far_px / size)
    return {
        "near": near,
        "far": far,
        "box": inside(box),
        "scale": far_px / near_px,
        "shift": shift,
        "proposal": inside(proposal),
    }


def nothing(bgr: Bgr, box: Box, rules: dict[str, Any], *, set_name: str) -> Sample:
    """A box that is no plate."""
    fields = patches(bgr, box, box, rules)
    return Sample(**fields, plate=False, exact=False, vehicle=UNKNOWN, set_name=set_name)


def write_bank(samples: Sequence[Sample], folder: Path) -> None:
    """Write samples below a folder, as the module says."""
    folder.mkdir(parents=True, exist_ok=True)
    np.save(folder / "near.npy", np.stack([s.near for s in samples]))
    np.save(folder / "far.npy", np.stack([s.far for s in samples]))
    np.savez(
        folder / "boxes.npz",
        box=np.stack([s.box for s in samples]),
        proposal=np.stack([s.proposal for s in samples]),
        scale=np.array([s.scale for s in samples], np.float32),
        shift=np.stack([s.shift for s in samples]),
        plate=np.array([s.plate for s in samples]),
        exact=np.array([s.exact for s in samples]),
        vehicle=np.array([s.vehicle for s in samples], np.int8),
        set_name=np.array([s.set_name for s in samples]),
        name=np.array([s.name for s in samples]),
    )
