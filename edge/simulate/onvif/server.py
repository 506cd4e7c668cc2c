"""The simulated device on HTTP: SOAP requests in, answers or faults out. Loopback only."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Final, Self

from edge.errors import ConfigError
from edge.simulate.onvif.call import Call, FaultError, fault
from edge.simulate.onvif.device import Device
from edge.simulate.onvif.services import WITHOUT_USER, answer
from edge.soap import UnreadableError, envelope, parse, qname

_MOST_BYTES: Final = 100_000
_PATIENCE_S: Final = 10.0
_PAGE: Final = b"<html><body>Unauthorized</body></html>"


class OnvifServer:
    """`with OnvifServer(device) as server:` answers at `server.address` until the end of the block.

    A server that was closed may be opened again, on the same port: a device that dies and comes back.

    Args:
        port: 0 takes a free one.
    """

    def __init__(self, device: Device, *, host: str = "127.0.0.1", port: int = 0) -> None:
        self.device = device
        self.host, self.port = host, port
        self._http: _Http | None = None
        self._thread: threading.Thread | None = None

    @property
    def address(self) -> str:
        """Scheme, host and port."""
        return f"http://{self.host}:{self.port}"

    def open(self) -> None:
        """Listen; `port` is then the one taken.

        Raises:
            ConfigError: the address cannot be bound.
        """
        try:
            self._http = _Http((self.host, self.port), self.device)
        except OSError as error:
            raise ConfigError(f"cannot listen on {self.host}:{self.port}: {error.strerror}") from error
        self.port = self._http.server_address[1]
        self._thread = threading.Thread(
            target=self._http.serve_forever, args=(0.02,), name="onvif-device", daemon=True
        )
        self._thread.start()

    def close(self) -> None:
        """Stop answering and close every connection; idempotent."""
        if self._http is None or self._thread is None:
            return
        self._http.shutdown()
        self._http.hang_up()
        self._http.server_close()
        self._thread.join(_PATIENCE_S)
        self._http = self._thread = None

    def __enter__(self) -> Self:
        self.open()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Http(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def __init__(self, address: tuple[str, int], device: Device) -> None:
        self.device = device
        self._connections: set[Any] = set()
        self._lock = threading.Lock()
        super().__init__(address, _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:  # noqa: ANN401  # as socketserver declares it
        with self._lock:
            self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:  # noqa: ANN401
        with self._lock:
            self._connections.discard(request)
        super().shutdown_request(request)

    def hang_up(self) -> None:
        """Close the connections that clients keep open."""
        with self._lock:
            connections = tuple(self._connections)
        for connection in connections:
            self.shutdown_request(connection)

    def handle_error(self, request: Any, client_address: Any) -> None:  # noqa: ANN401
        """A connection that broke is the client's affair."""


class _Handler(BaseHTTPRequestHandler):
    server: _Http
    protocol_version = "HTTP/1.1"
    timeout = _PATIENCE_S
    disable_nagle_algorithm = True

    def do_POST(self) -> None:
        self.server.device.counts.requests += 1
        length = int(self.headers.get("Content-Length") or 0)
        if not 0 < length <= _MOST_BYTES:
            self._send(400, b"", "text/plain")
            return
        status, body, kind = self._answer(self.rfile.read(length))
        self._send(status, body, kind)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: ANN401  # as http.server declares it
        """Say nothing."""

    def _answer(self, raw: bytes) -> tuple[int, bytes, str]:
        device, soap = self.server.device, "application/soap+xml; charset=utf-8"
        try:
            message = parse(raw)
            body = message.find(qname("s:Body"))
            if body is None or not len(body):
                raise FaultError("ter:WellFormed", "no request in it")
            request = body[0]
            if device.guard is not None and request.tag not in WITHOUT_USER:
                refusal = device.guard.refusal(message)
                if refusal:
                    return self._refuse(refusal)
            host, port = self.connection.getsockname()[:2]
            return 200, envelope(answer(Call(device, request, f"http://{host}:{port}", self.path))), soap
        except UnreadableError as error:
            return 400, envelope(fault(FaultError("ter:WellFormed", str(error)))), soap
        except FaultError as error:
            return 400 if error.sender else 500, envelope(fault(error)), soap

    def _refuse(self, why: str) -> tuple[int, bytes, str]:
        device = self.server.device
        device.counts.refused += 1
        status = device.oddities.refusal_status
        if device.oddities.refusal_is_html:
            return status, _PAGE, "text/html"
        error = FaultError("ter:NotAuthorized", f"Sender not authorized: {why}")
        return status, envelope(fault(error)), "application/soap+xml; charset=utf-8"

    def _send(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
