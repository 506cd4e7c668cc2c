"""What the broker's end of TLS says, in plain words."""

import socket
import ssl
import threading
from pathlib import Path

import pytest
from city import City

from edge.publish.tls import alert_before_we_speak, explained, is_alert

OWN = "[SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: certificate is not yet valid (_ssl.c:1006)"


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ("[SSL: TLSV13_ALERT_CERTIFICATE_REQUIRED] tlsv13 alert (_ssl.c:1)", "it asks for a certificate"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_REVOKED] sslv3 alert (_ssl.c:1)", "the certificate is revoked"),
        ("[SSL: SSLV3_ALERT_CERTIFICATE_EXPIRED] sslv3 alert (_ssl.c:1)", "the certificate has expired"),
        ("[SSL: TLSV1_ALERT_UNKNOWN_CA] tlsv1 alert (_ssl.c:1)", "not of the broker's authority"),
        ("[SSL: TLSV1_ALERT_INTERNAL_ERROR] tlsv1 alert (_ssl.c:1)", "[SSL: TLSV1_ALERT_INTERNAL_ERROR]"),
    ],
)
def test_what_it_says_of_us(fault: str, words: str) -> None:
    assert is_alert(fault)
    assert words in explained(fault)


def test_what_we_say_of_it_is_no_alert() -> None:
    assert not is_alert(OWN)
    assert explained(OWN) == f"{OWN} (is this box's clock right? timedatectl)"
    assert not is_alert("Connection refused")


class Peer:
    """One end of TLS that handshakes once, with a thread of its own, and does with the link what it is told."""

    def __init__(self, city: City, version: ssl.TLSVersion, *, asks: bool) -> None:
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(
            city.folder / "broker" / "server.pem", city.folder / "broker" / "server.key"
        )
        self._context.maximum_version = version
        self._context.load_verify_locations(city.ca / "ca.pem")
        self._context.verify_mode = ssl.CERT_REQUIRED if asks else ssl.CERT_NONE
        self.ours, theirs = socket.socketpair()
        self._thread = threading.Thread(target=self._shake, args=(theirs,))
        self._thread.start()

    def _shake(self, link: socket.socket) -> None:
        try:
            with self._context.wrap_socket(link, server_side=True) as secure:
                secure.recv(1)
        except OSError:
            link.close()

    def close(self) -> None:
        self._thread.join()


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> City:
    city = City(tmp_path_factory.mktemp("city"))
    city.run("server", "--host", "localhost", "--out", city.folder / "broker")
    return city


def heard(city: City, version: ssl.TLSVersion, *, asks: bool, certificate: Path | None = None) -> str:
    """What a client hears that has shaken hands."""
    context = ssl.create_default_context(cafile=city.ca / "ca.pem")
    if certificate is not None:
        context.load_cert_chain(certificate / "edge.pem", certificate / "edge.key")
    peer = Peer(city, version, asks=asks)
    try:
        with context.wrap_socket(peer.ours, server_hostname="localhost") as link:
            link.settimeout(0)
            return alert_before_we_speak(link)
    finally:
        peer.close()


def test_it_is_heard_before_we_speak(city: City) -> None:
    assert "it asks for a certificate" in explained(heard(city, ssl.TLSVersion.TLSv1_3, asks=True))


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_where_all_is_well_nothing_is_said(city: City, version: ssl.TLSVersion) -> None:
    assert heard(city, version, asks=False) == ""
    tls = city.enroll("edge-1")
    assert heard(city, version, asks=True, certificate=Path(tls["cert_file"]).parent) == ""


def test_without_tls_there_is_nothing_to_wait_for() -> None:
    with socket.socket() as link:
        assert alert_before_we_speak(link) == ""
