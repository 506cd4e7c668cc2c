"""Who is told what, how a webhook is signed, and when it is tried again: pure."""

import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from pydantic import ValidationError
from told_alerts import AT, PLATE, REFUSED, Interested, a_happening, a_notice, a_subject

from central.access.key import AuditKey
from central.errors import ConfigError
from central.outbox.payload import dispatch, told
from central.outbox.rules import (
    FEWEST,
    FIRST_S,
    LONGEST_S,
    Answer,
    Verdict,
    is_over,
    latest_due_us,
    next_pause_s,
    pause_s,
    wants,
)
from central.outbox.sign import FRESH_S, is_genuine, sign
from central.outbox.store import delivery_key
from central.outbox.wording import body as in_words
from central.query.area import Position
from central.query.cameras import CameraPlace
from central.settings import CentralSettings, check_files, load
from central.subscribers import EventKind as Known
from central.subscribers import WebhookSettings
from central.types import EventKind

HOUR_US = 3_600_000_000
WEBHOOK = {"kind": "webhook", "name": "watch", "url": "https://watch.example/hook", "secret_file": "secret"}


def settings_of(**more: Any) -> CentralSettings:
    return CentralSettings.model_validate({"notify": [{**WEBHOOK, **more}]})


# --- who is told ---


@pytest.mark.parametrize(
    ("interest", "is_told"),
    [
        ({}, True),
        ({"events": ("confirmed",)}, False),
        ({"lists": ("medellin", "other")}, True),
        ({"lists": ("other",)}, False),
        ({"stations": ("centro",)}, True),
        ({"stations": ("norte",)}, False),
        ({"priority": 3}, True),
        ({"priority": 2}, False),
        ({"lists": ("medellin",), "stations": ("norte",)}, False),
    ],
)
def test_a_subscriber_is_told_what_all_of_its_terms_name(interest: dict[str, Any], is_told: bool) -> None:
    assert (wants(Interested(**interest), a_happening()) is not None) is is_told


def test_an_alert_without_a_station_is_of_none() -> None:
    nowhere = a_happening(subject=a_subject(station=None))
    assert wants(Interested(), nowhere) == nowhere.subject
    assert wants(Interested(stations=("centro",)), nowhere) is None


def test_who_knows_only_what_was_dispatched_is_told_from_there_on() -> None:
    assert wants(Interested(only_sent=True), a_happening()) is None
    assert wants(Interested(only_sent=True), a_happening(is_sent=True)) is not None


def test_of_an_alert_that_is_gone_nobody_is_told() -> None:
    gone = a_happening()
    assert wants(Interested(), type(gone)(4, 17, 2, AT, "raised", "maria", None)) is None


# --- again ---


def test_pauses_double_up_to_a_bound() -> None:
    longest = [pause_s(tries, chance=1.0) for tries in range(1, 14)]
    assert longest[:4] == [FIRST_S, 2 * FIRST_S, 4 * FIRST_S, 8 * FIRST_S]
    assert longest[-1] == LONGEST_S == pause_s(10_000, chance=1.0)
    assert pause_s(3, chance=0.0) == longest[2] / 2


def test_who_asks_for_patience_is_given_it_within_our_bound() -> None:
    busy = Answer(Verdict.REFUSED, "503", again_s=60.0)
    assert next_pause_s(busy, 1, chance=1.0) == 60.0
    assert next_pause_s(busy, 9, chance=1.0) == pause_s(9, chance=1.0) > 60.0
    assert next_pause_s(Answer(Verdict.REFUSED, "429", again_s=1e9), 1, chance=0.0) == LONGEST_S
    assert next_pause_s(REFUSED, 2, chance=0.5) == pause_s(2, chance=0.5)


