"""What an import is going to write: gathered while every other writer goes on, and small until it is written.

A centre's reads wait for whoever writes on SQLite, so a long file is read, checked and compared before that.
"""

import json
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Connection, bindparam, insert, update

from central.db import hotlist_entry, to_us
from central.hotlist.merge import BATCH, Ended, Import, Step

_QUICK: Final = 1  # zlib's level: lines of a list are much alike


@dataclass(slots=True)
class Draft:
    """The changes of one file.

    Attributes:
        version: of the lists that it was compared with; once they have changed it holds no more.
        ended: the entries that are to end.
        ended_why: and why.
    """

    version: int
    ended: list[Ended] = field(default_factory=list)
    ended_why: str = ""
    _packed: list[bytes] = field(default_factory=list)

    def keep(self, step: Step) -> None:
        """Take in some lines."""
        rows = [step.new, step.changed, step.confirmed]
        if any(rows):
            self._packed.append(zlib.compress(json.dumps(rows).encode(), _QUICK))

    def write(self, connection: Connection, order: Import) -> None:
        """Write all of it."""
        entered = {"entered_by": order.entered_by, "entered_us": to_us(order.at)}
        for new, changed, confirmed in self._steps():
            if new:
                connection.execute(insert(hotlist_entry), new)
            if changed:
                _update(connection, changed, **entered)
            if confirmed:
                _update(connection, confirmed)
        ends = {"valid_until_us": to_us(order.at), "ended_why": self.ended_why, **entered}
        for begin in range(0, len(self.ended), BATCH):
            some = self.ended[begin : begin + BATCH]
            _update(connection, [{"at_id": n, "new_fingerprint": each} for n, each in some], **ends)

    def _steps(self) -> Iterator[list[list[dict[str, Any]]]]:
        yield from (json.loads(zlib.decompress(packed)) for packed in self._packed)


def _update(connection: Connection, rows: Sequence[dict[str, Any]], **fixed: object) -> None:
    """Change entries by `at_id`: the columns `new_...` of each row, and what is the same for all."""
    said: dict[str, Any] = {name.removeprefix("new_"): bindparam(name) for name in rows[0] if name != "at_id"}
    connection.execute(
        update(hotlist_entry).where(hotlist_entry.c.id == bindparam("at_id")).values(**said, **fixed), rows
    )
