"""H.264 and H.265 in RTP: what is packed by us comes out again, read by RFC 6184 and RFC 7798 and nothing else."""

import struct
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.simulate.rtp import Packetiser, split_annex_b

SPS, PPS = b"\x67\x42\xc0\x1e\xaa", b"\x68\xce\x3c\x80"
NALS = st.lists(
    st.builds(
        lambda kind, nri, body: bytes([nri << 5 | kind]) + body,
        st.sampled_from([1, 5, 6, 7, 8]),
        st.integers(0, 3),
        st.binary(min_size=1, max_size=4000),
    ),
    min_size=1,
    max_size=6,
)


def unpacked(packets: list[bytes]) -> list[bytes]:
    """NAL units of RTP packets (RFC 6184, sections 5.6 to 5.8)."""
    nals: list[bytes] = []
    for packet in packets:
        payload = packet[12:]
        kind = payload[0] & 0x1F
        if kind == 24:
            at = 1
            while at < len(payload):
                (size,) = struct.unpack_from(">H", payload, at)
                nals.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == 28:
            if payload[1] & 0x80:
                nals.append(bytes([payload[0] & 0xE0 | payload[1] & 0x1F]))
            nals[-1] += payload[2:]
        else:
            nals.append(payload)
    return nals


@given(nals=NALS, payload_bytes=st.integers(40, 1400))
def test_every_nal_unit_comes_out_as_it_went_in(nals: list[bytes], payload_bytes: int) -> None:
    packets = Packetiser(ssrc=1, sequence=0, payload_bytes=payload_bytes).packets(nals, timestamp=0)
    assert unpacked(packets) == nals
    assert max(len(p) for p in packets) <= payload_bytes + 12


NALS_265 = st.lists(
    st.builds(
        lambda kind, layer, body: bytes([kind << 1, layer]) + body,
        st.sampled_from([1, 19, 32, 33, 34, 39]),
        st.integers(1, 7),
        st.binary(min_size=1, max_size=4000),
    ),
    min_size=1,
    max_size=6,
)


def unpacked_265(packets: list[bytes]) -> list[bytes]:
    """NAL units of RTP packets (RFC 7798, sections 4.4.1 to 4.4.3)."""
    nals: list[bytes] = []
    for packet in packets:
        payload = packet[12:]
        kind = payload[0] >> 1 & 0x3F
        if kind == 48:
            at = 2
            while at < len(payload):
                (size,) = struct.unpack_from(">H", payload, at)
                nals.append(payload[at + 2 : at + 2 + size])
                at += 2 + size
        elif kind == 49:
            if payload[2] & 0x80:
                nals.append(bytes([payload[0] & 0x81 | (payload[2] & 0x3F) << 1, payload[1]]))
            nals[-1] += payload[3:]
        else:
            nals.append(payload)
    return nals


@given(nals=NALS_265, payload_bytes=st.integers(40, 1400))
def test_every_nal_unit_of_h265_comes_out_as_it_went_in(nals: list[bytes], payload_bytes: int) -> None:
    packets = Packetiser(ssrc=1, sequence=0, payload_bytes=payload_bytes).packets(
        nals, timestamp=0, h265=True
    )
    assert unpacked_265(packets) == nals
    assert max(len(p) for p in packets) <= payload_bytes + 12


@given(nals=NALS, sequence=st.integers(0, 65_535), timestamp=st.integers(0, 2**34))
def test_headers_count_on_and_mark_the_last(nals: list[bytes], sequence: int, timestamp: int) -> None:
    packets = Packetiser(ssrc=0xDEADBEEF, sequence=sequence).packets(nals, timestamp=timestamp)
    for number, packet in enumerate(packets):
        version, mark, seq, ticks, ssrc = struct.unpack(">BBHII", packet[:12])
        assert (version, mark & 0x7F, ssrc) == (0x80, 96, 0xDEADBEEF)
        assert bool(mark & 0x80) is (number == len(packets) - 1)
        assert seq == (sequence + number) % 65_536
        assert ticks == timestamp % 2**32


def test_a_fragmented_unit_begins_once_and_ends_once() -> None:
    packets = Packetiser(ssrc=1, sequence=0, payload_bytes=100).packets([b"\x65" + bytes(1000)], timestamp=0)
    flags = [p[13] & 0xC0 for p in packets]
    assert flags[0] == 0x80
    assert flags[-1] == 0x40
    assert set(flags[1:-1]) == {0}
    assert all(p[12] == 0x60 | 28 and p[13] & 0x1F == 5 for p in packets)


def test_parameter_sets_travel_together_before_their_picture() -> None:
    packets = Packetiser(ssrc=1, sequence=0).packets([SPS, PPS, b"\x65" + bytes(50)], timestamp=0)
    assert [p[12] & 0x1F for p in packets] == [24, 5]
    assert packets[0][12] & 0x60 == 0x60, "as important as the most important of them"


def test_a_parameter_set_alone_needs_no_aggregate() -> None:
    packets = Packetiser(ssrc=1, sequence=0).packets([SPS], timestamp=0)
    assert packets[0][12:] == SPS


def test_sequence_numbers_run_on_from_picture_to_picture() -> None:
    packetiser = Packetiser(ssrc=1, sequence=65_534)
    seen = [
        struct.unpack(">H", p[2:4])[0] for n in range(4) for p in packetiser.packets([b"\x41x"], timestamp=n)
    ]
    assert seen == [65_534, 65_535, 0, 1]
    assert packetiser.packets_sent == 4
    assert packetiser.bytes_sent == 8


def test_the_sender_report_ties_rtp_time_to_utc() -> None:
    packetiser = Packetiser(ssrc=7, sequence=0)
    packetiser.packets([b"\x41abc"], timestamp=0)
    report = packetiser.sender_report(timestamp=90_000, at=datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC))
    head, kind, words, ssrc, seconds, fraction, ticks, packets, octets = struct.unpack(">BBHIIIIII", report)
    assert (head, kind, (words + 1) * 4, ssrc) == (0x80, 200, len(report), 7)
    assert seconds == 2_208_988_800 + 1, "RFC 868: NTP time of the Unix epoch"
    assert fraction == 2**31
    assert (ticks, packets, octets) == (90_000, 1, 4)


@pytest.mark.parametrize("start", [b"\x00\x00\x01", b"\x00\x00\x00\x01"])
def test_a_byte_stream_is_split_at_both_start_codes(start: bytes) -> None:
    assert split_annex_b(start + SPS + start + PPS + start + b"\x65\x00\x01") == [SPS, PPS, b"\x65\x00\x01"]


def test_what_stands_before_the_first_start_code_is_no_unit() -> None:
    assert split_annex_b(b"rubbish\x00\x00\x01\x41a") == [b"\x41a"]
    assert split_annex_b(b"") == []