def test_nothing_is_given_up_before_its_time_nor_after_few_tries() -> None:
    def over(tries: int, hours: float) -> bool:
        return is_over(tries=tries, since_us=0, now_us=round(hours * HOUR_US), give_up_h=24)

    assert over(FEWEST, 24)
    assert not over(FEWEST, 23.99)
    assert not over(FEWEST - 1, 1e6), "a clock that jumps by years"
    assert not over(1_000, -5), "a clock that was set back"


def test_what_a_clock_planned_that_was_set_back_since_is_due() -> None:
    assert latest_due_us(0) == LONGEST_S * 1e6


def test_a_key_is_the_same_for_a_repetition_and_for_nothing_else() -> None:
    key = AuditKey(b"k" * 32)
    first = delivery_key(key, "watch", a_happening())
    assert first == delivery_key(key, "watch", a_happening(event_id=99)), "the alert's own numbers count"
    others = [
        delivery_key(key, "other", a_happening()),
        delivery_key(key, "watch", a_happening(alert_id=18)),
        delivery_key(key, "watch", a_happening(number=3)),
        delivery_key(key, "watch", a_happening("confirmed")),
        delivery_key(key, "watch", a_happening(at=AT + timedelta(microseconds=1))),
        delivery_key(AuditKey(b"l" * 32), "watch", a_happening()),
    ]
    assert len({first, *others}) == 1 + len(others)
    assert len(first) == 64


# --- the signature ---


def test_a_signature_is_what_the_page_says() -> None:
    header = sign("s3cret", b'{"a":1}', at_s=1_772_366_400)
    # printf '1772366400.{"a":1}' | openssl dgst -sha256 -hmac s3cret
    assert header == "t=1772366400,v1=b417797e7d7b61c510208fca568d792c3d58cb9b0040792aba7f74bb2adfcbfe"
    assert is_genuine(header, "s3cret", b'{"a":1}', now_s=1_772_366_400)


@pytest.mark.parametrize(
    ("secret", "body", "now_s"),
    [
        ("other", b"{}", 1_000_000),
        ("s3cret", b"{ }", 1_000_000),
        ("s3cret", b"{}", 1_000_001 + FRESH_S),
        ("s3cret", b"{}", 999_999 - FRESH_S),
    ],
)
def test_another_secret_body_or_time_is_not_genuine(secret: str, body: bytes, now_s: int) -> None:
    header = sign("s3cret", b"{}", at_s=1_000_000)
    assert is_genuine(header, "s3cret", b"{}", now_s=1_000_000 + FRESH_S)
    assert not is_genuine(header, secret, body, now_s=now_s)


@pytest.mark.parametrize("header", ["", "t=1", "v1=00", "t=1000000,v1=zz", "t=x,v1=" + "0" * 64])
def test_what_is_no_signature_is_not_genuine(header: str) -> None:
    assert not is_genuine(header, "s3cret", b"{}", now_s=1_000_000)


# --- what is said ---


def test_a_body_holds_no_plate_and_no_words_of_people_unless_it_may() -> None:
    notice = a_notice("rejected", saw="ABC128", note=f"not {PLATE}", unit_id="M-7")
    body = told(notice, plates=False, place=None).model_dump_json()
    assert PLATE not in body
    assert "ABC128" not in body
    assert "0.97" not in body
    assert json.loads(body)["detail"] == {"unit_id": "M-7"}
    open_body = told(notice, plates=True, place=None)
    assert (open_body.alert.plate, open_body.alert.likelihood) == (PLATE, 0.97)
    assert open_body.detail == {"saw": "ABC128", "note": f"not {PLATE}", "unit_id": "M-7"}


def test_only_plain_words_of_an_event_are_harmless() -> None:
    odd = a_notice("dispatched", unit_id={"plate": PLATE}, station=["x"], outcome="found")
    assert told(odd, plates=False, place=None).detail == {"outcome": "found"}


