"""What the alerts are told of each read: what it hit."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from central.types import Hit
from edge.contract.read import PlateRead


@dataclass(frozen=True, slots=True)
class Sighting:
    """One fresh read or update, and what it hit.

    Attributes:
        hits: of this read, the most urgent first; may be empty.
        country_known: whether a grammar recognised the plate's country.
        is_update: it is a better look at a read that came before.
        borne: of an update, the entries whose very plate it reads, hit or not: the vehicle may look like another.
    """

    read: PlateRead
    hits: Sequence[Hit]
    received_at: datetime
    late: bool
    country_known: bool
    is_update: bool
    borne: Sequence[Hit] = ()
