"""TLS towards the broker: our files, and what its end says of them, in plain words."""

import selectors
import ssl
from typing import Final

from paho.mqtt import client as paho

from edge.contract.config import TlsSettings
from edge.errors import PublishError

ALERT_S: Final = 0.5
"""Patience for the broker's verdict on our certificate; one that says nothing costs so much at each connection."""

_WORDS: Final = {
    "CERTIFICATE_REQUIRED": "it asks for a certificate (mqtt.tls.cert_file, key_file)",
    "CERTIFICATE_REVOKED": "the certificate is revoked",
    "CERTIFICATE_EXPIRED": "the certificate has expired",
    "ALERT_UNKNOWN_CA": "the certificate is not of the broker's authority",
}


def use(client: paho.Client, settings: TlsSettings) -> None:
    """Let a client speak TLS with these files.

    They are opened one after another: where they are exchanged in between they do not fit together, which is
    refused here or by the broker, and healed by the next try.

    Raises:
        PublishError: they cannot be used; names them.
    """
    try:
        client.tls_set(
            ca_certs=str(settings.ca_file),
            certfile=None if settings.cert_file is None else str(settings.cert_file),
            keyfile=None if settings.key_file is None else str(settings.key_file),
        )
    except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
        named = (settings.ca_file, settings.cert_file, settings.key_file)
        files = ", ".join(str(file) for file in named if file is not None)
        raise PublishError(f"TLS files cannot be used ({files}): {error}") from error


def alert_before_we_speak(link: object) -> str:
    """What the broker's end has to say of our certificate, just after the handshake; empty: nothing.

    In TLS 1.3 it judges us after our handshake is done, and then sends session tickets, or an alert and closes.
    What we send into a closed connection makes the kernel throw the alert away unread: listen first.
    """
    if not isinstance(link, ssl.SSLSocket) or link.version() != "TLSv1.3":
        return ""
    with selectors.DefaultSelector() as waiting:
        waiting.register(link, selectors.EVENT_READ)
        if not waiting.select(ALERT_S):
            return ""
    try:
        link.recv(1)  # never a byte of MQTT: the broker answers, it does not begin
    except ssl.SSLWantReadError:
        return ""
    except ssl.SSLError as error:
        return str(error)
    except OSError:
        return ""  # the connection's user meets it again
    return ""


def is_alert(text: str) -> bool:
    """Whether this fault of TLS, in OpenSSL's words, was sent by the other end."""
    return "[SSL: " in text and "ALERT" in text


def explained(fault: str) -> str:
    """A fault of TLS in plain words, or as OpenSSL says it."""
    for name, words in _WORDS.items():
        if is_alert(fault) and name in fault:
            return words
    if "not yet valid" in fault:
        return f"{fault} (is this box's clock right? timedatectl)"
    return fault
