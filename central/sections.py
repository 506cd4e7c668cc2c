"""The sections of the centre's configuration, every key bounded and described; `central.settings` is the whole."""

import re
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import BeforeValidator, Field, ValidationInfo, field_validator, model_validator

from central.errors import ConfigError
from edge.contract.clip import LONGEST_S
from edge.contract.config import BrokerSettings, Section, is_loopback, together
from edge.contract.read import Identifier
from edge.contract.topics import PARTITIONS

_CLIENT_ID: Final = "central-1"
_SPAN: Final = re.compile(r"\s*([0-9]{1,2})(?:-([0-9]{1,2}))?\s*")
_ENDPOINT: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[\w.-]+|\[[0-9a-f:]+\])(:\d+)?/?")


def _partitions(value: object) -> object:
    """`0-15,40` as the numbers that it means."""
    if isinstance(value, frozenset):
        return value
    spans = [_SPAN.fullmatch(part) for part in str(value).split(",")]
    ends = [(int(span[1]), int(span[2] or span[1])) for span in spans if span is not None]
    if len(ends) < len(spans) or any(not first <= last < PARTITIONS for first, last in ends):
        raise ValueError(f"expected numbers or ranges from 0 to {PARTITIONS - 1}, such as 0-31 or 0-15,40")
    return frozenset(number for first, last in ends for number in range(first, last + 1))


class MqttSettings(BrokerSettings):
    """The broker, and our durable session at it."""

    client_id: Identifier = Field(default=_CLIENT_ID, description="fixed: names the durable session")
    partitions: Annotated[frozenset[int], BeforeValidator(_partitions)] = Field(
        default=frozenset(range(PARTITIONS)),
        description="of whose edges we take the messages, such as 0-31; another consumer takes the others",
    )
    receive_maximum: Annotated[int, Field(ge=1, le=65535)] = Field(
        default=200, description="messages that the broker may have under way to us"
    )

    @model_validator(mode="after")
    def _a_part_has_a_session_of_its_own(self) -> Self:
        if len(self.partitions) < PARTITIONS and self.client_id == _CLIENT_ID:
            raise ValueError(
                f"client_id: expected a name that no other consumer has, such as central-2: with a part of the "
                f"partitions there are several, and two of one name ({_CLIENT_ID}, if not set) end each other"
            )
        return self


class IngestSettings(Section):
    """How reads become rows."""

    batch_rows: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=500, description="a batch is at most this long"
    )
    batch_s: Annotated[float, Field(gt=0, le=5)] = Field(
        default=0.05, description="and waits at most this long"
    )
    queue_max: Annotated[int, Field(ge=200, le=1_000_000)] = Field(
        default=10_000,
        description="messages taken from the broker and not yet committed; past it the broker waits",
    )
    late_s: Annotated[float, Field(ge=1)] = Field(
        default=60.0, description="a read older than this is marked late"
    )


class ArchiveSettings(Section):
    """The Delta table."""

    path: Path = Field(
        default=Path("state/archive"),
        description="folder of the Delta tables; where storage.kind is s3, of drafts and spilt rows",
    )
    seal_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=300.0, description="hot rows are sealed into the archive this often, and on a clean stop"
    )
    maintain_s: Annotated[float, Field(ge=60, le=86_400)] = Field(
        default=3600.0, description="days are closed, copies derived and files swept this often, where due"
    )
    close_after_s: Annotated[float, Field(ge=0, le=86_400)] = Field(
        default=3600.0, description="a day (of UTC) is closed so long after its end"
    )
    grace_h: Annotated[int, Field(ge=1, le=720)] = Field(
        default=24, description="hours that a file which was replaced stays: longer than any question takes"
    )
    keep_days: Annotated[int, Field(ge=1, le=36_600)] = Field(
        default=1826,
        description="days after its capture that a read is shown, to the microsecond, where no hold keeps it",
    )
    verify_days: Annotated[float, Field(gt=0, le=365)] = Field(
        default=7, description="every file is read whole, for damage, once in so many days"
    )
    memory_mb: Annotated[int, Field(ge=256)] = Field(
        default=1024, description="memory of maintenance, MB, before it sorts on the disk"
    )


