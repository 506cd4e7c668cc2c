"""ONVIF motion events over a PullPoint subscription: the messages, and what they say (no I/O).

Written here and not left to onvif-zeep-async, which takes 55 MiB: a box of fixed cameras has no other use for it.
"""

import base64
import hashlib
import secrets
import uuid
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from edge.soap import envelope, node, qname, text_at

LASTS_S: Final = 120
"""What is asked for; the device may give less."""

PULL_S: Final = 2
"""How long the device holds a question back while it has nothing to tell."""

_MESSAGES: Final = 64
_MOTION: Final = {
    "RuleEngine/CellMotionDetector/Motion": "IsMotion",
    "VideoSource/MotionAlarm": "State",
    "RuleEngine/MotionRegionDetector/Motion": "State",
}
"""What tells of motion, by the end of its topic, and in which item."""

_DIGEST: Final = (
    "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-username-token-profile-1.0#PasswordDigest"
)
_ACTIONS: Final = {
    "tev:CreatePullPointSubscription": "http://www.onvif.org/ver10/events/wsdl/EventPortType/CreatePullPointSubscriptionRequest",
    "tev:PullMessages": "http://www.onvif.org/ver10/events/wsdl/PullPointSubscription/PullMessagesRequest",
    "wsnt:Renew": "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/RenewRequest",
    "wsnt:Unsubscribe": "http://docs.oasis-open.org/wsn/bw-2/SubscriptionManager/UnsubscribeRequest",
}


@dataclass(frozen=True, slots=True)
class Login:
    """Who asks; the time is the device's."""

    username: str
    password: str


@dataclass(frozen=True, slots=True)
class Said:
    """One message about motion.

    Attributes:
        about: topic and sources, which tell one detector from another.
        moves: what it says; None: this detector is no more.
        sources: values of its sources, such as a video source's token.
    """

    about: str
    moves: bool | None
    sources: frozenset[str]


@dataclass(frozen=True, slots=True)
class Subscription:
    """Where it is to be asked, what must go along, and how long it lasts from the device's own now."""

    address: str
    parameters: tuple[ET.Element, ...]
    lasts_s: float


def message(
    request: ET.Element,
    *,
    to: str,
    login: Login | None,
    at: datetime,
    parameters: tuple[ET.Element, ...] = (),
) -> bytes:
    """A SOAP message with addressing and, where there is a user, the digest of his password at the device's time."""
    action = next((uri for name, uri in _ACTIONS.items() if qname(name) == request.tag), None)
    header: list[ET.Element] = []
    if action is not None:
        header = [
            node("wsa:Action", action),
            node("wsa:MessageID", uuid.uuid4().urn),
            node("wsa:ReplyTo", node("wsa:Address", "http://www.w3.org/2005/08/addressing/anonymous")),
            node("wsa:To", to),
            *parameters,
        ]
    if login is not None:
        header.append(_security(login, at))
    return envelope(request, header=tuple(header))


def create() -> ET.Element:
    """Asks for a subscription to everything; what is no motion is left out here, for filters differ by maker."""
    return node("tev:CreatePullPointSubscription", node("tev:InitialTerminationTime", f"PT{LASTS_S}S"))


def pull() -> ET.Element:
    """Asks for what there is to tell."""
    return node(
        "tev:PullMessages", node("tev:Timeout", f"PT{PULL_S}S"), node("tev:MessageLimit", str(_MESSAGES))
    )


def renew() -> ET.Element:
    """Asks for the subscription to go on."""
    return node("wsnt:Renew", node("wsnt:TerminationTime", f"PT{LASTS_S}S"))


def unsubscribe() -> ET.Element:
    """Ends it."""
    return node("wsnt:Unsubscribe")


def device_time(answer: ET.Element) -> datetime | None:
    """The device's clock, of the answer to GetSystemDateAndTime; None where it does not tell."""
    clock = answer.find(f".//{qname('tt:UTCDateTime')}")
    if clock is None:
        return None
    day, hour = (
        [text_at(clock, f"tt:{part}/tt:{name}") for name in names]
        for part, names in (("Date", ("Year", "Month", "Day")), ("Time", ("Hour", "Minute", "Second")))
    )
    try:
        return datetime(*(int(number) for number in (*day, *hour)), tzinfo=UTC)  # type: ignore[misc,arg-type]  # six
    except ValueError:
        return None


def event_service(answer: ET.Element) -> str:
    """Where the events are, of the answer to GetCapabilities; empty: it has none."""
    return text_at(answer, ".//tt:Events/tt:XAddr")


def subscription(answer: ET.Element) -> Subscription | None:
    """Of the answer to CreatePullPointSubscription; None where it gives no address."""
    address = text_at(answer, ".//tev:SubscriptionReference/wsa:Address")
    given = answer.find(f".//{qname('wsa:ReferenceParameters')}")
    return (
        Subscription(address, tuple(given) if given is not None else (), lasts_s(answer)) if address else None
    )


def lasts_s(answer: ET.Element) -> float:
    """How long a subscription goes on, of an answer that tells; what was asked for where it does not."""
    try:
        now, end = (
            datetime.fromisoformat(text_at(answer, f".//wsnt:{name}"))
            for name in ("CurrentTime", "TerminationTime")
        )
        return max(0.0, (end - now).total_seconds())
    except (ValueError, TypeError):
        return float(LASTS_S)


def told(answer: ET.Element) -> Iterator[Said]:
    """What an answer to PullMessages says of motion, in order."""
    for notice in answer.iter(qname("wsnt:NotificationMessage")):
        topic = text_at(notice, "wsnt:Topic")
        plain = "/".join(step.rpartition(":")[2] for step in topic.split("/"))
        item = next((item for end, item in _MOTION.items() if plain.endswith(end)), None)
        inner = notice.find(f".//{qname('tt:Message')}")
        if item is None or inner is None:
            continue
        source, data = inner.find(qname("tt:Source")), inner.find(qname("tt:Data"))
        sources = _items(source)
        about = " ".join([plain, *(f"{name}={value}" for name, value in sorted(sources.items()))])
        value = _items(data).get(item)
        if inner.get("PropertyOperation") == "Deleted":
            yield Said(about, None, frozenset(sources.values()))
        elif value is not None:
            yield Said(about, value.lower() in {"true", "1"}, frozenset(sources.values()))


def _items(part: ET.Element | None) -> dict[str, str]:
    found = [] if part is None else part.findall(qname("tt:SimpleItem"))
    return {item.get("Name", ""): item.get("Value", "") for item in found}


def _security(login: Login, at: datetime) -> ET.Element:
    nonce, created = secrets.token_bytes(16), at.strftime("%Y-%m-%dT%H:%M:%SZ")
    digest = hashlib.sha1(nonce + created.encode() + login.password.encode())  # noqa: S324  # the profile's
    token = node(
        "wsse:UsernameToken",
        node("wsse:Username", login.username),
        node("wsse:Password", base64.b64encode(digest.digest()).decode(), Type=_DIGEST),
        node("wsse:Nonce", base64.b64encode(nonce).decode()),
        node("wsu:Created", created),
    )
    return node("wsse:Security", token)
