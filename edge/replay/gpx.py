"""Where a camera that travels was: a GPX track, 1.0 or 1.1, asked by time.

A position is taken from the straight line, in degrees, between the two points around a moment. Over the few
hundred metres between points that is as good as a great circle: at latitude p the two differ by
d^2 tan(p) / (8 R) at most, R being the earth's 6,371 km; for points 1 km apart that is 2 mm at Medellin's 6 degrees
and 3 cm at 60. Never beyond a track's ends, never across a gap, never from one segment to the next: GPX begins a new
segment where reception was lost.

The file comes from elsewhere, so it is read as such: with a bound on its size, no document type and no entities
(which can grow without bound or name other files).
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final
from xml.parsers import expat

from edge.contract.read import GeoPosition
from edge.errors import ConfigError

MAX_BYTES: Final = 64_000_000  # a point a second for a week
_NAMESPACES: Final = ("http://www.topografix.com/GPX/1/0", "http://www.topografix.com/GPX/1/1")
_NUMBER: Final = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?")
_HALF_TURN: Final = 180.0
_SHOWN: Final = 40  # characters of a value in a message


@dataclass(frozen=True, slots=True)
class Point:
    """Where it was at a moment.

    Attributes:
        at: UTC.
        lat, lon: degrees north and east, WGS 84.
    """

    at: datetime
    lat: float
    lon: float


class GpsTrack:
    """The pieces of a track; within a piece times ascend and points are connected.

    Args:
        pieces: each in order.
        most_gap_s: between points further apart nothing is known.
        offset_s: added to the track's times to meet the recording's clock.

    Raises:
        ValueError: there is no point.
    """

    def __init__(
        self,
        pieces: Iterable[Sequence[Point]],
        *,
        most_gap_s: float = 10.0,
        offset_s: float = 0.0,
    ) -> None:
        self._pieces = sorted((tuple(p) for p in pieces if p), key=lambda piece: piece[0].at)
        if not self._pieces:
            raise ValueError("a track without a point")
        self._times = [[point.at for point in piece] for piece in self._pieces]
        self._most_gap = timedelta(seconds=most_gap_s)
        self._offset = timedelta(seconds=offset_s)

    @property
    def first_at(self) -> datetime:
        """Time of the first point, by the recording's clock, UTC."""
        return self._pieces[0][0].at + self._offset

    @property
    def last_at(self) -> datetime:
        """The same of the last."""
        return max(times[-1] for times in self._times) + self._offset

    def position(self, at: datetime) -> GeoPosition | None:
        """Where it was at this moment of the recording; None where the track does not tell."""
        moment = at - self._offset
        found = (self._within(n, moment) for n in range(len(self._pieces)))
        return next((position for position in found if position is not None), None)

    def _within(self, number: int, moment: datetime) -> GeoPosition | None:
        piece, times = self._pieces[number], self._times[number]
        after = bisect_right(times, moment)
        if after == 0:
            return None
        before = piece[after - 1]
        if before.at == moment:
            return GeoPosition(lat=before.lat, lon=before.lon)
        if after == len(piece) or piece[after].at - before.at > self._most_gap:
            return None
        return _between(before, piece[after], moment)


def load(path: Path, *, most_gap_s: float = 10.0, offset_s: float = 0.0) -> GpsTrack:
    """Read a GPX file; its waypoints and routes are left aside.

    Raises:
        ConfigError: names the file, the line, and what was expected.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    if len(content) > MAX_BYTES:
        raise ConfigError(f"{path}: larger than {MAX_BYTES // 1_000_000} MB: no track of one recording")
    reader = _Reader(path)
    reader.parse(content)
    if not any(reader.pieces):
        why = f"its {reader.undated} points bear no time" if reader.undated else "it holds no track point"
        raise ConfigError(f"{path}: gives no position: {why}")
    return GpsTrack(reader.pieces, most_gap_s=most_gap_s, offset_s=offset_s)


class _Reader:
    """Walks the file; `pieces` is what it finds."""

    def __init__(self, path: Path) -> None:
        self.pieces: list[list[Point]] = []
        self.undated = 0
        self._path = path
        self._tags: list[str] = []
        self._place: tuple[float, float] | None = None
        self._time: datetime | None = None
        self._text: list[str] | None = None
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._characters
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._parser.EntityDeclHandler = self._refuse

    def parse(self, content: bytes) -> None:
        try:
            self._parser.Parse(content, True)
        except expat.ExpatError as error:
            words = expat.errors.messages[error.code]
            raise self._fault(f"not XML: {words}", line=error.lineno) from error

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        tag = self._local(name)
        self._tags.append(tag)
        if tag == "trkseg":
            self.pieces.append([])
        elif tag == "trkpt":
            self._place = (
                self._degrees(attributes, "lat", 90.0),
                self._degrees(attributes, "lon", _HALF_TURN),
            )
            self._time = None
        elif self._tags[-2:] == ["trkpt", "time"]:
            self._text = []

    def _local(self, name: str) -> str:
        """The element's name; those of other makers' extensions mean nothing here."""
        namespace, _, tag = name.rpartition(" ")
        if not self._tags and (tag != "gpx" or namespace not in _NAMESPACES):
            raise self._fault(
                f"expected GPX 1.0 or 1.1, found <{tag[:_SHOWN]}> of {namespace[:100] or 'nothing'}"
            )
        return tag if namespace in _NAMESPACES else ""

    def _end(self, _name: str) -> None:
        tag = self._tags.pop()
        if self._text is not None and tag == "time":
            self._time = self._moment("".join(self._text).strip())
            self._text = None
        elif tag == "trkpt":
            self._add()

    def _add(self) -> None:
        if self._place is None or not self.pieces:
            raise self._fault("a track point (trkpt) outside a segment (trkseg)")
        if self._time is None:
            self.undated += 1
            return
        piece = self.pieces[-1]
        if piece and self._time < piece[-1].at:  # the receiver's clock was set: what lies between is unknown
            self.pieces.append(piece := [])
        if not piece or self._time > piece[-1].at:
            piece.append(Point(self._time, *self._place))

    def _characters(self, text: str) -> None:
        if self._text is not None:
            self._text.append(text)

    def _refuse(self, *_: object) -> None:
        raise self._fault("a document type or entity: no GPX needs one, and it may do harm")

    def _degrees(self, attributes: dict[str, str], name: str, most: float) -> float:
        text = attributes.get(name, "").strip()
        value = float(text) if _NUMBER.fullmatch(text) else None
        if value is None or not -most <= value <= most:
            said = repr(text[:_SHOWN]) if text else "nothing"
            raise self._fault(f"{name}: expected degrees from -{most:g} to {most:g}, found {said}")
        return value

    def _moment(self, text: str) -> datetime:
        try:
            moment = datetime.fromisoformat(text)
            # The schema of GPX: times are in UTC, not local; some receivers leave the Z out.
            return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
        except (ValueError, OverflowError):
            raise self._fault(
                f"time: expected such as 2026-03-01T12:00:00Z, found {text[:_SHOWN]!r}"
            ) from None

    def _fault(self, message: str, *, line: int | None = None) -> ConfigError:
        return ConfigError(f"{self._path}: line {line or self._parser.CurrentLineNumber}: {message}")


def _between(before: Point, after: Point, moment: datetime) -> GeoPosition:
    share = (moment - before.at) / (after.at - before.at)
    turn = (after.lon - before.lon + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN  # the short way round
    lon = (before.lon + share * turn + _HALF_TURN) % (2 * _HALF_TURN) - _HALF_TURN
    return GeoPosition(lat=before.lat + share * (after.lat - before.lat), lon=lon)
