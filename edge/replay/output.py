"""The folder that a replay writes into, beside files that are none of its business."""

import os
from pathlib import Path
from typing import Final
from urllib.parse import quote, unquote_to_bytes

from edge.errors import ConfigError

VIDEO: Final = "annotated.mp4"
_LIST: Final = ".replay"


class Output:
    """Overwrites and deletes only what a replay wrote: the names of its files stand in the folder's list.

    Args:
        folder: made where it is missing.

    Raises:
        ConfigError: it cannot be made or read.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._list = folder / _LIST
        self._written: set[str] = set()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            lines = self._list.read_text(encoding="ascii").splitlines() if self._list.is_file() else []
        except (OSError, UnicodeDecodeError) as error:
            raise self._fault(error) from error
        names = {os.fsdecode(unquote_to_bytes(line)) for line in lines}
        self._before = {name for name in names if name == Path(name).name and name not in ("", "..")}

    @property
    def folder(self) -> Path:
        """Where it is."""
        return self._folder

    def drop(self, name: str) -> None:
        """Delete a file that a replay wrote here, this one or one before.

        Raises:
            ConfigError: the folder cannot be written.
        """
        if name in self._written | self._before:
            try:
                (self._folder / name).unlink(missing_ok=True)
            except OSError as error:
                raise self._fault(error) from error
            self._written.discard(name)

    def holds(self, path: Path) -> bool:
        """Whether it is a file that a replay has written here, or would write."""
        here = path.resolve().parent == self._folder.resolve()
        return here and path.name in {VIDEO, *self._before, *self._written}

    def take(self, name: str) -> Path:
        """The place of a file that is about to be written.

        Raises:
            ConfigError: a file stands there that no replay wrote, or the folder cannot be written.
        """
        path = self._folder / name
        if name in self._written:
            return path
        if name not in self._before:
            if path.exists():
                raise ConfigError(
                    f"{path}: replay did not write it and leaves it; name another folder with --out"
                )
            try:
                with self._list.open("a", encoding="ascii") as file:
                    file.write(_line(name))
            except OSError as error:
                raise self._fault(error) from error
        self._written.add(name)
        return path

    def write(self, name: str, data: bytes) -> None:
        """Write a file.

        Raises:
            ConfigError: as `take`.
        """
        path = self.take(name)
        try:
            path.write_bytes(data)
        except OSError as error:
            raise self._fault(error) from error

    def finish(self) -> None:
        """Delete what earlier replays wrote and this one did not.

        Raises:
            ConfigError: the folder cannot be written.
        """
        try:
            for name in self._before - self._written:
                path = self._folder / name
                if path.is_file():
                    path.unlink()
            self._list.write_text("".join(map(_line, sorted(self._written))), encoding="ascii")
        except OSError as error:
            raise self._fault(error) from error

    def _fault(self, error: OSError | UnicodeDecodeError) -> ConfigError:
        reason = error.strerror if isinstance(error, OSError) else f"{_LIST} is not a list of a replay"
        return ConfigError(f"--out {self._folder}: {reason}")


def beside(folder: Path, source: Path) -> Output:
    """The folder for a replay of `source`, which it must leave alone.

    Raises:
        ConfigError: a replay would write among the pictures that it reads, or over its recording; or the folder
            cannot be made.
    """
    if source.is_dir() and folder.resolve().is_relative_to(source.resolve()):
        raise ConfigError(f"--out {folder}: lies in the folder that is read; name another")
    output = Output(folder)
    if output.holds(source):
        raise ConfigError(f"--out {folder}: the annotated copy would overwrite {source}")
    return output


def _line(name: str) -> str:
    return quote(os.fsencode(name)) + "\n"
