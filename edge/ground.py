"""From a picture to the ground: where in the street, in metres, a point of the picture is.

An installer measures a few points of the street, or two lines across a lane, and says where the picture shows them.
Both give a homography, which holds for points of that plane only. A plate is above it: a camera at height H sees a
plate at height h before a point of the ground that is H / (H - h) times as far from the pole, wherever it is. So what
moves over the ground at that point's speed is 1 - h / H as fast, and one factor puts it right.
"""

from dataclasses import dataclass
from itertools import combinations
from typing import Annotated, Final, Self

import cv2
import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from edge.contract.config import Section

Share = Annotated[float, Field(ge=0.0, le=1.0)]
PicturePoint = tuple[Share, Share]
Metres = Annotated[float, Field(ge=-10_000, le=10_000, allow_inf_nan=False)]

FRONT_HEIGHT_M: Final = {"car": 0.5, "bus": 0.6, "truck": 0.7}
"""Of the middle of a front plate, by what bears it: estimates; plates of one kind differ by some 0.2 m."""
REAR_HEIGHT_M: Final = {"car": 0.75, "motorcycle": 0.65, "bus": 0.75, "truck": 0.75}
_OTHER_HEIGHT_M: Final = 0.65

_FLAT: Final = 0.02
"""Three points span a triangle of at least this share of the area of all, or they lie on a line."""
_MOST_MISFIT: Final = 0.05
"""By which measured points may miss their places, in shares of the extent of all."""
_STEP: Final = 1e-4


class GroundPoint(Section):
    """One measured point."""

    picture: PicturePoint = Field(description="where the picture shows it, in shares of width and height")
    metres: tuple[Metres, Metres] = Field(description="where it is, from any origin and along any two axes")


class GroundLines(Section):
    """Two lines across a lane, each from the lane's left edge to its right one as the picture shows them."""

    near: tuple[PicturePoint, PicturePoint] = Field(description="both ends of the nearer line")
    far: tuple[PicturePoint, PicturePoint] = Field(
        description="both ends of the farther one, in the same order"
    )
    apart_m: Annotated[float, Field(ge=0.5, le=1000)] = Field(description="metres from one to the other")
    width_m: Annotated[float, Field(ge=0.5, le=100)] = Field(
        default=3.5, description="length of each; of no consequence for who keeps to the lane"
    )


class GroundSettings(Section):
    """What of the street was measured, so that speeds can be told: points, or lines."""

    points: Annotated[tuple[GroundPoint, ...], Field(max_length=16)] = Field(
        default=(), description="four or more, no three of four on a line"
    )
    lines: GroundLines | None = Field(default=None, description="in place of points")
    camera_height_m: Annotated[float, Field(ge=1.0, le=300)] | None = Field(
        default=None,
        description="of the camera above what was measured; null: that was measured at the height of plates",
    )
    plate_height_m: Annotated[float, Field(ge=0.0, le=3.0)] | None = Field(
        default=None, description="of the plates' middles; null: as is usual for each kind of vehicle"
    )

    @model_validator(mode="after")
    def _makes_a_map(self) -> Self:
        if bool(self.points) == (self.lines is not None):
            raise ValueError("expected either points or lines")
        if self.plate_height_m is not None and self.camera_height_m is None:
            raise ValueError("plate_height_m says nothing without camera_height_m")
        if self.plate_height_m is not None and self.plate_height_m > self.height_m / 2:
            raise ValueError(
                f"plates at {self.plate_height_m:g} m are too near below a camera at {self.height_m:g} m"
            )
        ground_map(self)
        return self

    @property
    def height_m(self) -> float:
        """Of the camera above what was measured; endless where that was measured at the height of plates."""
        return self.camera_height_m if self.camera_height_m is not None else float("inf")

    def slower(self, vehicle: str | None, *, rear: bool) -> float:
        """How fast a plate is, to the point of the ground that it is seen before: 0..1.

        Args:
            vehicle: car, motorcycle, bus, truck; None where nobody knows.
            rear: whether it is the plate behind.
        """
        usual = (REAR_HEIGHT_M if rear else FRONT_HEIGHT_M).get(vehicle or "", _OTHER_HEIGHT_M)
        height = self.plate_height_m if self.plate_height_m is not None else usual
        return 1 - height / self.height_m


