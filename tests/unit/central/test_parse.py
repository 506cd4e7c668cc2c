"""A message is a record or a dead letter that says why; nothing else can come of it."""

import json

import pytest
from central_messages import JPEG, gone_message, picture_message, read_message, update_message
from central_reads import NOON, a_read
from hypothesis import given
from hypothesis import strategies as st

from central.consume.jpeg import jpeg_fault
from central.consume.parse import MAX_PICTURE_BYTES, parse
from central.types import Arrival, DeadLetter, GoneArrival, HealthArrival, PictureArrival, ReadArrival
from edge.contract.health import EdgeHealth
from edge.contract.topics import Kind

READ = a_read(5)
TOPIC = read_message(READ).topic


def reason(topic: str, payload: bytes) -> str:
    record = parse(Arrival(topic, payload, NOON, 1))
    assert isinstance(record, DeadLetter), record
    assert (record.topic, record.payload, record.received_at) == (topic, payload, NOON)
    return record.reason


def changed(**fields: object) -> bytes:
    return json.dumps({**json.loads(READ.model_dump_json()), **fields}).encode()


def test_a_read_keeps_the_message_as_it_came():
    payload = changed(a_later_field={"x": 1})
    record = parse(Arrival(TOPIC, payload, NOON, 1))
    assert isinstance(record, ReadArrival)
    assert record.read == READ
    assert record.row["message"] == payload.decode()
    assert str(record.topic) == TOPIC


def test_an_update_names_its_read():
    record = parse(update_message(READ, 9))
    assert isinstance(record, ReadArrival)
    assert (record.topic.kind, record.topic.seq, record.topic.read_id) == (Kind.UPDATE, 9, READ.id)


def test_pictures_gone_and_health():
    assert isinstance(parse(picture_message(READ, 1)), PictureArrival)
    assert isinstance(parse(gone_message(READ, 1, 4)), GoneArrival)
    health = EdgeHealth(edge_id="edge-1", site_id="site-1", online=True)
    topic = gone_message(READ, 1, 1).topic.replace("gone", "status")
    assert isinstance(parse(Arrival(topic, health.model_dump_json().encode(), NOON, 1)), HealthArrival)


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (b"", "payload"),
        (b"\xff\xfe", "payload"),
        (b"{", "payload"),
        (b"[]", "payload"),
        (b"{}", "more"),
        (b'"\\ud800"', "payload"),
        (changed(edge_id="edge-2"), "edge_id: the payload says 'edge-2', its topic 'edge-1'"),
        (changed(site_id="site-2"), "site_id"),
        (changed(camera_id="cam-2"), "camera_id"),
        (changed(epoch=8), "epoch: the payload says 8, its topic 7"),
        (changed(seq=6), "seq: the payload says 6, its topic 5"),
        (changed(schema_version=2), "schema_version"),
        (changed(plate="ABC124"), "spell"),
        (changed(votes=5), "more votes"),
        (changed(clock_error_s=float("nan")), "clock_error_s"),
        (changed(clock_error_s=1e300), "clock_error_s"),
        # Fit for the message, but for no column:
        (changed(lane="x" * 33), "lane: longer than 32"),
        (changed(lane="a\x00b"), "lane: longer than 32 characters, or holds what cannot be printed"),
        (changed(lane="\x1b[2J"), "lane: longer than 32"),
        (changed(plate_raw="ABC\n123"), "plate_raw"),
        (changed(preset="\u202ehome"), "preset"),
        (changed(vehicle={"type": {"value": "\x9b2J", "likelihood": 1}}), "vehicle_type"),
        (changed(preset="x" * 64), "preset"),
        (changed(country={"value": "COL", "likelihood": 1}), "country: longer than 2"),
        (changed(votes=40_000, frames=40_000), "votes: 40000 is beyond 32767"),
        (changed(votes=1, frames=10**30), "frames"),
        (changed(**dict.fromkeys(("first_at", "best_at", "last_at"), "1969-12-31T23:59:59Z")), "1970"),
        (changed(**dict.fromkeys(("first_at", "best_at", "last_at"), "9999-12-31T23:59:59-12:00")), "2200"),
    ],
)
def test_a_poisonous_read_is_told(payload: bytes, says: str):
    assert says in reason(TOPIC, payload)


