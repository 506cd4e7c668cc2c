"""The authority itself: a folder with its key, its certificate, its register and its revocation list."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)

from central.ca import profiles, register
from central.ca.file import read, write
from central.ca.profiles import Signer, Validity
from central.ca.register import Issued, Kind
from central.errors import AuthorityError

CERTIFICATE: Final = "ca.pem"
KEY: Final = "ca.key"
REVOKED: Final = "crl.pem"
_REGISTER: Final = "register.json"

EARLIER: Final = timedelta(hours=1)
"""Certificates and lists hold from this long before they are signed: clocks differ."""


@dataclass(frozen=True, slots=True)
class Authority:
    """An authority whose key is open. Hold `central.ca.file.claimed` while it is used."""

    folder: Path
    signer: Signer

    @property
    def fingerprint(self) -> str:
        """SHA-256 of the certificate, as openssl prints it, to be compared by eye."""
        return self.signer.certificate.fingerprint(SHA256()).hex(":").upper()

    def sign_client(
        self,
        public_key: ec.EllipticCurvePublicKey,
        *,
        kind: Kind,
        name: str,
        days: int,
        now: datetime,
    ) -> x509.Certificate:
        """A client's certificate, entered in the register.

        Raises:
            AuthorityError: the authority ends before it would, or the register cannot be written.
        """
        validity = self._validity(days, now)
        certificate = profiles.client(public_key, name=name, validity=validity, signer=self.signer)
        self._enter(certificate, kind=kind, name=name)
        return certificate

    def sign_server(
        self, public_key: ec.EllipticCurvePublicKey, *, hosts: tuple[str, ...], days: int, now: datetime
    ) -> x509.Certificate:
        """A server's certificate for these names or addresses, entered in the register.

        Raises:
            AuthorityError: the authority ends before it would, or the register cannot be written.
        """
        validity = self._validity(days, now)
        certificate = profiles.server(public_key, hosts=hosts, validity=validity, signer=self.signer)
        self._enter(certificate, kind=Kind.SERVER, name=" ".join(hosts))
        return certificate

    def revoke(self, serials: set[str], *, now: datetime) -> None:
        """Revoke these, and write the list anew; no serials write the list as it is.

        Raises:
            AuthorityError: a file cannot be written.
        """
        path = self.folder / _REGISTER
        now = now.replace(microsecond=0)
        entries = register.load(path).revoking(serials, at=now)
        revoked = [(int(e.serial, 16), e.revoked_at) for e in entries.issued if e.revoked_at is not None]
        since = now - EARLIER  # a broker turns everybody away while its list is yet to begin by its clock
        crl = profiles.revocation_list(revoked, number=entries.crl_number, since=since, signer=self.signer)
        # The register first: a list that names less than the register is written again by the next call.
        register.save(path, entries)
        write(self.folder / REVOKED, crl.public_bytes(Encoding.PEM), mode=0o644)

    def _validity(self, days: int, now: datetime) -> Validity:
        now = now.replace(microsecond=0)
        end = now + timedelta(days=days)
        last = self.signer.certificate.not_valid_after_utc
        if end > last:
            most = (last - now).days
            raise AuthorityError(
                f"{self.folder}: the authority itself ends on {last:%Y-%m-%d}: at most --days {most}"
                if most > 0
                else f"{self.folder}: the authority ended on {last:%Y-%m-%d}: make a new one (ca init)"
            )
        return Validity(now - EARLIER, end)

    def _enter(self, certificate: x509.Certificate, *, kind: Kind, name: str) -> None:
        path = self.folder / _REGISTER
        entry = Issued(
            serial=f"{certificate.serial_number:x}",
            kind=kind,
            name=name,
            not_before=certificate.not_valid_before_utc,
            not_after=certificate.not_valid_after_utc,
        )
        register.save(path, register.load(path).adding(entry))


def create(folder: Path, *, name: str, passphrase: str, days: int, now: datetime) -> Authority:
    """Make an authority, with an empty revocation list, in a folder that has none.

    Raises:
        AuthorityError: there is one already, or the folder cannot be written.
    """
    for file in (KEY, CERTIFICATE, _REGISTER):
        if (folder / file).exists():
            raise AuthorityError(f"{folder / file}: there is an authority already; it is never overwritten")
    key = new_key()
    now = now.replace(microsecond=0)
    validity = Validity(now - EARLIER, now + timedelta(days=days))
    certificate = profiles.authority(key, name=name, validity=validity)
    write(folder / KEY, key_pem(key, BestAvailableEncryption(passphrase.encode())))
    register.save(folder / _REGISTER, register.Register())
    write(folder / CERTIFICATE, certificate.public_bytes(Encoding.PEM), mode=0o644)
    made = Authority(folder, Signer(certificate, key))
    made.revoke(set(), now=now)
    return made


def unlock(folder: Path, *, passphrase: str) -> Authority:
    """Open an authority's key.

    Raises:
        AuthorityError: wrong passphrase, or a file is missing, damaged or not the other's.
    """
    pem = read(folder / KEY, "the authority's key")
    try:
        key = load_pem_private_key(pem, passphrase.encode())
    except (ValueError, TypeError) as error:
        raise AuthorityError(f"{folder / KEY}: wrong passphrase, or the key is damaged") from error
    pem = read(folder / CERTIFICATE, "the authority's certificate")
    try:
        certificate = x509.load_pem_x509_certificate(pem)
    except ValueError as error:
        raise AuthorityError(f"{folder / CERTIFICATE}: not a certificate (PEM)") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey) or key.public_key() != certificate.public_key():
        raise AuthorityError(f"{folder}: {KEY} does not belong to {CERTIFICATE}")
    return Authority(folder, Signer(certificate, key))


def entries(folder: Path) -> tuple[Issued, ...]:
    """What the register holds; needs no passphrase.

    Raises:
        AuthorityError: it cannot be read.
    """
    return register.load(folder / _REGISTER).issued


def new_key() -> ec.EllipticCurvePrivateKey:
    """A fresh key, EC P-256."""
    return ec.generate_private_key(ec.SECP256R1())


def key_pem(
    key: ec.EllipticCurvePrivateKey,
    protection: KeySerializationEncryption = NoEncryption(),  # noqa: B008  # has no state
) -> bytes:
    """A key as PKCS #8 PEM."""
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, protection)
