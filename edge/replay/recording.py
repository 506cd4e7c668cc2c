"""A recording of one camera: a file, or several that continue one another, with true times."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import Final

from edge.capture.stillness import Stillness
from edge.capture.video import Mark, VideoSource
from edge.errors import ConfigError, LostError
from edge.replay.files import identity
from edge.replay.start import Facts, Start
from edge.settings import CameraSettings
from edge.types import Frame

_CONTINUES: Final = timedelta(seconds=2)
"""Clocks of files go by the second, and a recorder needs a moment to begin the next file."""
_LEAST: Final = timedelta(milliseconds=1)
_NOMINAL: Final = timedelta(milliseconds=40)


@dataclass(frozen=True, slots=True)
class Part:
    """One file of a recording.

    Attributes:
        start: when it began; None where it begins with the end of the part before.
    """

    file: Facts
    start: Start | None

    @property
    def name(self) -> str:
        """The file's name."""
        return self.file.name


@dataclass(frozen=True, slots=True)
class Stop:
    """A place in a recording of several parts.

    Attributes:
        part: which.
        began_at: when that part began.
        mark: in that part.
        earlier: figures of the parts before.
    """

    part: int
    began_at: datetime
    mark: Mark
    earlier: "Figures"


@dataclass(frozen=True, slots=True)
class Figures:
    """What is to be told of a recording's pictures.

    Attributes:
        media_s: seconds of recording seen.
        pictures: decoded.
        damaged: pictures left out because they were damaged, or drawn from damaged ones.
        still: pictures not looked at because nothing moved in them.
        leaps: how often the files' time stepped back or leapt.
        longest_gap_s: the longest time between two pictures of a part.
        faults: files that could not be read, or not to their end, and why.
    """

    media_s: float = 0.0
    pictures: int = 0
    damaged: int = 0
    still: int = 0
    leaps: int = 0
    longest_gap_s: float = 0.0
    faults: tuple[str, ...] = ()

    def and_(self, mark: Mark, *, faults: Sequence[str] = ()) -> "Figures":
        """With those of a part up to this mark."""
        place = mark.place
        return Figures(
            media_s=self.media_s + place.media_s,
            pictures=self.pictures + place.pictures,
            damaged=self.damaged + place.unreadable,
            still=self.still + (mark.stillness.still if mark.stillness else 0),
            leaps=self.leaps + place.timeline.leaps,
            longest_gap_s=max(self.longest_gap_s, place.timeline.longest_s),
            faults=(*self.faults, *faults),
        )


