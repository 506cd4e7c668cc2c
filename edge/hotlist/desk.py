"""Where the copy of the hotlists is had, kept and matched by: heads and parts in, topics wanted out.

    head -> the centre's, and newer? -> its parts that are not held are asked for, some at a time
    part -> of a digest that lacks?  -> kept -> all of them? -> in force

Brokers hold one payload a topic, so a part may come that a later head names: what was asked for and did not come as its
head says is asked for again in its turn, until it does or the next head says otherwise.
"""

import threading
import time
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final

import structlog

from edge.contract.health import HotlistHealth
from edge.contract.hotlist import PARTS, CopyError, Head, SignedHead, digest, open_head, unpack
from edge.contract.plate import Grammar
from edge.contract.read import PlateRead
from edge.contract.topics import HOTLIST_HEAD, hotlist_part
from edge.errors import HotlistError
from edge.hotlist.copy import CopyFile
from edge.hotlist.match import Copy

ASKED_FOR: Final = 16
"""Parts at a time."""
PATIENCE_S: Final = 5.0
"""After which the next one has its turn."""
_PAUSE_S: Final = 1.0  # before a part is asked for again: the publisher must have seen that it was not
_LOOK_S: Final = 0.5  # between two looks while parts lack
_IDLE_S: Final = 5.0
_INBOX: Final = 4 * ASKED_FOR
_TRIES: Final = 3
_FAULT_CHARS: Final = 300
_PARTS: Final = {hotlist_part(number): number for number in range(PARTS)}

_log = structlog.get_logger(__name__)


