"""The process: when it is told to end, and which of its threads have died."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

import structlog

_log = structlog.get_logger(__name__)


@contextmanager
def told_to_stop() -> Iterator[threading.Event]:
    """An event that the first SIGTERM or SIGINT sets; the second ends the process the hard way."""
    stop = threading.Event()
    previous: dict[signal.Signals, object] = {}

    def handle(_number: int, _frame: FrameType | None) -> None:
        restore()
        stop.set()

    def restore() -> None:
        for number, handler in previous.items():
            signal.signal(number, handler)  # type: ignore[arg-type]  # what signal.signal gave us
        previous.clear()

    for number in (signal.SIGTERM, signal.SIGINT):
        previous[number] = signal.signal(number, handle)
    try:
        yield stop
    finally:
        restore()


@contextmanager
def watched(stop: threading.Event) -> Iterator[list[str]]:
    """Names the threads that die of a fault in the list, and sets `stop` at the first."""
    dead: list[str] = []
    previous = threading.excepthook

    def note(fault: threading.ExceptHookArgs) -> None:
        name = fault.thread.name if fault.thread else "a thread"
        dead.append(f"{name} died: {fault.exc_type.__name__}: {fault.exc_value}")
        if fault.exc_value is not None:
            _log.error("thread died", thread=name, exc_info=fault.exc_value)
        stop.set()

    threading.excepthook = note
    try:
        yield dead
    finally:
        threading.excepthook = previous