def test_a_body_says_which_event_of_which_alert_and_where() -> None:
    place = CameraPlace("Calle 33 con 65", Position(6.2397, -75.586))
    body = json.loads(told(a_notice("confirmed"), plates=False, place=place).model_dump_json())
    assert (body["version"], body["event"], body["sequence"], body["actor"]) == (1, "confirmed", 2, "maria")
    assert body["key"] == "ab" * 32
    assert body["at"] == "2026-03-01T12:00:00Z"
    assert body["alert"] == {
        "id": 17,
        "list": "medellin",
        "reason": "stolen",
        "priority": 3,
        "station": "centro",
        "raised_at": "2026-03-01T12:00:01Z",
        "late": False,
        "last_seen_at": "2026-03-01T12:00:00Z",
        "last_seen_confirmed": None,
        "edge": "edge-1",
        "camera": "cam-1",
        "camera_name": "Calle 33 con 65",
        "position": {"lat": 6.2397, "lon": -75.586},
        "plate": None,
        "likelihood": None,
    }


def test_a_look_that_contradicts_is_told_without_a_plate() -> None:
    noted = a_notice("noted", fits=False, passage="new", level=2, waited_s=120, note=PLATE)
    assert told(noted, plates=False, place=None).detail == {
        "fits": False,
        "passage": "new",
        "level": 2,
        "waited_s": 120,
    }
    body = dispatch(noted, plates=False, place=None)
    assert (body.action, body.fits) == ("note", False)
    zone = ZoneInfo("UTC")
    spoken = in_words(noted, plates=False, place=None, zone=zone)
    assert "UNA IMAGEN MEJOR NO CORRESPONDE" in spoken
    assert "A BETTER LOOK DOES NOT FIT" in spoken
    assert "SEEN AGAIN" in spoken
    assert PLATE not in spoken


def test_a_vehicle_that_nobody_is_to_be_stopped_for_any_more_is_told_to_all() -> None:
    noted = a_notice("noted", wanted=False, note=f"suppression #1 stands, {PLATE}")
    assert told(noted, plates=False, place=None).detail == {"wanted": False}
    body = dispatch(noted, plates=False, place=None)
    assert (body.action, body.wanted, body.fits) == ("note", False, None)
    assert dispatch(a_notice("noted", fits=False), plates=False, place=None).wanted is None
    spoken = in_words(noted, plates=False, place=None, zone=ZoneInfo("UTC"))
    assert ("NO DETENGA A NADIE" in spoken, "STOP NOBODY" in spoken) == (True, True)
    assert PLATE not in spoken
    again = a_notice("noted", wanted=True)
    assert dispatch(again, plates=False, place=None).wanted is True
    spoken = in_words(again, plates=False, place=None, zone=ZoneInfo("UTC"))
    assert ("SE BUSCA DE NUEVO" in spoken, "LOOKED FOR AGAIN" in spoken) == (True, True)
    assert "STOP NOBODY" not in spoken


def test_a_sighting_that_nobody_has_confirmed_says_so_in_both_languages() -> None:
    notice = a_notice("noted")
    assert notice.seen is not None
    doubted = replace(notice, seen=replace(notice.seen, is_confirmed=False))
    assert told(doubted, plates=False, place=None).alert.last_seen_confirmed is False
    spoken = in_words(doubted, plates=False, place=None, zone=ZoneInfo("UTC"))
    assert ("SIN CONFIRMAR" in spoken, "NOT CONFIRMED" in spoken) == (True, True)
    gone = told(replace(notice, seen=None), plates=False, place=None).alert
    assert (gone.camera, gone.edge, gone.last_seen_at) == (None, None, None)


def test_a_dispatch_system_is_told_who_goes_and_how_it_ended() -> None:
    sent = dispatch(a_notice("dispatched", unit_id="M-7"), plates=False, place=None)
    assert (sent.action, sent.unit, sent.outcome) == ("dispatch", "M-7", None)
    assert (sent.incident, sent.sequence, sent.by) == ("atalaya-17", 2, "maria")
    assert sent.alert.plate is None
    closed = dispatch(a_notice("outcome", outcome="recovered"), plates=True, place=None)
    assert (closed.action, closed.unit, closed.outcome) == ("close", None, "recovered")
    assert closed.incident == sent.incident
    assert closed.alert.plate == PLATE


