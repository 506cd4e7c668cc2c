"""A signed POST of JSON to one fixed address: TLS verified, no redirect followed, time and answer bounded.

Of the answer only the status counts: what else a server says may repeat what it was sent, and is thrown away.
"""

import http.client
from collections.abc import Callable
from typing import Final
from urllib.parse import urlsplit

from pydantic import BaseModel

from central.db import Clock
from central.outbox.channel import at_most, away, trusting
from central.outbox.event import Notice
from central.outbox.rules import Answer, Verdict
from central.outbox.sign import HEADER, sign
from central.sections import read_secret
from central.subscribers import WebhookSettings

_READ_BYTES: Final = 4096
_PATIENT: Final = (http.client.TOO_MANY_REQUESTS, http.client.SERVICE_UNAVAILABLE)


class Webhook:
    """The channel of a webhook or a dispatch system; a connection a notice."""

    def __init__(
        self, settings: WebhookSettings, *, body_of: Callable[[Notice], BaseModel], clock: Clock
    ) -> None:
        """Prepare, without connecting.

        Args:
            settings: where to.
            body_of: what is said.
            clock: now, UTC-aware; for the signature.

        Raises:
            ConfigError: the secret or the authority cannot be read.
        """
        self._settings: Final = settings
        self._body_of: Final = body_of
        self._clock: Final = clock
        self._secret: Final = read_secret(settings.secret_file)
        self._url: Final = urlsplit(settings.url)
        self._tls: Final = trusting(settings.ca_file) if self._url.scheme == "https" else None

    def send(self, notice: Notice) -> Answer:
        """POST it once; taken where the status is one of 200 to 299."""
        body = self._body_of(notice).model_dump_json().encode()
        headers = {
            "Content-Type": "application/json",
            "User-Agent": "atalaya",
            "Idempotency-Key": notice.key,
            HEADER: sign(self._secret, body, at_s=int(self._clock().timestamp())),
            "Connection": "close",
        }
        url = self._url
        path = f"{url.path or '/'}{'?' if url.query else ''}{url.query}"
        connection, limit_s = self._connection(), self._settings.timeout_s
        with at_most(limit_s, lambda: connection.sock) as over:
            try:
                connection.request("POST", path, body, headers)
                response = connection.getresponse()
                response.read(_READ_BYTES)
            except (OSError, http.client.HTTPException) as error:
                return away(error, within_s=limit_s, over=over)
            finally:
                connection.close()
        return _judged(response.status, response.getheader("Retry-After", ""))

    def close(self) -> None:
        """Nothing is held between two notices."""

    def _connection(self) -> http.client.HTTPConnection:
        host, port, timeout_s = self._url.hostname or "", self._url.port, self._settings.timeout_s
        if self._tls is None:
            return http.client.HTTPConnection(host, port, timeout=timeout_s)
        return http.client.HTTPSConnection(host, port, timeout=timeout_s, context=self._tls)


def _judged(status: int, retry_after: str) -> Answer:
    if 200 <= status < 300:
        return Answer(Verdict.TAKEN, str(status))
    again_s = float(retry_after) if status in _PATIENT and retry_after.isdecimal() else None
    return Answer(Verdict.REFUSED, str(status), again_s)
