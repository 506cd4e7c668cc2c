"""The authority: what it signs, what it will not, and what it keeps."""

import fcntl
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from city import City
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.ca import authority, register
from central.ca.register import Kind
from central.errors import AuthorityError

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.fixture
def city(tmp_path: Path) -> City:
    return City(tmp_path / "city")


def request(
    path: Path,
    *,
    name: str | None = "edge-1",
    key: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | None = None,
) -> Path:
    key = key or authority.new_key()
    names = [] if name is None else [x509.NameAttribute(NameOID.COMMON_NAME, name)]
    csr = x509.CertificateSigningRequestBuilder().subject_name(x509.Name(names)).sign(key, SHA256())
    path.write_bytes(csr.public_bytes(Encoding.PEM))
    return path


def certificate(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificate(path.read_bytes())


def passphrase(city: City) -> str:
    return city.passphrase.read_text().strip()


def revoked(city: City) -> set[str]:
    crl = x509.load_pem_x509_crl((city.ca / "crl.pem").read_bytes())
    assert crl.is_signature_valid(certificate(city.ca / "ca.pem").public_key())  # type: ignore[arg-type]
    return {f"{entry.serial_number:x}" for entry in crl}


def test_the_key_is_under_its_passphrase_and_for_its_owner_alone(city: City) -> None:
    key = city.ca / "ca.key"
    assert b"ENCRYPTED PRIVATE KEY" in key.read_bytes()
    assert key.stat().st_mode & 0o777 == 0o600
    assert city.ca.stat().st_mode & 0o777 == 0o700
    assert authority.unlock(city.ca, passphrase=passphrase(city)).fingerprint.count(":") == 31
    with pytest.raises(AuthorityError, match=r"ca\.key: wrong passphrase"):
        authority.unlock(city.ca, passphrase="another one")


def test_an_authority_is_never_overwritten(city: City) -> None:
    before = (city.ca / "ca.key").read_bytes()
    assert "there is an authority already" in city.run("init", fails=True)
    assert (city.ca / "ca.key").read_bytes() == before


def test_what_an_edge_gets_is_for_a_client_alone(city: City, tmp_path: Path) -> None:
    out = tmp_path / "edge-1.pem"
    said = city.run("sign", request(tmp_path / "r.csr"), "--edge", "edge-1", "--days", "30", "--out", out)
    signed, ca = certificate(out), certificate(city.ca / "ca.pem")
    signed.verify_directly_issued_by(ca)
    assert f"serial {signed.serial_number:x}" in said
    assert signed.subject.rfc4514_string() == "CN=edge-1"
    purposes = signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.CLIENT_AUTH]
    assert not signed.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    lasts = signed.not_valid_after_utc - signed.not_valid_before_utc
    assert lasts == timedelta(days=30) + authority.EARLIER


def test_what_the_broker_gets_is_for_its_names_alone(city: City, tmp_path: Path) -> None:
    city.run("server", "--host", "broker.example", "--host", "192.0.2.7", "--out", tmp_path / "broker")
    signed = certificate(tmp_path / "broker" / "server.pem")
    names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == ["broker.example"]
    assert [str(a) for a in names.get_values_for_type(x509.IPAddress)] == ["192.0.2.7"]
    purposes = signed.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    assert list(purposes) == [ExtendedKeyUsageOID.SERVER_AUTH]
    assert (tmp_path / "broker" / "server.key").stat().st_mode & 0o777 == 0o600


def test_the_requester_s_own_wishes_are_not_signed(city: City, tmp_path: Path) -> None:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "edge-1")])
    wish = x509.BasicConstraints(ca=True, path_length=None)
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).add_extension(wish, critical=True)
    (tmp_path / "r.csr").write_bytes(csr.sign(authority.new_key(), SHA256()).public_bytes(Encoding.PEM))
    city.run("sign", tmp_path / "r.csr", "--edge", "edge-1", "--out", tmp_path / "out.pem")
    constraints = certificate(tmp_path / "out.pem").extensions.get_extension_for_class(x509.BasicConstraints)
    assert constraints.value.ca is False


