"""Which files answer a question: a copy's for the days that it holds, for others those of the reads (pure)."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Final

from central.archive.parts import Period, holders, newest, of_day, part_of
from central.archive.table import LiveFile

_EPOCH: Final = date(1970, 1, 1)


@dataclass(frozen=True, slots=True)
class Choice:
    """Files that answer together.

    Attributes:
        reads: by date of capture.
        days: of the copy, each of one day.
        months: of the copy, each of a month; of its rows those count that are of a day in `held`.
        held: days that `months` answer for.
    """

    reads: tuple[LiveFile, ...]
    days: tuple[LiveFile, ...] = ()
    months: tuple[LiveFile, ...] = ()
    held: frozenset[date] = frozenset()

    def within(self, first: date, last: date) -> "Choice":
        """What of it may hold a read of these days, both included."""
        held = frozenset(day for day in self.held if first <= day <= last)
        months = {of_day(day).whole_month for day in held}
        return Choice(
            tuple(file for file in self.reads if first <= file.captured_date <= last),
            tuple(file for file in self.days if _period(file).is_within(first, last)),
            tuple(file for file in self.months if _period(file) in months),
            held,
        )

    def narrowed(self, plates: Mapping[Period, set[int]]) -> "Choice":
        """Without the files of the copy in whose month and bucket there is nothing of what is asked for."""

        def may_hold(file: LiveFile) -> bool:
            return int(file.partition["bucket"]) in plates.get(_period(file).whole_month, ())

        return replace(
            self, days=tuple(filter(may_hold, self.days)), months=tuple(filter(may_hold, self.months))
        )

    def spans(self) -> list[tuple[date, date]]:
        """First and last day of spans that together are all time, newest first and each twice as long.

        Whoever wants the newest reads goes through them until there are enough: of five years the last days suffice
        nearly always.
        """
        months = {_period(file).whole_month for file in (*self.days, *self.months)}
        days = {file.captured_date for file in self.reads}
        newest_month = max((*months, *(of_day(day).whole_month for day in days)), default=Period(1, 1))
        begins = {day if of_day(day).whole_month == newest_month else day.replace(day=1) for day in days}
        begins |= {date(month.year, month.month, 1) for month in months}
        ordered, spans, last, size = sorted(begins, reverse=True), list[tuple[date, date]](), date.max, 2
        while len(ordered) > size:
            first = ordered[size - 1]
            spans.append((first, last))
            ordered, last, size = ordered[size:], first - timedelta(days=1), 2 * size
        return [*spans, (date.min, last)]

    def dates(self) -> set[date]:
        """The days that its files may answer for."""
        own = {date(period.year, period.month, period.day) for period in map(_period, self.days)}
        return own | self.held | {file.captured_date for file in self.reads}

    def days_held(self) -> list[int]:
        """Days since 1970 that `months` answer for."""
        return sorted((day - _EPOCH).days for day in self.held)


def choose(
    reads: Sequence[LiveFile],
    copy: Sequence[LiveFile],
    *,
    dates: tuple[date, date],
    may_serve: Callable[[date], bool] = lambda _: True,
    may_hold: Callable[[LiveFile], bool] = lambda _: True,
) -> Choice:
    """Choose.

    Args:
        reads: live files of the reads, opened after those of the copy.
        copy: of a derived table.
        dates: first and last UTC date that an answer can be of.
        may_serve: whether the copy may answer for a day.
        may_hold: whether a file of the copy may hold anything of the answer; its days are answered for all the same.
    """
    first, last = dates
    wanted = [file for file in reads if first <= file.captured_date <= last]
    parts = {part for file in copy if (part := part_of(file.name)) is not None}
    through = newest((file.captured_date, file.name) for file in wanted)
    held = {day: period for day, period in holders(parts, through).items() if may_serve(day)}
    useful = [file for file in copy if may_hold(file)]
    by_own = {period for period in held.values() if period.day}
    by_month = {period for period in held.values() if not period.day}
    return Choice(
        tuple(file for file in wanted if file.captured_date not in held),
        tuple(file for file in useful if _period(file) in by_own),
        tuple(file for file in useful if _period(file) in by_month),
        frozenset(day for day, period in held.items() if not period.day),
    )


def _period(file: LiveFile) -> Period:
    part = part_of(file.name)
    return Period(0, 0) if part is None else part.period
