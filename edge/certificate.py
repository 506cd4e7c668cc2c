"""The box's certificate: read, and checked before a broker does it with fewer words."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from edge.errors import CertificateError

RENEW_DAYS: Final = 30
"""A certificate with fewer days left is a fault of the box that a person has to mend."""


def load(path: Path) -> x509.Certificate:
    """A certificate (PEM).

    Raises:
        CertificateError: it cannot be read, or is none.
    """
    return parse(_read(path, "certificate"), path)


def parse(pem: bytes, name: Path | str) -> x509.Certificate:
    """A certificate (PEM) that stands in a file, or came otherwise.

    Raises:
        CertificateError: it is none.
    """
    try:
        return x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise CertificateError(f"{name}: not a certificate (PEM)") from error


def load_key(path: Path) -> EllipticCurvePrivateKey:
    """The private key of a box (PEM, no passphrase).

    Raises:
        CertificateError: it cannot be read, or is none of ours.
    """
    try:
        key = load_pem_private_key(_read(path, "key"), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise CertificateError(f"{path}: not a private key (PEM, without a passphrase)") from error
    if not isinstance(key, EllipticCurvePrivateKey):
        raise CertificateError(f"{path}: not an EC key, as `edge enroll request` makes it")
    return key


def name_of(certificate: x509.Certificate) -> str:
    """Whom it names: the edge_id as which the broker knows its bearer; empty where it names nobody."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def check_name(path: Path, certificate: x509.Certificate, *, edge_id: str) -> None:
    """Refuse another's certificate.

    Raises:
        CertificateError: names both.
    """
    found = name_of(certificate)
    if found != edge_id:
        raise CertificateError(f"{path}: the certificate of {found!r}, not of this box, {edge_id!r}")


def check_key(
    path: Path, certificate: x509.Certificate, key: EllipticCurvePrivateKey, key_path: Path
) -> None:
    """Refuse a certificate of another key.

    Raises:
        CertificateError: names both files.
    """
    if certificate.public_key() != key.public_key():
        raise CertificateError(f"{path}: made for another key than {key_path}")


def check_time(path: Path | str, certificate: x509.Certificate, *, now: datetime) -> None:
    """Refuse a certificate that does not hold now.

    Raises:
        CertificateError: says when it holds, and what this box takes for now.
    """
    begin, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
    if now < begin:
        raise CertificateError(
            f"{path}: holds from {_told(begin)}, and this box's clock says {_told(now)}: set the clock "
            "(timedatectl), or wait"
        )
    if now > end:
        raise CertificateError(f"{path}: expired on {_told(end)} (it is {_told(now)}): request a new one")


def check_issuer(
    path: Path | str, certificate: x509.Certificate, ca_path: Path, ca: x509.Certificate
) -> None:
    """Refuse a client's certificate that the authority did not sign, and an authority that is none.

    Raises:
        CertificateError: names the files.
    """
    if not _may_sign(ca):
        raise CertificateError(f"{ca_path}: not an authority's certificate (ca.pem)")
    try:
        certificate.verify_directly_issued_by(ca)
    except (ValueError, TypeError, InvalidSignature) as error:
        raise CertificateError(f"{path}: not signed by the authority of {ca_path}") from error
    if not _is_clients(certificate):
        raise CertificateError(f"{path}: not a client's certificate; `central ca sign` makes those")


def days_left(path: Path, *, clock: Callable[[], datetime]) -> Callable[[], float | None]:
    """How long the certificate in a file holds, to be asked again and again: a renewed one is noticed.

    What is returned gives days, negative once it has expired; None where the file cannot be read.
    """
    seen: dict[tuple[int, int], datetime] = {}

    def ask() -> float | None:
        try:
            state = path.stat()
            version = (state.st_ino, state.st_mtime_ns)
            if version not in seen:
                end = load(path).not_valid_after_utc
                seen.clear()
                seen[version] = end
        except (OSError, CertificateError):
            return None
        return (seen[version] - clock()).total_seconds() / 86_400

    return ask


def fault(days: float | None) -> str:
    """What a person should know of a certificate with so many days left; empty: nothing."""
    if days is None or days >= RENEW_DAYS:
        return ""
    if days < 0:
        return "certificate has expired: renew it (edge enroll request)"
    return f"certificate expires in {days:.0f} day(s): renew it (edge enroll request)"


def _may_sign(certificate: x509.Certificate) -> bool:
    try:
        return certificate.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    except x509.ExtensionNotFound:
        return False


def _is_clients(certificate: x509.Certificate) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _told(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M} UTC"


def _read(path: Path, what: str) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise CertificateError(f"{path}: {what} cannot be read: {error.strerror}") from error
