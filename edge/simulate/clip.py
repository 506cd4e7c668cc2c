"""A recording as the simulated camera sends it: H.264 or H.265 access units with their times, all in memory."""

import itertools
import math
import statistics
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
from av.bitstream import BitStreamFilterContext
from av.error import FFmpegError
from av.video.stream import VideoStream

from edge.errors import ConfigError
from edge.simulate.rtp import CLOCK_HZ, nal_kind, split_annex_b


@dataclass(frozen=True, slots=True)
class _Kinds:
    """Numbers of NAL unit types.

    Attributes:
        sets: the parameter sets, in the order of a session description.
        keys: pictures that are drawn from no other.
        delimiter: says nothing.
    """

    sets: tuple[int, ...]
    keys: range
    delimiter: int


_H264 = _Kinds(sets=(7, 8), keys=range(5, 6), delimiter=9)
_H265 = _Kinds(sets=(32, 33, 34), keys=range(16, 22), delimiter=35)


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
        sps, pps: parameter sets, without start codes.
        vps: the third one of H.265; empty: it is H.264.
        first_ticks: where in its file it begins, 1/90,000 s.
    """

    path: Path
    units: tuple[AccessUnit, ...]
    ticks: int
    sps: bytes
    pps: bytes
    vps: bytes = b""
    first_ticks: int = 0

    @property
    def is_h265(self) -> bool:
        """Whether it is H.265, and not H.264."""
        return bool(self.vps)

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
        begin = self._key_frame(second)
        shift = self.units[begin].ticks
        turned = (*self.units[begin:], *self.units[:begin])
        units = tuple(replace(u, ticks=(u.ticks - shift) % self.ticks) for u in turned)
        return replace(self, units=units, first_ticks=(self.first_ticks + shift) % self.ticks)

    def part(self, begin_s: float, end_s: float) -> "Clip":
        """What lies between two seconds of it, from the first key frame at or after `begin_s` on."""
        end = min(round(end_s * CLOCK_HZ), self.ticks)
        begin = self._key_frame(begin_s)
        shift = self.units[begin].ticks
        within = itertools.takewhile(lambda unit: unit.ticks < end, self.units[begin:])
        units = tuple(replace(u, ticks=u.ticks - shift) for u in within if u.ticks >= shift)
        return replace(self, units=units, ticks=end - shift, first_ticks=self.first_ticks + shift)

    def _key_frame(self, second: float) -> int:
        """The first one at or after this second, by its place; the first of all where none follows."""
        keys = (_H265 if self.is_h265 else _H264).keys
        kinds = [[nal_kind(nal, h265=self.is_h265) for nal in unit.nals] for unit in self.units]
        places = [n for n, found in enumerate(kinds) if any(kind in keys for kind in found)]
        return next((n for n in places if self.units[n].ticks >= second * CLOCK_HZ), 0)


def load_clip(path: Path) -> Clip:
    """Read a file's first video stream, whatever its container.

    Raises:
        ConfigError: the file is missing, holds neither H.264 nor H.265, or does not begin with a key frame.
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


def load_shown(text: str) -> Clip:
    """What FILE, FILE#t=BEGIN (the same loop, begun there) or FILE#t=BEGIN,END (that part) names; in seconds.

    Raises:
        ConfigError: as `load_clip`, or the seconds cannot be.
    """
    file, _, seconds = text.partition("#t=")
    begin, comma, end = seconds.partition(",")
    try:
        begin_s, end_s = float(begin or 0), float(end) if comma else math.inf
    except ValueError:
        raise ConfigError(f"{text}: expected seconds after #t=, found {seconds!r}") from None
    clip = load_clip(Path(file))
    if not comma:
        return clip.from_second(begin_s)
    part = clip.part(begin_s, end_s)
    if not part.units or part.first_ticks < begin_s * CLOCK_HZ:
        raise ConfigError(f"{text}: no key frame lies between these seconds of its {clip.duration_s:.1f}")
    return part


def _read(path: Path, stream: VideoStream, container: av.container.InputContainer) -> Clip:
    name = stream.codec_context.name
    if name not in {"h264", "hevc"}:
        raise ConfigError(f"{path}: clip must be H.264 or H.265, found {name}")
    h265 = name == "hevc"
    kinds = _H265 if h265 else _H264
    to_annex_b = BitStreamFilterContext(f"{name}_mp4toannexb", stream)
    times: list[Fraction] = []
    coded: list[tuple[bytes, ...]] = []
    last_duration = 0
    for packet in container.demux(stream):
        for filtered in to_annex_b.filter(packet if packet.size else None):
            if filtered.pts is None:
                raise ConfigError(f"{path}: picture {len(times) + 1} of the clip has no time")
            times.append(filtered.pts * Fraction(stream.time_base or 1))
            nals = split_annex_b(bytes(filtered))
            coded.append(tuple(n for n in nals if nal_kind(n, h265=h265) != kinds.delimiter))
            last_duration = filtered.duration or 0
    if not coded:
        raise ConfigError(f"{path}: clip holds no picture")
    first = min(times)
    ticks = [round((time - first) * CLOCK_HZ) for time in times]
    last_ticks = round(last_duration * Fraction(stream.time_base or 1) * CLOCK_HZ) or _step(ticks)
    *vps, sps, pps = [_parameter_set(path, coded[0], kind, h265=h265) for kind in kinds.sets]
    return Clip(
        path=path,
        units=tuple(AccessUnit(t, nals) for t, nals in zip(ticks, coded, strict=True)),
        ticks=max(ticks) + last_ticks,
        sps=sps,
        pps=pps,
        vps=vps[0] if vps else b"",
    )


def _step(ticks: list[int]) -> int:
    """The usual time between two pictures; 1/25 s where there is but one."""
    ordered = sorted(ticks)
    steps = [b - a for a, b in itertools.pairwise(ordered)]
    return int(statistics.median(steps)) if steps else CLOCK_HZ // 25


def _parameter_set(path: Path, nals: tuple[bytes, ...], kind: int, *, h265: bool) -> bytes:
    for nal in nals:
        if nal_kind(nal, h265=h265) == kind:
            return nal
    raise ConfigError(f"{path}: clip does not begin with a key frame and its parameter sets")
