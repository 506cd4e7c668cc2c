"""How a notice leaves the centre: the port, and what its adapters have in common."""

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, Protocol

from central.errors import ConfigError
from central.outbox.event import Notice
from central.outbox.rules import Answer, Verdict

_LONGEST: Final = 120


class Channel(Protocol):
    """One subscriber's way; one thread's (adapters: webhook.py, mail.py, mqtt.py)."""

    def send(self, notice: Notice) -> Answer:
        """Try once, within the time that the settings allow.

        Raises:
            ConfigError: a file that the settings name cannot be used.
        """
        ...

    def close(self) -> None:
        """Let go of what is held."""
        ...


def away(error: BaseException, *, within_s: float, over: threading.Event | None = None) -> Answer:
    """Nobody answered; says which fault it was, in words that cannot repeat what was sent.

    Args:
        error: what the try raised.
        within_s: how long it was allowed to take.
        over: of `at_most`, where that cuts.
    """
    if (over is not None and over.is_set()) or any(
        isinstance(e, TimeoutError) for e in (error, error.__context__)
    ):
        return Answer(Verdict.AWAY, f"no whole answer in {within_s:g} s")
    words = getattr(error, "strerror", None) or getattr(error, "verify_message", None) or ""
    return Answer(Verdict.AWAY, f"{type(error).__name__}: {words}".removesuffix(": ")[:_LONGEST])


def trusting(ca_file: Path | None) -> ssl.SSLContext:
    """TLS that verifies the server's certificate and name.

    Args:
        ca_file: authority that signed it; None: the system's.

    Raises:
        ConfigError: the file cannot be used.
    """
    try:
        return ssl.create_default_context(cafile=None if ca_file is None else str(ca_file))
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        raise ConfigError(f"{ca_file}: cannot be used as a certificate authority: {error}") from error


@contextmanager
def at_most(seconds: float, sock: Callable[[], socket.socket | None]) -> Iterator[threading.Event]:
    """Cut a connection after so long; gives what says whether that was done.

    A socket's own time-out begins anew with every byte that drips in.

    Args:
        seconds: for the whole block.
        sock: the socket of that moment; None: there is none.
    """
    over = threading.Event()

    def cut() -> None:
        over.set()
        current = sock()
        if current is not None:
            with suppress(OSError):
                current.shutdown(socket.SHUT_RDWR)

    timer = threading.Timer(seconds, cut)
    timer.daemon = True
    timer.start()
    try:
        yield over
    finally:
        timer.cancel()
