"""Whether what lies in a folder of backups is what was put there."""

from collections.abc import Sequence
from dataclasses import dataclass

from central.access.key import AuditKey
from central.backup.manifest import Kept
from central.backup.store import Store
from central.db import from_us
from central.errors import BackupError
from central.maintain import OnStep, Step


@dataclass(frozen=True, slots=True)
class Damage:
    """A file of a snapshot that cannot be restored.

    Attributes:
        file: its name; `manifest` where nothing of the snapshot can be believed.
        why: what is wrong with it.
        place: where it lies below the folder of backups; empty where that is the snapshot itself.
    """

    snapshot: str
    file: str
    why: str
    place: str = ""


@dataclass(frozen=True, slots=True)
class Listed:
    """A snapshot as it is shown.

    Attributes:
        taken_at: its moment, UTC, ISO 8601.
        size: of all its files, bytes; other snapshots share some of them.
        fault: why it cannot be believed; empty where it can.
    """

    snapshot: str
    taken_at: str = ""
    files: int = 0
    size: int = 0
    software: str = ""
    fault: str = ""


def listed(store: Store, key: AuditKey) -> list[Listed]:
    """The snapshots, oldest first."""
    found = []
    for name in store.names():
        try:
            manifest = store.manifest(name, key)
        except BackupError as error:
            found.append(Listed(name, fault=str(error)))
            continue
        files = list(manifest.files())
        size = sum(kept.size for kept in files)
        taken_at = from_us(manifest.taken_us).isoformat()
        found.append(Listed(name, taken_at, len(files), size, manifest.software))
    return found


def verify(store: Store, key: AuditKey, names: Sequence[str], *, on_step: OnStep) -> list[Damage]:
    """Read every byte of these snapshots, each file once; what is damaged.

    Raises:
        BackupError: there is no such snapshot, or none at all, or somebody makes a backup.
    """
    if not names:
        raise BackupError(f"{store.root}: no snapshot")
    found: list[Damage] = []
    named: dict[Kept, list[str]] = {}
    with store.kept():
        for name in names:
            try:
                for kept in store.manifest(name, key).files():
                    named.setdefault(kept, []).append(name)
            except BackupError as error:
                if name not in store.names():
                    raise
                found.append(Damage(name, "manifest", str(error)))
        for number, (kept, of) in enumerate(named.items()):
            on_step(Step("verifying", number, len(named)))
            if fault := store.fault(kept):
                found += [Damage(name, kept.name, fault, store.place(kept)) for name in of]
    return found


def put_aside(store: Store, damages: Sequence[Damage]) -> int:
    """Take damaged files out of use, so that the next backup copies them again; how many.

    Raises:
        BackupError: somebody makes a backup, or the folder cannot be written.
    """
    places = {damage.place for damage in damages if damage.place}
    try:
        with store.alone():
            return store.put_aside(places)
    except OSError as error:
        raise BackupError(f"{store.root}: cannot be written: {error.strerror or error}") from error
