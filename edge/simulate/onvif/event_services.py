"""The event service of the simulated device: PullPoint subscriptions to its motion detector."""

import re
import xml.etree.ElementTree as ET
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from edge.simulate.onvif.call import Call, FaultError
from edge.simulate.onvif.motion import Change, TooManyError
from edge.soap import NAMESPACES, node, qname

FOLDER: Final = "/onvif/events/"
SOURCE: Final = "lens"
"""Token of the one video source."""

_TOPICS: Final = {
    "cell": ("tns1:RuleEngine/CellMotionDetector/Motion", "VideoSourceConfigurationToken", "IsMotion"),
    "alarm": ("tns1:VideoSource/MotionAlarm", "Source", "State"),
}
_MOST_WAIT_S: Final = 60.0
_DURATION: Final = re.compile(r"PT(?:(\d+)H)?(?:(\d+)M)?(?:(\d+(?:\.\d+)?)S)?")


def _create(call: Call) -> ET.Element:
    device = call.device
    lasts_s = min(_seconds(call, "tev:InitialTerminationTime", 60.0), device.oddities.events_last_s)
    try:
        name = device.motion.subscribe(lasts_s=lasts_s)
    except TooManyError as error:
        raise FaultError("ter:MaxNumberExceeded", "too many subscriptions", sender=False) from error
    return node(
        "tev:CreatePullPointSubscriptionResponse",
        node("tev:SubscriptionReference", node("wsa:Address", f"{call.base}{FOLDER}{name}")),
        *_span(call, lasts_s),
    )


def _pull(call: Call) -> ET.Element:
    timeout_s = min(_seconds(call, "tev:Timeout", 1.0), _MOST_WAIT_S)
    try:
        limit = int(call.text("tev:MessageLimit"))
        changes = call.device.motion.pull(_name(call), limit=limit, timeout_s=timeout_s)
    except KeyError as error:
        raise _gone(error) from error
    except ValueError as error:
        raise FaultError("ter:InvalidArgVal", f"MessageLimit: {error}") from error
    kinds = call.device.oddities.motion_topics
    told = [_notice(call, change, kind) for change in changes for kind in kinds]
    return node("tev:PullMessagesResponse", *_span(call, timeout_s, prefix="tev"), *told)


def _renew(call: Call) -> ET.Element:
    lasts_s = min(_seconds(call, "wsnt:TerminationTime", 60.0), call.device.oddities.events_last_s)
    try:
        call.device.motion.renew(_name(call), lasts_s=lasts_s)
    except KeyError as error:
        raise _gone(error) from error
    return node("wsnt:RenewResponse", *reversed(_span(call, lasts_s)))


def _unsubscribe(call: Call) -> ET.Element:
    try:
        call.device.motion.unsubscribe(_name(call))
    except KeyError as error:
        raise _gone(error) from error
    return node("wsnt:UnsubscribeResponse")


def _notice(call: Call, change: Change, kind: str) -> ET.Element:
    topic, source, item = _TOPICS[kind]
    at = call.device.now().strftime("%Y-%m-%dT%H:%M:%SZ")
    dialect = "http://www.onvif.org/ver10/tev/topicExpression/ConcreteSet"
    message = node(
        "tt:Message",
        node("tt:Source", node("tt:SimpleItem", Name=source, Value=SOURCE)),
        node("tt:Data", node("tt:SimpleItem", Name=item, Value=str(change.moves).lower())),
        UtcTime=at,
        PropertyOperation=change.operation,
    )
    # The topic's prefix stands in a text, where ElementTree does not see that it needs a declaration.
    named = {"Dialect": dialect, "xmlns:tns1": NAMESPACES["tns1"]}
    return node("wsnt:NotificationMessage", node("wsnt:Topic", topic, **named), node("wsnt:Message", message))


def _span(call: Call, lasts_s: float, *, prefix: str = "wsnt") -> list[ET.Element]:
    now = call.device.now()
    return [
        node(f"{prefix}:CurrentTime", _moment(now)),
        node(f"{prefix}:TerminationTime", _moment(now + timedelta(seconds=lasts_s))),
    ]


def _moment(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _name(call: Call) -> str:
    return call.path.removeprefix(FOLDER)


def _gone(error: KeyError) -> FaultError:
    return FaultError("ter:InvalidArgVal", f"no subscription {error}")


def _seconds(call: Call, path: str, otherwise: float) -> float:
    text = call.text(path)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return otherwise
    hours, minutes, seconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds


EVENT_OPERATIONS: Final[Mapping[str, Callable[[Call], ET.Element]]] = {
    qname(name): operation
    for name, operation in {
        "tev:CreatePullPointSubscription": _create,
        "tev:PullMessages": _pull,
        "wsnt:Renew": _renew,
        "wsnt:Unsubscribe": _unsubscribe,
    }.items()
}
