"""What ails a camera that works: its reads, its plates and its picture against its own past, in plain words."""

import statistics
import threading
from collections import deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Final

from edge.capture.view import Finding, ViewWatch
from edge.contract.health import Ailment, CameraHealth, CameraState
from edge.contract.read import ModelVersions
from edge.emission import Emission, Kind, Sink
from edge.health.memory import Past
from edge.health.rate import ReadRate

_DETAIL_CHARACTERS: Final = 300
_RECENT: Final = 60  # plates
_TELLING: Final = 20
_SMALL, _LARGE = 0.75, 1.4
_FOLLOW: Final = 1 / 2000
_AGAIN: Final = timedelta(minutes=10)  # figures in words change no more often, or every change would be news


class PlateSizes:
    """How wide the plates are that a camera reads; safe from any thread."""

    def __init__(self, *, usual_px: float = 0.0, plates: int = 0) -> None:
        self._lock = threading.Lock()
        self._recent: deque[float] = deque(maxlen=_RECENT)
        self.usual_px = usual_px
        self.plates = plates

    def add(self, width_px: float) -> None:
        """A plate that was read."""
        with self._lock:
            self._recent.append(width_px)
            self.plates += 1
            if not self._is_odd():
                share = 1 / self.plates if self.plates <= 2 * _RECENT else _FOLLOW
                self.usual_px += (width_px - self.usual_px) * share

    @property
    def median_px(self) -> float | None:
        """Of the last ones; None before there are a few."""
        with self._lock:
            return self._median()

    @property
    def is_odd(self) -> bool:
        """Whether they are much narrower or wider than usual: the zoom or the view has changed."""
        with self._lock:
            return self._is_odd()

    def _median(self) -> float | None:
        return statistics.median(self._recent) if len(self._recent) >= _TELLING else None

    def _is_odd(self) -> bool:
        median = self._median()
        if median is None or self.plates < 2 * _RECENT:
            return False
        return not _SMALL <= median / self.usual_px <= _LARGE


class Watch:
    """One camera's.

    Args:
        past: what is usual there.
    """

    def __init__(self, past: Past) -> None:
        self.view = ViewWatch(past.views)
        self._key = past.key
        self._rate = ReadRate(past.usual)
        self._plates = PlateSizes(usual_px=past.plate_px, plates=past.plates)
        self._said: dict[Ailment, tuple[datetime, str]] = {}

    def heard(self, emission: Emission) -> None:
        """Something is said of a passage; from any thread."""
        if emission.kind is Kind.READ:
            self._plates.add(emission.shot.box.width)

    def tick(self, camera: CameraHealth, *, now: datetime) -> None:
        """Time goes by; to be called every few seconds at least."""
        self._rate.tick(now, reads=camera.reads, is_watching=camera.state is CameraState.LIVE)

    def told(self, camera: CameraHealth, *, now: datetime) -> CameraHealth:
        """The camera's health with what this knows, and what ails it as words."""
        finding = self.view.finding
        found = dict(self._ailments(finding)) if camera.state is CameraState.LIVE else {}
        self._said = {kind: self._words(kind, words, now) for kind, words in found.items()}
        said = "; ".join(filter(None, (camera.detail, *(words for _, words in self._said.values()))))
        shift = finding.shift
        return camera.model_copy(
            update={
                "ailments": tuple(found),
                "detail": said[:_DETAIL_CHARACTERS],
                "reads_share": self._rate.share,
                "plate_px": self._plates.median_px,
                "sharpness": finding.sharpness,
                "brightness": finding.brightness,
                "view_shift": None if shift is None else (shift[0] ** 2 + shift[1] ** 2) ** 0.5,
            }
        )

    def past(self) -> Past:
        """What is usual, to be saved."""
        sizes = self._plates
        return Past(self._key, self._rate.usual, sizes.usual_px, sizes.plates, self.view.memories())

    def _words(self, kind: Ailment, words: str, now: datetime) -> tuple[datetime, str]:
        """What is said of an ailment: its first words stand for a while."""
        at, said = self._said.get(kind, (now, words))
        return (at, said) if timedelta() <= now - at < _AGAIN else (now, words)

    def _ailments(self, finding: Finding) -> Iterator[tuple[Ailment, str]]:
        where = f" at preset {finding.preset}" if finding.preset else ""
        if self._rate.is_few and self._rate.share is not None:
            yield Ailment.FEW_READS, f"reads fell to {100 * self._rate.share:.0f} % of usual"
        if finding.is_dark:
            yield Ailment.DARK, f"the picture is dark{where}"
        if finding.is_strange:
            yield Ailment.OTHER_VIEW, f"it shows another view{where}: turned away, or covered?"
        if finding.is_moved and finding.shift is not None:
            across, down = (100 * share for share in finding.shift)
            ways = [f"{abs(across):.1f} % {'right' if across > 0 else 'left'}"] if abs(across) >= 0.2 else []
            ways += [f"{abs(down):.1f} % {'down' if down > 0 else 'up'}"] if abs(down) >= 0.2 else []
            yield (
                Ailment.MOVED,
                f"the view has moved{where}: what it shows lies {' and '.join(ways)} of its width",
            )
        if finding.is_blurred and finding.sharpness is not None:
            yield (
                Ailment.BLURRED,
                f"the picture is blurred{where}: {100 * finding.sharpness:.0f} % as sharp as usual",
            )
        median = self._plates.median_px
        if self._plates.is_odd and median is not None:
            yield Ailment.PLATE_SIZE, f"plates are {median:.0f} px wide, usually {self._plates.usual_px:.0f}"


class Overheard:
    """A sink that lets somebody listen."""

    def __init__(self, sink: Sink, heard: Callable[[Emission], None]) -> None:
        self._sink = sink
        self._heard = heard

    def put(self, emission: Emission, *, models: ModelVersions) -> None:
        """Pass it on."""
        self._heard(emission)
        self._sink.put(emission, models=models)

    def retry(self) -> None:
        """Pass it on."""
        self._sink.retry()
