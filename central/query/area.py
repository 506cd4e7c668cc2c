"""Areas of the map: a circle or polygons, and which reads were made in one (pure, but for reading GeoJSON).

Positions are degrees north and east (WGS 84). Distances are along the great circle of a sphere, right to half a
per cent. The sides of a polygon are straight lines of latitude and longitude, as maps of a city draw them; none
may cross the meridian of 180 degrees.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, NamedTuple

from pydantic import BaseModel, Field, TypeAdapter, ValidationError

from central.errors import QueryError
from edge.contract.config import faults

_EARTH_M: Final = 6_371_008.8
MOST_POINTS: Final = 10_000

_LARGEST_M: Final = 1_000_000
_OWN: Final = "lat_e7 / 1e7", "lon_e7 / 1e7"
_EXPECTED: Final = "expected latitude,longitude,radius in metres, or a GeoJSON file"


class Position(NamedTuple):
    """Degrees north and east."""

    lat: float
    lon: float


@dataclass(frozen=True, slots=True)
class Circle:
    """Within `radius_m` metres of a place."""

    centre: Position
    radius_m: float

    def holds(self, place: Position) -> bool:
        """Whether a place is in it."""
        return distance_m(self.centre, place) <= self.radius_m

    @property
    def condition(self) -> str:
        """SQL over a read's own position."""
        return f"{distance_sql(_OWN, ('$area_lat', '$area_lon'))} <= $area_radius_m"

    @property
    def parameters(self) -> dict[str, object]:
        """Of the condition, by name."""
        lat, lon = self.centre
        return {"area_lat": lat, "area_lon": lon, "area_radius_m": self.radius_m}

    def __str__(self) -> str:
        lat, lon = self.centre
        return f"{self.radius_m:g} m around {lat:g}, {lon:g}"


@dataclass(frozen=True, slots=True)
class Polygon:
    """Within an odd number of rings: so a ring within a ring is a hole, and rings apart are all meant.

    Attributes:
        rings: of three corners or more; whether the first is told again at the end does not matter.
    """

    rings: tuple[tuple[Position, ...], ...]

    def holds(self, place: Position) -> bool:
        """Whether a place is in it."""
        lat, lon = place
        crossed = (
            (y1 > lat) != (y2 > lat) and lon < (x2 - x1) * (lat - y1) / (y2 - y1) + x1
            for (y1, x1), (y2, x2) in self._sides()
        )
        return sum(crossed) % 2 == 1

    @property
    def condition(self) -> str:
        """SQL over a read's own position: what `holds` says."""
        lat, lon = _OWN
        return (
            f"len(list_filter($area_sides, lambda s: (s.y1 > {lat}) != (s.y2 > {lat}) "
            f"AND {lon} < (s.x2 - s.x1) * ({lat} - s.y1) / (s.y2 - s.y1) + s.x1)) % 2 = 1"
        )

    @property
    def parameters(self) -> dict[str, object]:
        """Of the condition, by name."""
        sides = [{"y1": y1, "x1": x1, "y2": y2, "x2": x2} for (y1, x1), (y2, x2) in self._sides()]
        return {"area_sides": sides}

    def _sides(self) -> list[tuple[Position, Position]]:
        return [pair for ring in self.rings for pair in zip(ring, (*ring[1:], ring[0]), strict=True)]

    def __str__(self) -> str:
        corners = [corner for ring in self.rings for corner in ring]
        (south, north), (west, east) = ((min(each), max(each)) for each in zip(*corners, strict=True))
        return f"{len(corners)} corners within {south:g}, {west:g} and {north:g}, {east:g}"


Shape = Circle | Polygon


@dataclass(frozen=True, slots=True)
class Area:
    """Where reads were made: by cameras that stand in it, and by others while they were in it.

    Attributes:
        cameras: those that stand in it; a read that tells its own position is judged by that alone.
    """

    shape: Shape
    cameras: tuple[str, ...]


def area_of(shape: Shape, cameras: Mapping[str, Position]) -> Area:
    """An area with the cameras that stand in it.

    Args:
        shape: on the map.
        cameras: where each stands.
    """
    return Area(shape, tuple(sorted(name for name, place in cameras.items() if shape.holds(place))))


def distance_m(one: Position, other: Position) -> float:
    """Metres between two places, as the crow flies."""
    (lat1, lon1), (lat2, lon2) = (map(math.radians, place) for place in (one, other))
    half = (
        math.sin((lat2 - lat1) / 2) ** 2 + math.cos(lat1) * math.cos(lat2) * math.sin((lon2 - lon1) / 2) ** 2
    )
    return 2 * _EARTH_M * math.asin(math.sqrt(min(1.0, half)))


