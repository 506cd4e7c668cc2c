"""A camera's clock by ONVIF: our simulated device, and answers that are none."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from brokers import free_port

from edge.errors import LostError
from edge.probe.clock import ask
from edge.simulate.onvif.device import Device, Oddities
from edge.simulate.onvif.head import Head
from edge.simulate.onvif.server import OnvifServer


def now() -> datetime:
    return datetime.now(UTC)


@pytest.mark.parametrize("off_s", [-3600.0, 0.0, 90.0])
def test_the_difference_is_told_to_a_second_and_asks_for_no_user(off_s: float) -> None:
    device = Device(
        Head(travel_s=1.0), {}, user=("ana", "x"), oddities=Oddities(clock_offset=timedelta(seconds=off_s))
    )
    with OnvifServer(device) as server:
        told = ask("127.0.0.1", server.port, timeout_s=5.0, clock=now)
    assert told.off_s == pytest.approx(off_s, abs=1.0)
    assert not told.by_hand
    assert device.counts.refused == 0


@contextmanager
def answering(status: int, body: bytes) -> Iterator[int]:
    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:
            """Say nothing."""

    server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


ANSWER = """<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope"
 xmlns:tds="http://www.onvif.org/ver10/device/wsdl" xmlns:tt="http://www.onvif.org/ver10/schema"><s:Body>
<tds:GetSystemDateAndTimeResponse><tds:SystemDateAndTime><tt:DateTimeType>{kind}</tt:DateTimeType><tt:UTCDateTime>
<tt:Time><tt:Hour>{hour}</tt:Hour><tt:Minute>4</tt:Minute><tt:Second>{second}</tt:Second></tt:Time>
<tt:Date><tt:Year>2001</tt:Year><tt:Month>2</tt:Month><tt:Day>3</tt:Day></tt:Date>
</tt:UTCDateTime></tds:SystemDateAndTime></tds:GetSystemDateAndTimeResponse></s:Body></s:Envelope>"""


@pytest.mark.parametrize(("kind", "by_hand"), [("Manual", True), ("NTP", False)])
@pytest.mark.parametrize("second", [5, 60])  # 60: a leap second
def test_a_clock_that_is_set_by_hand_is_told(kind: str, by_hand: bool, second: int) -> None:
    with answering(200, ANSWER.format(kind=kind, hour=3, second=second).encode()) as port:
        told = ask("127.0.0.1", port, timeout_s=5.0, clock=lambda: datetime(2001, 2, 3, 3, 4, tzinfo=UTC))
    assert told.by_hand is by_hand
    assert told.off_s == min(second, 59) + 0.5


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html><body>404</body></html>",
        b"not xml",
        b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
        ANSWER.format(kind="NTP", hour=25, second=5).encode(),
        ANSWER.format(kind="NTP", hour="three", second=5).encode(),
    ],
)
def test_what_is_no_time_is_said(body: bytes) -> None:
    with (
        answering(200, body) as port,
        pytest.raises(LostError, match=f"ONVIF at 127.0.0.1:{port}: its answer tells no time"),
    ):
        ask("127.0.0.1", port, timeout_s=5.0, clock=now)


def test_nothing_there_is_said() -> None:
    port = free_port()
    with pytest.raises(LostError, match=f"ONVIF at 127.0.0.1:{port}: Connection refused"):
        ask("127.0.0.1", port, timeout_s=5.0, clock=now)
