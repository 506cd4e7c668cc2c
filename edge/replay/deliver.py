"""From what a replay has found to the spool of an edge of its own: every read once, however often it was killed.

The state's queue and the spool are two files, so no transaction spans both. Instead the spool stores with each read
which entry of the queue it was. After a break that says which entry is the first that it has not got.
"""

import time
from collections.abc import Callable
from typing import Final

from edge.contract.read import PlateRead
from edge.replay.kept import Queued
from edge.replay.state import State
from edge.spool.queue import Spool

_FULL: Final = 0.5  # of the spool's bound: beyond it the oldest pictures would soon be dropped
_WAIT_S: Final = 0.2


class Delivery:
    """Puts the queue into the spool, in order.

    Args:
        state: whose queue.
        spool: of this edge; nobody else puts reads into it meanwhile.
        max_bytes: the spool's bound.
        told: called while the spool is too full to go on, with words for people.
    """

    def __init__(
        self, state: State, spool: Spool, *, max_bytes: int, told: Callable[[str], None] = lambda _: None
    ) -> None:
        self._state = state
        self._spool = spool
        self._max_bytes = max_bytes
        self._told = told
        self._recover()

    def drain(self) -> int:
        """Put all that waits; how many. Where the spool is half full, the centre must take some of it first.

        Raises:
            ConfigError: the state cannot be written.
            SpoolError: the spool cannot be written.
        """
        count = 0
        while (
            queued := self._state.next_queued()
        ) is not None:  # an update needs the number that its read just got
            self._wait_for_room()
            self._put(queued)
            count += 1
        return count

    def _recover(self) -> None:
        """Take out of the queue what a process that was killed had put just before."""
        progress = self._spool.progress
        if progress is None:
            return
        owner, _, n = progress.text.partition(":")
        if owner == self._state.id:
            self._state.delivered(int(n), epoch=progress.epoch, seq=progress.seq)

    def _put(self, queued: Queued) -> None:
        read, progress = queued.read, f"{self._state.id}:{queued.n}"
        given = queued.given
        if given is None or given[0] != self._spool.epoch:
            # An update whose read went out in an epoch that has ended says all that a read says.
            pictures = read.pictures.model_copy(
                update={"crop": queued.crop is not None, "overview": queued.overview is not None}
            )

            def build(epoch: int, seq: int) -> PlateRead:
                return read.model_copy(update={"epoch": epoch, "seq": seq, "pictures": pictures})

            put = self._spool.put_read(build, crop=queued.crop, overview=queued.overview, progress=progress)
            given = (put.epoch, put.seq)
        else:
            known = read.model_copy(update={"epoch": given[0], "seq": given[1]})
            self._spool.put_update(known, crop=queued.crop, overview=queued.overview, progress=progress)
        self._state.delivered(queued.n, epoch=given[0], seq=given[1])

    def _wait_for_room(self) -> None:
        while self._spool.stats().bytes > _FULL * self._max_bytes:
            self._told("the spool is half full: waiting for the centre")
            time.sleep(_WAIT_S)
