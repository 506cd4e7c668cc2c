"""Which station an alert goes to: one YAML file names the cameras of each, or draws its limits.

default: candelaria
stations:
  laureles:
    name: Estación Laureles
    cameras: [cam-01, cam-02]
    fence: [[6.2390, -75.5990], [6.2510, -75.5990], [6.2510, -75.5830], [6.2390, -75.5830]]
  candelaria: {name: Estación Candelaria}
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Final, Self

from pydantic import Field, ValidationError, model_validator

from central.errors import ConfigError
from central.query.area import MOST_POINTS, Polygon, Position
from central.query.cameras import CameraPlace
from edge.contract.config import Section, faults
from edge.contract.document import DocumentError, line_finder, read
from edge.contract.read import Identifier, PlateRead

_Corner = tuple[Annotated[float, Field(ge=-90, le=90)], Annotated[float, Field(ge=-180, le=180)]]


@dataclass(frozen=True, slots=True)
class Stations:
    """Where alerts are routed.

    Attributes:
        names: what people call each station; may be empty.
        by_camera: the station of each camera that a station names.
        fences: the limits of stations, in the order of the file.
        default: of what no station has; None: of none.
        places: where cameras stand that do not tell it themselves.
    """

    names: Mapping[str, str] = field(default_factory=dict)
    by_camera: Mapping[str, str] = field(default_factory=dict)
    fences: tuple[tuple[str, Polygon], ...] = ()
    default: str | None = None
    places: Mapping[str, CameraPlace] = field(default_factory=dict)

    def station_of(self, read: PlateRead) -> str | None:
        """The station of a read: by its camera, then by where it was made, then the default."""
        if (named := self.by_camera.get(read.camera_id)) is not None:
            return named
        place = self._place(read)
        within = (station for station, fence in self.fences if place is not None and fence.holds(place))
        return next(within, self.default)

    def _place(self, read: PlateRead) -> Position | None:
        if read.location is not None:
            return Position(read.location.lat, read.location.lon)
        stands = self.places.get(read.camera_id)
        return None if stands is None else stands.position


class _Station(Section):
    name: Annotated[str, Field(max_length=80)] = ""
    cameras: tuple[Identifier, ...] = ()
    fence: Annotated[tuple[_Corner, ...], Field(max_length=MOST_POINTS)] = ()

    @model_validator(mode="after")
    def _an_area(self) -> Self:
        if self.fence and len(set(self.fence)) < _FEWEST:
            raise ValueError(f"fence: expected {_FEWEST} corners or more")
        return self


class _File(Section):
    stations: dict[Identifier, _Station]
    default: Identifier | None = None

    @model_validator(mode="after")
    def _each_camera_has_one(self) -> Self:
        seen: dict[str, str] = {}
        for name, station in self.stations.items():
            for camera in station.cameras:
                if (other := seen.setdefault(camera, name)) != name:
                    raise ValueError(f"camera {camera} is of {other} and of {name}: expected one station")
        if self.default is not None and self.default not in self.stations:
            raise ValueError(f"default: no station {self.default}")
        return self


_FEWEST: Final = 3


def load_stations(path: Path | None, places: Mapping[str, CameraPlace]) -> Stations:
    """The stations of a file; none where there is no file.

    Args:
        path: of the file.
        places: where cameras stand.

    Raises:
        ConfigError: names the file, the line and what was expected.
    """
    if path is None:
        return Stations()
    try:
        root, content = read(path)
        file = _File.model_validate(content)
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    except ValidationError as error:
        raise ConfigError(f"{path}:\n{faults(error, model=_File, line_of=line_finder(root))}") from error
    return Stations(
        names={name: station.name for name, station in file.stations.items()},
        by_camera={camera: name for name, station in file.stations.items() for camera in station.cameras},
        fences=tuple(
            (name, Polygon((tuple(Position(lat, lon) for lat, lon in station.fence),)))
            for name, station in file.stations.items()
            if station.fence
        ),
        default=file.default,
        places=places,
    )
