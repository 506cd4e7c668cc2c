"""YAML files as the edge reads them: whatever is wrong with one is named by file, line and column."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from edge.contract.document import first_twice, line_finder
from edge.errors import ConfigError


class _Loader(yaml.SafeLoader):
    """YAML's plain types; a value that is not what it looks like is a fault with a place."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:  # noqa: ANN401
        try:
            return super().construct_object(node, deep)
        except (ArithmeticError, AttributeError, LookupError, ValueError) as error:
            kind = node.tag.rpartition(":")[2]
            problem = f"{node.value!r} cannot be read as {kind}; text stands in quotes"
            raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error


def read(path: Path) -> tuple[yaml.Node | None, object]:
    """A YAML file's node and what it says.

    Raises:
        ConfigError: it cannot be read, is no YAML, or says a key twice.
    """
    return parse(path, read_text(path))


def read_text(path: Path) -> str:
    """What stands in a file.

    Raises:
        ConfigError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8: byte {error.start}") from error


def parse(path: Path, text: str) -> tuple[yaml.Node | None, object]:
    """The node of a text that stands in a file, or is about to, and what it says.

    Raises:
        ConfigError: it is no YAML, or says a key twice.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader; it would merge the nodes above
    except RecursionError as error:
        raise ConfigError(f"{path}: nested too deeply") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise ConfigError(f"{path}: {where}: not YAML: {getattr(error, 'problem', error)}") from error
    if twice := first_twice(root):
        where = f"line {twice.line}, column {twice.column}"
        raise ConfigError(f"{path}: {where}: {twice.key} stands here twice, first in line {twice.first_line}")
    return root, content


def lines(path: Path) -> Callable[[str], int | None]:
    """Finds the line of a key such as `cameras.0.url` in a YAML file, or of the nearest key above it.

    Raises:
        ConfigError: as `read`.
    """
    return line_finder(read(path)[0])
