"""Mail to people: in Spanish and in English, no plate in the subject, over verified TLS.

A mail server takes a message or refuses it as a whole; where it takes some of several addresses only, the others'
are refused by itself for good and the mail counts as sent.
"""

import smtplib
from collections.abc import Callable
from contextlib import suppress
from email.message import EmailMessage
from typing import Final
from zoneinfo import ZoneInfo

from central.outbox.channel import at_most, away, trusting
from central.outbox.event import Notice
from central.outbox.rules import Answer, Verdict
from central.outbox.wording import body, subject
from central.query.cameras import CameraPlace
from central.sections import read_secret
from central.subscribers import SmtpSettings


class Mail:
    """The channel of people who get mail; a connection a notice."""

    def __init__(
        self, settings: SmtpSettings, *, place_of: Callable[[str], CameraPlace | None], zone: ZoneInfo
    ) -> None:
        """Prepare, without connecting.

        Args:
            settings: which server, which people.
            place_of: what is known of a camera.
            zone: in which times are told.

        Raises:
            ConfigError: the password or the authority cannot be read.
        """
        self._settings: Final = settings
        self._place_of: Final = place_of
        self._zone: Final = zone
        self._password: Final = "" if settings.password_file is None else read_secret(settings.password_file)
        self._tls: Final = None if settings.tls == "none" else trusting(settings.ca_file)

    def send(self, notice: Notice) -> Answer:
        """Send it once; taken where the server has taken the whole message."""
        message, limit_s = self._message(notice), self._settings.timeout_s
        server: smtplib.SMTP | None = None
        with at_most(limit_s, lambda: None if server is None else server.sock) as over:
            try:
                server = self._connected()
                self._greet(server)
                server.send_message(message)
            except smtplib.SMTPResponseException as error:
                return Answer(Verdict.REFUSED, f"SMTP {error.smtp_code}")
            except smtplib.SMTPRecipientsRefused as error:
                codes = sorted({code for code, _ in error.recipients.values()})
                return Answer(Verdict.REFUSED, f"SMTP {codes[0] if codes else '?'}: no address is taken")
            except OSError as error:  # smtplib's other faults are among these
                return away(error, within_s=limit_s, over=over)
            finally:
                if server is not None:
                    _part(server)
        return Answer(Verdict.TAKEN, "SMTP 250")

    def close(self) -> None:
        """Nothing is held between two notices."""

    def _connected(self) -> smtplib.SMTP:
        settings = self._settings
        host, port, timeout_s = settings.host, settings.port, settings.timeout_s
        if self._tls is not None and settings.tls == "implicit":
            return smtplib.SMTP_SSL(host, port, timeout=timeout_s, context=self._tls)
        return smtplib.SMTP(host, port, timeout=timeout_s)

    def _greet(self, server: smtplib.SMTP) -> None:
        if self._tls is not None and self._settings.tls == "starttls":
            server.starttls(context=self._tls)
        if self._settings.username is not None:
            server.login(self._settings.username, self._password)

    def _message(self, notice: Notice) -> EmailMessage:
        """One that a repetition resembles: the same Message-ID, by which many mailboxes show it once."""
        settings = self._settings
        message = EmailMessage()
        message["From"], message["To"] = settings.sender, ", ".join(settings.to)
        message["Subject"] = subject(notice)
        message["Date"] = notice.happening.at
        message["Message-ID"] = f"<{notice.key}@{settings.sender.rpartition('@')[2]}>"
        message["Auto-Submitted"] = "auto-generated"
        place = self._place_of(notice.camera_id)
        message.set_content(body(notice, plates=settings.plates, place=place, zone=self._zone))
        return message


def _part(server: smtplib.SMTP) -> None:
    """What was taken stays taken, however the goodbye goes."""
    with suppress(OSError):
        server.quit()
    server.close()
