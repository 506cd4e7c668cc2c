"""A device's request, before it is signed: whose it is, and whether it may be."""

import re
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509.oid import NameOID
from pydantic import TypeAdapter, ValidationError

from central.ca.file import read
from central.errors import AuthorityError
from edge.contract.read import Identifier

CENTRE: Final = "centre"
"""The centre's own name at the broker: configs/mosquitto/acl gives it its rights, so no device may bear it, nor
that of a further consumer, such as centre-2."""

_EDGE_ID: Final = TypeAdapter(Identifier)


def check_edge_id(edge_id: str) -> None:
    """Refuse a name that no edge may bear.

    Raises:
        AuthorityError: says why.
    """
    try:
        _EDGE_ID.validate_python(edge_id)
    except ValidationError as error:
        raise AuthorityError(
            f"{edge_id!r} is no edge_id: up to 63 of a-z 0-9 . _ -, the first a letter or digit"
        ) from error
    if re.fullmatch(rf"{CENTRE}(-[0-9]+)?", edge_id):
        raise AuthorityError(f"{edge_id!r} is the centre's own name at the broker; `ca centre` signs that")


def public_key_of(path: Path, *, edge_id: str) -> ec.EllipticCurvePublicKey:
    """The key of a request (PEM), once it is sure that the request is that edge's and is whole.

    Raises:
        AuthorityError: it cannot be read, is another's, or its key is of another kind than edges make.
    """
    check_edge_id(edge_id)
    try:
        request = x509.load_pem_x509_csr(read(path, "the request"))
        is_whole = request.is_signature_valid
        key = request.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise AuthorityError(f"{path}: not a certificate request (PEM)") from error
    if not is_whole:
        raise AuthorityError(f"{path}: damaged: the request's signature does not fit")
    names = [str(name.value) for name in request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)]
    if names != [edge_id]:
        found = " and ".join(map(repr, names)) or "nobody"
        raise AuthorityError(f"{path}: the request of {found}, not of {edge_id!r}")
    if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(key.curve, ec.SECP256R1):
        raise AuthorityError(f"{path}: its key is not EC P-256, which `edge enroll request` makes")
    return key


def key_fingerprint(key: ec.EllipticCurvePublicKey) -> str:
    """SHA-256 of a public key (SubjectPublicKeyInfo), to be compared by eye with what the box shows."""
    digest = Hash(SHA256())
    digest.update(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo))
    return digest.finalize().hex(":").upper()