class Recording:
    """Frames of its parts, one after the other.

    Args:
        parts: in order, at least one; the first one's start is known.
        camera: that took it; where it has a motion gate, frames in which nothing moves are left out.
        most_s: only so many seconds from its beginning; None: all.
    """

    def __init__(self, parts: Sequence[Part], *, camera: CameraSettings, most_s: float | None = None) -> None:
        self.parts = tuple(parts)
        self._most_s = most_s
        self._camera = camera
        self._stop: Stop | None = None
        self._ended: Figures | None = None

    @property
    def name(self) -> str:
        """For people."""
        more = f" and {len(self.parts) - 1} more" if len(self.parts) > 1 else ""
        return f"{self.parts[0].name}{more}"

    @property
    def paths(self) -> tuple[Path, ...]:
        """The files."""
        return tuple(part.file.path for part in self.parts)

    @property
    def start(self) -> Start:
        """When it began."""
        start = self.parts[0].start
        assert start is not None  # noqa: S101  # see the class
        return start

    @property
    def length_s(self) -> float | None:
        """Of all parts that are looked at; None where one of them does not say."""
        lengths = [part.file.length_s for part in self.parts]
        if None in lengths:
            return self._most_s
        whole_s = sum(s for s in lengths if s is not None)
        return whole_s if self._most_s is None else min(whole_s, self._most_s)

    @cached_property
    def identity(self) -> str:
        """What tells it from another recording, whatever the files are called.

        Raises:
            ConfigError: a file cannot be read.
        """
        parts = self.identities
        return parts[0] if len(parts) == 1 else hashlib.sha256("\n".join(parts).encode()).hexdigest()

    @cached_property
    def identities(self) -> tuple[str, ...]:
        """The same of each part.

        Raises:
            ConfigError: a file cannot be read.
        """
        return tuple(identity(path) for path in self.paths)

    def of(self, first: int, last: int) -> "Recording":
        """The recording of some of its parts, from `first` to before `last`.

        Raises:
            ConfigError: the first of them bears no time of its own.
        """
        parts = self.parts[first:last]
        if parts[0].start is None:
            raise ConfigError(
                f"{parts[0].file.path}: files named before it were published already, and nothing but these says "
                "when it began: name it alone with --start, or --again to publish all of them anew"
            )
        return Recording(parts, camera=self._camera, most_s=self._most_s)

    @property
    def stop(self) -> Stop | None:
        """Where to go on behind the newest frame; None before the first."""
        return self._stop

    @property
    def figures(self) -> Figures:
        """Up to the newest frame, or to the end."""
        if self._ended is not None:
            return self._ended
        return self._stop.earlier.and_(self._stop.mark) if self._stop else Figures()

    def frames(self, *, after: Stop | None = None) -> Iterator[Frame]:
        """The frames, behind a place where one is given.

        A file that cannot be read is left out and told in `figures`.

        Raises:
            LostError: none of the files gives a frame.
        """
        self._stop, self._ended = after, None
        earlier = after.earlier if after else Figures()
        newest: datetime | None = None
        for number in range(after.part if after else 0, len(self.parts)):
            mark = after.mark if after and number == after.part else None
            began_at = after.began_at if after and mark else self._begin(number, newest)
            if after and mark:
                newest = began_at + timedelta(seconds=mark.place.media_s)
            source = self._source(number, began_at, mark)
            faults = []
            try:
                with closing(source):
                    for frame in source.frames():
                        if self._is_past(frame.captured_at):
                            return
                        self._stop = Stop(number, began_at, source.mark, earlier)
                        newest = frame.captured_at
                        yield frame
            except LostError as error:
                faults.append(str(error))
            if source.fault:
                faults.append(f"{self.paths[number]}: {source.fault}")
            earlier = earlier.and_(source.mark, faults=faults)
            if source.mark.place.pictures:
                newest = began_at + timedelta(seconds=source.mark.place.media_s)
        self._ended = earlier
        if newest is None:
            raise LostError("\n".join(earlier.faults))

    def _source(self, number: int, began_at: datetime, mark: Mark | None) -> VideoSource:
        camera = self._camera
        return VideoSource(
            self.paths[number],
            camera_id=camera.id,
            started_at=began_at,
            fps=camera.analyse_fps,
            stillness=Stillness(camera.region) if camera.motion_gate else None,
            after=mark,
        )

    def _is_past(self, at: datetime) -> bool:
        return self._most_s is not None and (at - self.start.at).total_seconds() >= self._most_s

    def _begin(self, number: int, newest: datetime | None) -> datetime:
        """When a part began: as it says, but not before the part before ended."""
        start = self.parts[number].start
        if newest is None:
            return self.start.at if start is None else start.at
        return newest + _NOMINAL if start is None else max(start.at, newest + _LEAST)


def joined(
    files: Iterable[tuple[Facts, Start | None]],
    *,
    is_one: bool,
    camera: CameraSettings,
    most_s: float | None = None,
) -> list[Recording]:
    """Files as recordings: those that continue one another by their own times and sizes are one.

    Args:
        files: in order; a start of None is only allowed behind the first, where `is_one`.
        is_one: somebody says that they are all parts of one recording, in this order.
        camera: that took them.
        most_s: only so many seconds of each; None: all.

    Raises:
        ConfigError: parts of one recording do not follow one another.
    """
    recordings: list[list[Part]] = []
    for file, start in files:
        part = Part(file, start)
        if recordings and (is_one or _continues(recordings[-1][-1], part)):
            recordings[-1].append(part)
        else:
            recordings.append([part])
    for parts in recordings:
        starts = [(p, p.start) for p in parts if p.start is not None]
        for (_, before), (part, start) in pairwise(starts):
            if start.at <= before.at:
                raise ConfigError(
                    f"{part.file.path}: began before the part that is named before it: {start.notes[0]}"
                )
    return [Recording(parts, camera=camera, most_s=most_s) for parts in recordings]


def _continues(before: Part, part: Part) -> bool:
    if before.start is None or part.start is None or before.file.length_s is None:
        return False
    if "modified" in (before.start.source, part.start.source) or "start" in (
        before.start.source,
        part.start.source,
    ):
        return False
    ended = before.start.at + timedelta(seconds=before.file.length_s)
    return abs(part.start.at - ended) <= _CONTINUES and before.file.size_px == part.file.size_px
