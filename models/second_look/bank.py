"""Batches from the banks that prepare.py wrote: boxes shaken, pictures worsened, each as the edge would cut it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import cv2
import numpy as np
from numpy.typing import NDArray

from edge.detect.second_look import VEHICLES
from edge.detect.views import far_view, near_view, size_of
from edge.types import Box
from models.second_look.samples import UNKNOWN

LIMIT: Final = 0.8
"""Largest shift and growth that is taught, as the edge allows it."""

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Batch:
    """Boxes to learn from.

    Attributes:
        near: (n, 1, 60, 96) uint8.
        far: (n, 1, 64, 64) uint8.
        plate: (n,) float32, 1 or 0.
        change: (n, 4) float32, from the box shown to the plate, as the net answers it.
        exact: (n,) bool, whether the change is known.
        vehicle: (n,) int64, place in `VEHICLES` or `UNKNOWN`.
    """

    near: NDArray[np.uint8]
    far: NDArray[np.uint8]
    plate: NDArray[np.float32]
    change: NDArray[np.float32]
    exact: NDArray[np.bool_]
    vehicle: NDArray[np.int64]


class Bank:
    """All banks below a folder as one."""

    def __init__(self, work: Path, vehicles: Mapping[str, str | None]) -> None:
        """Open the banks below WORK/bank.

        Args:
            work: the work folder.
            vehicles: of real pictures, what the teacher says of a plate by its name: one of `VEHICLES`, or
                None where it is in doubt.

        Raises:
            FileNotFoundError: there is no bank.
        """
        folders = sorted(path.parent for path in (work / "bank").glob("*/boxes.npz"))
        if not folders:
            raise FileNotFoundError(f"{work / 'bank'}: no bank; run models.second_look.prepare first")
        self._near = [np.load(folder / "near.npy", mmap_mode="r") for folder in folders]
        self._far = [np.load(folder / "far.npy", mmap_mode="r") for folder in folders]
        loaded = [dict(np.load(folder / "boxes.npz")) for folder in folders]
        self.boxes = {key: np.concatenate([part[key] for part in loaded]) for key in loaded[0]}
        self._place = [(i, j) for i, part in enumerate(loaded) for j in range(len(part["plate"]))]
        taught = {name: VEHICLES.index(kind) for name, kind in vehicles.items() if kind}
        known: NDArray[np.int8] = self.boxes["vehicle"]
        self.vehicle = np.array(
            [
                kind if kind >= 0 else taught.get(str(name), UNKNOWN)
                for kind, name in zip(known, self.boxes["name"], strict=True)
            ],
            np.int64,
        )

    def __len__(self) -> int:
        return len(self._place)

    def one(self, index: int, rng: Rng) -> tuple[Any, ...]:
        """A sample as a row of a `Batch`."""
        bank, row = self._place[index]
        plate = bool(self.boxes["plate"][index])
        truth = Box(*(float(v) for v in self.boxes["box"][index]))
        proposal = Box(*(float(v) for v in self.boxes["proposal"][index]))
        shown = shaken(truth, proposal, rng) if plate else _nudged(proposal, 0.05, rng)
        scale = float(self.boxes["scale"][index])
        left, top = (float(v) for v in self.boxes["shift"][index])
        wide = Box(shown.x * scale + left, shown.y * scale + top, shown.width * scale, shown.height * scale)
        near, far = near_view(self._near[bank][row], shown), far_view(self._far[bank][row], wide)
        change = change_between(shown, truth)
        if rng.random() < 0.3:
            near, far = near[:, ::-1], far[:, ::-1]
            change[0] = -change[0]
        near, far = worsened(near, far, rng)
        exact = plate and bool(self.boxes["exact"][index])
        return near[None], far[None], np.float32(plate), change, exact, self.vehicle[index]

    def batch(self, indices: NDArray[np.int64], rng: Rng) -> Batch:
        """Samples together."""
        rows = [self.one(int(index), rng) for index in indices]
        near, far, plate, change, exact, vehicle = zip(*rows, strict=True)
        return Batch(
            np.stack(near),
            np.stack(far),
            np.array(plate, np.float32),
            np.stack(change),
            np.array(exact),
            np.array(vehicle, np.int64),
        )


def vehicles_of(work: Path, split: str) -> dict[str, str | None]:
    """What teach.py wrote of a split's plates, by name."""
    found: dict[str, str | None] = json.loads((work / f"vehicles-{split}.json").read_text(encoding="utf-8"))
    return found


