"""Mail against a real server: in two languages, without a plate unless it may be, over TLS that is verified."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from listeners import a_certificate
from mail_server import MailServer, mail_server
from pydantic import ValidationError
from told_alerts import PLATE, a_notice

from central.outbox.channel import Channel
from central.outbox.event import Notice
from central.outbox.notifier import Desk, open_channel
from central.outbox.rules import Answer, Verdict
from central.query.area import Position
from central.query.cameras import CameraPlace
from central.settings import CentralSettings

CAMERAS = {"cam-1": CameraPlace("Calle 33 con 65", Position(6.2397, -75.586))}
TAKEN = Answer(Verdict.TAKEN, "SMTP 250")


def settings(**more: Any) -> dict[str, Any]:
    return {
        "kind": "smtp",
        "name": "duty",
        "host": "127.0.0.1",
        "tls": "none",
        "sender": "atalaya@police.example",
        "to": ["duty@police.example", "chief@police.example"],
        "timeout_s": 1.0,
        **more,
    }


def channel(server: MailServer, **more: Any) -> Channel:
    section = settings(port=server.port, **more)
    (subscriber,) = CentralSettings.model_validate({"notify": [section]}).notify
    desk = Desk(lambda: datetime.now(UTC), ZoneInfo("America/Bogota"))
    return open_channel(subscriber, CAMERAS, desk)


def send(server: MailServer, notice: Notice | None = None, **more: Any) -> Answer:
    return channel(server, **more).send(notice or a_notice("confirmed"))


def test_a_mail_speaks_both_languages_and_names_no_plate() -> None:
    with mail_server() as server:
        assert send(server, a_notice("rejected", saw="ABC128", note=f"not {PLATE}")) == TAKEN
    (mail,) = server.mails
    assert mail["Subject"] == "Atalaya #17: rechazada / rejected (medellin, P3)"
    assert (mail["From"], mail["To"]) == (
        "atalaya@police.example",
        "duty@police.example, chief@police.example",
    )
    assert mail["Message-ID"] == f"<{'ab' * 32}@police.example>"
    assert mail["Auto-Submitted"] == "auto-generated"
    text = mail.get_content().replace("\r\n", "\n")
    assert "ABC12" not in f"{mail.items()}{text}"
    spanish, english = text.strip().split("\n\n")
    assert spanish.splitlines() == [
        "ALERTA #17: rechazada",
        "hora: 2026-03-01 07:00:00 (America/Bogota)",
        "quién: maria",
        "lista: medellin (hurtado, prioridad 3)",
        "cámara: cam-1 Calle 33 con 65 (6.23970, -75.58600)",
        "vista por última vez: 2026-03-01 07:00:00",
        "estación: centro",
        "La placa y las imágenes las ve quien tenga acceso, con el número de la alerta.",
    ]
    assert english.splitlines()[0] == "ALERT #17: rejected"
    assert english.splitlines()[-1].startswith("Whoever has access finds plate and pictures")


def test_a_plate_stands_in_the_text_where_it_may_and_never_in_the_subject() -> None:
    with mail_server() as server:
        send(server, a_notice("rejected", saw="ABC128", note="otra\nplaca", **{"as": "misread"}), plates=True)
    (mail,) = server.mails
    assert "ABC12" not in mail["Subject"]
    text = mail.get_content().replace("\r\n", "\n")
    for line in (
        f"placa: {PLATE} (certeza 0.97)",
        f"plate: {PLATE} (likelihood 0.97)",
        "leyó: ABC128",
        "as: misread",
    ):
        assert line in text
    assert "nota: otra\ufffdplaca" in text, "one line, and nothing that steers a screen"


def test_a_repetition_bears_the_same_message_id() -> None:
    with mail_server() as server:
        assert (send(server), send(server)) == (TAKEN, TAKEN)
    assert len({mail["Message-ID"] for mail in server.mails}) == 1


@pytest.mark.parametrize(
    ("refuses", "said"),
    [
        ({"MAIL": "451 later"}, "SMTP 451"),
        ({"RCPT": f"550 {PLATE} unknown"}, "SMTP 550: no address is taken"),
        ({"DATA": "554 no"}, "SMTP 554"),
        ({".": "552 too big"}, "SMTP 552"),
        ({"banner": "421 busy"}, "SMTP 421"),
    ],
)
def test_a_refusal_is_told_by_its_number(refuses: dict[str, str], said: str) -> None:
    with mail_server(refuses=refuses) as server:
        assert send(server) == Answer(Verdict.REFUSED, said)
    assert server.mails == []


def test_a_server_that_is_silent_or_not_there_is_away() -> None:
    with mail_server(stalls=True) as server:
        assert send(server, timeout_s=0.3) == Answer(Verdict.AWAY, "no whole answer in 0.3 s")
    assert send(server) == Answer(Verdict.AWAY, "ConnectionRefusedError: Connection refused")


@pytest.mark.parametrize("tls", ["starttls", "implicit"])
def test_a_mail_goes_over_verified_tls_and_a_password_over_nothing_else(tmp_path: Path, tls: str) -> None:
    certificate, authority = a_certificate(tmp_path)
    (tmp_path / "password").write_text("hush\n", encoding="utf-8")
    user = {"username": "atalaya", "password_file": str(tmp_path / "password")}
    with mail_server(certificate, implicit=tls == "implicit", users={"atalaya": "hush"}) as server:
        assert send(server, tls=tls, ca_file=str(authority), **user) == TAKEN
        assert (server.secured, server.logins) == (1, ["atalaya"])
        stranger = send(server, tls=tls, **user)
        assert stranger.verdict is Verdict.AWAY
        assert stranger.said.startswith("SSLCertVerificationError")
        assert server.logins == ["atalaya"]
        server.users = {"atalaya": "other"}
        assert send(server, tls=tls, ca_file=str(authority), **user) == Answer(Verdict.REFUSED, "SMTP 535")


def test_a_server_without_tls_gets_nothing_where_tls_is_asked_for() -> None:
    with mail_server() as server:
        assert send(server, tls="starttls").verdict is Verdict.AWAY
    assert server.mails == []


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"host": "mail.example"}, "tls is compulsory: mail.example is not this machine"),
        ({"username": "u"}, "username and password_file go together"),
        ({"to": []}, "at least 1 item"),
        ({"to": ["no address"]}, "expected an address as in"),
        ({"sender": "a@b\r\nBcc: c@d"}, "expected an address as in"),
    ],
)
def test_settings_that_may_not_be(more: dict[str, Any], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        CentralSettings.model_validate({"notify": [settings(**more)]})


def test_elsewhere_tls_is_what_there_is() -> None:
    section = settings(host="mail.example")
    del section["tls"]
    (subscriber,) = CentralSettings.model_validate({"notify": [section]}).notify
    assert (subscriber.tls, subscriber.port, subscriber.plates) == ("starttls", 587, False)  # type: ignore[union-attr]