class PictureSettings(Section):
    """Pictures and clips."""

    path: Path = Field(
        default=Path("state/pictures"),
        description="folder of the packs; where storage.kind is s3, of those that are still being written",
    )
    keep_days: Annotated[int, Field(ge=1, le=3660)] = Field(
        default=30,
        description="days after their arrival that pictures and clips are kept which no alert or hold needs; "
        "at most archive.keep_days",
    )


class StorageSettings(Section):
    """Where tables and finished packs lie: on this machine's disk, or in a bucket of S3."""

    kind: Literal["local", "s3"] = Field(default="local", description="local: below the paths named; s3")
    endpoint: str | None = Field(
        default=None, description="as in https://s3.example:9000; null: Amazon's own for the region"
    )
    region: str = Field(default="us-east-1", description="region of the bucket")
    bucket: str | None = Field(default=None, description="bucket, which must be there", min_length=3)
    prefix: str = Field(
        default="atalaya", pattern=r"^([\w-][\w.-]*(/[\w-][\w.-]*)*)?$", description="folder in the bucket"
    )
    access_key_file: Path | None = Field(
        default=None, description="file that holds the access key; null, both: the machine's own role"
    )
    secret_key_file: Path | None = Field(default=None, description="file that holds the secret key")
    ca_file: Path | None = Field(
        default=None, description="certificate authority that signed the endpoint's certificate"
    )
    insecure_plaintext: bool = Field(
        default=False,
        description="allow http:// to an endpoint elsewhere: whoever is on the way sees plates and pictures",
    )

    @field_validator("endpoint", mode="after")
    @classmethod
    def _an_address(cls, endpoint: str | None) -> str | None:
        if endpoint is not None and _ENDPOINT.fullmatch(endpoint) is None:
            raise ValueError("expected https://host:port or http://host:port")
        return endpoint

    @model_validator(mode="after")
    def _all_that_s3_needs(self) -> Self:
        together("access_key_file", self.access_key_file, "secret_key_file", self.secret_key_file)
        if self.kind == "s3" and self.bucket is None:
            raise ValueError("s3 needs a bucket")
        match = _ENDPOINT.fullmatch(self.endpoint or "")
        in_clear = match is not None and match["scheme"] == "http"
        if (
            match is not None
            and in_clear
            and not (self.insecure_plaintext or is_loopback(match["host"].strip("[]")))
        ):
            raise ValueError(
                f"https is compulsory: {match['host']} is not this machine (insecure_plaintext: true sends plates "
                "and pictures over the network in clear)"
            )
        return self


Language = Literal["en", "es", "both"]


class AlertSettings(Section):
    """When a hit is one more look at the same vehicle, and what becomes of an alert."""

    passage_s: Annotated[float, Field(ge=1, le=3600)] = Field(
        default=30.0, description="a repeat at the same camera within this time is the same passage"
    )
    vehicle_h: Annotated[float, Field(ge=0, le=168)] = Field(
        default=12.0,
        description="an open alert takes what is seen of its vehicle at any camera within these hours; "
        "0: each passage is an alert",
    )
    unseen_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=60.0,
        description="one of priority 1 that nobody has seen for so long is escalated, and again after twice and "
        "four times that; one of priority 5 waits five times as long",
    )
    unconfirmed_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=300.0, description="likewise, once it was seen, where nobody has confirmed or rejected it"
    )
    language: Language = Field(
        default="both", description="en, es or both: in which alerts say why they were raised"
    )
    unit_fresh_s: Annotated[float, Field(ge=1, le=86_400)] = Field(
        default=120.0, description="a unit whose position is older is not proposed"
    )


class MatchSettings(Section):
    """How likely a read must be a listed plate to raise an alert."""

    false_a_day: Annotated[float, Field(ge=0, le=1e6)] = Field(
        default=20.0,
        description="false alerts a day that each list may raise; the fewer, the more vehicles are missed",
    )
    reads_a_day: Annotated[float, Field(ge=1, le=1e9)] = Field(
        default=4_500_000, description="reads a day of all cameras, of which these are expected"
    )


