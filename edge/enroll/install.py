"""A signed certificate put to use, once it is sure that it will do."""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from edge.certificate import check_issuer, check_key, check_name, check_time, load, load_key, name_of
from edge.contract.files import sync
from edge.enroll.request import KEY, NEXT, write
from edge.errors import CertificateError

CURRENT: Final = "current"
"""Link to the folder of the key and certificates in use."""
CERTIFICATE: Final = "edge.pem"
AUTHORITY: Final = "ca.pem"


@dataclass(frozen=True, slots=True)
class Installed:
    """What is in use now.

    Attributes:
        folder: where the settings find it: DIR/current.
        days: how long the certificate holds.
    """

    edge_id: str
    folder: Path
    not_after: datetime
    days: float


def install(
    certificate_path: Path,
    ca_path: Path,
    *,
    folder: Path,
    edge_id: str | None,
    clock: Callable[[], datetime],
) -> Installed:
    """Check a certificate against the key that waits for it, and make it the box's own.

    Args:
        certificate_path: what the authority signed (PEM).
        ca_path: the authority's own certificate (PEM).
        folder: of the request; DIR.
        edge_id: the configured name; None where there is no configuration yet: then the request's.
        clock: now, UTC.

    Raises:
        CertificateError: it is another's, of another key or authority, does not hold now, or cannot be read
            or written. What is in use stays in use.
    """
    certificate, ca = load(certificate_path), load(ca_path)
    key_path = folder / NEXT / KEY
    if not key_path.exists():
        raise CertificateError(
            f"{folder}: no key waits for a certificate here; begin with `edge enroll request`"
        )
    name = edge_id if edge_id is not None else _requested(folder)
    check_name(certificate_path, certificate, edge_id=name)
    check_key(certificate_path, certificate, load_key(key_path), key_path)
    check_issuer(certificate_path, certificate, ca_path, ca)
    now = clock()
    check_time(certificate_path, certificate, now=now)
    _put(folder, certificate, ca)
    left = certificate.not_valid_after_utc - now
    return Installed(
        edge_id=name_of(certificate),
        folder=folder / CURRENT,
        not_after=certificate.not_valid_after_utc,
        days=left.total_seconds() / 86_400,
    )


def _requested(folder: Path) -> str:
    """The name in the request that waits."""
    found = sorted((folder / NEXT).glob("*.csr"))
    if len(found) != 1:
        raise CertificateError(f"{folder / NEXT}: {len(found)} requests wait there, one was expected")
    return found[0].stem


def _put(folder: Path, certificate: x509.Certificate, ca: x509.Certificate) -> None:
    """Lay out the new set, then point to it: the last step is the only one that the running box sees."""
    place = folder / f"{certificate.serial_number:x}"
    try:
        if place.exists() and place.resolve() != (folder / CURRENT).resolve():
            shutil.rmtree(place)  # left behind by an installation that was cut off
        write(place / KEY, (folder / NEXT / KEY).read_bytes(), mode=0o600)
        write(place / CERTIFICATE, certificate.public_bytes(Encoding.PEM), mode=0o644)
        write(place / AUTHORITY, ca.public_bytes(Encoding.PEM), mode=0o644)
        link = folder / f".{CURRENT}.part"
        link.unlink(missing_ok=True)
        link.symlink_to(place.name, target_is_directory=True)
        link.replace(folder / CURRENT)
        sync(folder)
        shutil.rmtree(folder / NEXT)
    except OSError as error:
        raise CertificateError(f"{error.filename or folder}: cannot be written: {error.strerror}") from error
