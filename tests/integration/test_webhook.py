"""A webhook against a real server that takes, fails, stalls, redirects, floods and hangs up; with and without TLS."""

import json
import socket
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from listeners import a_certificate, answering, drips, floods, hangs_up, listening
from told_alerts import PLATE, a_notice

from central.errors import ConfigError
from central.outbox.notifier import Desk, open_channel
from central.outbox.rules import Answer, Verdict
from central.outbox.sign import is_genuine
from central.settings import CentralSettings
from central.subscribers import SubscriberSettings


def now() -> datetime:
    return datetime.now(UTC)


def subscriber(folder: Path, url: str, **more: Any) -> SubscriberSettings:
    secret = folder / "secret"
    secret.write_text("s3cret\n", encoding="utf-8")
    fields = {"kind": "webhook", "name": "watch", "url": url, "secret_file": str(secret), "timeout_s": 0.5}
    (found,) = CentralSettings.model_validate({"notify": [{**fields, **more}]}).notify
    return found


def send(to: SubscriberSettings, kind: str = "confirmed", **detail: object) -> Answer:
    return open_channel(to, {}, Desk(now, ZoneInfo("UTC"))).send(a_notice(kind, **detail))


def test_a_post_is_signed_numbered_and_holds_no_plate(tmp_path: Path) -> None:
    with listening() as listener:
        assert send(subscriber(tmp_path, listener.url + "?token=a"), saw=PLATE) == Answer(
            Verdict.TAKEN, "200"
        )
    (post,) = listener.posts
    assert post.path == "/hook?token=a"
    assert is_genuine(post.headers["Atalaya-Signature"], "s3cret", post.body, now_s=int(now().timestamp()))
    assert post.headers["Idempotency-Key"] == post.told["key"] == "ab" * 32
    assert post.headers["Content-Type"] == "application/json"
    assert (post.told["sequence"], post.told["alert"]["id"]) == (2, 17)
    assert PLATE not in f"{post.headers}{post.path}{post.body.decode()}"


def test_a_plate_stands_in_the_body_alone_where_it_may(tmp_path: Path) -> None:
    with listening() as listener:
        send(subscriber(tmp_path, listener.url, plates=True))
    (post,) = listener.posts
    assert post.told["alert"]["plate"] == PLATE
    assert PLATE not in f"{post.headers}{post.path}"


def test_a_dispatch_system_is_told_in_its_own_form(tmp_path: Path) -> None:
    with listening() as listener:
        send(subscriber(tmp_path, listener.url, kind="cad"), "dispatched", unit_id="M-7")
    told = listener.posts[0].told
    assert (told["action"], told["unit"], told["incident"], told["sequence"]) == (
        "dispatch",
        "M-7",
        "atalaya-17",
        2,
    )


@pytest.mark.parametrize("status", [300, 301, 307, 400, 401, 409, 410, 422, 500, 502])
def test_all_but_success_is_a_refusal_and_nobody_is_sent_elsewhere(tmp_path: Path, status: int) -> None:
    with listening() as elsewhere, listening(answering(status, Location=elsewhere.url)) as listener:
        assert send(subscriber(tmp_path, listener.url)) == Answer(Verdict.REFUSED, str(status))
    assert elsewhere.posts == []


@pytest.mark.parametrize(
    ("status", "asked", "again_s"),
    [(503, "120", 120.0), (429, "7", 7.0), (503, "Wed, 21 Oct 2026 07:28:00 GMT", None), (500, "120", None)],
)
def test_a_busy_server_may_ask_for_patience(
    tmp_path: Path, status: int, asked: str, again_s: float | None
) -> None:
    with listening(answering(status, Retry_After=asked)) as listener:
        assert send(subscriber(tmp_path, listener.url)) == Answer(Verdict.REFUSED, str(status), again_s)


def test_a_server_that_hangs_up_or_is_not_there_is_away(tmp_path: Path) -> None:
    with listening(hangs_up) as listener:
        to = subscriber(tmp_path, listener.url)
        assert send(to) == Answer(Verdict.AWAY, "RemoteDisconnected")
        assert send(to).verdict is Verdict.TAKEN, "a new connection a notice"
    assert send(to) == Answer(Verdict.AWAY, "ConnectionRefusedError: Connection refused")


def test_a_server_that_stalls_or_drips_is_cut_off(tmp_path: Path) -> None:
    too_slow = Answer(Verdict.AWAY, "no whole answer in 0.5 s")
    with listening(drips) as listener:
        assert send(subscriber(tmp_path, listener.url)) == too_slow
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
        assert send(subscriber(tmp_path, url)) == too_slow


def test_of_an_answer_only_the_status_counts(tmp_path: Path) -> None:
    """It has no end, and repeats a plate."""
    with listening(floods) as listener:
        answer = send(subscriber(tmp_path, listener.url))
    assert answer == Answer(Verdict.TAKEN, "200")


def test_what_is_not_http_is_away_without_its_words(tmp_path: Path) -> None:
    def babbles(handler: Any) -> None:
        handler.wfile.write(b"ABC123 was here\r\n\r\n")
        handler.close_connection = True

    with listening(babbles) as listener:
        assert send(subscriber(tmp_path, listener.url)) == Answer(Verdict.AWAY, "BadStatusLine")


def test_tls_is_verified_authority_and_name(tmp_path: Path) -> None:
    certificate, authority = a_certificate(tmp_path)
    with listening(certificate=certificate) as listener:
        url = listener.url
        assert send(subscriber(tmp_path, url, ca_file=str(authority))).verdict is Verdict.TAKEN
        stranger = send(subscriber(tmp_path, url))
    assert stranger.verdict is Verdict.AWAY
    assert stranger.said.startswith("SSLCertVerificationError")
    other, its_authority = a_certificate(tmp_path, name="other.example")
    with listening(certificate=other) as listener:
        answer = send(subscriber(tmp_path, listener.url, ca_file=str(its_authority)))
    assert answer.verdict is Verdict.AWAY, "a certificate of another host"
    assert len(listener.posts) == 0


def test_a_secret_or_an_authority_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    to = subscriber(tmp_path, "https://127.0.0.1:1/", ca_file=str(tmp_path / "secret"))
    with pytest.raises(ConfigError, match="cannot be used as a certificate authority"):
        send(to)
    (tmp_path / "secret").unlink()
    with pytest.raises(ConfigError, match="secret cannot be read"):
        send(to)


def test_the_body_is_what_the_schema_says(tmp_path: Path) -> None:
    with listening() as listener:
        send(subscriber(tmp_path, listener.url))
    assert set(json.loads(listener.posts[0].body)) == {
        "version",
        "key",
        "event",
        "sequence",
        "at",
        "actor",
        "alert",
        "detail",
    }
