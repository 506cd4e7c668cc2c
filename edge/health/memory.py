"""What is usual at a camera, over a restart: one small file a camera, replaced whole.

Its size is bounded: 168 hours, and an edge map of 320x180 bytes for each of at most 64 presets. It holds no picture
and no plate. A file that cannot be read is said in the log and learnt anew: nothing is lost but a few days' patience.
"""

import json
import struct
import tokenize
import zipfile
import zlib
from dataclasses import asdict, dataclass, field
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import numpy as np
import structlog

from edge.capture.likeness import SIZE
from edge.capture.view import Memory, ViewWatch
from edge.contract.files import write_atomic
from edge.health.rate import HOURS, Usual

_VERSION: Final = 1
_STEPS: Final = 63.0  # of an edge map, to one
_BYTES: Final = 16_000_000
_DAMAGES: Final = (
    *(OSError, ValueError, LookupError, TypeError, AttributeError, EOFError, OverflowError, MemoryError),
    *(zipfile.BadZipFile, struct.error, zlib.error),  # of the archive and what it packs
    *(SyntaxError, tokenize.TokenError),  # of the head of an array
    RuntimeError,  # a flipped flag says encrypted; NotImplementedError: packed in a way that nobody knows
)
"""All that reading a damaged file raises."""

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class Past:
    """What a camera is known by.

    Attributes:
        key: of the settings that it was learnt with; with others it counts for nothing.
        usual: reads an hour.
        plate_px: usual width of its plates; 0: not known.
        plates: that made it.
        views: by preset; "" where the camera has none.
    """

    key: str = ""
    usual: Usual = field(default_factory=Usual)
    plate_px: float = 0.0
    plates: int = 0
    views: dict[str, Memory] = field(default_factory=dict)


def load(path: Path, *, key: str) -> Past:
    """What was saved; nothing where there is no such file, or it is damaged, or of other settings."""
    try:
        if path.stat().st_size > _BYTES:
            raise ValueError(f"larger than {_BYTES} bytes")
        with np.load(BytesIO(path.read_bytes()), allow_pickle=False) as arrays:
            past = _read(json.loads(str(arrays["about"])), arrays)
    except FileNotFoundError:
        return Past(key)
    except _DAMAGES as error:
        _log.warning("what was usual is not known any more", file=str(path), fault=str(error))
        return Past(key)
    if past.key != key:
        _log.info("settings have changed: what is usual is learnt anew", file=str(path))
        return Past(key)
    return past


def save(path: Path, past: Past) -> None:
    """Replace the file as a whole: after a power cut it is the old one or the new one.

    Raises:
        OSError: it cannot be written; the old one stands.
    """
    views = list(past.views.items())[: ViewWatch.PRESETS]
    about = {
        "version": _VERSION,
        "key": past.key,
        "usual": asdict(past.usual),
        "plate_px": past.plate_px,
        "plates": past.plates,
        "views": [[name, view.looks, view.steep, view.steep_looks] for name, view in views],
    }
    maps = {
        f"map{n}": np.round(view.reference * _STEPS).astype(np.uint8)
        for n, (_, view) in enumerate(views)
        if view.reference is not None
    }
    content = BytesIO()
    np.savez_compressed(content, allow_pickle=False, about=np.array(json.dumps(about)), **maps)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    write_atomic(path, content.getvalue(), alone=True)


def _read(about: dict[str, Any], arrays: Any) -> Past:  # noqa: ANN401  # numpy's archive
    """The content of a file.

    Raises:
        ValueError, KeyError, TypeError: it is not what `save` writes.
    """
    if about["version"] != _VERSION:
        raise ValueError(f"of version {about['version']}, known is {_VERSION}")
    usual = Usual(**about["usual"])
    lengths = [len(each) for each in (usual.week, usual.weeks, usual.day, usual.days)]
    if lengths != [HOURS, HOURS, 24, 24]:
        raise ValueError(f"hours of {lengths}")
    views = {}
    for number, (name, looks, steep, steep_looks) in enumerate(about["views"][: ViewWatch.PRESETS]):
        reference = None
        if f"map{number}" in arrays:
            stored = arrays[f"map{number}"]
            if stored.shape != SIZE[::-1] or stored.dtype != np.uint8:
                raise ValueError(f"map {number} of {stored.shape}")
            reference = stored.astype(np.float32) / np.float32(_STEPS)
        views[str(name)] = Memory(
            reference, int(looks), [float(s) for s in steep], [int(n) for n in steep_looks]
        )
    return Past(str(about["key"]), usual, float(about["plate_px"]), int(about["plates"]), views)
