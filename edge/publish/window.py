"""What is under way to the centre, and what is due to be sent again. Pure: no clock, no network.

A message is under way from its first publication until the centre acknowledges it. The broker's PUBACK
makes room for the next one, and nothing more. A message that stays unacknowledged for `resend_s` is due
again; while the centre is silent, though, only one at a time is, as a probe: an acknowledgement names
everything that the centre holds, so the first one after the silence tells what has really been lost, and
a centre that is away for a day does not find the backlog a hundred times in the broker's queue.
"""

import heapq
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from edge.contract.delivery import Received, SeqRange, Stream

Key = tuple[Stream, int]

PICTURE_BYTES: Final = 128 * 1024
"""Pictures on the wire at once, in bytes: what a read may have to wait behind on a slow uplink."""

_AHEAD: Final = {Stream.READ: 10, Stream.UPDATE: 10, Stream.CROP: 1, Stream.OVERVIEW: 1, Stream.CLIP: 1}
"""Unacknowledged messages of a stream, at most, in windows of unconfirmed ones."""

_BACKLOG: Final = 2
"""The same of what is no longer live: a live read waits at the broker behind what is on its way to the centre."""

_PICTURES: Final = frozenset({Stream.CROP, Stream.OVERVIEW, Stream.CLIP})
_RANK: Final = {stream: rank for rank, stream in enumerate(Stream)}
_STREAMS: Final = tuple(Stream)


@dataclass(slots=True)
class _Sent:
    """A message under way; `mid` is None once the broker has confirmed it."""

    sent_at: float
    due: float
    mid: int | None


@dataclass(frozen=True, slots=True)
class _Wired:
    """A publication that the broker has not confirmed; it may outlive its message's stay in the spool.

    `key` is None for what is no message of the spool: announcements of dropped numbers, health.
    """

    key: Key | None
    size: int
    sent_at: float


class Window:
    """The messages under way on one connection. Times are seconds of any one monotonic clock.

    Args:
        in_flight: messages that the broker has not confirmed, at most.
        resend_s: patience with the centre.
    """

    def __init__(self, *, in_flight: int, resend_s: float) -> None:
        self._in_flight = in_flight
        self._resend_s = resend_s
        self._sent: dict[Stream, dict[int, _Sent]] = {s: {} for s in Stream}
        self._wired: dict[int, _Wired] = {}
        # A heap of (due, rank of the stream, number); entries that no longer hold are skipped.
        self._due: list[tuple[float, int, int]] = []
        self._picture_bytes = 0
        self._heard_at = float("-inf")
        self._probe_at = float("-inf")

    def numbers(self, stream: Stream) -> Collection[int]:
        """The numbers of a stream that are under way."""
        return self._sent[stream].keys()

    def space(self) -> int:
        """How many publications of any kind the broker may be handed now."""
        return max(self._in_flight - len(self._wired), 0)

    def widen(self, in_flight: int) -> None:
        """From now on so many may be unconfirmed."""
        self._in_flight = in_flight

    @property
    def unconfirmed(self) -> int:
        """Publications that the broker has not confirmed."""
        return len(self._wired)

    def room(self, stream: Stream) -> int:
        """How many messages of a stream may be sent now; of pictures, one at a time."""
        unacknowledged = self._in_flight * _AHEAD[stream] - len(self._sent[stream])
        room = max(min(self.space(), unacknowledged), 0)
        if stream in _PICTURES:
            return min(room, 1 if self._picture_bytes < PICTURE_BYTES else 0)
        return room

    def backlog_room(self, stream: Stream) -> int:
        """How many of them may be of the backlog."""
        return max(self._in_flight * _BACKLOG - len(self._sent[stream]), 0)

    def add(self, key: Key, *, mid: int, size: int, now: float) -> None:
        """A message has been handed to the broker, for the first time or again."""
        self._sent[key[0]][key[1]] = _Sent(now, 0.0, mid)
        self._postpone(key, now + self._resend_s)
        self._wired[mid] = _Wired(key, size, now)
        if key[0] in _PICTURES:
            self._picture_bytes += size

    def add_other(self, mid: int, *, now: float) -> None:
        """Something that is no message of the spool has been handed to the broker."""
        self._wired[mid] = _Wired(None, 0, now)

    def confirmed(self, mid: int) -> Key | None:
        """The broker has a message. Which it was."""
        return self._unwire(mid)

    def refused(self, mid: int) -> Key | None:
        """The broker will not take a message, so that it is no longer under way. Which it was."""
        key = self._unwire(mid)
        if key is not None:
            self.forget(key)
        return key

    def acknowledged(self, streams: Mapping[Stream, Received], *, now: float) -> None:
        """The centre has spoken: what it holds is no longer under way."""
        self._heard_at = now
        for stream, received in streams.items():
            held = self._sent[stream].keys()
            for seq in [seq for span in received for seq in _inside(held, span)]:
                self.forget((stream, seq))

    def forget(self, key: Key) -> None:
        """A message has left the spool."""
        self._sent[key[0]].pop(key[1], None)

    def due(self, *, now: float, limit: int) -> list[Key]:
        """What is to be sent again, longest due first; the caller sends each and calls `add`."""
        found: list[Key] = []
        room = min(limit, self.space())
        while self._due and self._due[0][0] <= now and len(found) < room:
            due, rank, seq = heapq.heappop(self._due)
            key = (_STREAMS[rank], seq)
            sent = self._sent[key[0]].get(seq)
            if sent is None or sent.due != due:
                continue
            if sent.mid is not None:
                self._postpone(key, now + self._resend_s)  # still on the wire: not ours to judge
            elif sent.sent_at < self._heard_at or self._probe_at <= now:
                self._probe_at = now + self._resend_s
                found.append(key)
            else:
                self._postpone(key, self._probe_at)
        return found

    def next_due(self) -> float:
        """When something may be due; infinity where nothing is under way."""
        return self._due[0][0] if self._due else float("inf")

    def stalled(self, *, now: float) -> bool:
        """Whether the broker has left a message unconfirmed for so long that it must be ailing."""
        oldest = next(iter(self._wired.values()), None)
        return oldest is not None and now - oldest.sent_at > 2 * self._resend_s

    def _postpone(self, key: Key, due: float) -> None:
        sent = self._sent[key[0]][key[1]]
        sent.due = due
        heapq.heappush(self._due, (due, _RANK[key[0]], key[1]))

    def _unwire(self, mid: int) -> Key | None:
        """The message of a confirmation, where it is still under way with that publication."""
        wired = self._wired.pop(mid, None)
        if wired is None or wired.key is None:
            return None
        stream, seq = wired.key
        if stream in _PICTURES:
            self._picture_bytes -= wired.size
        sent = self._sent[stream].get(seq)
        if sent is None or sent.mid != mid:
            return None
        sent.mid = None
        return wired.key


def _inside(held: Collection[int], span: SeqRange) -> Iterable[int]:
    """The held numbers of a range, by whichever way is shorter."""
    if span.last - span.first < len(held):
        return (seq for seq in range(span.first, span.last + 1) if seq in held)
    return (seq for seq in held if span.first <= seq <= span.last)
