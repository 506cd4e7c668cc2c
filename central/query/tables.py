"""The archive's tables as they stand now; what was read of their logs before is not read again."""

from dataclasses import dataclass
from typing import Final

from deltalake import DeltaTable

from central.archive.place import Archive
from central.archive.schema import Layout
from central.archive.table import LiveFile, live_files, open_archive, sealed_through, speaking_of


@dataclass(frozen=True, slots=True)
class View:
    """One version of a table.

    Attributes:
        files: live ones.
        through: the newest seal that this version of the reads holds.
    """

    files: tuple[LiveFile, ...]
    through: int


_NOTHING: Final = View((), 0)


class Tables:
    """Opens tables; one thread's."""

    def __init__(self, archive: Archive) -> None:
        self.archive: Final = archive
        self._known: dict[str, tuple[DeltaTable, int, View]] = {}

    def view(self, layout: Layout) -> View:
        """The newest version of a table; without files where it is not there.

        Raises:
            StoreError: there is one, and it cannot be opened.
        """
        known = self._known.get(layout.folder)
        if known is None:
            table = open_archive(self.archive, layout)
            if table is None:
                return _NOTHING
        else:
            table = known[0]
            with speaking_of(f"{self.archive}: archive cannot be opened"):
                table.update_incremental()
            if table.version() == known[1]:
                return known[2]
        view = View(tuple(live_files(table)), sealed_through(table))
        self._known[layout.folder] = (table, table.version(), view)
        return view

    def path(self, layout: Layout, file: LiveFile) -> str:
        """Where a file lies."""
        return self.archive.path(f"{layout.folder}/{file.name}")