def distance_sql(one: tuple[str, str], other: tuple[str, str]) -> str:
    """SQL of `distance_m` between two places, each the SQL of its degrees north and east; none may be NULL."""
    (lat1, lon1), (lat2, lon2) = one, other
    return (
        f"2 * {_EARTH_M} * asin(sqrt(least(1, sin(radians({lat1} - {lat2}) / 2) ** 2 + cos(radians({lat1})) "
        f"* cos(radians({lat2})) * sin(radians({lon1} - {lon2}) / 2) ** 2)))"
    )


def read_shape(typed: str) -> Shape:
    """A circle as somebody types it, `6.2442,-75.5812,500`, or the polygons of a GeoJSON file.

    Raises:
        QueryError: it is neither; says what is wrong with it.
    """
    parts = typed.split(",")
    if len(parts) == 3 and (numbers := _numbers(parts)) is not None:
        return _circle(typed, numbers)
    path = Path(typed)
    if len(parts) > 1 and not path.exists():
        raise QueryError(f"not an area: {typed[:80]!r}; {_EXPECTED}")
    return read_geojson(path)


def _numbers(parts: list[str]) -> list[float] | None:
    try:
        return [float(part) for part in parts]
    except ValueError:
        return None


def _circle(typed: str, numbers: list[float]) -> Circle:
    lat, lon, radius_m = numbers
    if not (-90 <= lat <= 90 and -180 <= lon <= 180 and 0 < radius_m <= _LARGEST_M):
        raise QueryError(
            f"area {typed[:80]!r}: expected latitude -90 to 90, longitude -180 to 180 and a radius of up to "
            f"{_LARGEST_M} m"
        )
    return Circle(Position(lat, lon), radius_m)


_Lon = Annotated[float, Field(ge=-180, le=180)]
_Lat = Annotated[float, Field(ge=-90, le=90)]
_Height = float
_Ring = Annotated[list[tuple[_Lon, _Lat] | tuple[_Lon, _Lat, _Height]], Field(min_length=3)]
_Rings = Annotated[list[_Ring], Field(min_length=1)]


class _Polygon(BaseModel):
    type: Literal["Polygon"]
    coordinates: _Rings

    def rings(self) -> list[_Ring]:
        return self.coordinates


class _MultiPolygon(BaseModel):
    type: Literal["MultiPolygon"]
    coordinates: Annotated[list[_Rings], Field(min_length=1)]

    def rings(self) -> list[_Ring]:
        return [ring for rings in self.coordinates for ring in rings]


_Geometry = Annotated[_Polygon | _MultiPolygon, Field(discriminator="type")]


class _Feature(BaseModel):
    type: Literal["Feature"]
    geometry: _Geometry

    def rings(self) -> list[_Ring]:
        return self.geometry.rings()


class _Collection(BaseModel):
    type: Literal["FeatureCollection"]
    features: Annotated[list[_Feature], Field(min_length=1)]

    def rings(self) -> list[_Ring]:
        return [ring for feature in self.features for ring in feature.rings()]


_GeoJson: Final[TypeAdapter[Any]] = TypeAdapter(
    Annotated[_Polygon | _MultiPolygon | _Feature | _Collection, Field(discriminator="type")]
)


def read_geojson(path: Path) -> Polygon:
    """The polygons of a GeoJSON file (RFC 7946): a Polygon, a MultiPolygon, or Features of such.

    Raises:
        QueryError: it cannot be read, or holds something else; says what and where.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        rings = _GeoJson.validate_python(content).rings()
    except OSError as error:
        raise QueryError(f"area {str(path)[:80]!r}: {error.strerror}; {_EXPECTED}") from error
    except json.JSONDecodeError as error:
        raise QueryError(
            f"{path}: line {error.lineno}, column {error.colno}: not JSON: {error.msg}"
        ) from error
    except UnicodeDecodeError as error:
        raise QueryError(f"{path}: not UTF-8: byte {error.start}") from error
    except ValidationError as error:
        raise QueryError(f"{path}: not polygons of GeoJSON:\n{faults(error)}") from error
    if (corners := sum(map(len, rings))) > MOST_POINTS:
        raise QueryError(f"{path}: {corners} corners, expected at most {MOST_POINTS}")
    return Polygon(tuple(tuple(Position(corner[1], corner[0]) for corner in ring) for ring in rings))
