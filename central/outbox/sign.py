"""How a webhook proves who sent it, and that it is fresh: `Atalaya-Signature: t=1772366400,v1=<64 hex digits>`.

v1 is HMAC-SHA256, by the subscriber's secret, of the time in that header, a dot, and the body's bytes (pure).
"""

import hashlib
import hmac
import re
from typing import Final

HEADER: Final = "Atalaya-Signature"
FRESH_S: Final = 300
"""How far a receiver's clock may be off."""

_FORM: Final = re.compile(r"t=([0-9]{1,12}),v1=([0-9a-f]{64})")


def sign(secret: str, body: bytes, *, at_s: int) -> str:
    """The header's value.

    Args:
        secret: that both sides know.
        body: exactly as it is sent.
        at_s: seconds since 1970 UTC.
    """
    return f"t={at_s},v1={_digest(secret, body, at_s)}"


def is_genuine(header: str, secret: str, body: bytes, *, now_s: int) -> bool:
    """Whether a body was signed with this secret, a short while ago; what a receiver must look at first."""
    match = _FORM.fullmatch(header)
    if match is None or abs(now_s - int(match[1])) > FRESH_S:
        return False
    return hmac.compare_digest(_digest(secret, body, int(match[1])), match[2])


def _digest(secret: str, body: bytes, at_s: int) -> str:
    return hmac.new(secret.encode(), f"{at_s}.".encode() + body, hashlib.sha256).hexdigest()