# --- settings ---


def test_every_kind_of_event_can_be_named() -> None:
    assert set(Known.__args__) == set(EventKind)


def test_a_subscriber_is_told_no_plates_unless_it_says_so() -> None:
    (watch,) = settings_of().notify
    assert isinstance(watch, WebhookSettings)
    assert not watch.plates
    assert "joined" not in watch.events, "each look of a camera"
    assert {"noted", "merged"} <= set(watch.events)
    assert not watch.only_sent
    assert CentralSettings().notify == ()


@pytest.mark.parametrize(
    "url",
    ["https://watch.example:8443/a?b=c", "http://127.0.0.1:8080/", "http://localhost/x", "https://[::1]/"],
)
def test_addresses_that_may_be(url: str) -> None:
    assert settings_of(url=url).notify[0].url == url


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("http://watch.example/", "https is compulsory: watch.example is not this machine"),
        ("ftp://watch.example/", "expected https://host/path"),
        ("https://", "expected https://host/path"),
        ("https://[::1/", "expected https://host/path"),
        ("https://watch.example:port/", "expected https://host/path"),
        ("https://watch.example/a b", "expected https://host/path"),
        ("https://eva:hidden@watch.example/", "without a user, a password"),
        ("https://watch.example/#top", "without a user, a password"),
    ],
)
def test_addresses_that_may_not_be(url: str, why: str) -> None:
    with pytest.raises(ValidationError) as caught:
        settings_of(url=url)
    assert why in str(caught.value)


def test_a_dispatch_system_is_told_of_nothing_else() -> None:
    (cad,) = settings_of(kind="cad").notify
    assert (cad.events, cad.only_sent) == (("dispatched", "outcome", "noted"), True)
    with pytest.raises(ValidationError):
        settings_of(kind="cad", events=["raised"])


def test_no_two_clients_of_a_broker_bear_one_name() -> None:
    def configured(*ids: str, **more: Any) -> CentralSettings:
        told = [
            {"kind": "mqtt", "name": f"n{at}", **({"client_id": each} if each else {})}
            for at, each in enumerate(ids)
        ]
        return CentralSettings.model_validate({"notify": told, **more})

    assert len(configured("", "other").notify) == 2
    for ids in (("", ""), ("a", "a"), ("central-1",)):
        with pytest.raises(ValidationError, match="two clients are named"):
            configured(*ids)
    with pytest.raises(ValidationError, match="two clients are named centre"):
        configured("centre", mqtt={"client_id": "centre"})


def test_two_subscribers_of_one_name_are_refused() -> None:
    with pytest.raises(ValidationError, match="two subscribers are named watch"):
        CentralSettings.model_validate({"notify": [WEBHOOK, {**WEBHOOK, "plates": True}]})


def test_a_secret_that_is_not_there_is_found_before_the_centre_starts(tmp_path: Path) -> None:
    path = tmp_path / "central.yaml"
    lines = "".join(f"\n    {name}: {value}" for name, value in WEBHOOK.items())
    path.write_text(f"notify:\n  -{lines.removeprefix(chr(10)).removeprefix('   ')}\n", encoding="utf-8")
    settings = load(path)
    assert settings.notify[0].secret_file == tmp_path / "secret", "beside the file"
    with pytest.raises(ConfigError, match="notify: watch: secret_file: .*secret: no such file"):
        check_files(path, settings)
    (tmp_path / "secret").write_text("s\n", encoding="utf-8")
    check_files(path, settings)


def test_an_unknown_kind_is_refused() -> None:
    with pytest.raises(ValidationError, match="pigeon"):
        settings_of(kind="pigeon")
