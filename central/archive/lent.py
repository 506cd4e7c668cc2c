"""Data files of a bucket as DuckDB reads them: ranges of bytes that it asks of us, for its wheel speaks no S3.

A data file never changes, so what was asked of one once (how long it is) holds for good, and the footers that DuckDB
keeps hold too. A read that waits for the server can be given up: DuckDB itself waits for as long as we do.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from datetime import UTC, datetime
from threading import Event, local
from typing import Any, ClassVar, Final, TypeVar

from fsspec import AbstractFileSystem
from pyarrow import fs

_AT_ONCE: Final = 32  # reads; DuckDB asks for no more than a few a thread
_LOOK_S: Final = 0.05
_LONG_AGO: Final = datetime(2000, 1, 1, tzinfo=UTC)

_T = TypeVar("_T")


class LentFiles(AbstractFileSystem):  # type: ignore[misc]  # fsspec ships no types
    """Files below a root, to be read only; names are `archive://<name>`. Any thread's.

    Args:
        filesystem: whose they are.
        root: in it.
        given_up: nobody waits any more; set, every read raises InterruptedError.
    """

    protocol: ClassVar[str] = "archive"
    cachable: ClassVar[bool] = False

    def __init__(self, filesystem: fs.FileSystem, root: str, given_up: Event) -> None:
        super().__init__()
        self._filesystem: Final = filesystem
        self._root: Final = root
        self._given_up: Final = given_up
        self._opened: Final[dict[str, Any]] = {}
        self._readers: Final = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="archive")

    def glob(self, path: str, **_: object) -> list[str]:
        """The one file that is named: names are taken from a table's log, and hold no pattern."""
        return [path]

    def size(self, path: str) -> int:
        """Of a file, in bytes."""
        return int(self._file(path).size())

    def modified(self, _path: str) -> datetime:
        """Never."""
        return _LONG_AGO

    def read_range(self, path: str, offset: int, length: int) -> bytes:
        """Bytes of a file; fewer where it ends.

        Raises:
            InterruptedError: given up.
            OSError: it cannot be read.
        """
        file = self._file(path)
        length = min(length, int(file.size()) - offset)
        return bytes(self._waited(lambda: file.read_at(length, offset))) if length > 0 else b""

    def _open(self, path: str, mode: str = "rb", **_: object) -> "_LentFile":
        if mode != "rb":
            raise PermissionError(f"{path}: may only be read")
        return _LentFile(self, path)

    def _file(self, path: str) -> Any:  # noqa: ANN401  # of pyarrow, which has no types
        """A file that is opened once: that asks the server how long it is."""
        name = path.removeprefix(f"{self.protocol}://")
        if name not in self._opened:
            self._opened[name] = self._waited(
                lambda: self._filesystem.open_input_file(f"{self._root}/{name}")
            )
        return self._opened[name]

    def _waited(self, ask: Callable[[], _T]) -> _T:
        answering = self._readers.submit(ask)
        while not answering.done():
            if self._given_up.is_set():
                raise InterruptedError("given up")
            wait([answering], timeout=_LOOK_S)
        return answering.result()


class _LentFile:
    """An open file, whose place is each thread's own: DuckDB seeks and reads in two steps."""

    def __init__(self, files: LentFiles, path: str) -> None:
        self._files: Final = files
        self._path: Final = path
        self._at: Final = local()

    def seek(self, offset: int) -> int:
        self._at.offset = offset
        return offset

    def tell(self) -> int:
        return int(getattr(self._at, "offset", 0))

    def read(self, length: int = -1) -> bytes:
        offset = self.tell()
        piece = self._files.read_range(
            self._path, offset, self._files.size(self._path) if length < 0 else length
        )
        self._at.offset = offset + len(piece)
        return piece

    def close(self) -> None:
        """Nothing: the file stays open for the next question."""
