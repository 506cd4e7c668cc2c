"""A small mail server on loopback: it takes, refuses, stalls or hangs up, in clear or over TLS."""

import base64
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any


@dataclass
class MailServer:
    """What it got, and how it behaves.

    Attributes:
        mails: taken, in order.
        refuses: a command (`MAIL`, `RCPT`, `DATA`, `.`, `banner`) and what it answers instead.
        stalls: it stays silent from the first word on.
        users: who may log in, with which password; empty: nobody is asked.
        logins: who has.
        secured: how many mails came over TLS.
    """

    port: int = 0
    mails: list[EmailMessage] = field(default_factory=list)
    refuses: Mapping[str, str] = field(default_factory=dict)
    stalls: bool = False
    users: Mapping[str, str] = field(default_factory=dict)
    logins: list[str] = field(default_factory=list)
    secured: int = 0


class _Talk:
    """One connection."""

    def __init__(self, server: MailServer, sock: socket.socket, tls: ssl.SSLContext | None) -> None:
        self._server, self._sock, self._tls = server, sock, tls
        self._file = sock.makefile("rb")

    def close(self) -> None:
        self._file.close()
        self._sock.close()

    def run(self) -> None:
        if self._server.stalls:
            threading.Event().wait(3)
            return
        banner = self._server.refuses.get("banner", "220 test")
        self._say(banner)
        while line := self._file.readline():
            word = line.split()[0].decode().upper() if line.split() else ""
            if word == "QUIT":
                self._say("221 bye")
                return
            self._obey(word, line.decode().strip())

    def _obey(self, word: str, line: str) -> None:
        if word in self._server.refuses:
            self._say(self._server.refuses[word])
        elif word == "EHLO":
            offers = ["250-test"]
            offers += ["250-STARTTLS"] if self._tls and not isinstance(self._sock, ssl.SSLSocket) else []
            offers += ["250-AUTH PLAIN"] if self._server.users else []
            self._say("\r\n".join([*offers, "250 SIZE 1000000"]))
        elif word == "STARTTLS" and self._tls is not None:
            self._say("220 go on")
            self._file.close()
            self._sock = self._tls.wrap_socket(self._sock, server_side=True)
            self._file = self._sock.makefile("rb")
        elif word == "AUTH":
            self._log_in(line)
        elif word == "DATA":
            self._take()
        else:
            self._say("250 ok")

    def _log_in(self, line: str) -> None:
        _, user, password = base64.b64decode(line.split()[2]).decode().split("\0")
        if self._server.users.get(user) == password:
            self._server.logins.append(user)
            self._say("235 ok")
        else:
            self._say("535 no")

    def _take(self) -> None:
        self._say("354 go on")
        lines = []
        while (line := self._file.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b".") if line.startswith(b"..") else line)
        if refusal := self._server.refuses.get("."):
            self._say(refusal)
            return
        message: Any = message_from_bytes(b"".join(lines), policy=policy.default)
        self._server.mails.append(message)
        self._server.secured += isinstance(self._sock, ssl.SSLSocket)
        self._say("250 taken")

    def _say(self, words: str) -> None:
        self._sock.sendall(f"{words}\r\n".encode())


@contextmanager
def mail_server(
    certificate: Path | None = None, *, implicit: bool = False, **how: Any
) -> Iterator[MailServer]:
    """Serve until the block ends."""
    told, tls = MailServer(**how), None
    if certificate is not None:
        tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        tls.load_cert_chain(certificate)

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            with suppress(OSError):
                sock = self.request
                if tls is not None and implicit:
                    sock = tls.wrap_socket(sock, server_side=True)
                with closing(_Talk(told, sock, None if implicit else tls)) as talk:
                    talk.run()

    server = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads, server.block_on_close = True, False
    told.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield told
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
