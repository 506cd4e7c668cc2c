"""The annotated copy of a recording, in files that are whole at every snapshot, put together at the end."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from edge.errors import ConfigError
from edge.replay.annotate import VideoWriter
from edge.replay.output import VIDEO, Output
from edge.types import Bgr

_PIECE: Final = "annotated-{:05d}.piece.mp4"


class Copies:
    """Writes one recording's copy.

    Args:
        out: folder.
        fps: about how many frames a second.
        whole: pieces that an earlier process wrote.
    """

    def __init__(self, out: Output, *, fps: float, whole: int = 0) -> None:
        self._out = out
        self._fps = fps
        self._writer: VideoWriter | None = None
        self._size: tuple[int, int] | None = None
        self.whole = whole

    def write(self, bgr: Bgr, *, at_s: float) -> None:
        """Append a frame that shows at `at_s` seconds.

        Raises:
            ConfigError: the folder cannot be written, or holds another's file of that name.
        """
        height, width = bgr.shape[:2]
        if self._size is None:
            self._size = _size(self._out.folder / _PIECE.format(0)) if self.whole else (width, height)
        if (width, height) != self._size:  # a recording whose picture changed its size
            bgr = np.asarray(cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA), dtype=np.uint8)
        if self._writer is None:
            self._writer = self._opened(self._out.take(_PIECE.format(self.whole)), self._size)
        self._writer.write(bgr, at_s=at_s)

    def cut(self) -> int:
        """Make what was written a whole file; how many of them there are now."""
        if self._writer is not None:
            self.close()
            self.whole += 1
        return self.whole

    def close(self) -> None:
        """Let go of the file at hand, whatever is in it; idempotent."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def finish(self, *, whole: int) -> None:
        """Put the pieces, so many, together; safe to be done again where it was broken off."""
        pieces = [_PIECE.format(n) for n in range(whole)]
        if not pieces:
            return
        path = self._out.take(VIDEO)
        if all((self._out.folder / piece).is_file() for piece in pieces):  # they go only once it is whole
            _put_together([self._out.folder / piece for piece in pieces], path)
        for piece in reversed(pieces):
            self._out.drop(piece)

    def _opened(self, path: Path, size: tuple[int, int]) -> VideoWriter:
        try:
            return VideoWriter(path, width_px=size[0], height_px=size[1], fps=self._fps)
        except av.FFmpegError as error:
            raise ConfigError(f"{path}: cannot be written: {error.strerror}") from error


def _size(path: Path) -> tuple[int, int]:
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        return stream.width, stream.height


def _put_together(pieces: Sequence[Path], whole: Path) -> None:
    """Copy the packets of files with the same settings into one, each at its own time."""
    try:
        with av.open(str(whole), "w") as out:
            stream = None
            for piece in pieces:
                with av.open(str(piece)) as container:
                    source = container.streams.video[0]
                    stream = stream or out.add_stream_from_template(source)
                    for packet in container.demux(source):
                        if packet.dts is not None:
                            packet.stream = stream
                            out.mux(packet)
    except av.FFmpegError as error:
        raise ConfigError(
            f"{whole}: cannot be put together from {len(pieces)} pieces: {error.strerror}"
        ) from error
