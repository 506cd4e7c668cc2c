"""Digest authentication as cameras do it: RFC 2069, and RFC 2617's `qop=auth` where a client asks for it."""

import hashlib
import hmac
import re
from dataclasses import dataclass, field

_FIELD = re.compile(r'(\w+)\s*=\s*(?:"([^"]*)"|([^\s,]+))')


@dataclass(frozen=True, slots=True)
class DigestGuard:
    """Whom the simulated camera lets in."""

    username: str
    password: str = field(repr=False)
    realm: str = "atalaya-simulator"

    def challenge(self, nonce: str) -> str:
        """The value of WWW-Authenticate."""
        return f'Digest realm="{self.realm}", nonce="{nonce}", algorithm="MD5"'

    def admits(self, authorization: str, *, method: str, uri: str, nonce: str) -> bool:
        """Whether a request's Authorization header answers the challenge `nonce` for this method and address."""
        scheme, _, rest = authorization.partition(" ")
        fields = {name.lower(): quoted or bare for name, quoted, bare in _FIELD.findall(rest)}
        named = (fields.get("username"), fields.get("realm"), fields.get("nonce"), fields.get("uri"))
        if scheme.lower() != "digest" or named != (self.username, self.realm, nonce, uri):
            return False
        expected = digest_response(
            secret=f"{self.username}:{self.realm}:{self.password}",
            challenge=":".join(_middle(fields)),
            request=f"{method}:{uri}",
        )
        return hmac.compare_digest(expected.encode(), fields.get("response", "").lower().encode())


def digest_response(*, secret: str, challenge: str, request: str) -> str:
    """MD5(MD5(secret):challenge:MD5(request)), as 32 hexadecimal digits.

    Args:
        secret: user:realm:password.
        challenge: the nonce; with `qop`, nonce:nc:cnonce:qop.
        request: method:uri.
    """
    return _md5(f"{_md5(secret)}:{challenge}:{_md5(request)}")


def _middle(fields: dict[str, str]) -> tuple[str, ...]:
    nonce = fields.get("nonce", "")
    if "qop" not in fields:
        return (nonce,)
    return nonce, fields.get("nc", ""), fields.get("cnonce", ""), fields["qop"]


def _md5(text: str) -> str:
    # MD5 is what the protocol says; nothing is kept or signed with it.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()
