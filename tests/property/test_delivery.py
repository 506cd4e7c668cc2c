"""Ranges behave as the set they stand for; topics say what was put into them."""

from hypothesis import given
from hypothesis import strategies as st

from edge.contract.delivery import BEYOND, Ack, Received, SeqRange, Stream
from edge.contract.topics import Address, Kind, Numbered, Plain, parse

SMALL = st.integers(min_value=1, max_value=60)
SPAN = st.builds(lambda a, b: SeqRange(first=min(a, b), last=max(a, b)), SMALL, SMALL)
ADDED = st.lists(st.one_of(SMALL, SPAN), max_size=12)
NAME = st.from_regex(r"[a-z0-9][a-z0-9._-]{0,62}", fullmatch=True)
NUMBER = st.integers(min_value=1, max_value=BEYOND - 1)


def numbers(added: list[int | SeqRange]) -> set[int]:
    return {
        seq
        for each in added
        for seq in (range(each.first, each.last + 1) if isinstance(each, SeqRange) else (each,))
    }


@given(batches=st.lists(ADDED, max_size=5))
def test_ranges_equal_a_set_however_they_grew(batches: list[list[int | SeqRange]]) -> None:
    received, model = Received(), set[int]()
    for batch in batches:
        received = received.adding(batch)
        model |= numbers(batch)
        assert {seq for span in received for seq in range(span.first, span.last + 1)} == model
        assert all((seq in received) is (seq in model) for seq in range(62))
        gaps = [b.first - a.last for a, b in zip(received.ranges, received.ranges[1:], strict=False)]
        assert all(gap >= 2 for gap in gaps), "sorted, disjoint, not touching"


@given(first=ADDED, second=ADDED)
def test_the_order_of_arrival_does_not_matter(
    first: list[int | SeqRange], second: list[int | SeqRange]
) -> None:
    assert Received().adding(first).adding(second) == Received().adding([*second, *first])


@given(streams=st.dictionaries(st.sampled_from(Stream), st.builds(Received().adding, ADDED)), epoch=NUMBER)
def test_an_ack_survives_the_wire(streams: dict[Stream, Received], epoch: int) -> None:
    sent = Ack(edge_id="edge-1", epoch=epoch, streams=streams)
    assert Ack.model_validate_json(sent.model_dump_json()) == sent


@given(site=NAME, edge=NAME, camera=NAME, kind=st.sampled_from(Kind), epoch=NUMBER, seq=NUMBER, owner=NUMBER)
def test_a_numbered_topic_survives_the_wire(
    site: str, edge: str, camera: str, kind: Kind, epoch: int, seq: int, owner: int
) -> None:
    read_seq = seq if kind is Kind.READ else owner
    topic = Numbered(Address(site, edge), camera, kind, epoch, seq, read_seq)
    assert parse(str(topic)) == topic


@given(site=NAME, edge=NAME)
def test_a_plain_topic_survives_the_wire(site: str, edge: str) -> None:
    address = Address(site, edge)
    for topic, kind in ((address.gone, "gone"), (address.status, "status"), (address.ack, "ack")):
        assert parse(topic) == Plain(address, kind)


@given(text=st.one_of(st.text(), st.from_regex(r"lpr/v1/[0-9a-z/._-]*", fullmatch=True)))
def test_any_text_is_a_topic_of_ours_or_a_value_error(text: str) -> None:
    try:
        topic = parse(text)
    except ValueError:
        return
    if isinstance(topic, Numbered):
        assert str(topic) == text
    else:
        assert text == f"{topic.address.prefix}/{topic.kind}"
