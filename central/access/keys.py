"""Keys of the API: made once, shown once, and kept as a hash; each has its rights, its lists and its end.

A key is `atalaya_<number>_<secret>`; the secret is 256 random bits, so that one round of SHA-256 is enough: there is no
word to be guessed. Looked up by number, compared in constant time.
"""

import hashlib
import hmac
import re
import secrets
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError
from sqlalchemy import Connection, Engine, insert, select, update

from central.access.rights import Principal, Right
from central.db import api_key, from_us, reading, to_us
from central.errors import AccessError
from edge.contract.read import Identifier

LONGEST: Final = timedelta(days=400)
"""No key holds for longer: somebody who left a year ago has none."""
_FORM: Final = re.compile(r"atalaya_([1-9][0-9]{0,8})_([A-Za-z0-9_-]{43})")
_NAME: Final = TypeAdapter(Identifier)

Log = Callable[[Connection, "Key"], object]
"""Writes an act down, in its own transaction."""


@dataclass(frozen=True, slots=True)
class Key:
    """A key without its secret.

    Attributes:
        lists: the hotlists that it may do it with.
        revoked_at: None where it was not.
    """

    number: int
    name: str
    rights: tuple[Right, ...]
    lists: tuple[str, ...]
    made_by: str
    made_at: datetime
    expires_at: datetime
    revoked_at: datetime | None


@dataclass(frozen=True, slots=True)
class Wish:
    """A key that somebody asks for."""

    name: str
    rights: Collection[Right]
    lists: Collection[str]
    expires_at: datetime


def make(
    engine: Engine, wish: Wish, *, by: str, at: datetime, log: Log, hand_over: Callable[[str], object]
) -> None:
    """Make a key.

    Args:
        engine: the database.
        wish: what it may.
        by: who makes it.
        at: now.
        log: writes it down, in the same transaction.
        hand_over: is given the key, this once and before it holds: where it fails there is none.

    Raises:
        AccessError: a name is not one, or is taken; it may nothing; or its end is past or too far away.
    """
    _check(wish, at=at)
    secret = secrets.token_urlsafe(32)
    row = {
        "name": wish.name,
        "digest": _digest(secret),
        "rights": " ".join(sorted(wish.rights)),
        "lists": " ".join(sorted(wish.lists)),
        "made_by": by,
        "made_us": to_us(at),
        "expires_us": to_us(wish.expires_at),
        "revoked_us": None,
    }
    with engine.begin() as connection:
        if connection.execute(select(api_key.c.id).where(api_key.c.name == wish.name)).first() is not None:
            raise AccessError(f"there is a key {wish.name!r} already, or was: name another")
        number = connection.execute(insert(api_key).values(row)).inserted_primary_key
        assert number is not None  # noqa: S101  # it has one
        log(connection, _key({"id": number[0], **row}))
        hand_over(f"atalaya_{number[0]}_{secret}")


def revoke(engine: Engine, name: str, *, at: datetime, log: Log) -> Key:
    """End a key now; whoever holds it is refused from the next request on.

    Raises:
        AccessError: there is none of that name, or it was revoked before.
    """
    with engine.begin() as connection:
        row = connection.execute(select(api_key).where(api_key.c.name == name)).mappings().first()
        if row is None:
            raise AccessError(f"there is no key {name!r}")
        if row["revoked_us"] is not None:
            raise AccessError(f"key {name!r} was revoked at {from_us(row['revoked_us']).isoformat()}")
        connection.execute(update(api_key).where(api_key.c.id == row["id"]).values(revoked_us=to_us(at)))
        found = _key({**row, "revoked_us": to_us(at)})
        log(connection, found)
    return found


def listed(engine: Engine) -> list[Key]:
    """All keys there are and were, the oldest first."""
    with reading(engine) as connection:
        return [_key(row) for row in connection.execute(select(api_key).order_by(api_key.c.id)).mappings()]


def known(engine: Engine, text: str, *, at: datetime) -> Principal | None:
    """Who holds this key; None where it is none, was revoked, or is over."""
    match = _FORM.fullmatch(text)
    if match is None:
        return None
    with reading(engine) as connection:
        row = connection.execute(select(api_key).where(api_key.c.id == int(match[1]))).mappings().first()
    # One that is not there takes as long as one that is wrong.
    digest = "" if row is None else row["digest"]
    is_right = hmac.compare_digest(digest.encode(), _digest(match[2]).encode())
    if row is None or not is_right or row["revoked_us"] is not None or row["expires_us"] <= to_us(at):
        return None
    found = _key(row)
    return Principal(found.number, found.name, frozenset(found.rights), frozenset(found.lists))


def _check(wish: Wish, *, at: datetime) -> None:
    for name in (wish.name, *wish.lists):
        try:
            _NAME.validate_python(name)
        except ValidationError as error:
            raise AccessError(
                f"name {name!r}: expected lower case letters, digits, '.', '_' and '-', up to 63"
            ) from error
    if not wish.rights or not wish.lists:
        raise AccessError("a key without rights, or for no list, may nothing: name at least one of each")
    if not at < wish.expires_at <= at + LONGEST:
        raise AccessError(
            f"a key ends within {LONGEST.days} days: {wish.expires_at.isoformat()} is past or too far away"
        )


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(row: Mapping[Any, Any]) -> Key:
    revoked_us = row["revoked_us"]
    return Key(
        number=row["id"],
        name=row["name"],
        # A right that this version does not know any more is none.
        rights=tuple(right for right in Right if right in row["rights"].split()),
        lists=tuple(row["lists"].split()),
        made_by=row["made_by"],
        made_at=from_us(row["made_us"]),
        expires_at=from_us(row["expires_us"]),
        revoked_at=None if revoked_us is None else from_us(revoked_us),
    )
