"""A message as it came -> a record, or a dead letter that says what was wrong (pure)."""

from typing import Final

from pydantic import ValidationError

from central.consume.jpeg import jpeg_fault
from central.consume.rows import misfit, to_row
from central.consume.units import UnitArrival, UnitPosition, unit_of
from central.types import (
    Arrival,
    ClipArrival,
    DeadLetter,
    GoneArrival,
    HealthArrival,
    PictureArrival,
    PtzArrival,
    ReadArrival,
)
from edge.contract import topics
from edge.contract.clip import unpacked
from edge.contract.delivery import Gone
from edge.contract.health import EdgeHealth
from edge.contract.ptz import PtzState
from edge.contract.read import PlateRead
from edge.contract.topics import Address, Kind, Numbered

Record = (
    ReadArrival
    | PictureArrival
    | ClipArrival
    | GoneArrival
    | HealthArrival
    | PtzArrival
    | UnitArrival
    | DeadLetter
)

MAX_PICTURE_BYTES: Final = 1024 * 1024
_FAULTS_TOLD: Final = 3
_MP4: Final = b"ftyp"


def parse(arrival: Arrival) -> Record:
    """Understand a message. Never raises: what cannot be understood is a dead letter."""
    try:
        return _understood(arrival)
    except ValidationError as error:
        reason = _told(error)
    except ValueError as error:
        reason = str(error)
    return DeadLetter(arrival.topic, arrival.payload, arrival.received_at, reason)


def _understood(arrival: Arrival) -> Record:
    if (unit_id := unit_of(arrival.topic)) is not None:
        position = UnitPosition.model_validate_json(arrival.payload)
        _same("unit_id", position.unit_id, unit_id)
        return UnitArrival(position, arrival.received_at)
    topic = topics.parse(arrival.topic)
    if isinstance(topic, Numbered):
        if topic.kind in (Kind.READ, Kind.UPDATE):
            return _read(topic, arrival)
        return _clip(topic, arrival) if topic.kind is Kind.CLIP else _picture(topic, arrival)
    if topic.kind == "gone":
        gone = Gone.model_validate_json(arrival.payload)
        _same("edge_id", gone.edge_id, topic.address.edge_id)
        return GoneArrival(topic.address, gone, arrival.received_at)
    if topic.kind == "status":
        health = EdgeHealth.model_validate_json(arrival.payload)
        _same_edge(health.site_id, health.edge_id, topic.address)
        return HealthArrival(health, arrival.received_at)
    if topic.kind == "ptz":
        state = PtzState.model_validate_json(arrival.payload)
        _same("edge_id", state.edge_id, topic.address.edge_id)
        _same("camera_id", state.camera_id, topic.camera_id)
        return PtzArrival(state, arrival.received_at)
    raise ValueError(f"edges publish no {topic.kind!r}")


def _read(topic: Numbered, arrival: Arrival) -> ReadArrival:
    read = PlateRead.model_validate_json(arrival.payload)
    _same_edge(read.site_id, read.edge_id, topic.address)
    _same("camera_id", read.camera_id, topic.camera_id)
    _same("epoch", read.epoch, topic.epoch)
    _same("seq", read.seq, topic.read_seq)
    row = to_row(topic, read, message=arrival.payload.decode(), received_at=arrival.received_at)
    if fault := misfit(row):
        raise ValueError(fault)
    return ReadArrival(topic, read, row, arrival.received_at)


def _picture(topic: Numbered, arrival: Arrival) -> PictureArrival:
    if len(arrival.payload) > MAX_PICTURE_BYTES:
        raise ValueError(f"a picture of {len(arrival.payload)} bytes; at most {MAX_PICTURE_BYTES} are taken")
    if fault := jpeg_fault(arrival.payload):
        raise ValueError(f"picture {fault}")
    return PictureArrival(topic, arrival.payload, arrival.received_at)


def _clip(topic: Numbered, arrival: Arrival) -> ClipArrival:
    answer, data = unpacked(arrival.payload)
    if answer.part == 1 and data[4:8] != _MP4:
        raise ValueError("a clip that does not begin as an MP4 file")
    return ClipArrival(topic, answer, data, arrival.received_at)


def _same_edge(site_id: str, edge_id: str, address: Address) -> None:
    _same("site_id", site_id, address.site_id)
    _same("edge_id", edge_id, address.edge_id)


def _same(name: str, said: object, topic: object) -> None:
    if said != topic:
        raise ValueError(f"{name}: the payload says {said!r}, its topic {topic!r}")


def _told(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    told = [f"{'.'.join(map(str, f['loc'])) or 'payload'}: {f['msg']}" for f in faults[:_FAULTS_TOLD]]
    more = len(faults) - len(told)
    return "; ".join(told)[:1000] + (f"; and {more} more" if more else "")
