"""What a file makes of a list, some thousands of lines at a time: it looks into the database and writes nothing."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from enum import StrEnum
from itertools import islice
from typing import Any, Final, NamedTuple

from sqlalchemy import Connection, RowMapping, select

from central.db import from_us, hotlist_entry, to_us
from central.errors import HotlistError
from central.hotlist.fingerprint import SENT, marks
from central.hotlist.row import Refusal, Row
from central.hotlist.said import SAID, differing, values_of
from central.hotlist.twins import Other, Taken, Twin, alike

BATCH: Final = 2_000
"""Lines that are looked up at once."""

MOST_REFUSED: Final = 100_000
"""Lines: a file with more is no hotlist with faults, and each is kept until it is told."""

_FEW: Final = 20
_SHARE: Final = 5


def is_cut_off(*, removed: int, in_force: int) -> bool:
    """Whether a file that is said to be the whole list lacks so much of it that it may not be."""
    return removed > max(_FEW, in_force / _SHARE)


@dataclass(frozen=True, slots=True)
class Import:
    """What to do with a file: into which list, on whose word, when.

    Attributes:
        zone: where dates without an offset are meant.
        whole: the file is the whole list: what it does not name is ended.
        even_many: even where that is more than a fifth of the list.
        confirms_at: as of when a file without the column `confirmed` confirms what it names; None: `at`.
    """

    list_name: str
    entered_by: str
    at: datetime
    zone: tzinfo = UTC
    whole: bool = False
    even_many: bool = False
    confirms_at: datetime | None = None


class What(StrEnum):
    """What happens to an entry; one that was over and is looked for again is revived, whatever else changes."""

    ADDED = "added"
    CHANGED = "changed"
    REVIVED = "revived"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Change:
    """One entry, and what happens to it.

    Attributes:
        line: of the file; None where the file does not name it.
        told: of a changed or revived one, in order: which column, what it said, what it says.
    """

    what: What
    plate: str
    country: str
    line: int | None
    told: tuple[tuple[str, str, str], ...] = ()


@dataclass(slots=True)
class Step:
    """Some lines of the file as rows of the database.

    Attributes:
        new: whole rows.
        changed: by `at_id`, the columns `new_...`.
        confirmed: unchanged ones, by `at_id`: `new_confirmed_us`.
    """

    new: list[dict[str, Any]] = field(default_factory=list)
    changed: list[dict[str, Any]] = field(default_factory=list)
    confirmed: list[dict[str, Any]] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    twins: list[Twin] = field(default_factory=list)


class Ended(NamedTuple):
    """An entry that is to end, by its number, and its fingerprint from then on."""

    number: int
    fingerprint: int


class Merge:
    """Compares one file with one list.

    Attributes:
        refused: lines that do not become entries.
        ended_sooner: changed entries that expire earlier than before.
        in_force: entries of the list before the file, once `unnamed` has looked.
    """

    def __init__(self, order: Import, columns: Sequence[str]) -> None:
        self.refused: Final[list[Refusal]] = []
        self.ended_sooner = 0
        self.in_force = 0
        self._order: Final = order
        self._now_us: Final = to_us(order.at)
        self._confirms: Final = "confirmed" not in columns
        self._taken: Final = Taken()
        self._kept: Final[set[str]] = set()  # named by a refused line

    @property
    def named(self) -> int:
        """How many entries the file names."""
        return self._taken.count

    @property
    def is_unsure(self) -> bool:
        """Whether a refused line tells no plate, so that it may mean any that the file seems to lack."""
        return any(refusal.names is None for refusal in self.refused)

    def steps(self, connection: Connection, rows: Iterator[Row | Refusal]) -> Iterator[Step]:
        """The whole file; none of it is to be written before its end, or it would be compared with itself.

        Raises:
            HotlistError: too many lines are refused.
        """
        while lines := list(islice(rows, BATCH)):
            yield self._step(connection, lines)

    def unnamed(self, connection: Connection) -> list[tuple[Ended, Change]]:
        """The entries in force that the file, which is the whole list, does not name.

        A line that is refused, and tells its plate all the same, names it: a slip of the pen lets no vehicle go.
        """
        entry = hotlist_entry.c
        query = select(entry.id, *(entry[name] for name in SENT)).where(
            entry.list_name == self._order.list_name, entry.valid_until_us > self._now_us
        )
        gone = []
        for row in connection.execute(query, execution_options={"yield_per": BATCH}).mappings():
            self.in_force += 1
            plate, country = row["plate"], row["country"]
            is_named = self._taken.line_of(plate, country) is not None
            if not is_named and _key(plate, country) not in self._kept:
                over = marks({**row, "valid_until_us": self._now_us})
                ended = Ended(row["id"], over["fingerprint"])
                gone.append((ended, Change(What.REMOVED, plate, country, None)))
        return gone

    def _step(self, connection: Connection, lines: Sequence[Row | Refusal]) -> Step:
        rows = [line for line in lines if isinstance(line, Row)]
        for line in lines:
            if isinstance(line, Refusal):
                self._refuse(line)
        listed = self._listed(connection, rows)
        step = Step()
        for row in rows:
            self._add(step, row, listed.get(_key(row.plate, row.country)))
        step.twins = list(self._twins(connection, step))
        return step

    def _twins(self, connection: Connection, step: Step) -> Iterator[Twin]:
        """Of the new entries: a list that is imported day by day is not to warn of the same every day."""
        added = [change for change in step.changes if change.what is What.ADDED]
        elsewhere = self._listed_alike(connection, {alike(change.plate) for change in added})
        for change in added:
            line = change.line or 0
            earlier = [each for each in self._taken.twins(change.plate) if each[2] < line]
            others = [Other(f"{plate} ({of}) in line {before}", None) for plate, of, before in earlier]
            others += [
                Other(f"{plate} ({of}) in {name}", name)
                for name, plate, of in elsewhere.get(alike(change.plate), ())
                if plate != change.plate
                and (name != self._order.list_name or self._taken.line_of(plate, of) is None)
            ]
            if others:
                yield Twin(line, change.plate, change.country, tuple(others))

    def _listed_alike(
        self, connection: Connection, keys: set[str]
    ) -> Mapping[str, list[tuple[str, str, str]]]:
        entry = hotlist_entry.c
        query = select(entry.alike, entry.list_name, entry.plate, entry.country).where(
            entry.alike.in_(keys), entry.valid_until_us > self._now_us
        )
        found: dict[str, list[tuple[str, str, str]]] = {}
        for key, *told in connection.execute(query.order_by(entry.list_name, entry.plate)):
            found.setdefault(key, []).append((told[0], told[1], told[2]))
        return found

    def _listed(self, connection: Connection, rows: Sequence[Row]) -> Mapping[str, RowMapping]:
        entry = hotlist_entry.c
        query = select(hotlist_entry).where(
            entry.list_name == self._order.list_name, entry.plate.in_({row.plate for row in rows})
        )
        return {_key(row["plate"], row["country"]): row for row in connection.execute(query).mappings()}

    def _add(self, step: Step, row: Row, before: RowMapping | None) -> None:
        if fault := self._fault(row, before):
            self._refuse(Refusal(row.line, fault, (row.plate, row.country)))
            return
        self._taken.add(row.plate, row.country, row.line)
        values = values_of(row, before=before, now_us=self._now_us)
        values["confirmed_us"] = self._confirmed_us(row, before)
        ended = {"ended_why": None, "ended_by_hand": False}
        if before and before["ended_by_hand"] and values["valid_until_us"] <= self._now_us:
            # It is over either way, and since when decides which line brings it back.
            ended = {name: before[name] for name in ended}
            values["valid_until_us"] = max(values["valid_until_us"], before["valid_until_us"])
        its = marks(values | {"list_name": self._order.list_name})
        if before is None:
            step.new.append(values | its | self._entered())
            step.changes.append(Change(What.ADDED, row.plate, row.country, row.line))
        elif differs := differing(before, values, self._order.zone):
            self.ended_sooner += values["valid_until_us"] < before["valid_until_us"]
            said = {name: values[name] for name in (*SAID, "confirmed_us")} | ended | its
            step.changed.append(
                {f"new_{name}": each for name, each in said.items()} | {"at_id": before["id"]}
            )
            is_revived = before["valid_until_us"] <= self._now_us < values["valid_until_us"]
            what = What.REVIVED if is_revived else What.CHANGED
            step.changes.append(Change(what, row.plate, row.country, row.line, differs))
        elif values["confirmed_us"] != before["confirmed_us"]:
            step.confirmed.append({"new_confirmed_us": values["confirmed_us"], "at_id": before["id"]})

    def _refuse(self, refusal: Refusal) -> None:
        self.refused.append(refusal)
        if len(self.refused) > MOST_REFUSED:
            first = self.refused[0]
            raise HotlistError(
                f"more than {MOST_REFUSED:,} lines are refused, the first of them line {first.line}: {first.reason}"
            )
        if refusal.names is not None:
            self._kept.add(_key(*refusal.names))

    def _confirmed_us(self, row: Row, before: RowMapping | None) -> int:
        """A file without the column confirms what it names; an older confirmation does not undo a newer one.

        One of the future, which a clock that was wrong has left, counts as of now: or it would be fresh for years.
        """
        said_us = None if row.confirmed is None else to_us(row.confirmed)
        if said_us is None and (self._confirms or before is None):
            said_us = to_us(self._order.confirms_at or self._order.at)
        known_us = 0 if before is None else int(before["confirmed_us"])
        return max(0, min(self._now_us, max(known_us, said_us or 0)))

    def _fault(self, row: Row, before: RowMapping | None) -> str:
        """Why a good line does not become an entry: only a line that became one keeps its plate's place."""
        earlier = self._taken.line_of(row.plate, row.country)
        if earlier is not None:
            return f"{row.plate} ({row.country}) stands in line {earlier} already"
        if row.confirmed is not None and row.confirmed > self._order.at:
            return f"confirmed: {row.confirmed:%Y-%m-%d %H:%M} UTC has not come yet"
        if before is None:
            until = f"{row.valid_until:%Y-%m-%d %H:%M} UTC"
            is_over = to_us(row.valid_until) <= self._now_us
            return f"valid_until: {until} is over, and {row.plate} is not on this list" if is_over else ""
        ended_us = before["valid_until_us"]
        if before["ended_by_hand"] and (row.confirmed is None or to_us(row.confirmed) <= ended_us):
            return (
                f"{row.plate} ({row.country}) was taken off by hand at {from_us(ended_us):%Y-%m-%d %H:%M:%S} UTC: "
                "only a line whose `confirmed` is later than that brings it back"
            )
        return ""

    def _entered(self) -> dict[str, Any]:
        order = self._order
        return {"list_name": order.list_name, "entered_by": order.entered_by, "entered_us": self._now_us}


def _key(plate: str, country: str) -> str:
    """A text takes half the memory of a pair, a million times."""
    return f"{country}{plate}"