@pytest.mark.parametrize(
    ("edge_id", "name", "said"),
    [
        ("edge-1", "edge-2", "the request of 'edge-2', not of 'edge-1'"),
        ("edge-1", None, "the request of nobody, not of 'edge-1'"),
        ("centre", "centre", "'centre' is the centre's own name"),
        ("centre-2", "centre-2", "'centre-2' is the centre's own name"),
        ("Edge 1", "Edge 1", "'Edge 1' is no edge_id"),
        ("+", "+", "'+' is no edge_id"),
        ("a/b", "a/b", "'a/b' is no edge_id"),
    ],
)
def test_a_request_that_is_not_that_edge_s_is_refused(
    city: City, tmp_path: Path, edge_id: str, name: str | None, said: str
) -> None:
    words = ("sign", request(tmp_path / "r.csr", name=name), "--edge", edge_id, "--out", tmp_path / "out.pem")
    assert said in city.run(*words, fails=True)
    assert not (tmp_path / "out.pem").exists()
    assert authority.entries(city.ca) == ()


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_a_key_of_another_kind_is_refused(city: City, tmp_path: Path, kind: str) -> None:
    key = (
        rsa.generate_private_key(public_exponent=65537, key_size=2048)
        if kind == "rsa"
        else ec.generate_private_key(ec.SECP384R1())
    )
    words = ("sign", request(tmp_path / "r.csr", key=key), "--edge", "edge-1")
    assert "its key is not EC P-256" in city.run(*words, fails=True)


def test_a_request_that_is_none_or_damaged_is_refused(city: City, tmp_path: Path) -> None:
    path = tmp_path / "r.csr"
    path.write_text("no request")
    assert "not a certificate request (PEM)" in city.run("sign", path, "--edge", "edge-1", fails=True)
    der = bytearray(x509.load_pem_x509_csr(request(path).read_bytes()).public_bytes(Encoding.DER))
    at = der.index(b"edge-1")
    der[at : at + 6] = b"edge-2"  # signed by nobody
    forged = x509.load_der_x509_csr(bytes(der))
    path.write_bytes(forged.public_bytes(Encoding.PEM))
    assert "signature does not fit" in city.run("sign", path, "--edge", "edge-2", fails=True)
    assert "No such file" in city.run("sign", tmp_path / "nowhere.csr", "--edge", "edge-1", fails=True)


def test_nothing_outlives_the_authority(city: City, tmp_path: Path) -> None:
    words = ("sign", request(tmp_path / "r.csr"), "--edge", "edge-1", "--days", "4000")
    said = city.run(*words, fails=True)
    assert "the authority itself ends on" in said
    assert "at most --days 36" in said


def test_an_authority_that_has_ended_signs_nothing(tmp_path: Path) -> None:
    made = authority.create(tmp_path / "old", name="Old", passphrase="p" * 16, days=10, now=NOW)
    later = NOW + timedelta(days=11)
    with pytest.raises(AuthorityError, match="the authority ended on 2026-03-11"):
        made.sign_client(authority.new_key().public_key(), kind=Kind.EDGE, name="edge-1", days=1, now=later)


def test_every_serial_is_kept_and_a_revoked_one_is_on_the_list(city: City, tmp_path: Path) -> None:
    for name in ("edge-1", "edge-1", "edge-2"):
        city.run(
            "sign", request(tmp_path / "r.csr", name=name), "--edge", name, "--out", tmp_path / "out.pem"
        )
    first, second, other = authority.entries(city.ca)
    assert revoked(city) == set()

    city.run("revoke", "--serial", first.serial.upper())
    assert revoked(city) == {first.serial}
    assert "revoked already; the list is written again" in city.run("revoke", "--serial", first.serial)
    assert revoked(city) == {first.serial}

    assert f"revoked  edge edge-1  serial {second.serial}" in city.run("revoke", "edge-1")
    assert revoked(city) == {first.serial, second.serial}
    assert "revoked already; the list is written again" in city.run("revoke", "edge-1")
    assert "no certificate of 'edge-9' was ever signed here" in city.run("revoke", "edge-9", fails=True)
    assert "name whose certificates" in city.run("revoke", fails=True)
    assert register.load(city.ca / "register.json").crl_number == 5

    states = [entry.state(datetime.now(UTC)) for entry in authority.entries(city.ca)]
    assert states == ["revoked", "revoked", "valid"]
    assert other.state(other.not_after + timedelta(seconds=1)) == "expired"


