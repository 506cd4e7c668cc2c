"""Which derived table may answer a question, and from which of its files (pure)."""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta

import pyarrow as pa

from central.archive.derive import bucket_of
from central.archive.parts import Period
from central.archive.schema import DICTIONARY, ENDINGS, HOURS, PLATES
from central.archive.table import LiveFile
from central.query.plan import Plan
from central.query.snapshot import Copy, Improved


def copy_by_plate(plan: Plan) -> Copy | None:
    """The copy by plate, where a question names a plate, or a part of one."""
    question = plan.question
    if question.arrived_since is not None:  # a file says when it was written, and a part of a copy is younger
        return None
    if question.is_of_words:
        pattern = question.pattern
        if pattern is not None and pattern.is_open:
            return None
        ends_known = pattern is not None and pattern.ends_known
        return Copy(PLATES, words=(ENDINGS, DICTIONARY) if ends_known else (DICTIONARY,))
    if question.plate is None:
        return None
    bucket = str(bucket_of(question.plate))

    def may_hold(file: LiveFile) -> bool:
        return file.partition["bucket"] == bucket

    return Copy(PLATES, may_hold=may_hold)


def copy_by_hour(plan: Plan) -> Copy | None:
    """The counts by camera and hour, where a question asks for no more; for days that are whole and do not change."""
    question = plan.question
    if question.plate or question.is_of_words or question.area or question.arrived_since:
        return copy_by_plate(plan)

    def may_serve(day: date, improved: Improved | None) -> bool:
        begins, ends = _midnight(day), _midnight(day + timedelta(days=1))
        is_whole = (question.since is None or question.since <= begins) and (
            question.until is None or ends <= question.until
        )
        return is_whole and (improved is None or ends <= improved.since or improved.until < begins)

    return Copy(HOURS, may_serve=may_serve)


def by_month(wanted: pa.Table) -> Mapping[Period, set[int]]:
    """The buckets of the plates that are wanted, by the month in which they were read."""
    buckets: dict[Period, set[int]] = {}
    for row in wanted.to_pylist():
        buckets.setdefault(Period(row["year"], row["month"]), set()).add(bucket_of(row["plate"]))
    return buckets


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)
