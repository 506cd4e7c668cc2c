"""Small H.264 clips of a moving shape whose pictures carry their own number, so that a test can tell them apart."""

import functools
import tempfile
from collections.abc import Callable
from pathlib import Path

import av
import numpy as np

WIDTH, HEIGHT, FPS = 320, 180, 25
_BITS, _SIDE = 10, 20  # the number stands in the bottom row, a block a bit, least first


def drawn(number: int) -> np.ndarray:
    """(180, 320, 3) uint8 BGR: a grey patterned road, a white box that crosses it, and the number."""
    rng = np.random.default_rng(7)
    road = rng.integers(60, 120, (HEIGHT // 6, WIDTH // 5), dtype=np.uint8).repeat(6, 0).repeat(5, 1)
    picture = np.repeat(road[:, :, None], 3, axis=2)
    left = number * 4 % (WIDTH - 40)
    picture[60:90, left : left + 40] = 235
    for bit in range(_BITS):
        level = 235 if number >> bit & 1 else 16
        picture[HEIGHT - _SIDE :, bit * _SIDE : (bit + 1) * _SIDE] = level
    return picture


def number_of(bgr: np.ndarray) -> int:
    """The number that a picture carries."""
    row = bgr[HEIGHT - _SIDE // 2, :, 1]
    return sum(1 << bit for bit in range(_BITS) if row[bit * _SIDE + _SIDE // 2] > 125)


def write_clip(
    path: Path,
    *,
    frames: int = 50,
    fps: int = FPS,
    gop: int = 25,
    b_frames: int = 0,
    codec: str = "libx264",
    draw: Callable[[int], np.ndarray] = drawn,
) -> Path:
    """Encode `frames` pictures into any container that the suffix names."""
    options = {"g": str(gop), "bf": str(b_frames), "preset": "veryfast", "sc_threshold": "0", "crf": "18"}
    if codec == "libx265":
        keys = f"keyint={gop}:min-keyint={gop}:bframes={b_frames}:scenecut=0:log-level=none:pools=1"
        options = {"preset": "ultrafast", "crf": "18", "x265-params": keys}
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=fps, options=options if codec.startswith("libx26") else {})
        stream.height, stream.width = draw(0).shape[:2]
        stream.pix_fmt = "yuv420p"
        for number in range(frames):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(draw(number), format="bgr24")))
        container.mux(stream.encode())
    return path


@functools.cache
def clip_file(*, frames: int = 50, gop: int = 25, b_frames: int = 0, suffix: str = ".mp4") -> Path:
    """A clip in a folder that lasts as long as the tests; the same one for the same wishes."""
    name = f"shape-{frames}-{gop}-{b_frames}{suffix}"
    return write_clip(_folder() / name, frames=frames, gop=gop, b_frames=b_frames)


@functools.cache
def _folder() -> Path:
    return Path(_keep().name)


@functools.cache
def _keep() -> tempfile.TemporaryDirectory[str]:
    return tempfile.TemporaryDirectory(prefix="atalaya-clips-")