def test_a_list_that_could_not_be_written_is_written_by_the_same_call_again(
    city: City, tmp_path: Path
) -> None:
    city.run("sign", request(tmp_path / "r.csr"), "--edge", "edge-1", "--out", tmp_path / "out.pem")
    (only,) = authority.entries(city.ca)
    before = (city.ca / "crl.pem").rename(tmp_path / "crl.pem")
    (city.ca / "crl.pem").mkdir()
    assert "crl.pem: cannot be written: Is a directory" in city.run("revoke", "edge-1", fails=True)
    (city.ca / "crl.pem").rmdir()
    before.rename(city.ca / "crl.pem")
    assert revoked(city) == set()
    assert "revoked already; the list is written again" in city.run("revoke", "edge-1")
    assert revoked(city) == {only.serial}


def test_the_list_holds_from_when_certificates_do_and_as_long_as_the_authority(city: City) -> None:
    """A broker turns everybody away before its list begins, and once it has run out."""
    crl = x509.load_pem_x509_crl((city.ca / "crl.pem").read_bytes())
    ca = certificate(city.ca / "ca.pem")
    assert crl.last_update_utc == ca.not_valid_before_utc
    assert datetime.now(UTC) - crl.last_update_utc >= authority.EARLIER
    assert crl.next_update_utc == ca.not_valid_after_utc


def test_a_host_s_name_may_be_longer_than_a_common_name(city: City, tmp_path: Path) -> None:
    host = f"{'a' * 61}.example"
    assert len(host) == 69
    city.run("server", "--host", host, "--out", tmp_path / "broker")
    signed = certificate(tmp_path / "broker" / "server.pem")
    names = signed.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.DNSName) == [host]
    assert [entry.name for entry in authority.entries(city.ca)] == [host]


@pytest.mark.parametrize(("name", "size"), [("ñ" * 40, 80), ("a" * 65, 65), ("", 0)])
def test_an_authority_s_name_that_does_not_fit_is_refused(
    city: City, tmp_path: Path, name: str, size: int
) -> None:
    said = city.run("init", "--ca", tmp_path / "other", "--name", name, fails=True)
    assert f"--name: 1 to 64 bytes (UTF-8), found {size}" in said
    assert not (tmp_path / "other").exists()


@pytest.mark.parametrize("host", ["", "Broker", "a b", "*.example", "a..b", "-a", "a" * 254])
def test_a_host_that_is_none_is_refused(city: City, tmp_path: Path, host: str) -> None:
    assert "neither a host's name" in city.run("server", "--host", host, "--out", tmp_path / "b", fails=True)


def test_a_passphrase_that_is_short_or_open_to_others_is_refused(city: City) -> None:
    secret = city.passphrase.read_text()
    city.passphrase.write_text("short\n")
    assert "at least 16 characters, found 5" in city.run("centre", fails=True)
    city.passphrase.write_text(secret)
    city.passphrase.chmod(0o644)
    assert "others can read the passphrase; chmod 600" in city.run("centre", fails=True)


def test_two_at_once_do_not_share_a_register(city: City, tmp_path: Path) -> None:
    lock = os.open(city.ca / ".lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        assert "another process uses this authority" in city.run(
            "centre", "--out", tmp_path / "c", fails=True
        )
    finally:
        os.close(lock)
    city.run("centre", "--out", tmp_path / "c")


def test_what_is_missing_or_damaged_is_named(city: City, tmp_path: Path) -> None:
    assert "`ca init` makes an authority" in city.run("centre", "--ca", tmp_path / "none", fails=True)
    foreign = authority.new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    saved = (city.ca / "register.json").read_bytes()
    (city.ca / "register.json").write_text('{"issued": [{"serial": "xyz"}]}')
    assert "not a register: issued.0.serial" in city.run("centre", "--out", tmp_path / "c", fails=True)
    (city.ca / "register.json").write_bytes(saved)
    (city.ca / "ca.pem").write_bytes(foreign)
    assert "ca.pem: not a certificate (PEM)" in city.run("centre", fails=True)
    other = City(tmp_path / "other")
    (city.ca / "ca.pem").write_bytes((other.ca / "ca.pem").read_bytes())
    assert "ca.key does not belong to ca.pem" in city.run("centre", fails=True)


def test_a_further_consumer_has_a_name_of_its_own(city: City, tmp_path: Path) -> None:
    city.run("centre", "--out", tmp_path / "first")
    city.run("centre", "--number", 2, "--out", tmp_path / "second")
    names = [
        certificate(tmp_path / out / "centre.pem").subject.rfc4514_string() for out in ("first", "second")
    ]
    assert names == ["CN=centre", "CN=centre-2"]
