"""From which likelihood on each list counts, as the database has the lists now."""

from datetime import datetime

from sqlalchemy import Connection, case, func, select

from central.db import hotlist, hotlist_entry, to_us
from central.hotlist.budget import Limit, limit_of_list
from central.sections import MatchSettings


def limits(connection: Connection, budget: MatchSettings, *, at: datetime) -> dict[str, Limit]:
    """What each list that has entries is matched by, here and in the copies that boxes hold.

    Args:
        connection: of any transaction.
        budget: false alerts a day, and reads a day.
        at: now; what has ended matches reads of before alone, and costs no false alerts of today.
    """
    entry = hotlist_entry.c
    in_force = func.sum(case((entry.valid_until_us > to_us(at), 1), else_=0)).label("in_force")
    # By part first, as an index has them: SQLite would look a million entries up to group them by their lists.
    each_part = select(entry.list_name, in_force).group_by(entry.part, entry.list_name).subquery()
    name, total = each_part.c.list_name, func.sum(each_part.c.in_force)
    lengths = [(each, int(found)) for each, found in connection.execute(select(name, total).group_by(name))]
    terms = connection.execute(select(hotlist.c.name, hotlist.c.false_alarms_a_day))
    allowed: dict[str, float | None] = {each: false_a_day for each, false_a_day in terms}  # noqa: C416  # rows
    return {each: limit_of_list(entries, budget, allowed.get(each)) for each, entries in lengths}
