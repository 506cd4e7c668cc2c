"""The centre's side of the signed copies, for the edge's tests: who signs, what is issued, what a broker retains."""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ec import (
    ECDSA,
    SECP256R1,
    EllipticCurvePrivateKey,
    generate_private_key,
)
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import Certificate

from central.ca import profiles
from central.ca.profiles import Validity
from edge.contract.hotlist import PARTS, Entry, Head, SignedHead, digest, pack, part_of, to_sign
from edge.contract.topics import HOTLIST_HEAD, hotlist_part

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)
ALWAYS = (-(10**15), 10**16)


def an_entry(plate: str = "ABC123", list_name: str = "stolen", **more: object) -> Entry:
    """An entry that always holds and asks for nothing but the plate."""
    entry = Entry(plate, list_name, "CO", None, None, None, None, *ALWAYS, 1)
    return entry._replace(**more)  # type: ignore[arg-type]


def packed(entries: Iterable[Entry]) -> list[bytes]:
    """The parts of a copy."""
    shares: list[list[Entry]] = [[] for _ in range(PARTS)]
    for entry in entries:
        shares[part_of(entry.plate)].append(entry)
    return [pack(share) for share in shares]


class Authority:
    """An authority whose certificates hold for a year around `NOW`, and what it signs."""

    def __init__(self, folder: Path, *, now: datetime = NOW) -> None:
        self.validity = Validity(now - timedelta(days=100), now + timedelta(days=265))
        key = generate_private_key(SECP256R1())
        certificate = profiles.authority(key, name="Test city", validity=self.validity)
        self.signer = profiles.Signer(certificate, key)
        self.ca_file = folder / "ca.pem"
        self.ca_file.write_bytes(certificate.public_bytes(Encoding.PEM))

    def client(self, name: str = "centre", *, validity: Validity | None = None) -> "Pen":
        key = generate_private_key(SECP256R1())
        made = profiles.client(
            key.public_key(), name=name, validity=validity or self.validity, signer=self.signer
        )
        return Pen(key, made)

    def server(self) -> "Pen":
        key = generate_private_key(SECP256R1())
        made = profiles.server(key.public_key(), hosts=["centre"], validity=self.validity, signer=self.signer)
        return Pen(key, made)


@dataclass(frozen=True)
class Pen:
    """A key and its certificate."""

    key: EllipticCurvePrivateKey
    certificate: Certificate

    def sign(self, text: str) -> SignedHead:
        signature = self.key.sign(to_sign(text), ECDSA(SHA256()))
        pem = self.certificate.public_bytes(Encoding.PEM).decode()
        return SignedHead(signed=text, certificate=pem, signature=base64.b64encode(signature).decode())


@dataclass
class Issuer:
    """The centre: issues heads of what is listed, and holds what a broker would retain."""

    pen: Pen
    number: int = 0
    least: Mapping[str, float] = field(default_factory=lambda: {"stolen": 0.3})
    retained: dict[str, bytes] = field(default_factory=dict)

    def issue(self, entries: Iterable[Entry], *, at: datetime = NOW) -> Head:
        """A new head, and its parts, as the broker has them from now on."""
        listed = list(entries)
        parts = packed(listed)
        self.number += 1
        head = Head.of(
            [digest(part) for part in parts],
            issued_at=at,
            number=self.number,
            entries=len(listed),
            least=self.least,
        )
        for number, part in enumerate(parts):
            self.retained.pop(hotlist_part(number), None)
            if part:
                self.retained[hotlist_part(number)] = part
        self.retained[HOTLIST_HEAD] = self.sealed(head)
        return head

    def sealed(self, head: Head) -> bytes:
        return self.pen.sign(head.model_dump_json()).model_dump_json().encode()