def test_any_blank_between_characters_can_be_printed():
    """The reader's net spells U+3000 where it sees a wide gap."""
    assert isinstance(parse(Arrival(TOPIC, changed(plate_raw="ABC\u3000123"), NOON, 1)), ReadArrival)


@pytest.mark.parametrize(
    "topic",
    [
        "",
        "lpr/v1",
        "other/" + TOPIC,
        TOPIC + "/1",
        TOPIC.replace("/5", "/0"),
        TOPIC.replace("/5", f"/{2**53}"),
        TOPIC.replace("site-1", "Site 1"),
        "lpr/v1/0/site-1/edge-1/cam-1/read/7/5",
        gone_message(READ, 1, 1).topic.replace("gone", "ack"),
    ],
)
def test_a_topic_that_is_none_of_ours_is_told(topic: str):
    assert reason(topic, READ.model_dump_json().encode())


def test_gone_and_health_of_another_edge_are_told():
    gone = gone_message(a_read(1, edge_id="edge-2"), 1, 2).payload
    topic = gone_message(READ, 1, 1).topic
    assert "edge_id" in reason(topic, gone)
    health = EdgeHealth(edge_id="edge-1", site_id="elsewhere", online=True).model_dump_json().encode()
    assert "site_id" in reason(topic.replace("gone", "status"), health)


@pytest.mark.parametrize(
    ("jpeg", "says"),
    [
        (b"", "does not begin"),
        (b"\x89PNG\r\n", "does not begin"),
        (JPEG[:-2], "cut off"),
        (JPEG[:-20] + b"\xff\xd9", "cut off"),
        (JPEG[:2] + JPEG[-2:], "cut off"),
        (JPEG[:2] + b"\x00" + JPEG[3:], "no JPEG marker at byte 2"),
        (JPEG[:20] + JPEG[33:], "no frame"),
        (JPEG + bytes(MAX_PICTURE_BYTES), "bytes"),
    ],
)
def test_a_picture_that_is_none_is_told(jpeg: bytes, says: str):
    message = picture_message(READ, 1, jpeg=jpeg)
    assert says in reason(message.topic, message.payload)


def test_a_jpeg_may_hold_filling_and_bare_markers():
    assert jpeg_fault(JPEG) is None
    assert jpeg_fault(JPEG[:2] + b"\xff" + JPEG[2:]) is None
    assert jpeg_fault(JPEG[:2] + b"\xff\x01" + JPEG[2:]) is None


def test_a_rendered_jpeg_is_taken():
    cv2 = pytest.importorskip("cv2")
    numpy = pytest.importorskip("numpy")
    picture = numpy.random.default_rng(1).integers(0, 255, (64, 160, 3), dtype=numpy.uint8)
    encoded, data = cv2.imencode(".jpg", picture)
    assert encoded
    assert jpeg_fault(data.tobytes()) is None


@given(payload=st.binary(max_size=200), topic=st.one_of(st.text(max_size=80), st.just(TOPIC)))
def test_nothing_escapes(payload: bytes, topic: str):
    assert isinstance(parse(Arrival(topic, payload, NOON, 1)), DeadLetter)


@given(
    cut=st.integers(0, 400),
    at=st.integers(0, 400),
    byte=st.binary(min_size=1, max_size=3),
    kind=st.sampled_from([read_message(READ), update_message(READ, 3), picture_message(READ, 2)]),
)
def test_a_damaged_message_never_raises(cut: int, at: int, byte: bytes, kind: Arrival):
    whole = kind.payload
    damaged = whole[:at] + byte + whole[at + len(byte) : len(whole) - cut]
    parse(Arrival(kind.topic, damaged, NOON, 1))
