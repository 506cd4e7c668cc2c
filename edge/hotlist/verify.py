"""Whether a head is the centre's own: signed by a client of the box's authority that bears the centre's name."""

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ec import ECDSA, SECP256R1, EllipticCurvePublicKey
from cryptography.hazmat.primitives.hashes import SHA256

from edge import certificate
from edge.contract.hotlist import CopyError, Head, SignedHead, to_sign
from edge.errors import CertificateError, HotlistError

_OF_HEAD = "certificate of the hotlists' signer"


def verified(signed: SignedHead, *, ca_file: Path, signer: str, now: datetime) -> Head:
    """What the centre signed.

    A certificate that was revoked is not known here: which those are is the broker's to know.

    Args:
        signed: as it came.
        ca_file: the authority's certificate, by which the box knows the broker too (PEM).
        signer: the centre's common name; no box has a certificate that bears it.
        now: UTC.

    Raises:
        HotlistError: it is not the centre's, or cannot be understood; says why.
    """
    try:
        theirs = certificate.parse(signed.certificate.encode(), _OF_HEAD)
        certificate.check_issuer(_OF_HEAD, theirs, ca_file, certificate.load(ca_file))
        certificate.check_time(_OF_HEAD, theirs, now=now)
        if (name := certificate.name_of(theirs)) != signer:
            raise HotlistError(f"hotlists signed by {name!r}, not by the centre, {signer!r}")
        _key_of(theirs).verify(signed.signature_bytes, to_sign(signed.signed), ECDSA(SHA256()))
        return signed.head()
    except InvalidSignature as error:
        raise HotlistError("hotlists with a signature that is wrong") from error
    except (CertificateError, CopyError) as error:
        raise HotlistError(str(error)) from error


def _key_of(theirs: x509.Certificate) -> EllipticCurvePublicKey:
    try:
        key = theirs.public_key()
    except (ValueError, UnsupportedAlgorithm) as error:
        raise HotlistError("hotlists signed with a key that is not known here") from error
    if not isinstance(key, EllipticCurvePublicKey) or not isinstance(key.curve, SECP256R1):
        raise HotlistError("hotlists signed with a key that is not EC P-256")
    return key
