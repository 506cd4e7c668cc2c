"""YAML files as both sides read them: whatever is wrong with one is named by file, line and column."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml


class DocumentError(ValueError):
    """A file that cannot be read, is no YAML, or says a key twice; the message says which, and where."""


class Twice(NamedTuple):
    """A key that stands twice in one mapping, of which a parser would silently drop the first.

    Attributes:
        line, column: of the second, from 1.
        first_line: of the first.
    """

    key: str
    line: int
    column: int
    first_line: int


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
        DocumentError: it cannot be read, is no YAML, or says a key twice.
    """
    return parse(path, read_text(path))


def read_text(path: Path) -> str:
    """What stands in a file.

    Raises:
        DocumentError: it cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise DocumentError(f"{path}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise DocumentError(f"{path}: not UTF-8: byte {error.start}") from error


def parse(path: Path, text: str) -> tuple[yaml.Node | None, object]:
    """The node of a text that stands in a file, or is about to, and what it says.

    Raises:
        DocumentError: it is no YAML, or says a key twice.
    """
    try:
        root = yaml.compose(text, Loader=_Loader)
        content = yaml.load(text, Loader=_Loader)  # noqa: S506  # a SafeLoader; it would merge the nodes above
    except RecursionError as error:
        raise DocumentError(f"{path}: nested too deeply") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f"line {mark.line + 1}, column {mark.column + 1}" if mark else "somewhere"
        raise DocumentError(f"{path}: {where}: not YAML: {getattr(error, 'problem', error)}") from error
    if twice := first_twice(root):
        where = f"line {twice.line}, column {twice.column}"
        raise DocumentError(
            f"{path}: {where}: {twice.key} stands here twice, first in line {twice.first_line}"
        )
    return root, content


def line_finder(root: Any) -> Callable[[str], int | None]:  # noqa: ANN401  # a YAML node, or None
    """Finds the line of a key such as `cameras.0.url`, or of the nearest key above it."""

    def line_of(key: str) -> int | None:
        node, line = root, None
        for part in key.split("."):
            found = _child(node, part)
            if found is None:
                break
            line, node = found
        return line

    return line_of


def first_twice(root: Any) -> Twice | None:  # noqa: ANN401  # a YAML node, or None
    """The first key that stands twice in one mapping, if any."""
    for mapping in _mappings(root):
        lines: dict[tuple[str, str], int] = {}
        for key, _ in mapping.value:
            if key.id != "scalar":
                continue
            named, line = (key.tag, key.value), key.start_mark.line + 1
            if named in lines:
                return Twice(key.value, line, key.start_mark.column + 1, lines[named])
            lines[named] = line
    return None


def _mappings(root: Any) -> Iterator[Any]:  # noqa: ANN401
    """Every mapping once, in the order of the file; an alias may lead to what holds it."""
    waiting, met = [root], set[int]()
    while waiting:
        node = waiting.pop()
        if node is None or node.id == "scalar" or id(node) in met:
            continue
        met.add(id(node))
        if node.id == "mapping":
            yield node
            waiting += [value for _, value in reversed(node.value)]
        else:
            waiting += reversed(node.value)


def _child(node: Any, part: str) -> tuple[int, Any] | None:  # noqa: ANN401
    """The line and the content of a key, or of a list's element."""
    if node is not None and node.id == "mapping":
        for key, value in node.value:
            if key.value == part:
                return key.start_mark.line + 1, value
    if node is not None and node.id == "sequence" and part.isdecimal() and int(part) < len(node.value):
        element = node.value[int(part)]
        return element.start_mark.line + 1, element
    return None
