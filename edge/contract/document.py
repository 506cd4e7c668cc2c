"""What both sides ask of a parsed YAML file: in which line a key stands, and whether one stands there twice.

The sides parse YAML themselves; here its nodes are only walked.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple


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
