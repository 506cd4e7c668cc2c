import base64
import hashlib
from datetime import UTC, datetime, timedelta

import pytest

from edge.simulate.onvif.device import Device, Preset
from edge.simulate.onvif.guard import TokenGuard
from edge.simulate.onvif.head import HOME, Head
from edge.soap import envelope, node, parse
from edge.types import Position

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


class Now:
    def __init__(self) -> None:
        self.s = 50.0

    def __call__(self) -> float:
        return self.s


def test_a_head_takes_its_time() -> None:
    now = Now()
    head = Head(travel_s=2.0, now=now)
    assert (head.position, head.is_moving) == (HOME, False)
    head.go(Position(1.0, -0.5, 0.5))
    now.s += 1.0
    assert head.is_moving
    assert head.position == Position(0.5, -0.25, 0.25)
    now.s += 1.0
    assert not head.is_moving
    assert head.position == Position(1.0, -0.5, 0.5)


def test_it_can_be_turned_round_on_its_way_and_stopped() -> None:
    now = Now()
    head = Head(travel_s=2.0, now=now)
    head.go(Position(1.0, 0.0, 0.0))
    now.s += 1.0
    head.go(HOME)
    now.s += 1.0
    assert head.position == Position(0.25, 0.0, 0.0)
    head.stop()
    now.s += 5.0
    assert (head.position, head.is_moving) == (Position(0.25, 0.0, 0.0), False)


def test_it_drifts_until_its_end() -> None:
    now = Now()
    head = Head(now=now)
    head.drift(0.5, 0.0, 0.2, for_s=1.0)
    now.s += 0.5
    assert head.position == Position(0.25, 0.0, 0.1)
    head.drift(10.0, -10.0, 10.0, for_s=1.0)
    now.s += 9.0
    assert head.position == Position(1.0, -1.0, 1.0), "no further than it can"


def test_where_it_is_already_it_does_not_move() -> None:
    head = Head(now=Now())
    head.go(HOME)
    assert not head.is_moving


def token(
    *,
    user: str = "op",
    password: str = "geheim",  # noqa: S107
    created: datetime = NOW,
    nonce: bytes = b"0123456789abcdef",
) -> bytes:
    stamp = created.strftime("%Y-%m-%dT%H:%M:%SZ")
    made = hashlib.sha1(nonce + stamp.encode() + password.encode())  # noqa: S324  # the profile's
    digest = base64.b64encode(made.digest()).decode()
    inside = (
        node("wsse:Username", user),
        node("wsse:Password", digest),
        node("wsse:Nonce", base64.b64encode(nonce).decode()),
        node("wsu:Created", stamp),
    )
    security = node("wsse:Security", node("wsse:UsernameToken", *inside))
    return envelope(node("tptz:GetStatus"), header=(security,))


@pytest.mark.parametrize(
    ("raw", "refusal"),
    [
        (token(), ""),
        (token(created=NOW + timedelta(seconds=4)), ""),
        (token(password="falsch"), "wrong user or password"),
        (token(user="root"), "wrong user or password"),
        (token(created=NOW - timedelta(seconds=6)), "time out of range"),
        (token(created=NOW + timedelta(hours=5)), "time out of range"),
        (envelope(node("tptz:GetStatus")), "no UsernameToken"),
        (token().replace(b"2026-03-01T12:00:00Z", b"yesterday"), "malformed UsernameToken"),
    ],
)
def test_who_is_admitted(raw: bytes, refusal: str) -> None:
    guard = TokenGuard("op", "geheim", clock=lambda: NOW)
    said = guard.refusal(parse(raw))
    assert said.startswith(refusal)
    assert bool(said) is bool(refusal)


def test_a_token_is_good_once() -> None:
    guard = TokenGuard("op", "geheim", clock=lambda: NOW)
    assert guard.refusal(parse(token())) == ""
    assert guard.refusal(parse(token())) == "this token was used before"
    assert guard.refusal(parse(token(nonce=b"another nonce"))) == ""


def test_a_device_remembers_and_forgets() -> None:
    now = Now()
    device = Device(Head(travel_s=1.0, now=now), {"1": Preset("gate", HOME)})
    device.head.go(Position(0.5, 0.0, 0.0))
    now.s += 1
    made = device.remember("road", None)
    assert device.presets[made] == Preset("road", Position(0.5, 0.0, 0.0))
    device.remember("gate", "1")
    assert device.presets["1"].position.pan == 0.5
    device.forget(made)
    for act in (lambda: device.forget(made), lambda: device.remember("x", "none such")):
        with pytest.raises(KeyError):
            act()