class HotlistDesk:
    """Keeps the copy, in a thread of its own once started, and says of reads whether they may be listed.

    Args:
        file: the copy on disk; `stop` closes it.
        verify: a head, where it is the centre's own; raises HotlistError.
        grammar: which plates each country and class can bear.
        old_h: hours after which a copy is old, and parts that lack are a fault.
        clock: now, UTC.
        monotonic: seconds from anywhere, always ascending.
    """

    def __init__(
        self,
        file: CopyFile,
        *,
        verify: Callable[[SignedHead], Head],
        grammar: Grammar,
        old_h: float,
        clock: Callable[[], datetime],
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._file = file
        self._verify = verify
        self._grammar = grammar
        self._old = timedelta(hours=old_h)
        self._clock = clock
        self._monotonic = monotonic
        self._inbox: deque[tuple[str, bytes]] = deque(maxlen=_INBOX)
        self._next: tuple[Head, str] | None = None
        self._lacking_since: float | None = None  # that is, a head newer than the one in force is known
        self._is_below = False  # the last head that came was numbered below ours
        self._lacking: dict[bytes, int] = {}
        self._asked: dict[int, float] = {}
        self._tried: dict[int, float] = {}
        self._hits = self._replayed = self._refused = self._dropped = 0
        self._counting = threading.Lock()
        self._fault = ""
        self._copy, self._floor = self._opened()
        self._bell = threading.Event()
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def heard(self, topic: str, payload: bytes) -> None:
        """Take what came at a topic that was wanted; from any thread, without waiting.

        Where too much waits the oldest goes: a newer head makes up for a head, and a part is asked for again.
        """
        with self._counting:
            self._dropped += len(self._inbox) == _INBOX
            self._inbox.append((topic, payload))
        self._bell.set()

    def is_listed(self, read: PlateRead) -> bool:
        """Whether a read may be of a listed vehicle; from any thread. A copy that cannot be used lists nobody."""
        try:
            found = self._is_listed(read)
        except (HotlistError, ValueError, ArithmeticError) as error:
            self._say(f"hotlists cannot be matched by: {error}")
            return False
        with self._counting:
            self._hits += found
        return found

    @property
    def health(self) -> HotlistHealth:
        """Which copy is in force, and what is wrong with it."""
        copy = self._copy
        head = None if copy is None else copy.head
        fault = "; ".join(filter(None, (self._fault, *self._old_faults(head))))[:_FAULT_CHARS]
        counts = HotlistHealth(
            hits=self._hits,
            replayed=self._replayed,
            refused=self._refused,
            dropped=self._dropped,
            fault=fault,
        )
        if head is None:
            return counts
        of_head = {"number": head.number, "issued_at": head.issued_at, "entries": head.entries}
        return counts.model_copy(update=of_head)

    @property
    def wanted(self) -> frozenset[str]:
        """The topics to listen to now."""
        return frozenset({HOTLIST_HEAD, *map(hotlist_part, self._asked)})

    def start(self, listen: Callable[[frozenset[str]], None]) -> None:
        """Begin; `listen` takes all topics that are wanted, whenever they may have changed."""
        self._thread = threading.Thread(target=self._run, args=(listen,), name="hotlist", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; parts of a head that is not whole yet stay for the next start."""
        self._stop.set()
        self._bell.set()
        if self._thread is not None:
            self._thread.join()
        self._file.close()

    def work(self) -> float:
        """One round; how long nothing will be due, seconds.

        Raises:
            HotlistError: the copy cannot be read or written.
        """
        while self._inbox:
            topic, payload = self._inbox.popleft()
            if topic == HOTLIST_HEAD:
                self._take_head(payload)
            elif topic in _PARTS:
                self._take_part(payload)
        self._put_in_force()
        self._ask()
        return _IDLE_S if self._next is None else _LOOK_S

    def _take_head(self, payload: bytes) -> None:
        try:
            signed = open_head(payload)
            head = self._verify(signed)
        except (CopyError, HotlistError) as error:
            self._refused += 1
            self._say(str(error))
            return
        following = None if self._next is None else self._next[0]
        in_force = None if self._copy is None else self._copy.head
        comes_again = head in (following, in_force)  # as with every connection
        if comes_again and head.number == self._floor:
            self._fault, self._is_below = "", False
        elif head.number <= self._floor:
            self._replayed += 1
            self._is_below = True
        else:
            self._follow(head, signed.signed)

    def _follow(self, head: Head, signed: str) -> None:
        """Have the parts of this head, in place of the one that was to follow until now."""
        in_force = () if self._copy is None else self._copy.digests
        self._file.keep_only({*in_force, *head.parts})
        held = self._file.held()
        self._lacking = {name: part for part, name in enumerate(head.parts) if name not in held}
        self._next, self._floor, self._is_below = (head, signed), head.number, False
        if self._lacking_since is None:
            self._lacking_since = self._monotonic()
        # What came for the one before may have been what this one wants: it comes again once it is asked for anew.
        self._tried = dict.fromkeys(self._asked, self._monotonic())
        self._asked.clear()

    def _take_part(self, payload: bytes) -> None:
        part = self._lacking.get(digest(payload))
        if part is None or self._next is None:
            return
        try:
            unpack(payload, part)
        except CopyError as error:
            self._refused += 1
            self._say(f"hotlists number {self._next[0].number} cannot be used: {error}")
            self._next, self._lacking = None, {}
            self._asked.clear()
            return
        self._file.put(payload)
        del self._lacking[digest(payload)]
        self._asked.pop(part, None)

    def _put_in_force(self) -> None:
        if self._next is None or self._lacking:
            return
        head, signed = self._next
        try:
            copy = Copy.of(head, self._file.part, before=self._copy)
        except HotlistError:
            self._follow(head, signed)  # a part was damaged meanwhile: it lacks again
            raise
        self._file.put_in_force(head, signed)
        if self._copy is None or self._copy.digests != copy.digests:
            _log.info("hotlists changed", number=head.number, entries=head.entries)
        self._next, self._lacking_since, self._copy, self._fault = None, None, copy, ""

    def _ask(self) -> None:
        """Of the parts that lack, want those that were asked for least lately."""
        now = self._monotonic()
        for part, since in list(self._asked.items()):
            if now - since >= PATIENCE_S:
                del self._asked[part]
                self._tried[part] = now
        never = float("-inf")
        waiting = [part for part in self._lacking.values() if part not in self._asked]
        for part in sorted(waiting, key=lambda part: self._tried.get(part, never)):
            if len(self._asked) < ASKED_FOR and now - self._tried.get(part, never) >= _PAUSE_S:
                self._asked[part] = now

    def _is_listed(self, read: PlateRead) -> bool:
        for _ in range(_TRIES):
            copy = self._copy
            try:
                return copy is not None and copy.is_listed(read, grammar=self._grammar, load=self._file.part)
            except HotlistError:
                if copy is self._copy:
                    raise
        return False  # it changes faster than anybody matches by it

    def _opened(self) -> tuple[Copy | None, int]:
        """The copy of before the start, where there is one and it is whole, and the number that a head must exceed."""
        head: Head | None = None
        try:
            head = self._file.head()
            return (None, 0) if head is None else (Copy.of(head, self._file.part), head.number)
        except HotlistError as error:
            self._say(f"hotlists of before cannot be used, and are had anew: {error}")
            return None, 0 if head is None else head.number - 1

    def _old_faults(self, head: Head | None) -> list[str]:
        """What is known of why no newer one is in force, once that has lasted too long."""
        faults = []
        if head is not None and self._clock() - head.issued_at >= self._old:
            faults.append(f"hotlists are those of {head.issued_at.astimezone(UTC):%Y-%m-%d %H:%M} UTC")
        since = self._lacking_since
        if since is not None and self._monotonic() - since >= self._old.total_seconds():
            faults.append("newer hotlists are known, and parts of them do not come")
        if faults and self._is_below:
            faults.append("those that come are numbered below them, as old ones are")
        return faults

    def _say(self, fault: str) -> None:
        if fault != self._fault:
            _log.error("hotlists", fault=fault)
        self._fault = fault

    def _run(self, listen: Callable[[frozenset[str]], None]) -> None:
        while not self._stop.is_set():
            wait_s = _IDLE_S
            try:
                self._bell.clear()
                wait_s = self.work()
            except HotlistError as error:
                self._say(str(error))
            except Exception:  # noqa: BLE001  # the thread's top: a box without hotlists must still read plates
                _log.exception("hotlists failed")
            listen(self.wanted)
            self._bell.wait(wait_s)
