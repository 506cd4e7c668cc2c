"""A city whose broker takes certificates only: its authority, the broker as configs/mosquitto has it, its boxes.

Everything is made by the commands that a deployer runs.
"""

import secrets
import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from brokers import MOSQUITTO, Broker, _user, needs_mosquitto
from click import Group
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from central.ca import authority
from central.ca.register import Kind
from central.ca.request import public_key_of
from central.cli import cli as central_cli
from edge.cli import cli as edge_cli

CONFIGS = Path(__file__).resolve().parents[1] / "configs" / "mosquitto"


def run(cli: Group, *words: object, fails: bool = False) -> str:
    """Run a command; what it says."""
    done = CliRunner().invoke(cli, [str(word) for word in words], env={"COLUMNS": "200"})
    assert (done.exit_code != 0) is fails, done.output
    return done.output


class City:
    """An authority in `folder`/ca, and what it has signed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.ca = folder / "ca"
        self.passphrase = folder / "passphrase"
        self.passphrase.touch(mode=0o600)
        self.passphrase.write_text(secrets.token_urlsafe(24) + "\n")
        self.run("init", "--name", "Test city")

    def run(self, command: str, *words: object, fails: bool = False) -> str:
        at = ("--ca", self.ca, "--passphrase-file", self.passphrase)
        return run(central_cli, "ca", command, *at, *words, fails=fails)

    def enroll(self, edge_id: str, *, tls: Path | None = None) -> dict[str, str]:
        """A box's certificate, by the whole way; the section `mqtt.tls`. Once more renews it."""
        tls = tls or self.folder / edge_id
        run(edge_cli, "enroll", "request", "--edge-id", edge_id, "--out", tls)
        signed = self.folder / f"{edge_id}.pem"
        self.run("sign", tls / "next" / f"{edge_id}.csr", "--edge", edge_id, "--out", signed)
        run(edge_cli, "enroll", "install", signed, self.ca / "ca.pem", "--dir", tls)
        return files(tls / "current")

    def enroll_past(self, edge_id: str) -> dict[str, str]:
        """A box whose certificate expired yesterday: put there by hand, for `install` would refuse it."""
        tls = self.folder / f"{edge_id}-past"
        run(edge_cli, "enroll", "request", "--edge-id", edge_id, "--out", tls)
        key = public_key_of(tls / "next" / f"{edge_id}.csr", edge_id=edge_id)
        opened = authority.unlock(self.ca, passphrase=self.passphrase.read_text().strip())
        then = datetime.now(UTC) - timedelta(days=3)
        signed = opened.sign_client(key, kind=Kind.EDGE, name=edge_id, days=2, now=then)
        (tls / "next" / "edge.pem").write_bytes(signed.public_bytes(Encoding.PEM))
        shutil.copy(self.ca / "ca.pem", tls / "next")
        return files(tls / "next")


def enrolled(folder: Path, *edges: str) -> City:
    """A city for a mosquitto, with these boxes."""
    needs_mosquitto()
    city = City(folder)
    for edge_id in edges:
        city.enroll(edge_id)
    return city


def files(folder: Path) -> dict[str, str]:
    """The section `mqtt.tls` of a box's folder."""
    names = {"ca_file": "ca.pem", "cert_file": "edge.pem", "key_file": "edge.key"}
    return {key: str(folder / name) for key, name in names.items()}


def certificate(tls: dict[str, str]) -> x509.Certificate:
    return x509.load_pem_x509_certificate(Path(tls["cert_file"]).read_bytes())


class CityBroker(Broker):
    """mosquitto with configs/mosquitto as it is, only its paths and its port moved here."""

    host = "localhost"

    def __init__(self, city: City, *, hosts: tuple[str, ...] = ("localhost", "127.0.0.1")) -> None:
        self.city = city
        self._hosts = hosts
        folder = city.folder / "mosquitto"
        folder.mkdir()
        super().__init__(folder)

    def settings(self, user: str, *, protocol: str = "5", **more: Any) -> dict[str, Any]:
        """The section `mqtt` of the centre, or of a box that `city` has enrolled."""
        tls = files(self.city.folder / user / "current")
        if user == "centre":
            own = {"cert_file": "centre.pem", "key_file": "centre.key"}
            tls |= {key: str(self.city.folder / "centre" / name) for key, name in own.items()}
            tls["ca_file"] = str(self.city.ca / "ca.pem")
        return {"host": self.host, "port": self.port, "protocol": protocol, "tls": tls, **more}

    def take_crl(self) -> None:
        """The newest revocation list, and a restart."""
        self.stop()
        shutil.copy(self.city.ca / "crl.pem", self.folder / "certs")
        self.start()

    def _prepare(self, passwords: dict[str, str]) -> None:
        city, certs = self.city, self.folder / "certs"
        hosts = [word for host in self._hosts for word in ("--host", host)]
        city.run("server", *hosts, "--out", certs)
        city.run("centre", "--out", city.folder / "centre")
        for name in ("ca.pem", "crl.pem"):
            shutil.copy(city.ca / name, certs)
        shutil.copy(CONFIGS / "acl", self.folder)
        text = (CONFIGS / "mosquitto.conf").read_text(encoding="utf-8")
        for there, here in (
            ("/etc/mosquitto/", f"{self.folder}/"),
            ("/var/lib/mosquitto/", f"{self.folder}/"),
            ("\nlistener 8883\n", f"\nuser {_user()}\nlistener {self.port} 127.0.0.1\n"),
        ):
            assert there in text
            text = text.replace(there, here)
        (self.folder / "mosquitto.conf").write_text(text, encoding="utf-8")

    def _command(self) -> list[str]:
        assert MOSQUITTO is not None
        return [MOSQUITTO, "-c", "mosquitto.conf"]
