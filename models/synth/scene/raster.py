"""Turns a mesh into pixels: patches are painted from far to near by number, then every pixel is shaded.

Normals and texture places are carried across each patch as linear functions of the pixel, so that a coarse
mesh looks smooth. The picture is made finer than the frame and averaged down.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from models.synth.arrays import Floats, Image, Ints
from models.synth.scene.camera import Camera
from models.synth.scene.light import GAMMA, Light, Surface, shade, to_display
from models.synth.scene.mesh import Mesh

_LINEAR = ((np.arange(256) / 255.0) ** GAMMA).astype(np.float32)
_PIECE = 16_384
_LIMIT_PX = 520_000
"""Pixels of the finer picture beyond which it is made less fine."""


@dataclass(frozen=True, slots=True, eq=False)
class Skin:
    """Colours of a vehicle.

    Attributes:
        albedo: (h, w, 3) uint8 BGR.
        finish: (h, w, 3) uint8: mirror, gloss and glow, each 0-255.
        px_per_m: resolution.
    """

    albedo: Image
    finish: Image
    px_per_m: float


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a vehicle stands.

    Attributes:
        x: metres.
        y: metres.
        heading_deg: 0 = away from the camera along the road, anticlockwise seen from above.
        lean_deg: lean to its right (motorcycles).
    """

    x: float
    y: float
    heading_deg: float
    lean_deg: float = 0.0

    def matrix(self) -> Floats:
        """(3, 3) float64: vehicle axes to world axes."""
        turn, lean = np.radians(self.heading_deg), np.radians(self.lean_deg)
        upright = np.array([[np.cos(turn), -np.sin(turn), 0], [np.sin(turn), np.cos(turn), 0], [0, 0, 1]])
        tilt = np.array([[np.cos(lean), 0, np.sin(lean)], [0, 1, 0], [-np.sin(lean), 0, np.cos(lean)]])
        return np.asarray(upright @ tilt)

    def to_world(self, points: Floats) -> Floats:
        """Points (..., 3) of the vehicle in world axes."""
        return np.asarray(points @ self.matrix().T + np.array([self.x, self.y, 0.0]))


@dataclass(frozen=True, slots=True)
class Layer:
    """A piece of picture to be laid on the frame.

    Attributes:
        bgr: (h, w, 3) float32, 0-255, already multiplied by alpha.
        alpha: (h, w) float32, 0-1.
        x: left edge in the frame, px.
        y: top edge in the frame, px.
    """

    bgr: Floats
    alpha: Floats
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class Region:
    """The part of the frame that is drawn, and how much finer."""

    x: int
    y: int
    width: int
    height: int
    fineness: float

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns of the finer picture."""
        return round(self.height * self.fineness), round(self.width * self.fineness)

    def inside(self, pixels: Floats) -> Floats:
        """Frame pixels in the finer picture's own pixels."""
        return np.asarray((pixels - np.array([self.x, self.y])) * self.fineness)


def region_of(pixels: Floats, camera: Camera, margin_px: int = 2) -> Region | None:
    """The part of the frame that holds some pixels (n, 2), or None when they are all outside."""
    low = np.floor(pixels.min(axis=0)) - margin_px
    high = np.ceil(pixels.max(axis=0)) + margin_px
    left, top = int(max(0, low[0])), int(max(0, low[1]))
    right, bottom = int(min(camera.width_px, high[0])), int(min(camera.height_px, high[1]))
    if right - left < 2 or bottom - top < 2:
        return None
    area = (right - left) * (bottom - top)
    fineness = 3.0 if area < 30_000 else 2.0
    if area * fineness**2 > _LIMIT_PX:
        fineness = max(1.0, float(np.sqrt(_LIMIT_PX / area)))
    return Region(left, top, right - left, bottom - top, fineness)


def render(
    mesh: Mesh, skin: Skin, pose: Pose, camera: Camera, light: Light, *, sunlit: float = 1.0
) -> Layer | None:
    """Draws a vehicle.

    Returns:
        Its picture, or None when it is out of view.
    """
    corners = pose.to_world(mesh.corners)
    pixels, depth = camera.project(corners)
    eye = np.array(camera.position)
    normals = mesh.normals @ pose.matrix().T
    middle = corners.mean(axis=1)
    facing = np.einsum("ij,ij->i", normals.mean(axis=1), eye - middle) > 0
    seen = facing & (depth.min(axis=1) > 0.8)
    if not seen.any():
        return None
    region = region_of(pixels[seen].reshape(-1, 2), camera)
    if region is None:
        return None
    order = np.flatnonzero(seen)
    order = order[np.argsort(-np.linalg.norm(middle[order] - eye, axis=1))]
    local = region.inside(pixels[order])
    numbers = _paint_numbers(local, region)
    rows, columns = np.nonzero(numbers >= 0)
    if rows.size == 0:
        return None
    attributes = np.concatenate(
        [normals[order], mesh.places[order], mesh.occlusion[order][..., None]], axis=-1
    )
    table = _planes(local, attributes)
    distance_m = float(np.linalg.norm(middle.mean(axis=0) - eye))
    scene = _Pass(table, attributes.shape[-1], skin, camera, light, region, distance_m, sunlit)
    index = numbers[rows, columns]
    colours = np.empty((rows.size, 3), np.float32)
    # Small pieces stay in the processor's cache.
    for start in range(0, rows.size, _PIECE):
        piece = slice(start, start + _PIECE)
        colours[piece] = _shade_pixels(scene, index[piece], rows[piece], columns[piece])
    return _average_down(colours, rows, columns, region)


