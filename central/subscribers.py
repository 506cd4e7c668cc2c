"""Who is told of alerts: the section `notify` of the centre's configuration, a list."""

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from edge.contract.config import BrokerSettings, Section, is_loopback, together
from edge.contract.read import Identifier

EventKind = Literal[
    "raised",
    "joined",
    "seen",
    "confirmed",
    "rejected",
    "claimed",
    "released",
    "assigned",
    "dispatched",
    "outcome",
    "escalated",
    "merged",
    "noted",
]
"""What may happen to an alert."""

_MAIN: Final[tuple[EventKind, ...]] = (
    "raised",
    "confirmed",
    "rejected",
    "escalated",
    "dispatched",
    "outcome",
    "merged",
    "noted",
)
"""What is told unless the setting names it: all but `joined` (one more read of a passage that is known) and what people
do among themselves."""

_ADDRESS: Final = re.compile(r"[^@\s<>,;:\"]+@[^@\s<>,;:\"]+")


class _Subscriber(Section):
    """What all kinds have in common."""

    name: Identifier = Field(description="fixed: what was sent is known by it")
    events: Annotated[tuple[EventKind, ...], Field(min_length=1)] = Field(
        default=_MAIN, description="what is told"
    )
    lists: tuple[str, ...] = Field(default=(), description="of these hotlists only; empty: of all")
    stations: tuple[str, ...] = Field(default=(), description="of these stations only; empty: of all")
    priority: Annotated[int, Field(ge=1, le=9)] = Field(
        default=9, description="of alerts as urgent as this or more; 1 is the most urgent"
    )
    plates: bool = Field(default=False, description="whether plates, and what people wrote, are told too")
    give_up_h: Annotated[float, Field(gt=0, le=720)] = Field(
        default=24.0, description="hours after which what was never taken is given up"
    )
    timeout_s: Annotated[float, Field(gt=0, le=60)] = Field(
        default=10.0, description="seconds that one try may take"
    )

    @property
    def only_sent(self) -> bool:
        """Whether it is told of an alert nothing before somebody was sent."""
        return False


class WebhookSettings(_Subscriber):
    """A server that takes each event by a signed POST of JSON."""

    kind: Literal["webhook"]
    url: str = Field(description="https://; http:// to this machine only")
    secret_file: Path = Field(description="file that holds the secret by which each POST is signed")
    ca_file: Path | None = Field(
        default=None, description="authority that signed the server's certificate; null: the system's"
    )

    @field_validator("url", mode="after")
    @classmethod
    def _a_safe_address(cls, url: str) -> str:
        """Without repeating it: an address may be as good as a password."""
        try:
            parts = urlsplit(url)
            host, _ = parts.hostname, parts.port
        except ValueError as error:
            raise ValueError("expected https://host/path") from error
        if parts.scheme not in ("https", "http") or not host or not url.isascii() or " " in url:
            raise ValueError("expected https://host/path")
        if parts.username is not None or parts.fragment:
            raise ValueError("expected an address without a user, a password and a #fragment")
        if parts.scheme == "http" and not is_loopback(host):
            raise ValueError(f"https is compulsory: {host} is not this machine")
        return url


class CadSettings(WebhookSettings):
    """A dispatch system (CAD): told of what somebody was sent to, from then on, in a form of its own."""

    kind: Literal["cad"]  # type: ignore[assignment]  # narrower on purpose, as a tag
    events: Annotated[tuple[Literal["dispatched", "outcome", "noted"], ...], Field(min_length=1)] = Field(
        default=("dispatched", "outcome", "noted"), description="what is told"
    )

    @property
    def only_sent(self) -> bool:
        """It knows nothing of an alert to which nobody was sent."""
        return True


class SmtpSettings(_Subscriber):
    """People who get mail."""

    kind: Literal["smtp"]
    host: str = Field(description="mail server")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=587, description="its port")
    tls: Literal["starttls", "implicit", "none"] = Field(
        default="starttls", description="implicit: from the first byte (port 465); none: this machine only"
    )
    ca_file: Path | None = Field(
        default=None, description="authority that signed the server's certificate; null: the system's"
    )
    username: str | None = Field(default=None, description="user at the mail server")
    password_file: Path | None = Field(default=None, description="file that holds the password")
    sender: str = Field(description="address that the mail comes from")
    to: Annotated[tuple[str, ...], Field(min_length=1)] = Field(description="addresses that it goes to")

    @field_validator("sender", "to", mode="after")
    @classmethod
    def _addresses(cls, told: str | tuple[str, ...]) -> str | tuple[str, ...]:
        for address in (told,) if isinstance(told, str) else told:
            if _ADDRESS.fullmatch(address) is None or not address.isascii():
                raise ValueError("expected an address as in watch@police.example")
        return told

    @model_validator(mode="after")
    def _nothing_in_clear_over_a_network(self) -> Self:
        together("username", self.username, "password_file", self.password_file)
        if self.tls == "none" and not is_loopback(self.host):
            raise ValueError(f"tls is compulsory: {self.host} is not this machine")
        return self


class MqttNoticeSettings(_Subscriber):
    """A broker on which others listen."""

    kind: Literal["mqtt"]
    broker: BrokerSettings = Field(
        default=BrokerSettings(), description="as `mqtt`, with a user of its own", validate_default=True
    )
    client_id: Identifier = Field(default="central-notify", description="no other client may have it")
    shapes: Annotated[tuple[Literal["atalaya", "onvif", "frigate"], ...], Field(min_length=1)] = Field(
        default=("atalaya",),
        description="in whose form; onvif and frigate tell of raised alerts, with plates",
    )

    @model_validator(mode="after")
    def _those_shapes_are_plates(self) -> Self:
        if not self.plates and set(self.shapes) != {"atalaya"}:
            raise ValueError("the shapes onvif and frigate hold plates: they need plates: true")
        return self


SubscriberSettings = Annotated[
    WebhookSettings | CadSettings | SmtpSettings | MqttNoticeSettings, Field(discriminator="kind")
]


def no_name_twice(subscribers: Sequence[_Subscriber]) -> None:
    """What was sent is known by the name.

    Raises:
        ValueError: names one that two have.
    """
    names = [each.name for each in subscribers]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(f"two subscribers are named {name}")


def no_client_twice(subscribers: Sequence[_Subscriber], consumer: str) -> None:
    """A broker ends the session of a client when another comes under its name.

    Args:
        subscribers: all of them.
        consumer: under which name the centre itself is at its broker.

    Raises:
        ValueError: names one that two have.
    """
    names = [consumer, *(each.client_id for each in subscribers if isinstance(each, MqttNoticeSettings))]
    for name in names:
        if names.count(name) > 1:
            raise ValueError(
                f"two clients are named {name}: expected a client_id of its own for each, mqtt's included"
            )
