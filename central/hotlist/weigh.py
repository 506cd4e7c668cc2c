"""What else is known of an entry that was hit: is it suppressed, or stale, and are plates like it listed."""

from collections.abc import Sequence
from dataclasses import replace

from sqlalchemy import Connection, select

from central.db import hotlist, hotlist_entry, to_us
from central.hotlist.stale import as_of
from central.hotlist.suppress import sift
from central.hotlist.twins import alike
from central.types import Hit


def weigh(connection: Connection, hits: Sequence[Hit]) -> list[Hit]:
    """The hits that are not suppressed, with what speaks against stopping anybody at once; the most urgent first.

    Hits are rare, so this may ask the database, in the transaction that raises the alert.
    """
    hits = sift(connection, hits)
    if not hits:
        return []
    names = {hit.entry.list_name for hit in hits}
    terms = select(hotlist.c.name, hotlist.c.stale_after_h, hotlist.c.purge_us)
    lists = connection.execute(terms.where(hotlist.c.name.in_(names)))
    kept = {name: (stale_after_h, purge_us) for name, stale_after_h, purge_us in lists}
    weighed = []
    for hit in hits:
        at = hit.read.best_at
        stale_after_h, purge_us = kept.get(hit.entry.list_name, (None, None))
        if purge_us is not None and purge_us <= to_us(at):
            continue  # the event was over
        entry = as_of(hit.entry, stale_after_h=stale_after_h, at=at)
        weighed.append(replace(hit, entry=replace(entry, twins=_twins(connection, hit))))
    return sorted(weighed, key=lambda hit: (hit.entry.priority, -hit.likelihood, hit.entry_id))


def _twins(connection: Connection, hit: Hit) -> tuple[str, ...]:
    """Other plates that are looked for when this one is seen, and are taken for it."""
    entry, at_us = hotlist_entry.c, to_us(hit.read.best_at)
    query = (
        select(entry.plate)
        .distinct()
        .where(
            entry.alike == alike(hit.entry.plate),
            entry.plate != hit.entry.plate,
            entry.valid_from_us <= at_us,
            entry.valid_until_us > at_us,
        )
    )
    return tuple(connection.scalars(query.order_by(entry.plate)))
