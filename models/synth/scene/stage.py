"""The background's canvas: flat pictures hung in space, painted from far to near."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np

from models.synth.arrays import Floats, Image
from models.synth.scene.camera import Camera

_NEAR_M = 0.6


@dataclass(slots=True)
class Stage:
    """A picture twice as fine as the frame, with the distance of every pixel.

    Attributes:
        camera: of the fine picture.
        bgr: (h, w, 3) uint8.
        inverse: (h, w) float32, 1/m along the optical axis; 0 = endlessly far.
        swaying: (h, w) uint8, 255 where leaves move.
    """

    camera: Camera
    bgr: Image = field(init=False)
    inverse: Floats = field(init=False)
    swaying: Image = field(init=False)

    def __post_init__(self) -> None:
        shape = (self.camera.height_px, self.camera.width_px)
        self.bgr = np.zeros((*shape, 3), np.uint8)
        self.inverse = np.zeros(shape, np.float32)
        self.swaying = np.zeros(shape, np.uint8)

    def hang(self, picture: Image, corners: Floats, *, brightness: float = 1.0, sways: bool = False) -> None:
        """Paints a flat picture.

        Args:
            picture: (h, w, 3) or (h, w, 4) uint8, BGR and alpha.
            corners: (4, 3) metres of its top left, top right, bottom right and bottom left.
            brightness: factor on its colours.
            sways: whether it moves in the wind.
        """
        pixels, depth = self.camera.project(corners)
        if depth.min() < _NEAR_M:
            return
        low, high = np.floor(pixels.min(axis=0)).astype(int), np.ceil(pixels.max(axis=0)).astype(int) + 1
        left, top = max(0, low[0]), max(0, low[1])
        right, bottom = min(self.camera.width_px, high[0]), min(self.camera.height_px, high[1])
        if right <= left or bottom <= top:
            return
        picture = _reduced(picture, pixels)
        rows, columns = picture.shape[:2]
        source = np.array([[0, 0], [columns, 0], [columns, rows], [0, rows]], np.float32) - 0.5
        target = (pixels - np.array([left, top])).astype(np.float32)
        size = (int(right - left), int(bottom - top))
        warp = cv2.getPerspectiveTransform(source, target)
        drawn = cv2.warpPerspective(
            picture, warp, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        mask = np.zeros((size[1], size[0]), np.uint8)
        cv2.fillConvexPoly(mask, np.round(target * 16).astype(np.int32), 255, cv2.LINE_8, 4)
        if drawn.shape[2] == 4:
            mask = np.minimum(mask, drawn[..., 3])
        self._blend(
            np.asarray(drawn[..., :3], np.float32) * brightness, mask, (int(left), int(top)), pixels, depth
        )
        if sways:
            region = self.swaying[top:bottom, left:right]
            np.maximum(region, mask, out=region)

    def _blend(
        self, drawn: Floats, mask: Image, corner: tuple[int, int], pixels: Floats, depth: Floats
    ) -> None:
        rows, columns = (
            slice(corner[1], corner[1] + mask.shape[0]),
            slice(corner[0], corner[0] + mask.shape[1]),
        )
        alpha = mask[..., None].astype(np.float32) / 255.0
        region = self.bgr[rows, columns]
        region[:] = np.clip(region * (1 - alpha) + drawn * alpha, 0, 255).astype(np.uint8)
        # The inverse depth of a plane is a linear function of the pixel.
        design = np.column_stack([pixels - np.array(corner), np.ones(4)])
        plane, *_ = np.linalg.lstsq(design, 1 / depth, rcond=None)
        y, x = np.mgrid[0 : mask.shape[0], 0 : mask.shape[1]].astype(np.float32)
        inverse = self.inverse[rows, columns]
        np.copyto(inverse, (plane[0] * x + plane[1] * y + plane[2]).astype(np.float32), where=mask > 128)

    def line(self, points: Floats, colour: tuple[int, int, int], width_m: float) -> None:
        """Draws a wire or a rail through points (n, 3) in metres, at least one fine pixel wide."""
        pixels, depth = self.camera.project(points)
        for index in range(len(points) - 1):
            if min(depth[index], depth[index + 1]) < _NEAR_M:
                continue
            width = max(1, round(width_m * self.camera.focal_px / float(depth[index])))
            ends = np.clip(np.round(pixels[index : index + 2] * 16), -(2**24), 2**24).astype(int).tolist()
            cv2.line(self.bgr, ends[0], ends[1], colour, min(width, 60), cv2.LINE_AA, 4)

    def ground(self) -> Image:
        """(h, w) uint8: 255 where the ground (within a hand's breadth) is what is seen."""
        rows, columns = self.inverse.shape
        y, x = np.mgrid[0:rows, 0:columns].astype(np.float32)
        axes = self.camera.axes()
        across = (x - columns / 2) / self.camera.focal_px
        down = (y - rows / 2) / self.camera.focal_px
        fall = across * axes[0, 2] + down * axes[1, 2] + axes[2, 2]
        depth = 1 / np.maximum(self.inverse, 1e-4)
        height = self.camera.position[2] + fall * depth
        return np.where((np.abs(height) < 0.17) & (self.inverse > 0), 255, 0).astype(np.uint8)

    def tint(self, colour: tuple[float, float, float]) -> None:
        """Multiplies blue, green and red: the colour of the hour."""
        if colour != (1.0, 1.0, 1.0):
            self.bgr[:] = np.clip(self.bgr * np.array(colour, np.float32), 0, 255).astype(np.uint8)

    def haze(self, colour: tuple[int, int, int], reach_m: float) -> None:
        """Veils what is far: after ``reach_m`` a thing has lost two thirds of its own colour."""
        distance = 1.0 / np.maximum(self.inverse, 1e-3)
        veil = (1 - np.exp(-distance / reach_m))[..., None] * (self.inverse > 0)[..., None]
        self.bgr[:] = np.clip(self.bgr * (1 - veil) + np.array(colour, np.float32) * veil, 0, 255).astype(
            np.uint8
        )


def _reduced(picture: Image, pixels: Floats) -> Image:
    """Averages a picture down to about the size at which it will be seen, so that it does not shimmer."""
    edges = np.linalg.norm(np.roll(pixels, -1, axis=0) - pixels, axis=1)
    wide, high = max(edges[0], edges[2]), max(edges[1], edges[3])
    columns = min(picture.shape[1], max(2, round(wide * 1.15)))
    rows = min(picture.shape[0], max(2, round(high * 1.15)))
    if columns == picture.shape[1] and rows == picture.shape[0]:
        return picture
    return np.asarray(cv2.resize(picture, (int(columns), int(rows)), interpolation=cv2.INTER_AREA), np.uint8)


def upright(x: float, y: tuple[float, float], z: tuple[float, float]) -> Floats:
    """Corners of a wall along the street at x, seen from the road: left edge first.

    A wall on the left of the road has its near end on the left.
    """
    near, far = y
    first, second = (near, far) if x < 0 else (far, near)
    return np.array([[x, first, z[1]], [x, second, z[1]], [x, second, z[0]], [x, first, z[0]]])


def facing(x: tuple[float, float], y: float, z: tuple[float, float]) -> Floats:
    """Corners of a wall across the street at y, facing the camera."""
    return np.array([[x[0], y, z[1]], [x[1], y, z[1]], [x[1], y, z[0]], [x[0], y, z[0]]])


def flat(x: tuple[float, float], y: tuple[float, float], z: float = 0.0) -> Floats:
    """Corners of a piece of ground, far edge first."""
    return np.array([[x[0], y[1], z], [x[1], y[1], z], [x[1], y[0], z], [x[0], y[0], z]])


def between(first: float, second: float) -> tuple[float, float]:
    """Two coordinates, the smaller one first."""
    return min(first, second), max(first, second)
