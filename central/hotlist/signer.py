"""The centre's signature under the head of a copy: made with the key and certificate that it has for the broker."""

import base64
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from central.errors import ConfigError
from edge.contract.config import TlsSettings
from edge.contract.hotlist import CopyError, Head, SignedHead, open_head, to_sign

_ALGORITHM = ec.ECDSA(SHA256())


@dataclass(frozen=True, slots=True)
class Signer:
    """Whoever signs, and the authority that says so."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    authorities: tuple[x509.Certificate, ...]

    def sign(self, head: Head) -> bytes:
        """A head as it travels."""
        text = head.model_dump_json()
        signature = self.key.sign(to_sign(text), _ALGORITHM)
        signed = SignedHead(
            signed=text,
            certificate=self.certificate.public_bytes(Encoding.PEM).decode(),
            signature=base64.b64encode(signature).decode(),
        )
        return signed.model_dump_json().encode()

    def own(self, payload: bytes) -> Head | None:
        """A head that a centre of our name has signed; None where it is another's, or none at all."""
        try:
            found = open_head(payload)
            certificate = x509.load_pem_x509_certificate(found.certificate.encode())
            key = certificate.public_key()
            if not isinstance(key, ec.EllipticCurvePublicKey) or not self._is_ours(certificate):
                return None
            key.verify(found.signature_bytes, to_sign(found.signed), _ALGORITHM)
            return found.head()
        except (CopyError, ValueError, UnsupportedAlgorithm, InvalidSignature):
            return None

    def check(self, *, at: datetime) -> None:
        """Refuse to sign what boxes would refuse.

        Raises:
            ConfigError: our certificate does not hold now.
        """
        begin, end = self.certificate.not_valid_before_utc, self.certificate.not_valid_after_utc
        if not begin <= at <= end:
            raise ConfigError(f"our certificate holds from {begin:%Y-%m-%d} to {end:%Y-%m-%d} alone")

    def _is_ours(self, certificate: x509.Certificate) -> bool:
        return _name(certificate) == _name(self.certificate) and _is_issued(certificate, self.authorities)


def load_signer(tls: TlsSettings) -> Signer:
    """Who signs, as the files say now: a renewed certificate needs no restart.

    Raises:
        ConfigError: there is no certificate, or boxes would take nothing that is signed with it.
    """
    if tls.cert_file is None or tls.key_file is None:
        raise ConfigError("mqtt.tls names no certificate of ours")
    try:
        certificate = x509.load_pem_x509_certificate(_read(tls.cert_file))
        authorities = tuple(x509.load_pem_x509_certificates(_read(tls.ca_file)))
        key = load_pem_private_key(_read(tls.key_file), password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise ConfigError(f"mqtt.tls: not a certificate, or not its key: {error}") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or not isinstance(key.curve, ec.SECP256R1):
        raise ConfigError(f"{tls.key_file}: not an EC P-256 key, as `central ca centre` makes it")
    if certificate.public_key() != key.public_key():
        raise ConfigError(f"{tls.cert_file}: made for another key than {tls.key_file}")
    if not _is_issued(certificate, authorities[:1]):
        raise ConfigError(
            f"{tls.cert_file}: not signed by the authority of {tls.ca_file}: the first there, for boxes read no other"
        )
    if not _is_clients(certificate):
        raise ConfigError(f"{tls.cert_file}: not a client's certificate, as `central ca centre` makes it")
    return Signer(certificate, key, authorities)


def _is_issued(certificate: x509.Certificate, authorities: tuple[x509.Certificate, ...]) -> bool:
    for authority in authorities:
        try:
            certificate.verify_directly_issued_by(authority)
        except (ValueError, TypeError, InvalidSignature):
            continue
        return True
    return False


def _is_clients(certificate: x509.Certificate) -> bool:
    try:
        purposes = certificate.extensions.get_extension_for_class(x509.ExtendedKeyUsage).value
    except x509.ExtensionNotFound:
        return False
    return ExtendedKeyUsageOID.CLIENT_AUTH in purposes


def _name(certificate: x509.Certificate) -> str:
    """Whom it names; empty where it names nobody."""
    names = certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    return str(names[0].value) if names else ""


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
