"""The centre's configuration: one YAML file, every key bounded and described, unknown keys refused.

Relative paths in the file are relative to the file. Secrets are never in it: it names files that hold them.
"""

import tempfile
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from pydantic import Field, ValidationError, ValidationInfo, field_validator
from sqlalchemy import URL, make_url
from sqlalchemy.exc import ArgumentError

from central.errors import ConfigError
from central.sections import (
    AccessSettings,
    AlertSettings,
    ApiSettings,
    ArchiveSettings,
    BackupSettings,
    ClipSettings,
    EraseSettings,
    HotlistSettings,
    IngestSettings,
    MatchSettings,
    MqttSettings,
    PictureSettings,
    QuerySettings,
    StorageSettings,
    read_secret,
)
from central.subscribers import SubscriberSettings, no_client_twice, no_name_twice
from edge.contract.config import Section, faults
from edge.contract.document import DocumentError, line_finder, read

_DRIVERS: Final = ("sqlite", "sqlite+pysqlite", "postgresql+psycopg")
_DATABASES: Final = "sqlite:///<file> or postgresql+psycopg://<user>@<host>/<database>"


class CentralSettings(Section):
    """The whole file."""

    site_timezone: str = Field(default="America/Bogota", description="IANA zone in which times are shown")
    database_url: str = Field(
        default="sqlite:///state/central.sqlite",
        description="SQLAlchemy URL without a password; its paths are relative to the file",
    )
    cameras_file: Path | None = Field(
        default=None, description="names and places of cameras, for areas, distances and speeds"
    )
    stations_file: Path | None = Field(
        default=None, description="stations with their cameras or limits, to which alerts are routed"
    )
    mqtt: MqttSettings = MqttSettings()
    ingest: IngestSettings = IngestSettings()
    archive: ArchiveSettings = ArchiveSettings()
    pictures: PictureSettings = Field(default=PictureSettings(), validate_default=True)
    storage: StorageSettings = StorageSettings()
    alert: AlertSettings = AlertSettings()
    match: MatchSettings = MatchSettings()
    hotlist: HotlistSettings = HotlistSettings()
    notify: tuple[SubscriberSettings, ...] = Field(default=(), description="who is told of alerts")
    clips: ClipSettings = ClipSettings()
    query: QuerySettings = QuerySettings()
    access: AccessSettings = AccessSettings()
    api: ApiSettings = ApiSettings()
    erase: EraseSettings = EraseSettings()
    backup: BackupSettings = BackupSettings()

    @field_validator("site_timezone", mode="after")
    @classmethod
    def _known_zone(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (ValueError, KeyError, OSError) as error:
            raise ValueError(f"not a time zone of the IANA list: {name!r}") from error
        return name

    @field_validator("notify", mode="after")
    @classmethod
    def _names_differ(
        cls, subscribers: tuple[SubscriberSettings, ...], info: ValidationInfo
    ) -> tuple[SubscriberSettings, ...]:
        no_name_twice(subscribers)
        consumer = info.data.get("mqtt")  # None: at fault itself
        no_client_twice(subscribers, "" if consumer is None else consumer.client_id)
        return subscribers

    @field_validator("pictures", mode="after")
    @classmethod
    def _no_picture_outlives_its_read(
        cls, pictures: PictureSettings, info: ValidationInfo
    ) -> PictureSettings:
        archive = info.data.get("archive")  # None: at fault itself
        if archive is not None and pictures.keep_days > archive.keep_days:
            raise ValueError(
                f"keep_days ({pictures.keep_days}): expected at most archive.keep_days ({archive.keep_days}): a "
                "picture would show what nobody may be shown any more; alerts and holds keep theirs by their own rule"
            )
        return pictures

    @field_validator("database_url", mode="after")
    @classmethod
    def _usable_database(cls, text: str, info: ValidationInfo) -> str:
        url = _database(text)
        folder = (info.context or {}).get("folder")
        if folder is None:
            return text
        if url.get_backend_name() == "sqlite":
            url = url.set(database=str(folder / str(url.database)))
        elif passfile := url.query.get("passfile"):
            url = url.update_query_dict({"passfile": str(folder / str(passfile))})
        else:
            return text
        return url.render_as_string(hide_password=False)  # there is none


def load(path: Path) -> CentralSettings:
    """Read and check a configuration file.

    Raises:
        ConfigError: names the file, and the line or the key, and what was expected.
    """
    try:
        root, content = read(path)
    except DocumentError as error:
        raise ConfigError(str(error)) from error
    if not isinstance(content, dict):
        raise ConfigError(f"{path}: expected a mapping of settings, found {type(content).__name__}")
    try:
        return CentralSettings.model_validate(content, context={"folder": path.resolve().parent})
    except ValidationError as error:
        raise ConfigError(
            f"{path}:\n{faults(error, model=CentralSettings, line_of=line_finder(root))}"
        ) from error


def check_files(path: Path, settings: CentralSettings) -> None:
    """Look for the files that a configuration names, passwords and certificates, and write where the centre will.

    Raises:
        ConfigError: one of them is missing or cannot be used.
    """
    _check_places(path, settings)
    _check_subscribers(path, settings)
    broker = settings.mqtt
    if passfile := make_url(settings.database_url).query.get("passfile"):
        _check_passfile(path, Path(str(passfile)))
    keys = settings.storage
    for secret in (broker.password_file, keys.access_key_file, keys.secret_key_file):
        if secret is not None:
            read_secret(secret)
    if keys.ca_file is not None and not keys.ca_file.is_file():
        raise ConfigError(f"{path}: storage.ca_file: {keys.ca_file}: no such file")
    for name in ("cert_file", "key_file"):
        file = getattr(settings.api, name)
        if file is not None and not file.is_file():
            raise ConfigError(f"{path}: api.{name}: {file}: no such file")
    for name in ("ca_file", "cert_file", "key_file"):
        file = getattr(broker.tls, name, None)
        if file is not None and not file.is_file():
            raise ConfigError(f"{path}: mqtt.tls.{name}: {file}: no such file")


def _check_subscribers(path: Path, settings: CentralSettings) -> None:
    for each in settings.notify:
        broker = getattr(each, "broker", None)
        for section in (each, broker, getattr(broker, "tls", None)):
            for key in ("secret_file", "password_file", "ca_file", "cert_file", "key_file"):
                file = getattr(section, key, None)
                if file is not None and not file.is_file():
                    raise ConfigError(f"{path}: notify: {each.name}: {key}: {file}: no such file")


def _check_places(path: Path, settings: CentralSettings) -> None:
    """By writing: rights are not all that keeps one from it."""
    places = {"archive.path": settings.archive.path, "pictures.path": settings.pictures.path}
    if settings.backup.path is not None:
        places["backup.path"] = settings.backup.path
    url = make_url(settings.database_url)
    if url.get_backend_name() == "sqlite":
        places["database_url"] = Path(str(url.database)).parent
    if not settings.access.key_file.exists():  # it is made once, and then only read
        places["access.key_file"] = settings.access.key_file.parent
    for key, folder in places.items():
        there = next(place for place in (folder, *folder.parents) if place.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            raise ConfigError(f"{path}: {key}: {folder}: cannot be written: {error.strerror}") from error


def _check_passfile(path: Path, passfile: Path) -> None:
    """What libpq passes over with hardly a word."""
    if not passfile.is_file():
        raise ConfigError(f"{path}: database_url: passfile {passfile}: no such file")
    if passfile.stat().st_mode & 0o077:
        raise ConfigError(
            f"{path}: database_url: passfile {passfile}: others can read it, so it would not be used; "
            f"chmod 600 {passfile}"
        )


def _database(text: str) -> URL:
    """A database URL that we can use.

    Raises:
        ValueError: what is wrong with it, without repeating it.
    """
    try:
        url = make_url(text)
    except (ArgumentError, ValueError):
        url = None
    if url is None or url.drivername not in _DRIVERS:
        raise ValueError(f"expected {_DATABASES}")
    if url.password is not None or any("password" in name.lower() for name in url.query):
        raise ValueError(
            "no password in the address: name libpq's password file in it, as in ...?passfile=secrets/pgpass "
            "(a line host:port:database:user:password, readable by you alone)"
        )
    if url.get_backend_name() == "sqlite" and url.database in (None, "", ":memory:"):
        raise ValueError("sqlite needs a file, as in sqlite:///state/central.sqlite")
    return url
