"""The register: every certificate that the authority has ever given, one JSON file beside its key."""

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, ValidationError

from central.ca.file import write
from central.errors import AuthorityError


class Kind(StrEnum):
    """Whom a certificate is for."""

    EDGE = "edge"
    CENTRE = "centre"
    SERVER = "server"


class Issued(BaseModel):
    """One certificate."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    serial: Annotated[str, Field(pattern=r"^[0-9a-f]{1,40}$", description="hexadecimal")]
    kind: Kind
    name: str
    not_before: AwareDatetime
    not_after: AwareDatetime
    revoked_at: AwareDatetime | None = None

    def state(self, now: datetime) -> str:
        """In a word: valid, expired or revoked."""
        if self.revoked_at is not None:
            return "revoked"
        return "expired" if now > self.not_after else "valid"


class Register(BaseModel):
    """All of them, oldest first, and the number of the last revocation list."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    crl_number: Annotated[int, Field(ge=0)] = 0
    issued: tuple[Issued, ...] = ()

    def adding(self, entry: Issued) -> "Register":
        """With one more."""
        return self.model_copy(update={"issued": (*self.issued, entry)})

    def revoking(self, serials: set[str], *, at: datetime) -> "Register":
        """With these revoked, and the next list's number."""
        issued = tuple(
            each.model_copy(update={"revoked_at": at}) if each.serial in serials else each
            for each in self.issued
        )
        return Register(crl_number=self.crl_number + 1, issued=issued)


def load(path: Path) -> Register:
    """Read the register.

    Raises:
        AuthorityError: it is missing, cannot be read, or is none.
    """
    try:
        return Register.model_validate_json(path.read_bytes())
    except OSError as error:
        raise AuthorityError(f"{path}: register cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        where = ".".join(map(str, first["loc"])) or "file"
        raise AuthorityError(f"{path}: not a register: {where}: {first['msg']}") from error


def save(path: Path, register: Register) -> None:
    """Replace the register.

    Raises:
        AuthorityError: it cannot be written; the old one stands.
    """
    write(path, register.model_dump_json(indent=1).encode() + b"\n")
