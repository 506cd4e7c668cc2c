"""When a recording began, and who says so.

A wrong hour makes a read worthless as evidence, so nothing is assumed silently: the file's own time, its name or the
GPS track must say it, the zone must be known, and what was believed is told with every recording. In this order:

    --start      what a person says
    container    creation_time (UTC by the standards of MP4 and Matroska) or QuickTime's date, which has a zone
    name         a date and time in the file's name, by `--name-format` or of a usual form; without a zone of its
                 own it needs --zone
    gpx          a track as long as the recording, which began with it
    modified     when the file was changed last: known for every file, right for few; believed only where nothing else
                 says when, and published only where `--start-from modified` asks for it

Where there is a GPS track, a source whose time lies on it comes before one whose time does not.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from pathlib import Path
from typing import Final, Literal

from edge.capture.film import length_s, open_video
from edge.errors import ConfigError
from edge.replay.clocks import in_name, in_utc
from edge.replay.gpx import GpsTrack

SourceName = Literal["start", "container", "name", "gpx", "modified", "continues"]

_OLDEST: Final = datetime(
    2000, 1, 1, tzinfo=UTC
)  # before it no camera's clock was set: they begin at 1904 or 1970
_AHEAD: Final = timedelta(days=1)
_AGREE: Final = timedelta(seconds=5)
_AGREE_SHARE: Final = 0.02
_OFTEN_LOCAL: Final = "its clock may have been local time"


@dataclass(frozen=True, slots=True)
class Facts:
    """What a file says of itself.

    Attributes:
        length_s: None where it does not say.
        size_px: (width, height).
        tags: the container's and the video stream's, the latter first.
        modified_at: when it was changed last, UTC.
    """

    path: Path
    length_s: float | None
    size_px: tuple[int, int]
    tags: Mapping[str, str]
    modified_at: datetime

    @property
    def name(self) -> str:
        """The file's name."""
        return self.path.name


@dataclass(frozen=True, slots=True)
class Rules:
    """What the caller says about times.

    Attributes:
        zone: of times that name none; None: unknown.
        name_format: as strptime's, anywhere in a file's name; None: the usual forms.
        only: believe no other source.
        offset: added to what a file says, because its camera's clock was wrong.
        now: for times that cannot be.
        start: what a person says.
        track: where the camera was.
    """

    now: datetime
    zone: tzinfo | None = None
    name_format: str | None = None
    only: SourceName | None = None
    offset: timedelta = timedelta(0)
    start: datetime | None = None
    track: GpsTrack | None = None


@dataclass(frozen=True, slots=True)
class Start:
    """When a recording began.

    Attributes:
        at: UTC.
        source: who says so.
        notes: in words: how it is known, and what speaks against it.
    """

    at: datetime
    source: SourceName
    notes: tuple[str, ...] = ()


def facts(path: Path) -> Facts:
    """Look at a file.

    Raises:
        LostError: it is missing, or is no video.
    """
    with open_video(path) as container:
        stream = container.streams.video[0]
        return Facts(
            path=path,
            length_s=length_s(container, stream),
            size_px=(stream.width, stream.height),
            tags={k.lower(): v for k, v in {**container.metadata, **stream.metadata}.items()},
            modified_at=datetime.fromtimestamp(path.stat().st_mtime, UTC),
        )


def begun(file: Facts, rules: Rules) -> Start | None:
    """When a recording began; None where nothing says so but the time of its last change.

    Raises:
        ConfigError: what says so cannot be right, or needs a zone.
    """
    if rules.start is not None:
        return _checked(file, rules, Start(rules.start, "start", ("--start says so",)))
    found = list(_told(file, rules))
    if not found:
        return None
    on_track = [start for start in found if _covered(start, file, rules)]
    chosen = (on_track or found)[0]
    others = tuple(_differing(chosen, other) for other in found if abs(other.at - chosen.at) > _AGREE)
    return _checked(file, rules, Start(chosen.at, chosen.source, chosen.notes + others))


