"""From emissions to messages in the spool: numbers, pictures, and which update belongs to which read."""

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

import numpy as np
import structlog

from edge.contract.read import ModelVersions, PictureRef, PlateRead, ReadId
from edge.emission import Emission, Kind
from edge.errors import SpoolError
from edge.evidence import Shot, crop_jpeg, overview_jpeg
from edge.settings import PicturesSettings
from edge.spool.queue import Spool
from edge.types import Bgr, Box

_REMEMBERED: Final = 4096  # passages whose updates still find their read
_KEPT: Final = 200  # emissions that wait in memory while the spool cannot be written: some 20 MB
_NO_PIXELS: Final[Bgr] = np.zeros((0, 0, 3), np.uint8)

_log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Passage:
    """What has been said of a passage.

    Attributes:
        number: its read; None until that is in the spool, or where it was given up.
        shot: capture time and box of the shot that went out last; None: none did.
    """

    number: ReadId | None = None
    shot: tuple[datetime, Box] | None = None


@dataclass(frozen=True, slots=True)
class _Parcel:
    """An emission, its pictures encoded and their pixels let go."""

    passage: _Passage
    emission: Emission
    models: ModelVersions
    crop: bytes | None = None
    overview: bytes | None = None
    first: bool = False


class Outbox:
    """Puts emissions into the spool; safe from any thread.

    While the spool cannot be written, as on a full disk, the newest emissions wait in memory and are tried again
    with every further one and every `retry`.

    Args:
        spool: on disk when `put` returns and `fault` says nothing.
        edge_id, site_id: who we are.
        pictures: which go along.
        clock_error_s: this box's clock minus the centre's, as far as it is known now.
        is_listed: whether a read is to go first; in any thread, must not raise.
    """

    def __init__(
        self,
        spool: Spool,
        *,
        edge_id: str,
        site_id: str,
        pictures: PicturesSettings,
        clock_error_s: Callable[[], float | None],
        is_listed: Callable[[PlateRead], bool] = lambda _: False,
    ) -> None:
        self._spool = spool
        self._edge_id = edge_id
        self._site_id = site_id
        self._has_overview = pictures.overview == "always"
        self._clock_error_s = clock_error_s
        self._is_listed = is_listed
        self._passages: OrderedDict[tuple[str, int], _Passage] = OrderedDict()
        self._waiting: deque[_Parcel] = deque()
        self._lost = 0
        self._refusal = ""
        self._lock = threading.Lock()

    @property
    def fault(self) -> str:
        """What a person must know: emissions that wait in memory, or were lost, and why; empty: nothing."""
        with self._lock:
            if self._waiting:
                counts = f"{len(self._waiting)} reads and updates wait in memory, {self._lost} lost"
                return f"{counts}: {self._refusal}"
            return f"{self._lost} reads and updates lost while the spool failed" if self._lost else ""

    def put(self, emission: Emission, *, models: ModelVersions) -> None:
        """Store an emission, with its pictures where its shot is a new one, and has not been let go of."""
        passage = self._passage(emission)
        if passage is None:
            _log.warning("update of a read long gone", camera=emission.camera_id, track=emission.track_id)
            return
        shot = emission.shot
        parcel = _Parcel(passage, _without_pixels(emission), models)
        # Before it has a number, which does not matter to any list.
        unnumbered = self._message(parcel, ReadId(self._edge_id, 1, 1), PictureRef())
        parcel = replace(parcel, first=self._is_listed(unnumbered))
        if shot.crop.size and passage.shot != (shot.captured_at, shot.box):
            overview = overview_jpeg(shot.overview) if self._has_overview else None
            parcel = replace(parcel, crop=crop_jpeg(shot.crop), overview=overview)
            passage.shot = (shot.captured_at, shot.box)
        with self._lock:
            self._waiting.append(parcel)
            self._store_all()
            if len(self._waiting) > _KEPT:
                self._give_up(self._waiting.popleft())

    def retry(self) -> None:
        """Try again to store what waits in memory."""
        with self._lock:
            self._store_all()

    def close(self) -> None:
        """Store what waits, or count it as lost: the box goes."""
        with self._lock:
            self._store_all()
            while self._waiting:
                self._give_up(self._waiting.popleft())

    def _passage(self, emission: Emission) -> _Passage | None:
        """The passage of an emission; None where it was forgotten."""
        key = (emission.camera_id, emission.track_id)
        with self._lock:
            if emission.kind is Kind.UPDATE:
                return self._passages.get(key)
            passage = self._passages[key] = _Passage()
            while len(self._passages) > _REMEMBERED:
                self._passages.popitem(last=False)
            return passage

    def _store_all(self) -> None:
        while self._waiting:
            parcel = self._waiting.popleft()
            try:
                self._store(parcel)
            except SpoolError as error:
                self._waiting.appendleft(parcel)
                if not self._refusal:
                    _log.error("spool cannot be written: reads wait in memory", fault=str(error))
                self._refusal = str(error)
                return
        if self._refusal:
            self._refusal = ""
            _log.info("spool can be written again", lost=self._lost)

    def _store(self, parcel: _Parcel) -> None:
        passage, crop, overview = parcel.passage, parcel.crop, parcel.overview
        if passage.number is not None:
            pictures = PictureRef(crop=True, overview=self._has_overview)
            update = self._message(parcel, passage.number, pictures)
            self._spool.put_update(update, crop=crop, overview=overview, first=parcel.first)
            return
        # Also for an update whose read was lost: it says all that the read said.
        pictures = PictureRef(crop=crop is not None, overview=overview is not None)
        read = self._spool.put_read(
            lambda epoch, seq: self._message(parcel, ReadId(self._edge_id, epoch, seq), pictures),
            crop=crop,
            overview=overview,
            first=parcel.first,
        )
        passage.number = read.id

    def _message(self, parcel: _Parcel, number: ReadId, pictures: PictureRef) -> PlateRead:
        return parcel.emission.message(
            number,
            site_id=self._site_id,
            models=parcel.models,
            pictures=pictures,
            clock_error_s=self._clock_error_s(),
        )

    def _give_up(self, parcel: _Parcel) -> None:
        self._lost += 1
        parcel.passage.shot = None  # its pictures are lost too: the next update brings some
        _log.error(
            "lost, because the spool cannot be written",
            kind=parcel.emission.kind, camera=parcel.emission.camera_id, lost=self._lost,
        )  # fmt: skip


def _without_pixels(emission: Emission) -> Emission:
    shot: Shot = replace(emission.shot, crop=_NO_PIXELS, overview=_NO_PIXELS)
    return replace(emission, shot=shot)
