"""Alerts as they were raised, by camera and cell of time."""

import pyarrow as pa
from sqlalchemy import func, select

from central.archive.rules import shown
from central.db import alert, reading, to_us
from central.query.plan import Question
from central.query.snapshot import Source

_US: int = 1_000_000
_HITS = pa.schema([("camera_id", pa.string()), ("cell", pa.int64()), ("hits", pa.int64())])


def hits(source: Source, question: Question, *, cell_s: int) -> pa.Table:
    """How many alerts were raised at the cameras of a question and within its time.

    Of an area the cameras that stand in it count; where others were when theirs was raised, an alert does not say.

    Args:
        source: database and rules.
        question: without a plate.
        cell_s: length of a cell, seconds; they are counted from 1970 UTC.
    """
    cell = (alert.c.captured_us // (cell_s * _US)).label("cell")
    query = select(alert.c.camera_id, cell, func.count().label("hits")).group_by(alert.c.camera_id, cell)
    if question.cameras:
        query = query.where(alert.c.camera_id.in_(question.cameras))
    if question.area is not None:
        query = query.where(alert.c.camera_id.in_(question.area.cameras))
    if question.since is not None:
        query = query.where(alert.c.captured_us >= to_us(question.since))
    if question.until is not None:
        query = query.where(alert.c.captured_us < to_us(question.until))
    with reading(source.engine) as connection:
        query = query.where(alert.c.merged_into.is_(None), shown(alert, source.rules.in_force(connection)))
        rows = [dict(row) for row in connection.execute(query).mappings()]
    return pa.Table.from_pylist(rows, schema=_HITS)
