"""RTSP 1.0 requests and responses (RFC 2326) on a stream that also carries interleaved packets."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

HEAD_BYTES = 16_384
"""The buffer that a reader of requests must have."""

_BODY_BYTES = 65_536
_REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    404: "Not Found",
    405: "Method Not Allowed",
    454: "Session Not Found",
    455: "Method Not Valid in This State",
    461: "Unsupported Transport",
    501: "Not Implemented",
    503: "Service Unavailable",
}


class ProtocolError(Exception):
    """The peer does not speak RTSP, or says too much at once."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request; header names are in lower case."""

    method: str
    uri: str
    headers: Mapping[str, str]

    @property
    def session(self) -> str | None:
        """The session's name, without its time-out."""
        value = self.headers.get("session")
        return None if value is None else value.partition(";")[0].strip()


@dataclass(frozen=True, slots=True)
class Response:
    """An answer; CSeq, Date and Content-Length are put in by `encode`."""

    status: int
    headers: Mapping[str, str]
    body: bytes = b""

    def encode(self, *, cseq: str, at: datetime) -> bytes:
        """The bytes to send."""
        lines = [f"RTSP/1.0 {self.status} {_REASONS[self.status]}", f"CSeq: {cseq}"]
        lines.append(f"Date: {format_datetime(at, usegmt=True)}")
        lines += [f"{name}: {value}" for name, value in self.headers.items()]
        if self.body:
            lines.append(f"Content-Length: {len(self.body)}")
        return "\r\n".join([*lines, "", ""]).encode("utf-8") + self.body


async def read_request(reader: asyncio.StreamReader) -> Request | None:
    """The next request, or None where an interleaved packet (the client's RTCP) came instead.

    Raises:
        ProtocolError: not RTSP, or longer than 16 KiB of head and 64 KiB of body.
        asyncio.IncompleteReadError: the client has gone.
    """
    first = await reader.readexactly(1)
    if first == b"$":
        head = await reader.readexactly(3)
        await reader.readexactly(int.from_bytes(head[1:], "big"))
        return None
    try:
        text = (first + await reader.readuntil(b"\r\n\r\n")).decode("utf-8").lstrip("\r\n")
    except (asyncio.LimitOverrunError, UnicodeDecodeError) as error:
        raise ProtocolError("head is too long or not text") from error
    request = _parse(text)
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > _BODY_BYTES:
        raise ProtocolError(f"body of {length[:20]} bytes")
    await reader.readexactly(int(length))  # no method that is served reads its body
    return request


def _parse(text: str) -> Request:
    first, *lines = text.rstrip("\r\n").split("\r\n")
    words = first.split()
    if len(words) != 3 or not words[2].startswith("RTSP/"):
        raise ProtocolError(f"not a request: {first[:80]!r}")
    headers = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            raise ProtocolError(f"not a header: {line[:80]!r}")
        headers[name.strip().lower()] = value.strip()
    return Request(words[0].upper(), words[1], headers)