def modified(file: Facts, rules: Rules) -> Start:
    """The last resort."""
    notes = ["nothing else says when it began: the time of the file's last change, which may be far off"]
    named = in_name(file.name, rules.name_format)
    if named is not None and named.tzinfo is None and rules.zone is None:
        notes.append(f"its name says {named:%Y-%m-%d %H:%M:%S} in no zone: --zone would make it count")
    return Start(file.modified_at, "modified", tuple(notes))


def _told(file: Facts, rules: Rules) -> Iterator[Start]:
    sources = (("container", _by_container), ("name", _by_name), ("gpx", _by_gpx))
    for source, ask in sources:
        if rules.only in (None, source):
            start = ask(file, rules)
            if start is not None:
                yield start
            elif rules.only == source:
                raise ConfigError(
                    f"{file.path}: --start-from {source}: it does not say when the recording began"
                )


def _by_container(file: Facts, rules: Rules) -> Start | None:
    for tag in ("com.apple.quicktime.creationdate", "creation_time", "date_utc"):
        try:
            told = datetime.fromisoformat(file.tags[tag])
        except (KeyError, ValueError):
            continue
        at = (told if told.tzinfo else told.replace(tzinfo=UTC)).astimezone(UTC)
        if _OLDEST <= at <= rules.now + _AHEAD:
            return Start(at + rules.offset, "container", (f"the file says {tag} {file.tags[tag]}",))
    return None


def _by_name(file: Facts, rules: Rules) -> Start | None:
    told = in_name(file.name, rules.name_format)
    if told is None:
        return None
    if told.tzinfo is None and rules.zone is None:
        if rules.only == "name":
            raise ConfigError(f"{file.path}: its name says {told:%Y-%m-%d %H:%M:%S} in no zone: give --zone")
        return None
    at = in_utc(told, rules.zone, what=str(file.path))
    where = "" if told.tzinfo else f" in {rules.zone}"
    return Start(at + rules.offset, "name", (f"its name says {told:%Y-%m-%d %H:%M:%S}{where}",))


def _by_gpx(file: Facts, rules: Rules) -> Start | None:
    if rules.track is None or file.length_s is None:
        return None
    length = timedelta(seconds=file.length_s)
    if abs(rules.track.last_at - rules.track.first_at - length) > max(_AGREE, _AGREE_SHARE * length):
        return None
    return Start(
        rules.track.first_at, "gpx", ("the GPS track is as long as the recording, so they began together",)
    )


def _covered(start: Start, file: Facts, rules: Rules) -> bool:
    """Whether the recording and the track overlap."""
    if rules.track is None:
        return False
    ends = start.at + timedelta(seconds=file.length_s or 0.0)
    return start.at <= rules.track.last_at and ends >= rules.track.first_at


def _checked(file: Facts, rules: Rules, start: Start) -> Start:
    """With a word about a track that lies elsewhere.

    Raises:
        ConfigError: the recording would lie in the future.
    """
    if start.at > rules.now + _AHEAD:
        raise ConfigError(f"{file.path}: begins at {start.at:%Y-%m-%d %H:%M:%SZ}, which lies ahead of us")
    if rules.track is None or _covered(start, file, rules):
        return start
    apart = rules.track.first_at - start.at
    note = (
        f"the GPS track lies elsewhere, from {rules.track.first_at:%Y-%m-%d %H:%M:%SZ}, "
        f"{abs(apart)} {'later' if apart > timedelta(0) else 'earlier'}: no read gets a position"
    )
    return Start(start.at, start.source, (*start.notes, note))


def _differing(chosen: Start, other: Start) -> str:
    apart = other.at - chosen.at
    local = f"; {_OFTEN_LOCAL}" if chosen.source == "container" or other.source == "container" else ""
    return f"but {other.notes[0]}, {abs(apart)} {'later' if apart > timedelta(0) else 'earlier'}{local}"
