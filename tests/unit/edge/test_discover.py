import socket
import threading
from collections.abc import Iterator

import pytest

from edge.discover import Found, probe
from edge.soap import envelope, node, parse, text_at

SERVICE = "http://10.0.0.9/onvif/device_service"


class Answerer:
    """Answers a probe with whatever a test says; `{id}` stands for the probe's number."""

    def __init__(self, *answers: bytes) -> None:
        self._answers = answers
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("127.0.0.1", 0))
        self._socket.settimeout(5)
        self.target = self._socket.getsockname()
        self.probes: list[bytes] = []
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        raw, sender = self._socket.recvfrom(65_535)
        self.probes.append(raw)
        number = text_at(parse(raw), "s:Header/a:MessageID").encode()
        for answer in self._answers:
            self._socket.sendto(answer.replace(b"{id}", number), sender)

    def close(self) -> None:
        self._thread.join(5)
        self._socket.close()


@pytest.fixture
def asked(request: pytest.FixtureRequest) -> Iterator[list[Found]]:
    answerer = Answerer(*request.param)
    try:
        yield probe(timeout_s=0.3, target=answerer.target)
    finally:
        answerer.close()


def match(
    *, scopes: str = "", addresses: str = "http://10.0.0.9/onvif/device_service", identity: str = "urn:1"
) -> bytes:
    reference = node("a:EndpointReference", node("a:Address", identity))
    body = node(
        "d:ProbeMatches",
        node("d:ProbeMatch", reference, node("d:Scopes", scopes), node("d:XAddrs", addresses)),
    )
    return envelope(body, header=(node("a:RelatesTo", "{id}"),))


SCOPES = (
    "onvif://www.onvif.org/type/ptz onvif://www.onvif.org/type/video_encoder onvif://www.onvif.org/name/Dome%20north "
    "onvif://www.onvif.org/hardware/DS-2DE onvif://www.onvif.org/location/country/colombia http://other/scope"
)


@pytest.mark.parametrize("asked", [(match(scopes=SCOPES),)], indirect=True)
def test_a_device_that_answers_is_described(asked: list[Found]) -> None:
    (device,) = asked
    assert (device.name, device.model, device.turns) == ("Dome north", "DS-2DE", True)
    assert device.address == "http://10.0.0.9/onvif/device_service"
    assert device.host == "127.0.0.1"
    assert "http://other/scope" in device.scopes


@pytest.mark.parametrize(
    "asked", [(match(identity="urn:1"), match(identity="urn:1"), match(identity="urn:2"))], indirect=True
)
def test_each_device_comes_once(asked: list[Found]) -> None:
    assert [device.identity for device in asked] == ["urn:1", "urn:2"]


@pytest.mark.parametrize(
    ("asked", "turns"),
    [
        ((match(scopes="onvif://www.onvif.org/type/video_encoder"),), False),
        ((match(scopes="onvif://www.onvif.org/Type/PTZ"),), True),
        ((match(scopes="onvif://www.onvif.org/name/x"),), None),
        ((match(),), None),
    ],
    indirect=["asked"],
)
def test_what_is_not_said_is_not_guessed(asked: list[Found], turns: bool | None) -> None:
    assert [device.turns for device in asked] == [turns]


@pytest.mark.parametrize(
    "asked",
    [
        (
            b"rubbish",
            b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]>' + match(),
            match().replace(b"{id}", b"urn:another-probe"),
            match(addresses=""),
            match(addresses="file:///etc/passwd javascript:x"),
            match(addresses="http://[::1/onvif", identity="urn:good"),
        )
    ],
    indirect=True,
)
def test_what_is_no_answer_of_ours_is_left_out(asked: list[Found]) -> None:
    assert [device.identity for device in asked] == ["urn:good"]


@pytest.mark.parametrize("asked", [(match(scopes="onvif://www.onvif.org/name/%1b[2Jevil"),)], indirect=True)
def test_nobody_writes_over_our_terminal(asked: list[Found]) -> None:
    assert asked[0].name == "?[2Jevil"
