"""What a head sees from any position: the pictures of its presets side by side, and a window that moves over them."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

import av
import cv2
import numpy as np

from edge.errors import ConfigError
from edge.simulate.clip import Clip
from edge.types import Bgr, Position

FPS: Final = 25
_KEY_EVERY: Final = 5  # pictures: who comes late to a journey joins it at the next one
_STANDS: Final = 25  # pictures of a view that stands still, and after a journey's end
_OCTAVES: Final = 3.0  # of magnification, over the whole range of zoom
_START_CODE: Final = b"\0\0\0\1"
_SHUTTER: Final = 0.5  # of the time between two pictures; what moves meanwhile is smeared

Views = Sequence[tuple[Position, Bgr]]
"""Where each preset looks, and its picture, (height, width, 3) uint8; all of one size, no two at one pan."""


class Panorama:
    """The street around the camera, as wide as all its presets.

    From west to east the presets' pictures stand side by side; between two pans the window slides from one to the
    next. Tilt and zoom are those of the presets, too, and what lies between them is evened out.
    """

    def __init__(self, views: Views) -> None:
        ordered = sorted(views, key=lambda view: view[0].pan)
        self._strip = np.hstack([picture for _, picture in ordered])
        self.height, self.width = ordered[0][1].shape[:2]
        self._pans = [position.pan for position, _ in ordered]
        self._tilts = [position.tilt for position, _ in ordered]
        self._zooms = [position.zoom or 0.0 for position, _ in ordered]

    def at(self, position: Position) -> Bgr:
        """The picture from there; at a preset, the preset's own."""
        left, top, scale = self._window(position)
        across, down = left + self.width / 2, top + self.height / 2
        back = np.array(
            [
                [1 / scale, 0, across - self.width / 2 / scale],
                [0, 1 / scale, down - self.height / 2 / scale],
            ],
            np.float64,
        )
        how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        drawn = cv2.warpAffine(
            self._strip, back, (self.width, self.height), flags=how, borderMode=cv2.BORDER_REFLECT_101
        )
        return np.asarray(drawn, np.uint8)

    def journey(self, start: Position, end: Position, *, takes_s: float) -> Iterator[Bgr]:
        """The pictures on the way, smeared by the motion, and then some from its end."""
        count = max(1, round(takes_s * FPS))
        before = self._window(start)
        for number in range(count):
            done = (number + 1) / count
            here = Position(
                start.pan + (end.pan - start.pan) * done,
                start.tilt + (end.tilt - start.tilt) * done,
                (start.zoom or 0.0) + ((end.zoom or 0.0) - (start.zoom or 0.0)) * done,
            )
            now = self._window(here)
            smear = [1 + round(_SHUTTER * abs(now[axis] - before[axis])) for axis in (0, 1)]
            before = now
            yield np.asarray(cv2.blur(self.at(here), (smear[0], smear[1])), np.uint8)
        for _ in range(_STANDS):
            yield self.at(end)

    def stand(self, position: Position) -> Iterator[Bgr]:
        """A second of standing still there."""
        picture = self.at(position)
        for _ in range(_STANDS):
            yield picture

    def _window(self, position: Position) -> tuple[float, float, float]:
        """Left and top of the window in the strip, px, and how much more it magnifies than the presets near it."""
        place = float(np.interp(position.pan, self._pans, range(len(self._pans))))
        tilt = float(np.interp(position.pan, self._pans, self._tilts))
        zoom = float(np.interp(position.pan, self._pans, self._zooms))
        scale = 2 ** (_OCTAVES * ((position.zoom or 0.0) - zoom))
        return place * self.width, (tilt - position.tilt) * self.height, scale


def encode(pictures: Iterator[Bgr], path: Path, *, size: tuple[int, int]) -> Path:
    """Pictures as a small H.264 file, quickly rather than well; `size` is width and height, px."""
    options = {
        "preset": "ultrafast",
        "tune": "zerolatency",
        "crf": "26",
        "g": str(_KEY_EVERY),
        "threads": "1",
    }
    with av.open(str(path), "w", format="mp4") as container:
        stream = container.add_stream("libx264", rate=FPS, options=options)
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="bgr24")))
        container.mux(stream.encode())
    return path


def first_picture(clip: Clip) -> Bgr:
    """A clip's first picture.

    Raises:
        ConfigError: it cannot be decoded.
    """
    try:
        decoder = av.CodecContext.create("hevc" if clip.is_h265 else "h264", "r")
        coded = b"".join(
            _START_CODE + nal for nal in (clip.vps, clip.sps, clip.pps, *clip.units[0].nals) if nal
        )
        picture = next(frame for packet in (av.Packet(coded), None) for frame in decoder.decode(packet))
        return np.asarray(picture.to_ndarray(format="bgr24"), np.uint8)
    except (av.FFmpegError, StopIteration) as error:
        raise ConfigError(f"{clip.path}: clip cannot be decoded: {type(error).__name__}") from error
