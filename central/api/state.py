"""What every route works with, made once."""

import asyncio
from dataclasses import dataclass, field
from zoneinfo import ZoneInfo

from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.db import Clock
from central.settings import CentralSettings
from edge.contract.plate import Grammar


@dataclass(frozen=True, slots=True)
class Wiring:
    """The parts.

    Attributes:
        zone: the site's, in which dates are meant.
        grammar: of the plates that cameras can tell.
        clock: now, UTC-aware.
        sending: numbers of the keys that send a file; the event loop's own.
        importing: held by the one import that is under way.
    """

    settings: CentralSettings
    engine: Engine
    audit: AuditLog
    zone: ZoneInfo
    grammar: Grammar
    clock: Clock
    sending: set[int] = field(default_factory=set)
    importing: asyncio.Lock = field(default_factory=asyncio.Lock)
