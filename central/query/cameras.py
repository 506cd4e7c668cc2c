"""Where cameras stand and what people call them: one YAML file, for messages tell it of those alone that travel.

cameras:
  cam-01: {name: Calle 33 con 65, lat: 6.2397, lon: -75.5860}
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from central.errors import ConfigError
from central.query.area import Position
from edge.contract.config import Section, faults
from edge.contract.document import DocumentError, line_finder, read
from edge.contract.read import Identifier


@dataclass(frozen=True, slots=True)
class CameraPlace:
    """A camera's name, which may be empty, and where it stands."""

    name: str
    position: Position


class _Camera(Section):
    name: Annotated[str, Field(max_length=80)] = ""
    lat: Annotated[float, Field(ge=-90, le=90)]
    lon: Annotated[float, Field(ge=-180, le=180)]


class _File(Section):
    cameras: dict[Identifier, _Camera]


def load_cameras(path: Path | None) -> dict[str, CameraPlace]:
    """The cameras of a file, by id; none where there is no file.

    Raises:
        ConfigError: names the file, the line and what was expected.
    """
    if path is None:
        return {}
    try:
        root, content = read(path)
        file = _File.model_validate(content)
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    except ValidationError as error:
        raise ConfigError(f"{path}:\n{faults(error, model=_File, line_of=line_finder(root))}") from error
    return {
        name: CameraPlace(camera.name, Position(camera.lat, camera.lon))
        for name, camera in file.cameras.items()
    }
