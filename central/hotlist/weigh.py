"""What else is known of an entry that was hit: is it suppressed, or stale, and are plates like it listed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace

from sqlalchemy import Connection, RowMapping, select

from central.db import at_a_time, hotlist, hotlist_entry, suppression, to_us
from central.hotlist.stale import as_of
from central.hotlist.suppress import sift
from central.hotlist.twins import alike
from central.types import Hit, HotlistEntry


@dataclass(frozen=True, slots=True)
class Gathered:
    """What the database says of some plates, read at once: one by one it would take most of the time of an alert.

    Attributes:
        entries: by plate, each with its number.
        terms: of a list, after how many hours its entries are stale, and when it is purged (microseconds).
        suppressions: rows, by plate.
        alike: by what is alike of them, other plates with the times from which and until which they are looked for.
    """

    entries: Mapping[str, Sequence[tuple[int, HotlistEntry]]] = field(default_factory=dict)
    terms: Mapping[str, tuple[int | None, int | None]] = field(default_factory=dict)
    suppressions: Mapping[str, Sequence[RowMapping]] = field(default_factory=dict)
    alike: Mapping[str, Sequence[tuple[str, int, int]]] = field(default_factory=dict)


def gather(
    connection: Connection,
    entries: Mapping[str, Sequence[tuple[int, HotlistEntry]]],
    read_as: Collection[str],
) -> Gathered:
    """What is known of entries that may be hit.

    Args:
        connection: of the transaction that raises the alerts.
        entries: by plate.
        read_as: the plates of the reads that may hit them, as cameras spell them.
    """
    names = {entry.list_name for some in entries.values() for _, entry in some}
    terms = select(hotlist.c.name, hotlist.c.stale_after_h, hotlist.c.purge_us)
    lists = connection.execute(terms.where(hotlist.c.name.in_(names)))
    suppressions: dict[str, list[RowMapping]] = {}
    for some in at_a_time({*entries, *read_as}):
        query = (
            select(suppression).where(suppression.c.plate.in_(some)).order_by(suppression.c.suppression_id)
        )
        for row in connection.execute(query).mappings():
            suppressions.setdefault(row["plate"], []).append(row)
    found: dict[str, list[tuple[str, int, int]]] = {}
    entry = hotlist_entry.c
    for some in at_a_time({alike(plate) for plate in entries}):
        columns = (entry.alike, entry.plate, entry.valid_from_us, entry.valid_until_us)
        for key, *times in connection.execute(select(*columns).where(entry.alike.in_(some))):
            found.setdefault(key, []).append((times[0], times[1], times[2]))
    return Gathered(entries, {name: (stale, purge) for name, stale, purge in lists}, suppressions, found)


def weigh(connection: Connection, hits: Sequence[Hit], gathered: Gathered) -> list[Hit]:
    """The hits that are not suppressed, with what speaks against stopping anybody at once; the most urgent first.

    Hits are rare, so those that are suppressed may be counted in the database, in the transaction that raises alerts.
    """
    weighed = []
    for hit in sift(connection, hits, gathered.suppressions):
        at = hit.read.best_at
        stale_after_h, purge_us = gathered.terms.get(hit.entry.list_name, (None, None))
        if purge_us is not None and purge_us <= to_us(at):
            continue  # the event was over
        entry = as_of(hit.entry, stale_after_h=stale_after_h, at=at)
        has_stays = any(plate in gathered.suppressions for plate in (entry.plate, hit.read.plate))
        entry = replace(entry, twins=_twins(hit, gathered))
        weighed.append(replace(hit, entry=entry, has_stays=has_stays))
    return sorted(weighed, key=lambda hit: (hit.entry.priority, -hit.likelihood, hit.entry_id))


def _twins(hit: Hit, gathered: Gathered) -> tuple[str, ...]:
    """Other plates that are looked for when this one is seen, and are taken for it."""
    own, at_us = hit.entry.plate, to_us(hit.read.best_at)
    others = gathered.alike.get(alike(own), ())
    return tuple(sorted({plate for plate, since, until in others if plate != own and since <= at_us < until}))
