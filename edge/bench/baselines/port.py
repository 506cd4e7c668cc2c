"""What a baseline is to the bench."""

import importlib
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from types import ModuleType
from typing import Protocol

from edge.errors import AssetError
from edge.types import Bgr, Box


@dataclass(frozen=True, slots=True)
class Guess:
    """What a baseline reads somewhere in a picture.

    Attributes:
        text: capital letters and digits, separators left out; may be empty where it found a plate and read nothing.
        likelihood: the confidence that it gives, 0..1.
        box: where, px of the picture; None: the picture is the plate.
    """

    text: str
    likelihood: float
    box: Box | None = None


class Baseline(Protocol):
    """A program that reads plates (adapters: the other modules of this folder)."""

    @property
    def name(self) -> str:
        """As it stands in the table."""
        ...

    @property
    def version(self) -> str:
        """The packages that it runs on, and their versions."""
        ...

    @property
    def finds(self) -> bool:
        """Whether it finds plates in scenes. Another is given each labelled plate, cut out: more than we get."""
        ...

    @property
    def reads_crops(self) -> bool:
        """Whether it can be asked to read a picture that is nothing but a plate."""
        ...

    def read(self, bgr: Bgr, *, country: str) -> list[Guess]:
        """What it reads in a picture.

        Args:
            bgr: a scene where it finds plates itself, or a plate.
            country: the label's; a baseline that takes no hint ignores it.
        """
        ...


def installed(module: str, *, package: str) -> ModuleType:
    """Import a baseline's module.

    Args:
        module: its name.
        package: what pip installs, with the version that the bench was written for.

    Raises:
        AssetError: it is not installed, or cannot be imported; says what to install.
    """
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise AssetError(f"not installed ({error.name}): pip install {package}") from error
    except (ImportError, OSError) as error:
        raise AssetError(f"installed, but cannot be imported: {error}; pip install {package}") from error


def versions(*packages: str) -> str:
    """Names and versions of installed packages."""
    return ", ".join(f"{package} {_version(package)}" for package in packages)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "of unknown version"