@dataclass(frozen=True, slots=True)
class _Pass:
    """What is the same for every pixel of one vehicle; ``table`` is what ``_planes`` returns."""

    table: Floats
    count: int
    skin: Skin
    camera: Camera
    light: Light
    region: Region
    distance_m: float
    sunlit: float


def _paint_numbers(local: Floats, region: Region) -> Ints:
    """Paints each patch's number, far to near; -1 where nothing is."""
    numbers = np.full(region.shape, -1, np.int32)
    fixed = np.clip(np.round(local * 16), -(2**27), 2**27).astype(np.int32)
    for index in range(fixed.shape[0]):
        cv2.fillConvexPoly(numbers, fixed[index], index, cv2.LINE_8, 4)
    return numbers


def _planes(local: Floats, attributes: Floats) -> Floats:
    """Fits every attribute (n, 4, k) of every patch as a plane over the finer picture's pixels.

    Returns:
        (n, 3 k) float32: constants, slopes along columns, slopes along rows.
    """
    centre = local.mean(axis=1)
    offset = local - centre[:, None]
    mean = attributes.mean(axis=1)
    spread = attributes - mean[:, None]
    square = np.einsum("nci,ncj->nij", offset, offset)
    # A patch seen edge-on has no second direction: a small term keeps the plane flat there.
    square[:, 0, 0] += 0.5
    square[:, 1, 1] += 0.5
    slope = np.linalg.solve(square, np.einsum("nci,nck->nik", offset, spread))
    constant = mean - np.einsum("ni,nik->nk", centre, slope)
    return np.concatenate([constant, slope[:, 0], slope[:, 1]], axis=1).astype(np.float32)


def _shade_pixels(scene: _Pass, index: Ints, rows: Ints, columns: Ints) -> Floats:
    """Display values (n, 3) of some pixels, given the patch that each shows."""
    count = scene.count
    taken = scene.table[index]
    across, down = columns.astype(np.float32), rows.astype(np.float32)
    values = (
        taken[:, :count]
        + taken[:, count : 2 * count] * across[:, None]
        + taken[:, 2 * count :] * down[:, None]
    )
    normal = values[:, :3]
    square = normal[:, 0] ** 2 + normal[:, 1] ** 2 + normal[:, 2] ** 2
    normal = normal / np.sqrt(np.maximum(square, 1e-9))[:, None]
    albedo, finish = sample(scene.skin, values[:, 3:5], scene.camera.focal_px / scene.distance_m)
    frame_pixels = np.stack([across, down], axis=1) / np.float32(scene.region.fineness)
    frame_pixels += np.array([scene.region.x, scene.region.y], np.float32)
    surface = Surface(
        _LINEAR[albedo],
        finish[:, 0].astype(np.float32) / 255.0,
        finish[:, 1].astype(np.float32) / 255.0,
        finish[:, 2].astype(np.float32) / 64.0,
        normal,
        -scene.camera.rays(frame_pixels),
        np.clip(values[:, 5], 0, 1),
        scene.distance_m,
    )
    return to_display(shade(surface, scene.light, sunlit=scene.sunlit))


@lru_cache(maxsize=512)
def _reduced(skin: Skin, shrink: int) -> tuple[Image, Image]:
    """A skin's colours and finish, averaged down."""
    if shrink == 1:
        return skin.albedo, skin.finish
    size = (max(1, skin.albedo.shape[1] // shrink), max(1, skin.albedo.shape[0] // shrink))
    return (
        np.asarray(cv2.resize(skin.albedo, size, interpolation=cv2.INTER_AREA), np.uint8),
        np.asarray(cv2.resize(skin.finish, size, interpolation=cv2.INTER_AREA), np.uint8),
    )


def sample(skin: Skin, places: Floats, px_per_m: float) -> tuple[Image, Image]:
    """Reads colours (n, 3) and finish (n, 3) at places (n, 2) px of a skin, smoothed for far vehicles."""
    shrink = min(16, max(1, int(skin.px_per_m / max(px_per_m, 1.0))))
    albedo, finish = _reduced(skin, shrink)
    scale = np.array(
        [albedo.shape[1] / skin.albedo.shape[1], albedo.shape[0] / skin.albedo.shape[0]], np.float32
    )
    # remap takes pictures of fewer than 2^15 columns: the list is folded.
    count = places.shape[0]
    columns = 4096
    folded = np.zeros((2, -(-count // columns) * columns), np.float32)
    folded[:, :count] = (places * scale - np.float32(0.5)).T
    across, down = folded[0].reshape(-1, columns), folded[1].reshape(-1, columns)
    colours, finishes = (
        np.asarray(
            cv2.remap(sheet, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
        )
        for sheet in (albedo, finish)
    )
    return colours.reshape(-1, 3)[:count], finishes.reshape(-1, 3)[:count]


def _average_down(colours: Floats, rows: Ints, columns: Ints, region: Region) -> Layer:
    fine = np.zeros((*region.shape, 4), np.float32)
    fine[rows, columns, :3] = colours
    fine[rows, columns, 3] = 1.0
    small = cv2.resize(fine, (region.width, region.height), interpolation=cv2.INTER_AREA)
    return Layer(
        np.ascontiguousarray(small[..., :3]), np.ascontiguousarray(small[..., 3]), region.x, region.y
    )
