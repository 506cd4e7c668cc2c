"""Backups of before an erasure hold the plate: no certificate is issued while there are any in `backup.path`."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from central.access.key import AuditKey
from central.backup.store import Store
from central.errors import BackupError
from central.settings import CentralSettings


@contextmanager
def unchanged(settings: CentralSettings, key: AuditKey, *, number: int) -> Iterator[tuple[str, ...]]:
    """Let nobody make a backup meanwhile; the snapshots that may hold the plate of an order.

    Args:
        settings: name the folder, or none.
        key: of the audit log, which signs what a snapshot says of itself.
        number: of an order of which neither archive nor pictures hold anything any more.

    Raises:
        BackupError: one is being made, of which nobody knows yet what it will hold, or the folder cannot be used, or
            there are none: their disk may not be mounted.
    """
    folder = settings.backup.path
    with ExitStack() as stack:
        try:
            before = () if folder is None else _before(folder, key, number, stack)
        except OSError as error:
            raise BackupError(f"{folder}: cannot be used: {error.strerror or error}") from error
        yield before


def _before(folder: Path, key: AuditKey, number: int, stack: ExitStack) -> tuple[str, ...]:
    """The snapshots of before an order; until the stack is left nobody makes another.

    Where there are none, what a killed backup left goes too: pictures may be among it, which no search recognises.
    """
    store = Store(folder)
    if not (store.is_there() and store.names()):
        raise BackupError(f"{folder}: no backups there; mount it, make one, or unset backup.path")
    stack.enter_context(store.alone())
    names = store.names()
    before = tuple(name for name in names if not _is_clear(store, name, key, number))
    if names and not before:
        store.sweep(store.manifest(name, key) for name in names)
    return before


def _is_clear(store: Store, name: str, key: AuditKey, number: int) -> bool:
    try:
        return number in store.manifest(name, key).cleared
    except BackupError:  # it cannot be believed
        return False
