"""Topics: what stands in them, and which are none of ours."""

from zlib import crc32

import pytest
from paho.mqtt.client import topic_matches_sub

from edge.contract.delivery import Stream
from edge.contract.read import ReadId
from edge.contract.topics import (
    HOTLIST_HEAD,
    PARTITIONS,
    Address,
    Kind,
    Numbered,
    Plain,
    hotlist_part,
    parse,
    partition,
    subscriptions,
)

ADDRESS = Address("site-1", "edge-1")
P = partition("edge-1")


def test_an_edges_topics_lie_below_its_partition_site_and_name() -> None:
    prefix = f"lpr/v1/{crc32(b'edge-1') % 64}/site-1/edge-1"
    assert ADDRESS.prefix == prefix
    assert (ADDRESS.gone, ADDRESS.status, ADDRESS.ack) == tuple(
        f"{prefix}/{tail}" for tail in ("gone", "status", "ack")
    )


def test_a_reads_topic_bears_its_identity() -> None:
    topic = Numbered(ADDRESS, "cam-1", Kind.READ, 5, 7, 7)
    assert str(topic) == f"{ADDRESS.prefix}/cam-1/read/5/7"
    assert topic.read_id == ReadId("edge-1", 5, 7)


@pytest.mark.parametrize("kind", [Kind.UPDATE, Kind.CROP, Kind.OVERVIEW])
def test_what_belongs_to_a_read_names_it_after_its_own_number(kind: Kind) -> None:
    topic = Numbered(ADDRESS, "cam-1", kind, 5, 9, 7)
    assert str(topic) == f"{ADDRESS.prefix}/cam-1/{kind}/5/9/7"
    assert topic.read_id == ReadId("edge-1", 5, 7)
    assert parse(str(topic)) == topic


def test_every_kind_is_numbered_in_a_stream_of_its_own() -> None:
    assert {kind: kind.stream for kind in Kind} == {
        Kind.READ: Stream.READ,
        Kind.UPDATE: Stream.UPDATE,
        Kind.CROP: Stream.CROP,
        Kind.OVERVIEW: Stream.OVERVIEW,
        Kind.CLIP: Stream.CLIP,
    }


@pytest.mark.parametrize("kind", ["gone", "status", "ack", "cmd"])
def test_topics_without_a_number_are_plain(kind: str) -> None:
    assert parse(f"{ADDRESS.prefix}/{kind}") == Plain(ADDRESS, kind)


def test_the_state_of_a_turning_camera_names_its_camera() -> None:
    assert parse(ADDRESS.ptz_state("cam-1")) == Plain(ADDRESS, "ptz", "cam-1")
    with pytest.raises(ValueError, match="not a topic"):
        parse(f"{ADDRESS.prefix}/ptz/state")


@pytest.mark.parametrize(
    ("topic", "complaint"),
    [
        ("", "not a topic"),
        ("frigate/events", "not a topic"),
        (f"lpr/v2/{P}/site-1/edge-1/gone", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5/0", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/05/7", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5/7/", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/video/5/7", "not a topic"),
        (f"lpr/v1/{P}/Site/edge-1/gone", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/gone\n", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5/7\n", "not a topic"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5/\u0667", "not a topic"),
        (f"lpr/v1/0{P}/site-1/edge-1/gone", "not a topic"),
        (f"lpr/v1/{(P + 1) % 64}/site-1/edge-1/gone", "is not that of 'edge-1'"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/5/7/7", "takes no read number"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/crop/5/7", "a crop topic needs read number"),
        (f"lpr/v1/{P}/site-1/edge-1/cam-1/read/9999999999999999/7", "beyond"),
    ],
)
def test_any_other_topic_is_turned_away_and_named(topic: str, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        parse(topic)


def test_a_long_foreign_topic_does_not_flood_the_message() -> None:
    with pytest.raises(ValueError, match="not a topic") as caught:
        parse("x" * 60_000)
    assert len(str(caught.value)) < 300


def test_the_consumers_filters_match_everything_that_edges_publish_and_nothing_of_the_centres() -> None:
    sent = [str(Numbered(ADDRESS, "cam-1", kind, 5, 9, 9)) for kind in Kind]
    for topic in [*sent, ADDRESS.gone, ADDRESS.status, ADDRESS.ptz_state("cam-1")]:
        assert sum(topic_matches_sub(each, topic) for each in subscriptions()) == 1, topic
    assert not any(topic_matches_sub(each, ADDRESS.ack) for each in subscriptions())


def test_consumers_of_disjoint_partitions_receive_everything_once_between_them() -> None:
    mine, others = subscriptions([P]), subscriptions(set(range(PARTITIONS)) - {P})
    for topic in [str(Numbered(ADDRESS, "cam-1", Kind.READ, 5, 9, 9)), ADDRESS.gone, ADDRESS.status]:
        assert sum(topic_matches_sub(each, topic) for each in mine) == 1
        assert not any(topic_matches_sub(each, topic) for each in others)


def test_the_copy_of_the_hotlists_is_no_edges_message_and_no_consumer_is_sent_it() -> None:
    topics = [HOTLIST_HEAD, hotlist_part(0), hotlist_part(255)]
    assert topics == ["lpr/v1/hotlist/head", "lpr/v1/hotlist/part/0", "lpr/v1/hotlist/part/255"]
    for topic in topics:
        assert not any(topic_matches_sub(each, topic) for each in subscriptions())
        with pytest.raises(ValueError, match="not a topic"):
            parse(topic)
