"""What a pipeline remembers, as bytes, so that a replay that was killed goes on with the very same tracks and votes.

Pickle, but tamed: it is written for one file that belongs to the user alone, and read with only our own classes and
plain data allowed, so that a file from elsewhere starts no code. The nets, the grammar and the settings are not in
it: they are named, and those in use now are put in their place.
"""

import importlib
import io
import pickle
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final

from edge.errors import ConfigError

_PLAIN: Final = frozenset(
    {
        ("builtins", "frozenset"),
        ("builtins", "set"),
        ("collections", "Counter"),
        ("collections", "OrderedDict"),
        ("collections", "defaultdict"),
        ("collections", "deque"),
        ("datetime", "datetime"),
        ("datetime", "timedelta"),
        ("datetime", "timezone"),
        ("numpy", "dtype"),
        ("numpy", "ndarray"),
        ("numpy._core.multiarray", "_reconstruct"),
        ("numpy._core.multiarray", "scalar"),
        ("numpy._core.numeric", "_frombuffer"),
        # What makes a default value of a dictionary.
        ("builtins", "dict"),
        ("builtins", "float"),
        ("builtins", "int"),
        ("builtins", "list"),
        ("builtins", "range"),
    }
)


def dumped(memory: object, *, parts: Mapping[str, object]) -> bytes:
    """Bytes that `loaded` makes the same of.

    Args:
        memory: of our own classes and plain data.
        parts: what is named instead of kept; a function made within another is named by the part that is one.

    Raises:
        TypeError: it holds something else, such as a lock or a function of nobody.
    """
    buffer = io.BytesIO()
    _Writer(buffer, parts).dump(memory)
    return buffer.getvalue()


def loaded(content: bytes, *, parts: Mapping[str, object]) -> Any:  # noqa: ANN401  # what was dumped
    """What was dumped, with the parts in use now.

    Raises:
        ConfigError: another version of us wrote it, or it is damaged.
    """
    try:
        return _Reader(io.BytesIO(content), parts).load()
    except Exception as error:  # damaged bytes may raise anything at all
        raise ConfigError(f"was written by another version, or is damaged ({error})") from error


class _Writer(pickle.Pickler):
    def __init__(self, file: io.BytesIO, parts: Mapping[str, object]) -> None:
        super().__init__(file, protocol=5)
        self._names = {id(part): name for name, part in parts.items()}
        self._functions = [name for name, part in parts.items() if isinstance(part, FunctionType)]

    def persistent_id(self, obj: object) -> str | None:
        if isinstance(obj, FunctionType) and "<locals>" in obj.__qualname__:
            if len(self._functions) != 1:
                raise TypeError(f"a function that is no part cannot be kept: {obj.__qualname__}")
            return self._functions[0]
        return self._names.get(id(obj))


class _Reader(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, parts: Mapping[str, object]) -> None:
        super().__init__(file)
        self._parts = parts

    def persistent_load(self, pid: str) -> object:
        return self._parts[pid]

    def find_class(self, module_name: str, global_name: str) -> Any:  # noqa: ANN401
        if (module_name, global_name) in _PLAIN:
            return super().find_class(module_name, global_name)
        if (module_name, global_name) == ("builtins", "getattr"):
            return _method
        found = None
        if module_name.startswith("edge.") and global_name.isidentifier():
            found = getattr(importlib.import_module(module_name), global_name, None)
        if not isinstance(found, type) or found.__module__ != module_name:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in it")
        return found


def _method(owner: object, name: str) -> object:
    """A method of one of our objects, which is all that pickle needs `getattr` for."""
    is_ours = type(owner).__module__.startswith("edge.") and not name.startswith("__")
    if not is_ours or not isinstance(getattr(type(owner), name, None), FunctionType):
        raise pickle.UnpicklingError(f"{name} is no method of ours")
    return getattr(owner, name)
