"""A real web server that takes notifications, and behaves as it is told: it takes, fails, stalls, hangs up."""

import http.server
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

Behave = Callable[["http.server.BaseHTTPRequestHandler"], None]


@dataclass(frozen=True)
class Post:
    """What came."""

    path: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        found = json.loads(self.body)
        assert isinstance(found, dict)
        return found


@dataclass
class Listener:
    """A server on loopback.

    Attributes:
        posts: all that came whole, in order.
        behaviours: for the next POSTs, one each; then all are taken.
    """

    port: int = 0
    scheme: str = "http"
    posts: list[Post] = field(default_factory=list)
    behaviours: list[Behave] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"


def answering(status: int, **headers: str) -> Behave:
    def behave(handler: http.server.BaseHTTPRequestHandler) -> None:
        handler.send_response(status)
        for name, value in headers.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return behave


def hangs_up(handler: http.server.BaseHTTPRequestHandler) -> None:
    handler.close_connection = True


def drips(handler: http.server.BaseHTTPRequestHandler) -> None:
    """A byte now and then, so that no single wait is long."""
    stop = threading.Event()
    try:
        for byte in b"HTTP/1.1 200 OK\r\nX-Slow: " + b"a" * 1_000:
            handler.wfile.write(bytes([byte]))
            stop.wait(0.05)
    except OSError:
        pass
    handler.close_connection = True


def floods(handler: http.server.BaseHTTPRequestHandler) -> None:
    """An answer without an end."""
    handler.send_response(200)
    handler.end_headers()
    try:
        while True:
            handler.wfile.write(b"ABC123 " * 10_000)
    except OSError:
        handler.close_connection = True


@contextmanager
def listening(*behaviours: Behave, certificate: Path | None = None, port: int = 0) -> Iterator[Listener]:
    """Serve until the block ends; over TLS with a certificate (its key in the same file)."""
    listener = Listener(behaviours=list(behaviours))

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            listener.posts.append(Post(self.path, dict(self.headers), body))
            behave = listener.behaviours.pop(0) if listener.behaviours else answering(200)
            behave(self)

        def log_message(self, *_: object) -> None:
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    server.block_on_close = False
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        listener.scheme = "https"
    listener.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield listener
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def a_certificate(folder: Path, *, name: str = "localhost") -> tuple[Path, Path]:
    """A server's certificate with its key, signed by an authority of its own; that authority."""
    from datetime import UTC, datetime, timedelta
    from ipaddress import ip_address

    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import NameOID

    key, now = ec.generate_private_key(ec.SECP256R1()), datetime.now(UTC)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    names = [x509.DNSName(name), *([x509.IPAddress(ip_address("127.0.0.1"))] if name == "localhost" else [])]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = certificate.public_bytes(serialization.Encoding.PEM)
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    server, authority = folder / f"{name}.pem", folder / f"{name}.ca.pem"
    server.write_bytes(private + pem)
    authority.write_bytes(pem)
    return server, authority
