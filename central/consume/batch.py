"""A batch: records sorted by kind, but for those that came before (no database here)."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field

from central.consume.parse import Record
from central.consume.ranges import Ledger, Source
from central.consume.units import UnitArrival
from central.types import (
    ClipArrival,
    DeadLetter,
    GoneArrival,
    HealthArrival,
    PictureArrival,
    PtzArrival,
    ReadArrival,
)
from edge.contract import topics
from edge.contract.topics import Address, Kind, Numbered


@dataclass(slots=True)
class Batch:
    """The records of a batch that were not received before, by kind."""

    ledger: Ledger
    reads: list[ReadArrival] = field(default_factory=list)
    updates: list[ReadArrival] = field(default_factory=list)
    pictures: list[PictureArrival] = field(default_factory=list)
    clips: list[ClipArrival] = field(default_factory=list)
    gone: list[GoneArrival] = field(default_factory=list)
    states: list[HealthArrival | PtzArrival | UnitArrival] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    stray: list[DeadLetter] = field(default_factory=list)  # dead letters without a number
    duplicates: int = 0
    erased: int = 0  # what a court has had erased, and came again
    unchecked: int = 0

    def take(self, record: Record) -> None:
        """Sort a record in, unless it came before."""
        topic = _topic(record)
        if topic is not None and not self.ledger.take(_source(topic), topic.seq):
            self.duplicates += 1
            return
        match record:
            case ReadArrival() if record.topic.kind is Kind.READ:
                self.reads.append(record)
            case ReadArrival():
                self.updates.append(record)
            case PictureArrival():
                self.pictures.append(record)
            case ClipArrival():
                self.clips.append(record)
            case HealthArrival() | PtzArrival() | UnitArrival():
                self.states.append(record)
            case DeadLetter():
                (self.stray if topic is None else self.dead).append(record)
            case GoneArrival():
                gone = record.gone
                if self.ledger.take_range(Source(gone.edge_id, gone.epoch, gone.stream), gone.dropped):
                    self.gone.append(record)
                else:
                    self.duplicates += 1

    def seen(self) -> Iterable[ReadArrival]:
        """Reads, then updates."""
        return (*self.reads, *self.updates)

    def counts(self) -> Counter[str]:
        """Messages by what became of them."""
        return Counter(
            read=len(self.reads),
            update=len(self.updates),
            picture=len(self.pictures),
            clip=len(self.clips),
            gone=len(self.gone),
            health=sum(isinstance(state, HealthArrival) for state in self.states),
            ptz=sum(isinstance(state, PtzArrival) for state in self.states),
            unit=sum(isinstance(state, UnitArrival) for state in self.states),
            dead=len(self.dead) + len(self.stray),
            duplicate=self.duplicates,
            erased=self.erased,
        )


def touched(records: Iterable[Record]) -> list[tuple[Address, int]]:
    """The edges and epochs that the records belong to, older epochs first."""
    found = set()
    for record in records:
        if isinstance(record, GoneArrival):
            found.add((record.address, record.gone.epoch))
        elif (topic := _topic(record)) is not None:
            found.add((topic.address, topic.epoch))
    return sorted(found, key=lambda pair: (pair[0].edge_id, pair[1], pair[0].site_id))


def _topic(record: Record) -> Numbered | None:
    """The numbered topic under which a record came; a dead letter has one where its topic can be read."""
    if isinstance(record, ReadArrival | PictureArrival | ClipArrival):
        return record.topic
    if isinstance(record, DeadLetter):
        try:
            topic = topics.parse(record.topic)
        except ValueError:
            return None
        return topic if isinstance(topic, Numbered) else None
    return None


def _source(topic: Numbered) -> Source:
    return Source(topic.address.edge_id, topic.epoch, topic.kind.stream)
