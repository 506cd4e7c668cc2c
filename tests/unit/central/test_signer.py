"""Who signs copies: what is made is what a box takes, and nothing else counts as our own."""

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding

from central.ca import profiles
from central.ca.authority import key_pem, new_key
from central.errors import ConfigError
from central.hotlist.signer import Signer, load_signer
from edge.contract.config import TlsSettings
from edge.contract.hotlist import EMPTY, PARTS, Head

AT = datetime(2026, 3, 4, 12, tzinfo=UTC)
DAY = timedelta(days=1)
HEAD = Head.of([EMPTY] * PARTS, number=7, issued_at=AT, entries=0, least={"stolen": 0.5})


@dataclass
class Ca:
    """An authority, and what it gives out."""

    folder: Path

    def __post_init__(self) -> None:
        self.folder.mkdir()
        key, validity = new_key(), profiles.Validity(AT - DAY, AT + 30 * DAY)
        self.by = profiles.Signer(profiles.authority(key, name="Test", validity=validity), key)
        (self.folder / "ca.pem").write_bytes(self.by.certificate.public_bytes(Encoding.PEM))

    def tls(self, name: str = "centre", *, until: datetime = AT + DAY) -> TlsSettings:
        key, validity = new_key(), profiles.Validity(AT - DAY, until)
        certificate = profiles.client(key.public_key(), name=name, validity=validity, signer=self.by)
        cert_file, key_file = self.folder / f"{name}.pem", self.folder / f"{name}.key"
        cert_file.write_bytes(certificate.public_bytes(Encoding.PEM))
        key_file.write_bytes(key_pem(key))
        return TlsSettings(ca_file=self.folder / "ca.pem", cert_file=cert_file, key_file=key_file)


@pytest.fixture
def ca(tmp_path: Path) -> Ca:
    return Ca(tmp_path / "ours")


def test_what_is_signed_is_our_own_also_after_a_renewal(ca: Ca) -> None:
    first = load_signer(ca.tls())
    payload = first.sign(HEAD)
    assert first.own(payload) == HEAD
    assert load_signer(ca.tls()).own(payload) == HEAD, "with a new key"


def test_what_another_signed_is_not(ca: Ca, tmp_path: Path) -> None:
    ours = load_signer(ca.tls())
    box = load_signer(ca.tls("edge-1"))
    elsewhere = load_signer(Ca(tmp_path / "elsewhere").tls())
    assert ours.own(box.sign(HEAD)) is None
    assert ours.own(elsewhere.sign(HEAD)) is None
    mixed = Signer(ours.certificate, box.key, ours.authorities)
    assert ours.own(mixed.sign(HEAD)) is None, "our certificate, and not its key"


@pytest.mark.parametrize("field", ["signed", "certificate", "signature"])
def test_what_was_changed_on_the_way_is_not(ca: Ca, field: str) -> None:
    ours = load_signer(ca.tls())
    content = json.loads(ours.sign(HEAD))
    content[field] = content[field].replace("7", "8").replace("A", "B")
    assert ours.own(json.dumps(content).encode()) is None
    assert ours.own(b"") is None
    assert ours.own(b'{"signed": "x", "certificate": "y", "signature": "!"}') is None


def test_a_certificate_signs_while_it_holds(ca: Ca) -> None:
    signer = load_signer(ca.tls())
    for at in (AT - DAY, AT, AT + DAY):
        signer.check(at=at)
    for at in (AT - 2 * DAY, AT + DAY + timedelta(seconds=1)):
        with pytest.raises(ConfigError, match="holds from 2026-03-03 to 2026-03-05 alone"):
            signer.check(at=at)


def test_what_boxes_would_refuse_signs_nothing(ca: Ca, tmp_path: Path) -> None:
    """They read the first authority of a file alone, and take a client's certificate alone."""
    tls, other = ca.tls(), Ca(tmp_path / "other")
    ours, theirs = tls.ca_file.read_bytes(), (other.folder / "ca.pem").read_bytes()
    tls.ca_file.write_bytes(ours + theirs)
    old = load_signer(other.tls()).sign(HEAD)
    assert load_signer(tls).own(old) == HEAD, "of the authority of before"
    tls.ca_file.write_bytes(theirs + ours)
    with pytest.raises(ConfigError, match="the first there, for boxes read no other"):
        load_signer(tls)
    tls.ca_file.write_bytes(ours)
    key, validity = new_key(), profiles.Validity(AT - DAY, AT + DAY)
    server = profiles.server(key.public_key(), hosts=["localhost"], validity=validity, signer=ca.by)
    assert tls.cert_file is not None
    assert tls.key_file is not None
    tls.cert_file.write_bytes(server.public_bytes(Encoding.PEM))
    tls.key_file.write_bytes(key_pem(key))
    with pytest.raises(ConfigError, match=r"centre.pem: not a client's certificate"):
        load_signer(tls)


def test_files_that_cannot_sign_are_named(ca: Ca, tmp_path: Path) -> None:
    tls, other = ca.tls(), Ca(tmp_path / "other").tls()
    rsa_key = tmp_path / "rsa.key"
    rsa_key.write_bytes(key_pem(rsa.generate_private_key(65537, 2048)))  # type: ignore[arg-type]
    long_key = tmp_path / "p384.key"
    long_key.write_bytes(key_pem(ec.generate_private_key(ec.SECP384R1())))
    for change, says in (
        ({"cert_file": None, "key_file": None}, "names no certificate of ours"),
        ({"cert_file": tmp_path / "nowhere.pem"}, "nowhere.pem: cannot be read"),
        ({"key_file": tls.cert_file}, "not a certificate, or not its key"),
        ({"key_file": rsa_key}, "rsa.key: not an EC P-256 key"),
        ({"key_file": long_key}, "p384.key: not an EC P-256 key"),
        ({"key_file": other.key_file}, "centre.pem: made for another key than"),
        ({"ca_file": other.ca_file}, "centre.pem: not signed by the authority of"),
    ):
        with pytest.raises(ConfigError, match=says):
            load_signer(tls.model_copy(update=change))
