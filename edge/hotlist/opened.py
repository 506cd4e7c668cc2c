"""The desk of a box as its settings say, where it may have a copy at all."""

from collections.abc import Callable
from datetime import datetime
from typing import Final

import structlog

from edge.contract.config import TlsSettings
from edge.contract.health import HotlistHealth
from edge.contract.hotlist import Head, SignedHead
from edge.contract.plate import Grammar
from edge.contract.read import PlateRead
from edge.errors import HotlistError
from edge.hotlist.copy import CopyFile, delete
from edge.hotlist.desk import HotlistDesk
from edge.hotlist.verify import verified
from edge.settings import EdgeSettings

_TAIL: Final = ".hotlist"

_log = structlog.get_logger(__name__)


class NoDesk:
    """Of a box without a copy: nothing goes first. As `HotlistDesk`."""

    def __init__(self, fault: str = "") -> None:
        self.health = HotlistHealth(fault=fault)

    def heard(self, topic: str, payload: bytes) -> None:
        """Nothing was wanted."""

    def is_listed(self, _read: PlateRead) -> bool:
        """None is, as far as is known here."""
        return False

    def start(self, listen: Callable[[frozenset[str]], None]) -> None:
        """Nothing to begin."""

    def stop(self) -> None:
        """Nothing to end."""


def opened(
    settings: EdgeSettings,
    *,
    grammar: Grammar,
    clock: Callable[[], datetime],
) -> HotlistDesk | NoDesk:
    """The desk, its file beside the spool.

    Without TLS it has none: whoever is on the way could leave out who is to go first, and learn who is listed. One of
    before is deleted then: nobody would learn of a removal from it.
    """
    tls, own = settings.mqtt.tls, settings.hotlist
    path = settings.spool.path.with_name(settings.spool.path.name + _TAIL)
    if tls is None:
        delete(path)
        _log.info("no copy of the hotlists is kept: mqtt.tls is not set")
        return NoDesk()
    try:
        file = CopyFile(path)
    except HotlistError as error:
        _log.error("no copy of the hotlists is kept", fault=str(error))
        return NoDesk(f"no copy of the hotlists is kept: {error}")
    return HotlistDesk(
        file,
        verify=_verifier(tls, own.signer, clock),
        grammar=grammar,
        old_h=own.old_h,
        clock=clock,
    )


def _verifier(tls: TlsSettings, signer: str, clock: Callable[[], datetime]) -> Callable[[SignedHead], Head]:
    return lambda signed: verified(signed, ca_file=tls.ca_file, signer=signer, now=clock())
