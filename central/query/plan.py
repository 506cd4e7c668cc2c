"""What a question asks of the archive: checked, and turned into SQL with bound parameters (pure).

The text of the SQL is made of constants alone; what a person typed goes into parameters.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Final

from central.archive.schema import CORE, ENDINGS, PARTITION, REVERSED, Layout
from central.archive.visible import Visible
from central.errors import QueryError
from central.query.area import Area
from central.query.pattern import Pattern
from edge.contract.spelling import typed

MOST_ROWS: Final = 1_000_000
MOST_CAMERAS: Final = 500
MOST_PLATES: Final = 1_000
"""More of them, each in sixty months, would be more than the dictionary is asked for at a time."""

_COLUMNS: Final = ", ".join(name for name in CORE.names if name != PARTITION)
_DETAILS: Final = "plate_raw, characters, box, ptz"
_READ: Final = "edge_id, epoch, seq"
_ARCHIVED: Final = {
    # `hot` for the columns that no file has yet: those that earlier versions wrote lack some.
    "files": "(FROM hot WHERE false UNION ALL BY NAME "
    "FROM read_parquet($files, hive_partitioning = false, union_by_name = true))",
    "days": "read_parquet($days, hive_partitioning = false)",
    "months": "(FROM read_parquet($months, hive_partitioning = false) SEMI JOIN held "
    "ON epoch_us(captured_at) // 86400000000 = held.day)",
}
_WANTED: Final = " SEMI JOIN wanted USING (plate)"
_TERMS: Final = {
    "plate": "plate = $plate",
    "since": "captured_at >= $since",
    "until": "captured_at < $until",
    "arrived_since": "captured_at + to_microseconds(received_offset_us) >= $arrived_since",
}


@dataclass(frozen=True, slots=True)
class Question:
    """Which reads; every part that is given must hold.

    Attributes:
        plate: exactly this plate; case and separators do not matter.
        pattern: a plate known in part.
        plates: exactly one of these, as plates are stored.
        cameras: at one of these.
        area: within it.
        since, until: captured at or after, and before; UTC-aware.
        arrived_since: reached the centre at or after; UTC-aware.
        limit: rows of the answer at most, newest first.
    """

    plate: str | None = None
    pattern: Pattern | None = None
    cameras: tuple[str, ...] = ()
    area: Area | None = None
    since: datetime | None = None
    until: datetime | None = None
    arrived_since: datetime | None = None
    limit: int = 1_000
    plates: frozenset[str] = frozenset()

    @property
    def is_of_words(self) -> bool:
        """Whether the dictionary tells which plates are meant, and in which months they were read."""
        return bool(self.plates) or self.pattern is not None


@dataclass(frozen=True, slots=True)
class Plan:
    """A checked question.

    Attributes:
        question: with its plate as plates are stored.
        condition: SQL over the core columns, but for what it says of a pattern.
        spelling: SQL: the plate is one that the pattern means; true where there is none.
        parameters: of the condition, by name.
        dates: first and last UTC date of capture that a row can have.
    """

    question: Question
    condition: str
    spelling: str
    parameters: Mapping[str, object]
    dates: tuple[date, date]


def plan(question: Question) -> Plan:
    """Check a question and plan it.

    Raises:
        QueryError: names what is wrong with it.
    """
    _check(question)
    if question.plate is not None:
        question = replace(question, plate=_spelt(question.plate))
    terms = ["true"]
    parameters: dict[str, object] = {}
    for name, term in _TERMS.items():
        if (value := getattr(question, name)) is not None:
            terms.append(term)
            parameters[name] = value.astimezone(UTC) if isinstance(value, datetime) else value
    for more, named in (_of_cameras(question), _of_area(question.area)):
        terms += more
        parameters |= named
    spelt, named = _of_words(question)
    parameters |= named
    dates = (
        date.min if question.since is None else question.since.astimezone(UTC).date(),
        date.max if question.until is None else question.until.astimezone(UTC).date(),
    )
    return Plan(question, " AND ".join(terms), " AND ".join(["true", *spelt]), parameters, dates)


def during(planned: Plan, first: date, last: date) -> Plan:
    """A plan for a part of its days, both included."""
    condition, parameters = planned.condition, dict(planned.parameters)
    if first != date.min:
        condition += " AND captured_at >= $span_since"
        parameters["span_since"] = _midnight(first)
    if last != date.max:
        condition += " AND captured_at < $span_until"
        parameters["span_until"] = _midnight(last + timedelta(days=1))
    return replace(planned, condition=condition, parameters=parameters)


def only_shown(planned: Plan, visible: Visible) -> Plan:
    """A plan that sees only what may be shown; its SQL stands beside `visible.tables`."""
    condition = f"{planned.condition} AND {visible.condition}"
    return replace(planned, condition=condition, parameters={**planned.parameters, **visible.parameters})


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time.min, UTC)


_Part = tuple[list[str], dict[str, object]]
"""Of a question: terms of the condition, which must hold together, and their parameters."""


def _of_cameras(question: Question) -> _Part:
    if not question.cameras:
        return [], {}
    cameras: dict[str, object] = {f"camera_{at}": camera for at, camera in enumerate(question.cameras)}
    return [f"camera_id IN ({', '.join(f'${name}' for name in cameras)})"], cameras


def _of_pattern(pattern: Pattern, column: str = "plate") -> _Part:
    terms, parameters = [f"{column} LIKE $spelt"], dict[str, object](spelt=pattern.like)
    if pattern.like is None:
        terms, parameters = [f"regexp_full_match({column}, $regex)"], {"regex": pattern.regex}
    if pattern.ranges:
        # Before the expression: by these a file that is sorted by it is opened in a few places only.
        within = (f"{column} >= $first_{at} AND {column} < $below_{at}" for at in range(len(pattern.ranges)))
        terms.insert(0, f"({' OR '.join(within)})")
        for at, each in enumerate(pattern.ranges):
            parameters |= {f"first_{at}": each.first, f"below_{at}": each.below}
    return terms, parameters


def _of_words(question: Question) -> _Part:
    if question.plates:
        return ["plate IN (SELECT unnest($plates::VARCHAR[]))"], {"plates": sorted(question.plates)}
    return ([], {}) if question.pattern is None else _of_pattern(question.pattern)


def _of_area(area: Area | None) -> _Part:
    if area is None:
        return [], {}
    condition = area.shape.condition
    term = f"CASE WHEN lat_e7 IS NULL THEN list_contains($area_cameras, camera_id) ELSE {condition} END"
    return [term], {"area_cameras": list(area.cameras), **area.shape.parameters}


def _spelt(plate: str) -> str:
    """A plate as it is stored.

    Raises:
        QueryError: it is no plate.
    """
    try:
        return typed(plate)
    except ValueError as error:
        raise QueryError(f"not a plate: {plate[:40]!r}; {error}") from error


@dataclass(frozen=True, slots=True)
class Sources:
    """What there is to answer from, beside the table `hot`.

    Attributes:
        archived: which files there are to read: `files` of the reads by date, `days` and `months` of a copy, of whose
            months those days count that are in the table `held`.
        counted: which files there are of the counts by camera and hour: `days` and `months`, as above.
        wanted: of the copy the plates count that are in the table `wanted`.
        updated: there are updates in `late`.
        improved: there are files (`$improved`) that may hold reads which they improve, captured between
            `$improved_since` and `$improved_until`.
    """

    archived: tuple[str, ...]
    updated: bool
    improved: bool
    counted: tuple[str, ...] = ()
    wanted: bool = False


def reads_sql(plan: Plan, sources: Sources, *, detailed: bool = False) -> str:
    """The SQL of the reads themselves; one row more than the limit tells that the answer was cut.

    Args:
        plan: the plan.
        sources: what there is.
        detailed: with what an investigator weighs; `hot` and `late` have it then.
    """
    columns = f"{_COLUMNS}, {_DETAILS}" if detailed else _COLUMNS
    return (
        f"{newest(plan, sources, columns)} SELECT {columns} FROM newest "  # noqa: S608
        f"ORDER BY captured_at DESC, {_READ} LIMIT {plan.question.limit + 1:d}"
    )


def newest(plan: Plan, sources: Sources, columns: str = _COLUMNS) -> str:
    """What every question begins with: `newest`, the reads that satisfy it, hot and archived, in their newest version.

    Ends where another table may follow after a comma.
    """
    whole = f"{plan.condition} AND {plan.spelling}"
    tables = [("hot", whole)]
    for name in sources.archived:
        # The dictionary has told which plates are meant; to ask each row again would take ten times as long.
        wanted = sources.wanted and name != "files"
        tables.append(
            (f"(FROM {_ARCHIVED[name]}{_WANTED})", plan.condition) if wanted else (_ARCHIVED[name], whole)
        )
    base = " UNION ALL ".join(f"SELECT {columns} FROM {table} WHERE {where}" for table, where in tables)  # noqa: S608
    if not sources.updated:
        return f"WITH newest AS ({base})"
    return (
        f"WITH base AS ({base}), {_better(improved=sources.improved)}, newest AS ("  # noqa: S608
        f"SELECT {columns} FROM base ANTI JOIN late USING ({_READ}) "
        f"UNION ALL SELECT {columns} FROM better WHERE {whole})"
    )


def candidates(plan: Plan, layout: Layout, *, most: int) -> tuple[str, dict[str, object]]:
    """SQL and parameters: which plates of the dictionary (`$words`) are meant, and in which months.

    One more than `most` at most. The layout is `DICTIONARY`; for a pattern `ENDINGS` too.
    """
    pattern, plate = plan.question.pattern, "plate"
    if layout is ENDINGS and pattern is not None:
        plate = f"reverse({REVERSED})"
        terms, parameters = _of_pattern(pattern.backwards, REVERSED)
    else:
        terms, parameters = _of_words(plan.question)
    sql = (
        f"SELECT DISTINCT year, month, {plate} AS plate FROM read_parquet($words, hive_partitioning = true) "  # noqa: S608
        f"WHERE {' AND '.join(terms)} LIMIT {most + 1:d}"
    )
    return sql, parameters


def camera_condition(plan: Plan) -> str:
    """SQL for the cameras of a question, over any table that has them."""
    return " AND ".join(["true", *_of_cameras(plan.question)[0]])


def _better(*, improved: bool) -> str:
    """The updates, each with the arrival of its read: when it came, and not the update."""
    if not improved:
        return "better AS (FROM late)"
    came = "epoch_us(first.captured_at) + first.received_offset_us - epoch_us(late.captured_at)"
    return (
        f"first AS (SELECT {_READ}, captured_at, received_offset_us, late AS was_late "  # noqa: S608
        "FROM read_parquet($improved, hive_partitioning = false) "
        f"SEMI JOIN late USING ({_READ}) WHERE captured_at BETWEEN $improved_since AND $improved_until), "
        f"better AS (SELECT late.* REPLACE (coalesce({came}, late.received_offset_us) AS received_offset_us, "
        f"coalesce(first.was_late, late.late) AS late) FROM late LEFT JOIN first USING ({_READ}))"
    )


def _check(question: Question) -> None:
    moments = (question.since, question.until, question.arrived_since)
    if any(m is not None and m.tzinfo is None for m in moments):
        raise QueryError("a time without a zone; give an offset such as -05:00")
    if question.since and question.until and question.since >= question.until:
        raise QueryError(
            f"an empty time span: from {question.since.isoformat()} to {question.until.isoformat()}"
        )
    if not 1 <= question.limit <= MOST_ROWS:
        raise QueryError(f"limit {question.limit}: expected 1 to {MOST_ROWS}")
    if len(question.cameras) > MOST_CAMERAS:
        raise QueryError(f"{len(question.cameras)} cameras: expected at most {MOST_CAMERAS}")
    if bool(question.plate) + bool(question.pattern) + bool(question.plates) > 1:
        raise QueryError("a question has a plate, a pattern or some plates, not two of them")
    if len(question.plates) > MOST_PLATES:
        raise QueryError(f"{len(question.plates)} plates: expected at most {MOST_PLATES}")
    pattern = question.pattern
    is_told = question.plate or question.plates or (pattern is not None and not pattern.is_open)
    if not (is_told or question.cameras or question.area or question.since or question.arrived_since):
        raise QueryError(
            f"{'pattern ' + pattern.text if pattern else 'a question'} needs "
            f"{'a character' if pattern else 'a plate'}, a camera, an area or a time to start from"
        )
