"""A recording as the simulated camera sends it: H.264 access units with their times, all in memory."""

import itertools
import statistics
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.error import FFmpegError
from av.video.stream import VideoStream

from edge.errors import ConfigError
from edge.simulate.rtp import CLOCK_HZ, split_annex_b

_IDR, _SPS, _PPS, _DELIMITER = 5, 7, 8, 9


@dataclass(frozen=True, slots=True)
class AccessUnit:
    """One coded picture.

    Attributes:
        ticks: presentation time since the clip's first picture, 1/90,000 s.
        nals: its NAL units, without start codes.
    """

    ticks: int
    nals: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Clip:
    """A clip in coding order; it begins with a key frame.

    Attributes:
        ticks: length of one pass, the last picture's duration included, 1/90,000 s.
        sps, pps: H.264 parameter sets, without start codes.
    """

    path: Path
    units: tuple[AccessUnit, ...]
    ticks: int
    sps: bytes
    pps: bytes

    @property
    def duration_s(self) -> float:
        """Length of one pass in seconds."""
        return self.ticks / CLOCK_HZ

    @property
    def fps(self) -> float:
        """Pictures a second, on average."""
        return len(self.units) / self.duration_s

    def from_second(self, second: float) -> "Clip":
        """The same loop, begun with the first key frame at or after `second` (its first one, where none follows)."""
        places = [n for n, unit in enumerate(self.units) if any(nal[0] & 0x1F == _IDR for nal in unit.nals)]
        begin = next((n for n in places if self.units[n].ticks >= second * CLOCK_HZ), 0)
        shift = self.units[begin].ticks
        turned = (*self.units[begin:], *self.units[:begin])
        return replace(self, units=tuple(replace(u, ticks=(u.ticks - shift) % self.ticks) for u in turned))


def load_clip(path: Path) -> Clip:
    """Read a file's first H.264 stream, whatever its container.

    Raises:
        ConfigError: the file is missing, holds no H.264, or does not begin with a key frame.
    """
    if not path.is_file():
        raise ConfigError(f"{path}: clip is missing")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise ConfigError(f"{path}: clip holds no video")
            return _read(path, container.streams.video[0], container)
    except FFmpegError as error:
        raise ConfigError(f"{path}: clip cannot be read: {error.strerror}") from error


def _read(path: Path, stream: VideoStream, container: av.container.InputContainer) -> Clip:
    if stream.codec_context.name != "h264":
        raise ConfigError(f"{path}: clip must be H.264, found {stream.codec_context.name}")
    to_annex_b = BitStreamFilterContext("h264_mp4toannexb", stream)
    times: list[Fraction] = []
    coded: list[tuple[bytes, ...]] = []
    last_duration = 0
    for packet in container.demux(stream):
        for filtered in to_annex_b.filter(packet if packet.size else None):
            if filtered.pts is None:
                raise ConfigError(f"{path}: picture {len(times) + 1} of the clip has no time")
            times.append(filtered.pts * Fraction(stream.time_base or 1))
            coded.append(tuple(n for n in split_annex_b(bytes(filtered)) if n[0] & 0x1F != _DELIMITER))
            last_duration = filtered.duration or 0
    if not coded:
        raise ConfigError(f"{path}: clip holds no picture")
    first = min(times)
    ticks = [round((time - first) * CLOCK_HZ) for time in times]
    last_ticks = round(last_duration * Fraction(stream.time_base or 1) * CLOCK_HZ) or _step(ticks)
    return Clip(
        path=path,
        units=tuple(AccessUnit(t, nals) for t, nals in zip(ticks, coded, strict=True)),
        ticks=max(ticks) + last_ticks,
        sps=_parameter_set(path, coded[0], _SPS),
        pps=_parameter_set(path, coded[0], _PPS),
    )


def _step(ticks: list[int]) -> int:
    """The usual time between two pictures; 1/25 s where there is but one."""
    ordered = sorted(ticks)
    steps = [b - a for a, b in itertools.pairwise(ordered)]
    return int(statistics.median(steps)) if steps else CLOCK_HZ // 25


def _parameter_set(path: Path, nals: tuple[bytes, ...], kind: int) -> bytes:
    for nal in nals:
        if nal[0] & 0x1F == kind:
            return nal
    raise ConfigError(f"{path}: clip does not begin with a key frame and its parameter sets")
