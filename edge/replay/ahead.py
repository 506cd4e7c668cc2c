"""Frames of a recording, decoded on a thread of their own while those before are looked at."""

import copy
import threading
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from queue import Full, Queue
from typing import Final, Protocol

from edge.replay.recording import Figures, Stop
from edge.types import Frame

DEPTH: Final = 4
"""Frames that wait: uneven decoding is made up for. Some 6 MB each at 1080p."""
_POLL_S: Final = 0.2


class Footage(Protocol):
    """A recording (`edge.replay.recording`), as a replay sees it."""

    @property
    def stop(self) -> Stop | None:
        """Where to go on behind the newest frame."""
        ...

    @property
    def figures(self) -> Figures:
        """What is to be told of its pictures."""
        ...

    def frames(self, *, after: Stop | None = None) -> Iterator[Frame]:
        """The frames behind that place.

        Raises:
            LostError: there is none.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Taken:
    """A frame, or the end of them, and how the recording stood behind it.

    Attributes:
        frame: None at the end.
        fault: why they ended; None where they are over.
    """

    frame: Frame | None
    stop: Stop | None
    figures: Figures
    fault: Exception | None = None


class Ahead:
    """The same recording, a few frames of which are decoded before they are asked for.

    Args:
        footage: used by the thread alone from `frames` on.

    Attributes:
        stop, figures: of the newest frame that was given, whatever has been decoded since.
    """

    def __init__(self, footage: Footage) -> None:
        self._footage = footage
        self.stop = footage.stop
        self.figures = footage.figures

    def frames(self, *, after: Stop | None = None) -> Generator[Frame, None, None]:
        """As the recording's; close it where it is not taken to its end.

        Raises:
            LostError: there is none.
        """
        taken: Queue[_Taken] = Queue(DEPTH)
        left = threading.Event()
        thread = threading.Thread(
            target=self._decode, args=(after, taken, left), name="decoding", daemon=True
        )
        thread.start()
        try:
            while True:
                one = taken.get()
                self.stop, self.figures = one.stop, one.figures
                if one.fault is not None:
                    raise one.fault
                if one.frame is None:
                    return
                yield one.frame
        finally:
            left.set()
            thread.join()

    def _decode(self, after: Stop | None, taken: "Queue[_Taken]", left: threading.Event) -> None:
        footage, fault = self._footage, None
        try:
            for frame in footage.frames(after=after):
                # A copy: the gate that the place holds goes on with the next picture.
                if not _put(_Taken(frame, copy.deepcopy(footage.stop), footage.figures), taken, left):
                    return
        except Exception as error:  # noqa: BLE001  # the thread's top: raised again where the frames are taken
            fault = error
        _put(_Taken(None, footage.stop, footage.figures, fault), taken, left)


def _put(one: _Taken, taken: "Queue[_Taken]", left: threading.Event) -> bool:
    """Wait for a place; False: nobody takes them any more."""
    while not left.is_set():
        try:
            taken.put(one, timeout=_POLL_S)
        except Full:
            continue
        return True
    return False
