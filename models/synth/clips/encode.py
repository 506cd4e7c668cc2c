"""Writes a clip as H.264."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import av
import numpy as np

from models.synth.arrays import Image

GOP = 50


def encode(frames: Iterable[Image], path: Path, *, size: tuple[int, int], fps: int, bit_rate: int) -> int:
    """Encodes frames (h, w, 3) uint8 BGR; returns their number.

    The stream is what an IP camera sends: one key frame every ``GOP`` frames and no B-frames, so that no
    frame waits for a later one. The index stands at the file's start.
    """
    count = 0
    with av.open(str(path), "w", format="mp4", options={"movflags": "+faststart"}) as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.bit_rate = bit_rate
        stream.gop_size = GOP
        stream.options = {
            "preset": "medium",
            "bf": "0",
            "sc_threshold": "0",
            "keyint_min": str(GOP),
            "maxrate": str(bit_rate),
            "bufsize": str(2 * bit_rate),
            "threads": "2",
        }
        for frame in frames:
            picture = av.VideoFrame.from_ndarray(np.ascontiguousarray(frame), format="bgr24")
            container.mux(stream.encode(picture))
            count += 1
        container.mux(stream.encode())
    return count
