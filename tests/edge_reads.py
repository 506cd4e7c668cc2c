"""Reads and acknowledgements for the edge's transport tests."""

from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta

from edge.contract.delivery import Ack, Received, SeqRange, Stream
from edge.contract.read import Box, Character, ModelVersions, PictureRef, PlateRead

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now

    def __call__(self) -> datetime:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)


def plate_read(
    epoch: int,
    seq: int,
    *,
    plate: str = "ABC123",
    edge_id: str = "edge-1",
    pictures: PictureRef = PictureRef(),  # noqa: B008  # frozen
    at: datetime = NOON,
) -> PlateRead:
    """A read of `plate` at camera cam-1 of site-1."""
    return PlateRead(
        edge_id=edge_id,
        epoch=epoch,
        seq=seq,
        site_id="site-1",
        camera_id="cam-1",
        first_at=at,
        best_at=at,
        last_at=at,
        emitted_at=at,
        plate_raw=plate,
        plate=plate,
        likelihood=0.9,
        characters=tuple(Character(char=c, likelihood=0.95) for c in plate),
        votes=3,
        frames=4,
        box=Box(x=0.4, y=0.5, width=0.1, height=0.05),
        track_id=7,
        pictures=pictures,
        models=ModelVersions(detector="plate@0123456789ab", reader="ppocr@0123456789ab"),
    )


def builder(
    *, crop: bool = False, overview: bool = False, plate: str = "ABC123", edge_id: str = "edge-1"
) -> Callable[[int, int], PlateRead]:
    """What `Spool.put_read` takes."""
    pictures = PictureRef(crop=crop, overview=overview)
    return lambda epoch, seq: plate_read(epoch, seq, plate=plate, edge_id=edge_id, pictures=pictures)


def ack(
    epoch: int,
    streams: Mapping[Stream, Iterable[SeqRange | int]],
    *,
    edge_id: str = "edge-1",
    at: datetime | None = None,
) -> Ack:
    """An acknowledgement of exactly these numbers."""
    received = {stream: Received().adding(seqs) for stream, seqs in streams.items()}
    return Ack(edge_id=edge_id, epoch=epoch, streams=received, at=at)