class WatchSettings(Section):
    """A folder into which somebody puts hotlists."""

    folder: Path | None = Field(
        default=None,
        description="files NAME.csv that appear whole in it are imported into list NAME; null: none",
    )
    lists: dict[Identifier, Literal["whole", "add"]] = Field(
        default={},
        description="which lists may be imported so; whole: what the file does not name is ended; add: it stays",
    )
    entered_by: Identifier = Field(
        default="watched-folder", description="under whose name, in the entries and in the audit log"
    )
    every_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        default=2.0, description="the folder is looked into this often"
    )
    quiet_s: Annotated[float, Field(ge=0.1, le=3600)] = Field(
        default=1.0, description="a file that does not change for so long is whole"
    )


class HotlistSettings(Section):
    """Where hotlists come from, whether they are hunted, and who holds a copy."""

    watch: WatchSettings = WatchSettings()
    hunt: bool = Field(
        default=True,
        description="entries that are new or have changed are looked for in the archive at once, and where they were "
        "seen last is kept; false: only where somebody asks",
    )
    copies: bool = Field(
        default=True,
        description="boxes are given a signed copy of what matching takes, and send listed vehicles first; false: "
        "what they hold is taken back",
    )


class ClipSettings(Section):
    """Clips: some seconds of video around a read, which the edge that made it is asked for."""

    ask: Literal["alerts", "never"] = Field(
        default="alerts",
        description="alerts: for reads that raise one or join it with a new passage; never: only where somebody asks",
    )
    before_s: Annotated[float, Field(ge=0, le=LONGEST_S)] = Field(
        default=5.0, description="seconds before the read"
    )
    after_s: Annotated[float, Field(ge=0, le=LONGEST_S)] = Field(
        default=5.0, description="seconds after the read"
    )


class QuerySettings(Section):
    """How far a question may go."""

    timeout_s: Annotated[float, Field(gt=0, le=3600)] = Field(
        default=60.0, description="an answer that takes longer is given up"
    )
    memory_mb: Annotated[int, Field(ge=64)] = Field(default=1024, description="memory of one answer, MB")


class AccessSettings(Section):
    """The audit log."""

    key_file: Path = Field(
        default=Path("state/audit.key"),
        description="key of its chain and of the plates in it; made at its first row, keep it secret and for good",
    )


class ApiSettings(Section):
    """The API over HTTP, which `python -m central api serve` answers."""

    host: str = Field(default="127.0.0.1", description="address to listen on")
    port: Annotated[int, Field(ge=1, le=65535)] = Field(default=8470, description="port to listen on")
    cert_file: Path | None = Field(default=None, description="our certificate; compulsory off this machine")
    key_file: Path | None = Field(default=None, description="its key")
    insecure_plaintext: bool = Field(
        default=False,
        description="allow another address than this machine's without a certificate: whoever is on the way reads "
        "keys and plates",
    )
    requests_a_minute: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=120, description="of each key; more are refused"
    )
    upload_mb: Annotated[int, Field(ge=1, le=512)] = Field(
        default=256, description="MiB of a file that is sent to us; a larger one is refused"
    )

    @model_validator(mode="after")
    def _nothing_in_clear(self) -> Self:
        together("cert_file", self.cert_file, "key_file", self.key_file)
        if self.cert_file is None and not (self.insecure_plaintext or is_loopback(self.host)):
            raise ValueError(
                f"a certificate is compulsory: {self.host} is not this machine alone (cert_file and key_file; or "
                "insecure_plaintext: true, where keys and plates go over the network in clear)"
            )
        return self


class EraseSettings(Section):
    """Erasing by order of a court."""

    search: tuple[Path, ...] = Field(
        default=(),
        description="further folders in which an erased plate is searched for: exports, backups, spools of edges",
    )

    @field_validator("search", mode="after")
    @classmethod
    def _beside_the_file_too(cls, folders: tuple[Path, ...], info: ValidationInfo) -> tuple[Path, ...]:
        beside = (info.context or {}).get("folder")
        return folders if beside is None else tuple(beside / folder for folder in folders)


class BackupSettings(Section):
    """Backups of the whole centre."""

    path: Path | None = Field(
        default=None, description="folder of the backups, on another disk than what it backs up; null: none"
    )


def read_secret(path: Path) -> str:
    """A secret from its file, without the line end.

    Raises:
        ConfigError: the file is missing, unreadable or empty.
    """
    try:
        secret = path.read_text(encoding="utf-8").rstrip("\r\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: secret cannot be read: {error}") from error
    if not secret:
        raise ConfigError(f"{path}: secret is empty")
    return secret
