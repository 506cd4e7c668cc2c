"""Meshes of four-cornered patches with normals, texture places and occlusion, and the shapes made of them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from models.synth.arrays import Floats


@dataclass(frozen=True, slots=True)
class Mesh:
    """Patches of a vehicle in its own axes.

    Attributes:
        corners: (n, 4, 3) float32, metres.
        normals: (n, 4, 3) float32, unit length, outwards.
        places: (n, 4, 2) float32, px in the vehicle's skin.
        occlusion: (n, 4) float32, share of the sky that reaches the corner.
    """

    corners: Floats
    normals: Floats
    places: Floats
    occlusion: Floats

    def moved(self, x: float = 0.0, y: float = 0.0, z: float = 0.0) -> Mesh:
        """The same shape elsewhere."""
        return Mesh(self.corners + np.array([x, y, z], np.float32), self.normals, self.places, self.occlusion)

    def turned(self, axis: int, angle_deg: float) -> Mesh:
        """The same shape turned about an axis through the origin (0 = x, 1 = y, 2 = z)."""
        turn = rotation(axis, angle_deg).T.astype(np.float32)
        return Mesh(self.corners @ turn, self.normals @ turn, self.places, self.occlusion)


def rotation(axis: int, angle_deg: float) -> Floats:
    """(3, 3) float64 matrix of a right-handed turn about an axis."""
    angle = np.radians(angle_deg)
    first, second = [(1, 2), (2, 0), (0, 1)][axis]
    matrix = np.eye(3)
    matrix[first, first] = matrix[second, second] = np.cos(angle)
    matrix[first, second], matrix[second, first] = -np.sin(angle), np.sin(angle)
    return matrix


def join(meshes: Sequence[Mesh]) -> Mesh:
    """All patches of several meshes."""
    return Mesh(
        np.concatenate([mesh.corners for mesh in meshes]),
        np.concatenate([mesh.normals for mesh in meshes]),
        np.concatenate([mesh.places for mesh in meshes]),
        np.concatenate([mesh.occlusion for mesh in meshes]),
    )


def grid(points: Floats, place: tuple[float, float], *, outward: Floats | None = None) -> Mesh:
    """A curved sheet of patches.

    Args:
        points: (rows, columns, 3) metres.
        place: where in the skin every patch takes its colour, until ``places`` are put in.
        outward: a point (3,) inside the body; normals are turned away from it. By default the middle.
    """
    along = np.gradient(points, axis=0)
    across = np.gradient(points, axis=1)
    normals = np.cross(along, across)
    length = np.linalg.norm(normals, axis=-1, keepdims=True)
    inside = points.reshape(-1, 3).mean(axis=0) if outward is None else outward
    away = points - inside
    fallback = away / np.maximum(np.linalg.norm(away, axis=-1, keepdims=True), 1e-6)
    normals = np.where(length > 1e-9, normals / np.maximum(length, 1e-9), fallback)
    # One sign for the whole sheet: a concave place must not flip.
    if float((normals * away).sum()) < 0:
        normals = np.where(length > 1e-9, -normals, normals)
    corners = _patches(points)
    count = corners.shape[0]
    return Mesh(
        corners.astype(np.float32),
        _patches(normals).astype(np.float32),
        np.broadcast_to(np.array(place, np.float32), (count, 4, 2)).copy(),
        np.ones((count, 4), np.float32),
    )


def _patches(values: Floats) -> Floats:
    stacked = np.stack([values[:-1, :-1], values[:-1, 1:], values[1:, 1:], values[1:, :-1]], axis=2)
    return stacked.reshape(-1, 4, values.shape[-1])


def ellipsoid(
    centre: tuple[float, float, float],
    radii: tuple[float, float, float],
    place: tuple[float, float],
    *,
    rows: int = 9,
    columns: int = 14,
) -> Mesh:
    """An ellipsoid."""
    latitude = np.linspace(-np.pi / 2, np.pi / 2, rows)[:, None]
    longitude = np.linspace(0, 2 * np.pi, columns + 1)[None, :]
    unit = np.stack(
        [
            np.cos(latitude) * np.cos(longitude),
            np.cos(latitude) * np.sin(longitude),
            np.broadcast_to(np.sin(latitude), (rows, columns + 1)),
        ],
        axis=-1,
    )
    return grid(unit * np.array(radii) + np.array(centre), place, outward=np.array(centre))


def tube(
    path: Sequence[tuple[float, float, float]],
    radii: Sequence[float],
    place: tuple[float, float],
    *,
    sides: int = 9,
) -> Mesh:
    """A bent tube with a radius at every point of its path: limbs, forks, pipes. Its ends are open."""
    line, thickness = _softened(np.array(path, np.float64), np.array(radii, np.float64))
    tangent = np.gradient(line, axis=0)
    tangent /= np.linalg.norm(tangent, axis=1, keepdims=True)
    helper = np.where(np.abs(tangent[:, 2:3]) > 0.9, np.array([[1.0, 0, 0]]), np.array([[0, 0, 1.0]]))
    first = np.cross(tangent, helper)
    first /= np.linalg.norm(first, axis=1, keepdims=True)
    second = np.cross(tangent, first)
    angles = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.cos(angles)[None, :, None] * first[:, None] + np.sin(angles)[None, :, None] * second[:, None]
    points = line[:, None] + ring * thickness[:, None, None]
    mesh = grid(points, place)
    return Mesh(mesh.corners, _patches(ring).astype(np.float32), mesh.places, mesh.occlusion)


def _softened(line: Floats, radii: Floats) -> tuple[Floats, Floats]:
    """Rounds the bends of a path of three points or more (Catmull-Rom)."""
    if len(line) < 3:
        return line, radii
    both = np.column_stack([line, radii])
    padded = np.concatenate([2 * both[:1] - both[1:2], both, 2 * both[-1:] - both[-2:-1]])
    steps = np.linspace(0, 1, 4, endpoint=False)[:, None]
    pieces = []
    for index in range(len(both) - 1):
        before, start, end, after = padded[index : index + 4]
        cubic = 2 * start + (end - before) * steps
        cubic = cubic + (2 * before - 5 * start + 4 * end - after) * steps**2
        cubic = cubic + (3 * start - before - 3 * end + after) * steps**3
        pieces.append(0.5 * cubic)
    smooth = np.concatenate([*pieces, both[-1:]])
    return smooth[:, :3], np.maximum(smooth[:, 3], 0.004)


def box(
    low: tuple[float, float, float], high: tuple[float, float, float], place: tuple[float, float]
) -> Mesh:
    """A box with sharp edges, every face cut in four."""
    faces: list[Mesh] = []
    centre = (np.array(low) + np.array(high)) / 2
    for axis in range(3):
        first, second = [other for other in range(3) if other != axis]
        for side in (low[axis], high[axis]):
            points = np.zeros((3, 3, 3))
            points[..., axis] = side
            points[..., first] = np.linspace(low[first], high[first], 3)[:, None]
            points[..., second] = np.linspace(low[second], high[second], 3)[None, :]
            faces.append(grid(points, place, outward=centre))
    return join(faces)


def wheel(
    centre: tuple[float, float, float],
    radius: float,
    width: float,
    places: tuple[tuple[float, float], tuple[float, float]],
    rim_px: float,
) -> Mesh:
    """A wheel with its axle along x.

    Args:
        centre: of the wheel.
        radius: of the tyre.
        width: of the tyre.
        places: place of the tyre's colour, and of the middle of the drawing of the wheel's face.
        rim_px: radius of that drawing.
    """
    angles = np.linspace(0, 2 * np.pi, 23)
    circle = np.stack([np.zeros_like(angles), np.cos(angles), np.sin(angles)], axis=-1)
    profile = np.array([(-0.5, 0.9), (-0.42, 0.98), (-0.2, 1.0), (0.2, 1.0), (0.42, 0.98), (0.5, 0.9)])
    tread = np.stack([circle * radius * r + np.array([width * x, 0, 0]) for x, r in profile])
    parts = [grid(tread + np.array(centre), places[0], outward=np.array(centre))]
    for side in (-1.0, 1.0):
        face = np.stack(
            [circle * radius * r + np.array([side * width * 0.5, 0, 0]) for r in (0.93, 0.6, 0.3, 0.001)]
        )
        disc = grid(face + np.array(centre), places[0])
        flat = np.zeros_like(disc.normals)
        flat[..., 0] = side
        local = disc.corners - np.array(centre, np.float32)
        drawing = np.array(places[1], np.float32) + local[..., 1:] / radius * rim_px
        parts.append(Mesh(disc.corners, flat, drawing.astype(np.float32), disc.occlusion))
    return join(parts)
