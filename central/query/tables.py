"""The archive's tables as they stand now; what was read of their logs before is not read again."""

from dataclasses import dataclass
from typing import Final

from deltalake import DeltaTable

from central.archive.damage import Fault
from central.archive.parts import part_of
from central.archive.place import Archive
from central.archive.proof import Prover
from central.archive.schema import READS, Layout
from central.archive.set_aside import Missing, gone
from central.archive.table import LiveFile, live_files, open_archive, sealed_through, speaking_of


@dataclass(frozen=True, slots=True)
class View:
    """One version of a table.

    Attributes:
        files: live ones.
        through: the newest seal that this version of the reads holds.
        gone: reads that are lost with files that were set aside.
    """

    files: tuple[LiveFile, ...]
    through: int
    gone: tuple[Missing, ...] = ()


_NOTHING: Final = View((), 0)


class Tables:
    """Opens tables; one thread's.

    Attributes:
        faults: damaged files that questions have met, by name below the archive.
        prover: knows which parts of files were read and are what was written.
    """

    def __init__(self, archive: Archive) -> None:
        self.archive: Final = archive
        self.faults: Final[dict[str, Fault]] = {}
        self.prover: Final = Prover(archive)
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
        files = tuple(live_files(table))
        lost: tuple[Missing, ...] = ()
        if layout is READS:  # a file is set aside with a commit, so these words are as old as the version
            lost = gone(self.archive, {f"{layout.folder}/{file.name}" for file in files})
        view = View(files, sealed_through(table), lost)
        self._known[layout.folder] = (table, table.version(), view)
        return view

    def whole(self, layout: Layout) -> tuple[LiveFile, ...]:
        """The files of a derived table without those parts of which one is known to be damaged.

        Raises:
            StoreError: as `view`.
        """
        files = self.view(layout).files
        broken = {part_of(file.name) for file in files if self.fault(layout, file) is not None}
        return tuple(file for file in files if part_of(file.name) not in broken)

    def fault(self, layout: Layout, file: LiveFile) -> Fault | None:
        """What is known to be wrong with a file."""
        return self.faults.get(f"{layout.folder}/{file.name}")

    def path(self, layout: Layout, file: LiveFile) -> str:
        """Where a file lies."""
        return self.archive.path(f"{layout.folder}/{file.name}")