def taught_in(work: Path) -> dict[str, str | None]:
    """What bears the plates of training and fold, by name: by the teacher, and as rendering knows it.

    Raises:
        FileNotFoundError: neither is known.
    """
    found: dict[str, str | None] = {}
    files = [work / f"vehicles-{part}.json" for part in ("train", "rendered")]
    for file in (file for file in files if file.is_file()):
        found |= json.loads(file.read_text(encoding="utf-8"))
    if not found:
        raise FileNotFoundError(f"{files[0]}: run models.second_look.teach, or prepare fold, first")
    return found


def change_between(shown: Box, truth: Box) -> NDArray[np.float32]:
    """What moves a shown box to the plate: (4,) float32, as the net answers it."""
    size, (x, y), (to_x, to_y) = size_of(shown), shown.centre, truth.centre
    change = (
        (to_x - x) / size,
        (to_y - y) / size,
        np.log(truth.width / shown.width),
        np.log(truth.height / shown.height),
    )
    return np.clip(np.array(change, np.float32), -LIMIT, LIMIT)


def shaken(truth: Box, proposal: Box, rng: Rng) -> Box:
    """A box that a detector might have proposed for a plate: near, loose, or the one that it did propose."""
    chance = rng.random()
    if chance < 0.35:
        return _nudged(proposal, 0.04, rng)
    if chance < 0.7:
        return _nudged(truth, 0.08, rng)
    wide, high = float(np.exp(rng.uniform(-0.3, 0.55))), float(np.exp(rng.uniform(-0.3, 0.75)))
    across, down = rng.uniform(-0.2, 0.2, 2)
    return _placed(truth, truth.width * wide, truth.height * high, (float(across), float(down)))


def _nudged(box: Box, sigma: float, rng: Rng) -> Box:
    wide, high = np.exp(rng.normal(0, sigma, 2))
    across, down = rng.normal(0, sigma, 2)
    return _placed(box, box.width * float(wide), box.height * float(high), (float(across), float(down)))


def _placed(box: Box, width: float, height: float, shift: tuple[float, float]) -> Box:
    x, y = box.centre
    x, y = x + shift[0] * box.width, y + shift[1] * box.height
    return Box(x - width / 2, y - height / 2, width, height)


def worsened(
    near: NDArray[np.uint8], far: NDArray[np.uint8], rng: Rng
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Fewer pixels, blur, noise, other light and a frame's edge: alike in both views where a camera would."""
    close: NDArray[Any] = near.astype(np.float32)
    around: NDArray[Any] = far.astype(np.float32)
    if rng.random() < 0.35:
        close = _coarse(close, float(np.exp(rng.uniform(np.log(1.3), np.log(5.0)))))
    if rng.random() < 0.25:
        around = _coarse(around, float(rng.uniform(1.2, 2.5)))
    if rng.random() < 0.2:
        close = np.asarray(cv2.GaussianBlur(close, (0, 0), float(rng.uniform(0.4, 1.6))))
    if rng.random() < 0.15:
        reach = int(rng.integers(3, 10))
        close = np.asarray(cv2.blur(close, (reach, 1) if rng.random() < 0.7 else (1, reach)))
    light = float(np.exp(rng.normal(0, 0.3))), float(rng.normal(0, 18)), float(np.exp(rng.normal(0, 0.25)))
    noise = float(rng.uniform(0, 10)) if rng.random() < 0.35 else 0.0
    shades = []
    for picture in (close, around):
        lit = 255 * np.clip((picture * light[0] + light[1]) / 255, 0, 1) ** light[2]
        if noise:
            lit += rng.standard_normal(picture.shape, np.float32) * noise
        shades.append(np.clip(lit, 0, 255).astype(np.uint8))
    near, far = shades
    if rng.random() < 0.12:
        _edge(far, rng)
    return near, far


def _coarse(picture: NDArray[Any], factor: float) -> NDArray[Any]:
    high, wide = picture.shape
    small = cv2.resize(
        picture, (max(4, round(wide / factor)), max(4, round(high / factor))), interpolation=cv2.INTER_AREA
    )
    return np.asarray(cv2.resize(small, (wide, high), interpolation=cv2.INTER_LINEAR))


def _edge(far: NDArray[np.uint8], rng: Rng) -> None:
    """Let the frame end beside the plate."""
    side, rows, columns = int(rng.integers(4)), far.shape[0], far.shape[1]
    if side == 0:
        far[: int(rng.integers(1, rows // 2))] = 114
    elif side == 1:
        far[rows - int(rng.integers(1, rows // 4)) :] = 114
    elif side == 2:
        far[:, : int(rng.integers(1, columns // 3))] = 114
    else:
        far[:, columns - int(rng.integers(1, columns // 3)) :] = 114
