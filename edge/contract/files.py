"""Files that are there whole or not at all: what both sides do whenever they put one in another's place.

Whoever reads such a file finds what was there before or what is there now, never a part of it, wherever its writer was
killed and also after a power cut.
"""

import contextlib
import errno
import os
import re
import tempfile
from pathlib import Path


def write_atomic(path: Path, content: bytes, *, mode: int = 0o600, alone: bool = False) -> None:
    """Write a file, or put it in another's place; it is on the disk when this returns.

    A link that stands at `path` is replaced, not followed. A writer that is killed leaves at most its draft beside the
    file, `.<name>.<letters>.part`, for its owner alone; it is in nobody's way, not even in that of the next writer.

    Args:
        path: in a folder that is there.
        content: all of it.
        mode: who may read and write it, whatever the umask.
        alone: nobody else writes this file at the same time: drafts of it that killed writers left are swept first, for
            they would pile up, and that of a key holds the key. Another writer's draft would go with them.

    Raises:
        OSError: it cannot be written, and what was there stands; or its name cannot be forced to the disk.
    """
    if alone:
        _sweep(path)
    number, draft = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".part")  # mode 0600
    try:
        with os.fdopen(number, "wb") as file:
            os.fchmod(number, mode)
            file.write(content)
            file.flush()
            os.fsync(number)
        Path(draft).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(draft).unlink()
        raise
    sync(path.parent)


def _sweep(path: Path) -> None:
    """Delete the drafts of this very file; one that cannot be deleted stays."""
    draft = re.compile(rf"\.{re.escape(path.name)}\.[a-z0-9_]{{8}}\.part")  # the letters that tempfile takes
    found: list[Path] = []
    with contextlib.suppress(OSError):
        found = [each for each in path.parent.iterdir() if draft.fullmatch(each.name)]
    for each in found:
        with contextlib.suppress(OSError):
            each.unlink()


def sync(place: Path) -> None:
    """Force a file's content, or the names in a folder, to the disk.

    Raises:
        OSError: it cannot be done. A folder whose file system knows no such thing (shares of other systems) passes.
    """
    descriptor = os.open(place, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno != errno.EINVAL or not place.is_dir():
            raise
    finally:
        os.close(descriptor)
