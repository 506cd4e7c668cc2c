"""What the configuration files of both sides have in common.

One YAML file a side, every key bounded and described, unknown keys refused. Relative paths in a file are
relative to the file. Secrets are never in it: it names files that hold them. The sides parse YAML themselves.
"""

from collections.abc import Callable, Iterator, Sequence
from difflib import get_close_matches
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Literal, Self, get_args

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

    @model_validator(mode="after")
    def _a_certificate_has_a_key(self) -> Self:
        together("cert_file", self.cert_file, "key_file", self.key_file)
        return self


class BrokerSettings(Section):
    """The MQTT broker."""

    host: str = Field(default="127.0.0.1", description="broker's name or address")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=1883, description="broker's port")
    protocol: Literal["5", "3.1.1"] = Field(default="5", description="MQTT version")
    username: str | None = Field(default=None, description="user at the broker")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    tls: TlsSettings | None = Field(default=None, description="TLS; compulsory off this machine")
    insecure_plaintext: bool = Field(
        default=False,
        description="allow a broker elsewhere without tls: whoever is on the way reads plates and passwords",
    )
    keepalive_s: Annotated[int, Field(ge=2, le=3600)] = Field(default=20, description="seconds")

    @property
    def is_exposed(self) -> bool:
        """Whether everything crosses a network in clear."""
        return self.tls is None and not is_loopback(self.host)

    @property
    def who(self) -> str:
        """As whom we come to the broker, for messages about a refusal."""
        if self.username is not None:
            return f"user {self.username!r}"
        if self.tls is not None and self.tls.cert_file is not None:
            return f"certificate {self.tls.cert_file}"
        return "a client without a user"

    @property
    def doubts(self) -> str:
        """What to ask oneself where the broker hangs up without a word, before it has accepted us."""
        if self.username is not None:
            doubt = "are user and password right?"
        elif self.tls is None:
            doubt = "does it ask for a user and password?"
        elif self.tls.cert_file is None:
            doubt = "does it ask for a certificate, or for a user and password?"
        else:
            doubt = "is our certificate of its authority, valid and not revoked?"
        return f"{doubt} Does it speak MQTT {self.protocol}? If not, {self._other_protocol}"

    def remedy(self, refusal: str) -> str:
        """What to add to the broker's words when it refuses us; empty where they say enough."""
        return f"; {self._other_protocol}" if refusal == "Unsupported protocol version" else ""

    @property
    def _other_protocol(self) -> str:
        return f'set protocol: "{"3.1.1" if self.protocol == "5" else "5"}"'

    @model_validator(mode="after")
    def _nothing_in_clear_over_a_network(self) -> Self:
        if self.is_exposed and not self.insecure_plaintext:
            raise ValueError(
                f"tls is compulsory: {self.host} is not this machine (insecure_plaintext: true sends plates and "
                "passwords over the network in clear)"
            )
        return self

    @model_validator(mode="after")
    def _a_user_has_a_password(self) -> Self:
        together("username", self.username, "password_file", self.password_file)
        return self


def together(one: str, first: object, other: str, second: object) -> None:
    """Refuse half of a pair of settings, which would silently be of no use.

    Raises:
        ValueError: names the one that is missing.
    """
    if (first is None) is not (second is None):
        missing = one if first is None else other
        raise ValueError(f"{one} and {other} go together; {missing} is missing")


def faults(
    error: ValidationError,
    *,
    model: type[BaseModel] | None = None,
    line_of: Callable[[str], int | None] = lambda _: None,
) -> str:
    """A validation error as lines of `line N: key: what was expected`.

    What is said of a list or section is left out where one of its parts is at fault: it follows from that.

    Args:
        error: what pydantic says.
        model: of a file of settings, so that a mistyped key is told which one may be meant.
        line_of: finds the line of a key such as `cameras.0.url` in the file, where it can.
    """
    rows = error.errors(include_url=False, include_input=False)
    parents = {row["loc"][:length] for row in rows for length in range(len(row["loc"]))}
    return "\n".join(
        fault(
            ".".join(map(str, row["loc"])), _told(row["type"], row["msg"], row["loc"], model), line_of=line_of
        )
        for row in rows
        if row["loc"] not in parents
    )


def _told(kind: str, message: str, loc: Sequence[int | str], model: type[BaseModel] | None) -> str:
    """What pydantic says; of a file of settings in words about these."""
    if model is None or kind not in {"missing", "extra_forbidden"}:
        return message.removeprefix("Value error, ")
    if kind == "missing":
        return "needed, but not there"
    meant = get_close_matches(str(loc[-1]), _settings_beside(model, loc), n=1)
    return f"unknown setting, did you mean {meant[0]}?" if meant else "unknown setting"


def _settings_beside(model: type[BaseModel] | None, loc: Sequence[int | str]) -> list[str]:
    """The settings of the section in which a key stands."""
    for part in loc[:-1]:
        if model is not None and isinstance(part, str):
            field = model.model_fields.get(part)
            model = None if field is None else next(_models(field.annotation), None)
    return [] if model is None else list(model.model_fields)


def _models(annotation: object) -> Iterator[type[BaseModel]]:
    """The sections that a type such as `tuple[CameraSettings, ...]` or `TlsSettings | None` is made of."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for part in get_args(annotation):
        yield from _models(part)


def fault(key: str, message: str, *, line_of: Callable[[str], int | None] = lambda _: None) -> str:
    """One line of `faults`."""
    line = line_of(key)
    where = "" if line is None else f"line {line}: "
    return f"  {where}{key or '(file)'}: {message}"


def is_loopback(host: str) -> bool:
    """Whether a name or address is this machine's own."""
    if host == "localhost":
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False
