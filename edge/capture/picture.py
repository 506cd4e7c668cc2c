"""The two views of a decoded frame: its luma plane without a copy, and BGR where it is really wanted.

BGR is made by a filter graph, because libav's graphs keep the memory of the pictures that they gave: it is used again
as soon as nothing holds a picture or a part of it. Memory that is mapped anew costs three milliseconds at 1080p, four
times the conversion.
"""

import threading
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, cast

import av
import numpy as np
from av.filter import Graph

from edge.capture.gate import Luma
from edge.errors import PixelsError
from edge.types import Bgr

_PLANAR = frozenset({"yuv420p", "yuvj420p", "yuv422p", "yuvj422p", "yuv444p", "yuvj444p", "nv12", "gray"})
_KINDS: Final = 4
"""Kinds of frames that a thread keeps a graph for, each with a picture's memory."""


def luma(frame: av.VideoFrame) -> Luma:
    """(height, width) uint8: a view into the frame for 8-bit formats, valid while the frame lives."""
    if frame.format.name not in _PLANAR:
        frame = frame.reformat(format="gray", threads=1)
    plane = frame.planes[0]
    rows: Luma = np.frombuffer(memoryview(plane), dtype=np.uint8).reshape(-1, plane.line_size)
    return rows[: frame.height, : frame.width]


def bgr(frame: av.VideoFrame) -> Bgr:
    """(height, width, 3) uint8, a copy, converted by the frame's own colour space and range.

    Raises:
        av.FFmpegError: libav cannot convert it.
    """
    kind = (frame.width, frame.height, frame.format.name, int(frame.colorspace), int(frame.color_range))
    graph = _mine.graph(*kind)
    try:
        graph.vpush(frame)
        return cast(Bgr, graph.vpull().to_ndarray())
    except av.FFmpegError:
        _mine.graph.cache_clear()  # what a graph says after a fault is not known
        raise


def _new_graph(width: int, height: int, pixels: str, colour_space: int, colour_range: int) -> Graph:
    """Frames of a kind in, BGR out, one for one."""
    graph = Graph()
    graph.threads = 1
    source = graph.add(
        "buffer",
        video_size=f"{width}x{height}",
        pix_fmt=pixels,
        colorspace=str(colour_space),
        range=str(colour_range),
        time_base="1/90000",  # nobody asks
    )
    # Interlaced frames by their fields, as they say themselves.
    scale = graph.add("scale", flags="bilinear", interl="-1")
    graph.link_nodes(source, scale, graph.add("format", pix_fmts="bgr24"), graph.add("buffersink"))
    graph.configure()
    return graph


class _Mine(threading.local):
    """A thread's own graphs: none is for two threads at once."""

    def __init__(self) -> None:
        self.graph = lru_cache(maxsize=_KINDS)(_new_graph)


_mine: Final = _Mine()


@dataclass(frozen=True, slots=True)
class Decoded:
    """A frame as the decoder gave it (`edge.types.Pixels`): half the memory of its BGR."""

    frame: av.VideoFrame

    @property
    def size(self) -> tuple[int, int]:
        """Width and height, px."""
        return self.frame.width, self.frame.height

    def bgr(self) -> Bgr:
        """(height, width, 3) uint8, made anew.

        Raises:
            PixelsError: libav cannot convert it, or there is no memory for it.
        """
        try:
            return bgr(self.frame)
        except (av.FFmpegError, MemoryError, ValueError) as error:
            width, height = self.size
            name = self.frame.format.name
            raise PixelsError(
                f"a frame of {width}x{height} {name}: {type(error).__name__}: {error}"
            ) from error
