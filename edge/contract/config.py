"""What the configuration files of both sides have in common.

One YAML file a side, every key bounded and described, unknown keys refused. Relative paths in a file are
relative to the file. Secrets are never in it: it names files that hold them. The sides parse YAML themselves.
"""

from collections.abc import Callable
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)


class Section(BaseModel):
    """A part of a file: unknown keys are refused, paths are taken from the file's folder."""

    # Defaults are validated too, so that a default path lies beside the file as well.
    model_config = ConfigDict(
        frozen=True, extra="forbid", validate_default=True, revalidate_instances="always"
    )

    @field_validator("*", mode="after")
    @classmethod
    def _beside_the_file(cls, value: Any, info: ValidationInfo) -> Any:  # noqa: ANN401  # any field
        folder = (info.context or {}).get("folder")
        if folder is not None and isinstance(value, Path):
            return folder / value
        return value


class TlsSettings(Section):
    """TLS towards the broker, with our own certificate where the broker asks for one."""

    ca_file: Path = Field(description="certificate authority that signed the broker's certificate")
    cert_file: Path | None = Field(default=None, description="our certificate")
    key_file: Path | None = Field(default=None, description="its key")


class BrokerSettings(Section):
    """The MQTT broker."""

    host: str = Field(default="127.0.0.1", description="broker's name or address")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=1883, description="broker's port")
    protocol: Literal["5", "3.1.1"] = Field(default="5", description="MQTT version")
    username: str | None = Field(default=None, description="user at the broker")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    tls: TlsSettings | None = Field(default=None, description="TLS; compulsory off this machine")
    keepalive_s: Annotated[int, Field(ge=2, le=3600)] = Field(default=20, description="seconds")

    @model_validator(mode="after")
    def _nothing_in_clear_over_a_network(self) -> Self:
        if self.tls is None and not _is_loopback(self.host):
            raise ValueError(f"tls is compulsory: {self.host} is not this machine")
        return self


def faults(error: ValidationError, *, line_of: Callable[[str], int | None] = lambda _: None) -> str:
    """A validation error as lines of `line N: key: what was expected`.

    Args:
        error: what pydantic says.
        line_of: finds the line of a key such as `cameras.0.url` in the file, where it can.
    """
    rows = error.errors(include_url=False, include_input=False)
    return "\n".join(fault(".".join(map(str, row["loc"])), row["msg"], line_of=line_of) for row in rows)


def fault(key: str, message: str, *, line_of: Callable[[str], int | None] = lambda _: None) -> str:
    """One line of `faults`."""
    line = line_of(key)
    where = "" if line is None else f"line {line}: "
    return f"  {where}{key or '(file)'}: {message}"


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
