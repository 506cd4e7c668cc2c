"""From emissions to messages in the spool: numbers, pictures, and which update belongs to which read."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

import structlog

from edge.contract.read import ModelVersions, PictureRef, PlateRead, ReadId
from edge.emission import Emission, Kind
from edge.evidence import crop_jpeg, overview_jpeg
from edge.spool.queue import Spool

_REMEMBERED: Final = 4096  # passages whose updates still find their read

_log = structlog.get_logger(__name__)


class Outbox:
    """Puts emissions into the spool; safe from any thread.

    Args:
        spool: on disk when `put` returns.
        edge_id, site_id: who we are.
        clock_error_s: this box's clock minus the centre's, as far as it is known now.
    """

    def __init__(
        self, spool: Spool, *, edge_id: str, site_id: str, clock_error_s: Callable[[], float | None]
    ) -> None:
        self._spool = spool
        self._edge_id = edge_id
        self._site_id = site_id
        self._clock_error_s = clock_error_s
        self._reads: OrderedDict[tuple[str, int], ReadId] = OrderedDict()
        self._lock = threading.Lock()
        self.orphans = 0

    def put(self, emission: Emission, *, models: ModelVersions) -> None:
        """Store an emission with its pictures.

        Raises:
            SpoolError: the spool cannot be written.
        """
        crop, overview = crop_jpeg(emission.shot.crop), overview_jpeg(emission.shot.overview)

        def message(number: ReadId) -> PlateRead:
            return emission.message(
                number,
                site_id=self._site_id,
                models=models,
                pictures=PictureRef(crop=True, overview=True),
                clock_error_s=self._clock_error_s(),
            )

        passage = (emission.camera_id, emission.track_id)
        if emission.kind is Kind.READ:
            read = self._spool.put_read(
                lambda epoch, seq: message(ReadId(self._edge_id, epoch, seq)), crop=crop, overview=overview
            )
            self._remember(passage, read.id)
            return
        with self._lock:
            number = self._reads.get(passage)
        if number is None:
            self.orphans += 1
            _log.warning("update of a read long gone", camera=emission.camera_id, track=emission.track_id)
            return
        self._spool.put_update(message(number), crop=crop, overview=overview)

    def _remember(self, passage: tuple[str, int], number: ReadId) -> None:
        with self._lock:
            self._reads[passage] = number
            while len(self._reads) > _REMEMBERED:
                self._reads.popitem(last=False)
