"""The pictures of held reads: a picture knows no plate, so the reads under a hold are looked up and noted."""

from sqlalchemy import ColumnElement, Engine, and_, exists, insert, or_, select

from central.archive.holds import Hold, holds
from central.db import held_read, legal_hold, reading
from central.query.plan import Question
from central.query.reads import Reads
from edge.contract.read import ReadId


def under_hold(
    edge_id: ColumnElement[str], epoch: ColumnElement[int], seq: ColumnElement[int]
) -> ColumnElement[bool]:
    """Reads that a hold names, and those that were noted for one: a tie of their pictures."""
    noted, hold = held_read.c, legal_hold.c
    return or_(
        exists().where(noted.edge_id == edge_id, noted.epoch == epoch, noted.seq == seq),
        exists().where(
            and_(hold.edge_id == edge_id, hold.epoch == epoch, hold.seq == seq), hold.lifted_us.is_(None)
        ),
    )


def note_held(engine: Engine, reads: Reads) -> None:
    """Note the reads of every hold that stands, those that came since the last time.

    Raises:
        QueryError: it took too long.
        StoreError: the archive cannot be opened.
    """
    for hold in holds(engine):
        if hold.term.read is None:
            _note(engine, hold, reads.identities(_question(hold)))


def _question(hold: Hold) -> Question:
    term = hold.term
    cameras = () if term.camera_id is None else (term.camera_id,)
    return Question(plate=term.plate, cameras=cameras, since=term.since, until=term.until)


def _note(engine: Engine, hold: Hold, found: set[ReadId]) -> None:
    noted = select(held_read.c.edge_id, held_read.c.epoch, held_read.c.seq)
    with reading(engine) as connection:
        known = {ReadId(*row) for row in connection.execute(noted.where(held_read.c.hold_id == hold.number))}
    if new := found - known:
        rows = [{"hold_id": hold.number, **read._asdict()} for read in sorted(new)]
        with engine.begin() as connection:
            stands = legal_hold.c.hold_id == hold.number, legal_hold.c.lifted_us.is_(None)
            if connection.execute(select(legal_hold.c.hold_id).where(*stands)).first() is not None:
                connection.execute(insert(held_read), rows)