@dataclass(frozen=True, slots=True)
class GroundMap:
    """The homography.

    Attributes:
        matrix: (3, 3) float64, from shares of width and height to metres; its third row is positive this side of
            the horizon.
    """

    matrix: NDArray[np.float64]

    def metres(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """Where points of the picture are.

        Args:
            points: (n, 2) shares of width and height.

        Returns:
            (n, 2) metres; NaN at the horizon and above.
        """
        seen = np.column_stack([points, np.ones(len(points))]) @ self.matrix.T
        depth = np.where(seen[:, 2] > 1e-9, seen[:, 2], np.nan)
        return np.asarray(seen[:, :2] / depth[:, None])

    def metres_a_share(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """(n,) by how many metres a point (n, 2) is off, at most, where the picture's is by the whole height."""
        here = self.metres(points)
        ways = [self.metres(points + np.array(step)) - here for step in ((_STEP, 0.0), (0.0, _STEP))]
        return np.asarray(np.max([np.hypot(w[:, 0], w[:, 1]) for w in ways], axis=0) / _STEP)


def ground_map(settings: GroundSettings) -> GroundMap:
    """The map of what was measured.

    Raises:
        ValueError: says why it makes none.
    """
    picture, metres = _measured(settings)
    if len(picture) < 4:
        raise ValueError(f"expected four points or more, found {len(picture)}")
    for points, where in ((picture, "in the picture"), (metres, "on the ground")):
        _refuse_flat(points, where)
    matrix, _ = cv2.findHomography(picture, metres)
    if matrix is None or not np.isfinite(matrix).all():
        raise ValueError("the points make no map: is each one measured where the picture shows it?")
    depth = np.column_stack([picture, np.ones(len(picture))]) @ matrix[2]
    if depth.min() * depth.max() <= 0:
        raise ValueError(
            "no plane looks like this: the points' order in the picture is not that on the ground; "
            "are two of them swapped?"
        )
    found = GroundMap(np.asarray(matrix * np.sign(depth[0]), dtype=np.float64))
    _refuse_misfit(found, picture, metres)
    return found


def _measured(settings: GroundSettings) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 2) shares and (n, 2) metres."""
    lines = settings.lines
    if lines is None:
        points = settings.points
        return (
            np.array([p.picture for p in points]).reshape(-1, 2),
            np.array([p.metres for p in points]).reshape(-1, 2),
        )
    wide, apart = lines.width_m, lines.apart_m
    places = [(0.0, 0.0), (wide, 0.0), (0.0, apart), (wide, apart)]
    return np.array([*lines.near, *lines.far]), np.array(places)


def _refuse_flat(points: NDArray[np.float64], where: str) -> None:
    """Four points of which three lie on a line make no map, nor do more that all but one lie on a line."""
    areas = {three: _area(points[list(three)]) for three in combinations(range(len(points)), 3)}
    largest = max(areas.values())
    flat = [three for three, area in areas.items() if area <= _FLAT * largest]
    if largest < 1e-9 or len(flat) == len(areas):
        raise ValueError(f"all points lie on a line {where}")
    # Of four in general position every three span a triangle; one such four is enough.
    for four in combinations(range(len(points)), 4):
        if not any(set(three) <= set(four) for three in flat):
            return
    names = ", ".join(str(n + 1) for n in flat[0])
    raise ValueError(f"points {names} lie on a line {where}; the map needs four of which no three do")


def _area(three: NDArray[np.float64]) -> float:
    (ax, ay), (bx, by) = three[1] - three[0], three[2] - three[0]
    return float(abs(ax * by - ay * bx) / 2)


def _refuse_misfit(found: GroundMap, picture: NDArray[np.float64], metres: NDArray[np.float64]) -> None:
    off = np.linalg.norm(found.metres(picture) - metres, axis=1)
    extent = float(np.linalg.norm(metres.max(axis=0) - metres.min(axis=0)))
    worst = int(np.argmax(off))
    if off[worst] > _MOST_MISFIT * extent:
        raise ValueError(
            f"the points do not fit one another: number {worst + 1} is off by {off[worst]:.2f} m"
        )
