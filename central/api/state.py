"""What every route works with, made once."""

from dataclasses import dataclass
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
    """

    settings: CentralSettings
    engine: Engine
    audit: AuditLog
    zone: ZoneInfo
    grammar: Grammar
    clock: Clock
