"""What a pipeline remembers, as bytes, so that a replay that was killed goes on with the very same tracks and votes.

Pickle, but tamed: it is written for one file that belongs to the user alone, and read with only plain data and those of
our classes allowed that a pipeline remembers, none of which opens anything, so that a file from elsewhere starts no
code. The nets, the palette, the grammar and the settings are not in it: they are named, and those in use now are put in
their place.
"""

import io
import pickle
from collections.abc import Mapping
from types import FunctionType
from typing import Any, Final

from edge.errors import ConfigError
from edge.pipeline import Pipeline

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
_OURS: Final = frozenset(
    {
        ("edge.attention", "Attention"),
        ("edge.attention", "Known"),
        ("edge.ballot", "Ballot"),
        ("edge.capture.film", "Place"),
        ("edge.capture.gate", "GateTuning"),
        ("edge.capture.gate", "MotionGate"),
        ("edge.capture.pacer", "Pacer"),
        ("edge.capture.stillness", "Stillness"),
        ("edge.capture.timeline", "Timeline"),
        ("edge.capture.video", "Mark"),
        ("edge.contract.plate", "Prior"),
        ("edge.contract.read", "Character"),
        ("edge.contract.read", "CharacterAlternative"),
        ("edge.contract.read", "Scored"),
        ("edge.contract.seen", "Seen"),
        ("edge.device", "Device"),
        ("edge.evidence", "Gallery"),
        ("edge.evidence", "Shot"),
        ("edge.ground", "GroundLines"),
        ("edge.ground", "GroundMap"),
        ("edge.ground", "GroundPoint"),
        ("edge.ground", "GroundSettings"),
        ("edge.motion", "Motion"),
        ("edge.motion", "_Axis"),
        ("edge.passage", "Passage"),
        ("edge.passage", "Stand"),
        ("edge.passage", "Trace"),
        ("edge.passages", "Passages"),
        ("edge.pipeline", "Counts"),
        ("edge.pipeline", "Pipeline"),
        ("edge.pipeline", "Seen"),
        ("edge.place", "Ground"),
        ("edge.place", "Place"),
        ("edge.read.vehicle_colour", "Colours"),
        ("edge.replay.recording", "Figures"),
        ("edge.replay.recording", "Stop"),
        ("edge.replay.reel", "_Memory"),
        ("edge.settings", "LaneSettings"),
        ("edge.speed", "Pace"),
        ("edge.speed", "Speed"),
        ("edge.track", "Track"),
        ("edge.track", "Tracker"),
        ("edge.types", "Box"),
        ("edge.types", "Detection"),
        ("edge.types", "Observation"),
        ("edge.types", "Position"),
        ("edge.types", "Reading"),
        ("edge.types", "Verdict"),
        ("edge.vote", "Vote"),
    }
)
_METHODS: Final = frozenset({(Pipeline, "_count")})
"""All that pickle needs `getattr` for: a passage's counter is a method of its pipeline."""


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
        if (module_name, global_name) == ("builtins", "getattr"):
            return _method
        if (module_name, global_name) not in _PLAIN | _OURS:
            raise pickle.UnpicklingError(f"{module_name}.{global_name} has no place in it")
        return super().find_class(module_name, global_name)


def _method(owner: object, name: str) -> object:
    if (type(owner), name) not in _METHODS:
        raise pickle.UnpicklingError(f"{name} is no method that is remembered")
    return getattr(owner, name)
