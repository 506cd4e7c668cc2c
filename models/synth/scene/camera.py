"""A pinhole camera on a pole."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from models.synth.arrays import Floats


@dataclass(frozen=True, slots=True)
class Camera:
    """A camera without distortion.

    Attributes:
        position: x, y, z in metres.
        yaw_deg: turn to the right from the road's direction.
        pitch_deg: turn downwards from the horizon.
        focal_px: focal length in pixels.
        width_px: width of the picture.
        height_px: height of the picture.
    """

    position: tuple[float, float, float]
    yaw_deg: float = 0.0
    pitch_deg: float = 10.0
    focal_px: float = 3000.0
    width_px: int = 1920
    height_px: int = 1080

    def axes(self) -> Floats:
        """(3, 3) float64: rows are the world directions of right, down and forward in the picture."""
        yaw, pitch = np.radians(self.yaw_deg), np.radians(self.pitch_deg)
        forward = np.array([np.sin(yaw) * np.cos(pitch), np.cos(yaw) * np.cos(pitch), -np.sin(pitch)])
        right = np.array([np.cos(yaw), -np.sin(yaw), 0.0])
        return np.stack([right, np.cross(forward, right), forward])

    def project(self, points: Floats) -> tuple[Floats, Floats]:
        """Projects world points.

        Args:
            points: (..., 3) metres.

        Returns:
            (..., 2) px and (...) depth in metres along the optical axis; where the depth is not positive the
            pixel means nothing.
        """
        seen = (np.asarray(points, np.float64) - np.array(self.position)) @ self.axes().T
        depth = seen[..., 2]
        safe = np.where(depth > 1e-3, depth, 1e-3)
        centre = np.array([self.width_px / 2, self.height_px / 2])
        return seen[..., :2] / safe[..., None] * self.focal_px + centre, depth

    def rays(self, pixels: Floats) -> Floats:
        """World directions (..., 3), unit length, of pixels (..., 2) of floating point."""
        across = (pixels[..., 0] - self.width_px / 2) / self.focal_px
        down = (pixels[..., 1] - self.height_px / 2) / self.focal_px
        shrink = 1.0 / np.sqrt(across * across + down * down + 1.0)
        axes = self.axes().astype(pixels.dtype)
        parts = [(across * axes[0, i] + down * axes[1, i] + axes[2, i]) * shrink for i in range(3)]
        return np.stack(parts, axis=-1)

    def ground(self, pixels: Floats) -> Floats:
        """Points of the ground (..., 2) in metres that pixels (..., 2) show; pixels above the horizon mean nothing."""
        rays = self.rays(pixels)
        fall = np.where(rays[..., 2] < -1e-6, rays[..., 2], -1e-6)
        distance = -self.position[2] / fall
        return np.array(self.position[:2]) + rays[..., :2] * distance[..., None]

    def homography_to(self, other: Camera) -> Floats:
        """(3, 3) float64: maps pixels of this camera to those of another one at the same position."""
        return other._matrix() @ other.axes() @ self.axes().T @ np.linalg.inv(self._matrix())

    def scaled(self, factor: float) -> Camera:
        """The same view on a finer or coarser picture."""
        return replace(
            self,
            focal_px=self.focal_px * factor,
            width_px=round(self.width_px * factor),
            height_px=round(self.height_px * factor),
        )

    def _matrix(self) -> Floats:
        return np.array(
            [[self.focal_px, 0, self.width_px / 2], [0, self.focal_px, self.height_px / 2], [0, 0, 1.0]]
        )
