"""What our certificates say: pure builders, the key and the moment given."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from ipaddress import IPv4Address, IPv6Address, ip_address

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey, EllipticCurvePublicKey
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate holds, UTC."""

    not_before: datetime
    not_after: datetime


@dataclass(frozen=True, slots=True)
class Signer:
    """The authority: its certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: EllipticCurvePrivateKey


def authority(key: EllipticCurvePrivateKey, *, name: str, validity: Validity) -> x509.Certificate:
    """A self-signed authority that may sign devices and lists, and no other authority."""
    subject = _named(name)
    builder = _begun(subject, key.public_key(), issuer=subject, validity=validity)
    usage = _usage(key_cert_sign=True, crl_sign=True)
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(usage, critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )


def client(
    public_key: EllipticCurvePublicKey, *, name: str, validity: Validity, signer: Signer
) -> x509.Certificate:
    """A certificate with which `name` may be a client, and nothing else."""
    builder = _leaf(public_key, name=name, validity=validity, signer=signer)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.CLIENT_AUTH])
    return builder.add_extension(purpose, critical=False).sign(signer.key, hashes.SHA256())


def server(
    public_key: EllipticCurvePublicKey, *, hosts: Sequence[str], validity: Validity, signer: Signer
) -> x509.Certificate:
    """A certificate with which a server may stand for these names and addresses, and nothing else."""
    # Clients read the alternative names alone; a common name has room for 64 bytes, and a host's may be longer.
    builder = _leaf(public_key, name="broker", validity=validity, signer=signer)
    purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH])
    names = x509.SubjectAlternativeName([_general_name(host) for host in hosts])
    return (
        builder.add_extension(purpose, critical=False)
        .add_extension(names, critical=False)
        .sign(signer.key, hashes.SHA256())
    )


def revocation_list(
    revoked: Iterable[tuple[int, datetime]], *, number: int, since: datetime, signer: Signer
) -> x509.CertificateRevocationList:
    """The list of (serial, revoked at).

    It holds from `since`, as long as the authority: a broker turns everybody away once its list has run out.
    """
    end = signer.certificate.not_valid_after_utc
    authority_key = x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key())
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(since)
        .next_update(end)
        .add_extension(x509.CRLNumber(number), critical=False)
        .add_extension(authority_key, critical=False)
    )
    for serial, at in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(at).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(signer.key, hashes.SHA256())


def _leaf(
    public_key: EllipticCurvePublicKey, *, name: str, validity: Validity, signer: Signer
) -> x509.CertificateBuilder:
    issuer = signer.key.public_key()
    return (
        _begun(_named(name), public_key, issuer=signer.certificate.subject, validity=validity)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(digital_signature=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public_key), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer), critical=False)
    )


def _begun(
    subject: x509.Name, public_key: EllipticCurvePublicKey, *, issuer: x509.Name, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.not_before)
        .not_valid_after(validity.not_after)
    )


def _usage(
    *, digital_signature: bool = False, key_cert_sign: bool = False, crl_sign: bool = False
) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=digital_signature,
        key_cert_sign=key_cert_sign,
        crl_sign=crl_sign,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )


def _named(name: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])


def _general_name(host: str) -> x509.GeneralName:
    address: IPv4Address | IPv6Address
    try:
        address = ip_address(host)
    except ValueError:
        return x509.DNSName(host)
    return x509.IPAddress(address)
