"""Only the centre signs hotlists: not a box, not a server, not another city, not yesterday's certificate."""

import base64
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from hotlist_copies import NOW, Authority, Issuer, Pen, an_entry

from central.ca.profiles import Validity
from edge.contract.hotlist import Head, SignedHead, open_head, to_sign
from edge.contract.topics import HOTLIST_HEAD
from edge.errors import HotlistError
from edge.hotlist.verify import verified

Change = Callable[[SignedHead], SignedHead]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


def issued(pen: Pen) -> tuple[Head, SignedHead]:
    issuer = Issuer(pen)
    return issuer.issue([an_entry()]), open_head(issuer.retained[HOTLIST_HEAD])


def check(signed: SignedHead, authority: Authority, *, signer: str = "centre", now: datetime = NOW) -> Head:
    return verified(signed, ca_file=authority.ca_file, signer=signer, now=now)


def test_what_the_centre_signed_is_had_as_it_was_signed(authority: Authority) -> None:
    head, signed = issued(authority.client())
    assert check(signed, authority) == head
    head, signed = issued(authority.client("centre-2"))
    assert check(signed, authority, signer="centre-2") == head


@pytest.mark.parametrize("name", ["edge-1", "centre-2", "Centre", "centre "])
def test_another_client_of_the_authority_is_not_the_centre(authority: Authority, name: str) -> None:
    _, signed = issued(authority.client(name))
    with pytest.raises(HotlistError, match=f"signed by '{name}', not by the centre, 'centre'"):
        check(signed, authority)


def test_neither_is_a_server_nor_the_authority_itself(authority: Authority) -> None:
    _, signed = issued(authority.server())
    with pytest.raises(HotlistError, match="not a client's certificate"):
        check(signed, authority)
    _, signed = issued(Pen(authority.signer.key, authority.signer.certificate))
    with pytest.raises(HotlistError, match="not a client's certificate"):
        check(signed, authority)


def test_nor_who_bears_its_name_by_another_authority(authority: Authority, tmp_path: Path) -> None:
    _, signed = issued(Authority(tmp_path).client())
    with pytest.raises(HotlistError, match="not signed by the authority of .*ca.pem"):
        check(signed, authority)


@pytest.mark.parametrize(("days", "why"), [(-1, "holds from"), (2, "expired on")])
def test_a_certificate_signs_while_it_holds(authority: Authority, days: int, why: str) -> None:
    pen = authority.client(validity=Validity(NOW, NOW + timedelta(days=1)))
    _, signed = issued(pen)
    assert check(signed, authority, now=NOW + timedelta(hours=1))
    with pytest.raises(HotlistError, match=why):
        check(signed, authority, now=NOW + timedelta(days=days))


def with_signature(signature: bytes) -> Change:
    return lambda signed: signed.model_copy(update={"signature": base64.b64encode(signature).decode()})


@pytest.mark.parametrize(
    "change",
    [
        lambda signed: signed.model_copy(update={"signed": signed.signed.replace('"stolen":0.3', '"stolen":0.9')}),
        lambda signed: signed.model_copy(update={"signed": signed.signed + " "}),
        with_signature(b""),
        with_signature(b"\x30\x06\x02\x01\x01\x02\x01\x01"),
    ],
)  # fmt: skip
def test_a_letter_more_or_less_is_another_text(authority: Authority, change: Change) -> None:
    _, signed = issued(authority.client())
    changed = change(signed)
    assert changed != signed
    with pytest.raises(HotlistError, match="a signature that is wrong"):
        check(changed, authority)


def test_what_the_centre_signed_for_something_else_is_no_head(authority: Authority) -> None:
    pen = authority.client()
    _, signed = issued(pen)
    bare = pen.key.sign(signed.signed.encode(), ec.ECDSA(SHA256()))
    with pytest.raises(HotlistError, match="a signature that is wrong"):
        check(with_signature(bare)(signed), authority)


@pytest.mark.parametrize("field", ["certificate", "signature"])
def test_what_is_none_at_all_is_said(authority: Authority, field: str) -> None:
    _, signed = issued(authority.client())
    with pytest.raises(HotlistError, match=r"not a certificate|no base64"):
        check(signed.model_copy(update={field: "?"}), authority)


def test_a_head_of_another_format_is_not_read_by_guess(authority: Authority) -> None:
    pen = authority.client()
    head, _ = issued(pen)
    with pytest.raises(HotlistError, match="format"):
        check(pen.sign(head.model_dump_json().replace('"format":1', '"format":2')), authority)


@pytest.mark.parametrize("kind", ["rsa", "p384"])
def test_keys_of_another_kind_sign_nothing(authority: Authority, kind: str) -> None:
    rsa_key = rsa.generate_private_key(65_537, 2048)
    other = rsa_key if kind == "rsa" else ec.generate_private_key(ec.SECP384R1())
    theirs = authority.client().certificate
    builder = x509.CertificateBuilder().subject_name(theirs.subject).issuer_name(theirs.issuer)
    builder = builder.public_key(other.public_key()).serial_number(7)
    builder = builder.not_valid_before(authority.validity.not_before).not_valid_after(
        authority.validity.not_after
    )
    for extension in theirs.extensions:
        builder = builder.add_extension(extension.value, critical=extension.critical)
    made = builder.sign(authority.signer.key, SHA256())
    _head, signed = issued(authority.client())
    text = to_sign(signed.signed)
    signature = (
        rsa_key.sign(text, padding.PKCS1v15(), SHA256())
        if isinstance(other, rsa.RSAPrivateKey)
        else other.sign(text, ec.ECDSA(SHA256()))
    )
    pem = made.public_bytes(Encoding.PEM).decode()
    with pytest.raises(HotlistError, match="a key that is not EC P-256"):
        check(with_signature(signature)(signed.model_copy(update={"certificate": pem})), authority)


def test_without_the_authoritys_file_nobody_is_believed(authority: Authority, tmp_path: Path) -> None:
    _, signed = issued(authority.client())
    with pytest.raises(HotlistError, match="cannot be read"):
        verified(signed, ca_file=tmp_path / "none.pem", signer="centre", now=NOW)
