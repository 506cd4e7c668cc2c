"""Who may move the camera: a UsernameToken with a password digest (WS-Security 1.0), as cameras check it."""

import base64
import binascii
import hashlib
import hmac
import xml.etree.ElementTree as ET
from collections import OrderedDict
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from edge.soap import qname, text_at

_TOKEN: Final = f"{qname('s:Header')}/{qname('wsse:Security')}/{qname('wsse:UsernameToken')}"
_REMEMBERED: Final = 1024


class TokenGuard:
    """Admits one user; a digest whose time is not the device's, or that was seen before, is refused.

    Args:
        tolerance: by which a digest's time may differ from the device's.
        clock: the device's own time, right or wrong, UTC.
    """

    def __init__(
        self,
        user: str,
        password: str,
        *,
        clock: Callable[[], datetime],
        tolerance: timedelta = timedelta(seconds=5),
    ) -> None:
        self._user = user
        self._password = password.encode()
        self._clock = clock
        self._tolerance = tolerance
        self._nonces: OrderedDict[bytes, None] = OrderedDict()

    def refusal(self, message: ET.Element) -> str:
        """Why this message is not admitted; empty: it is."""
        token = message.find(_TOKEN)
        if token is None:
            return "no UsernameToken"
        try:
            nonce = base64.b64decode(text_at(token, "wsse:Nonce"), validate=True)
            created = datetime.fromisoformat(text_at(token, "wsu:Created"))
        except (binascii.Error, ValueError):
            return "malformed UsernameToken"
        if created.tzinfo is None or abs(created - self._clock()) > self._tolerance:
            return f"time out of range: {created}"
        made = hashlib.sha1(nonce + text_at(token, "wsu:Created").encode() + self._password)  # noqa: S324  # the profile's
        right = hmac.compare_digest(base64.b64encode(made.digest()).decode(), text_at(token, "wsse:Password"))
        if not right or text_at(token, "wsse:Username") != self._user:
            return "wrong user or password"
        return self._replayed(nonce)

    def _replayed(self, nonce: bytes) -> str:
        if nonce in self._nonces:
            return "this token was used before"
        self._nonces[nonce] = None
        while len(self._nonces) > _REMEMBERED:
            self._nonces.popitem(last=False)
        return ""
