"""The box's key and its request."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, PublicFormat
from cryptography.x509.oid import NameOID

from edge.certificate import load_key
from edge.contract.files import write_atomic
from edge.errors import CertificateError

NEXT: Final = "next"
"""Folder of the key and request that wait for their certificate."""
KEY: Final = "edge.key"


@dataclass(frozen=True, slots=True)
class Request:
    """A request that was written.

    Attributes:
        path: the request (CSR, PEM); nothing in it is secret.
        key_path: the key, which stays.
        fingerprint: SHA-256 of the public key, to be compared by eye with what the authority shows.
        again: whether the key was there before.
    """

    path: Path
    key_path: Path
    fingerprint: str
    again: bool


def make(folder: Path, *, edge_id: str) -> Request:
    """Make a key and its request below `folder`; a key that waits there already is used again.

    What the box uses now is not touched.

    Raises:
        CertificateError: the folder cannot be written, or what lies there is no key of ours.
    """
    key_path = folder / NEXT / KEY
    again = key_path.exists()
    key = load_key(key_path) if again else ec.generate_private_key(ec.SECP256R1())
    if not again:
        pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
        write(key_path, pem, mode=0o600)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, edge_id)])
    csr = x509.CertificateSigningRequestBuilder().subject_name(name).sign(key, SHA256())
    path = folder / NEXT / f"{edge_id}.csr"
    for earlier in path.parent.glob("*.csr"):
        earlier.unlink()
    write(path, csr.public_bytes(Encoding.PEM), mode=0o644)
    return Request(path, key_path, _fingerprint(key.public_key()), again)


def write(path: Path, content: bytes, *, mode: int) -> None:
    """Write a file, or put it in another's place, making its folder.

    Raises:
        CertificateError: it cannot be written.
    """
    try:
        for folder in (path.parent.parent, path.parent):
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        write_atomic(path, content, mode=mode, alone=True)
    except OSError as error:
        raise CertificateError(f"{path}: cannot be written: {error.strerror}") from error


def _fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex(":").upper()
