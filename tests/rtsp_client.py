"""A client that speaks RTSP line by line, for what no library does on purpose."""

import contextlib
import socket
from types import TracebackType
from typing import Self

from edge.simulate.digest import digest_response

TCP = "RTP/AVP/TCP;unicast;interleaved=0-1"


class RawClient:
    """One connection. `ask` returns status and headers of the answer, packets in between are left out."""

    def __init__(
        self, url: str, *, user: tuple[str, str] | None = None, receive_bytes: int | None = None
    ) -> None:
        host, _, rest = url.removeprefix("rtsp://").partition(":")
        self.url, self._user, self._cseq = url, user, 0
        self._nonce = self._realm = ""
        self.socket = socket.socket()
        if receive_bytes is not None:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
        self.socket.settimeout(10)
        self.socket.connect((host, int(rest.partition("/")[0])))
        self._stream = self.socket.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._stream.close()
        self.socket.close()

    def ask(self, method: str, *, uri: str | None = None, **headers: str) -> tuple[int, dict[str, str]]:
        """Send a request, with an answer to the last challenge where there was one."""
        self._cseq += 1
        uri = uri or self.url
        lines = [f"{method} {uri} RTSP/1.0", f"CSeq: {self._cseq}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        if self._user and self._nonce:
            lines.append(f"Authorization: {self._authorization(method, uri)}")
        self.send("\r\n".join([*lines, "", ""]).encode())
        status, answer = self._answer()
        challenge = answer.get("www-authenticate", "")
        if status == 401 and self._user and not self._nonce:
            self._realm, self._nonce = challenge.split('"')[1], challenge.split('"')[3]
            return self.ask(method, uri=uri, **headers)
        return status, answer

    def send(self, raw: bytes) -> None:
        self.socket.sendall(raw)

    def set_up(self, *, transport: str = TCP) -> str:
        """SETUP; returns the session."""
        status, answer = self.ask("SETUP", uri=f"{self.url}/trackID=0", Transport=transport)
        assert status == 200, status
        return answer["session"].partition(";")[0]

    def is_closed(self) -> bool:
        """Read to the end of the connection; False where it is still open after the time-out."""
        with contextlib.suppress(ConnectionError):
            try:
                while self._stream.read(4096):
                    pass
            except TimeoutError:
                return False
        return True

    def packet(self) -> tuple[int, bytes]:
        """Channel and content of the next interleaved packet."""
        assert self._stream.read(1) == b"$"
        channel = self._stream.read(1)[0]
        return channel, self._stream.read(int.from_bytes(self._stream.read(2), "big"))

    def _authorization(self, method: str, uri: str) -> str:
        assert self._user is not None
        name, password = self._user
        response = digest_response(
            secret=f"{name}:{self._realm}:{password}", challenge=self._nonce, request=f"{method}:{uri}"
        )
        fields = {
            "username": name,
            "realm": self._realm,
            "nonce": self._nonce,
            "uri": uri,
            "response": response,
        }
        return "Digest " + ", ".join(f'{key}="{value}"' for key, value in fields.items())

    def _answer(self) -> tuple[int, dict[str, str]]:
        while (first := self._stream.read(1)) == b"$":
            self._stream.read(1)
            self._stream.read(int.from_bytes(self._stream.read(2), "big"))
        if not first:
            raise ConnectionResetError("closed instead of an answer")
        status = int((first + self._stream.readline()).split()[1])
        headers = {}
        while line := self._stream.readline().decode().strip():
            name, _, value = line.partition(":")
            headers[name.lower()] = value.strip()
        self._stream.read(int(headers.get("content-length", 0)))
        return status, headers
