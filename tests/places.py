"""Places for the archive's tables: `archive` lies in a folder of this machine, then in a bucket of a real S3 server."""

from pathlib import Path

import pytest
from s3_servers import S3Server

from central.archive.place import Archive, archive_of
from central.settings import CentralSettings


def settings_on(place: str, folder: Path, request: pytest.FixtureRequest) -> CentralSettings:
    """Settings of an archive of its own, `local` or `s3`."""
    settings = CentralSettings.model_validate({"archive": {"path": folder / "archive", "memory_mb": 256}})
    if place == "s3":
        server: S3Server = request.getfixturevalue("s3_server")
        settings = settings.model_copy(update={"storage": server.settings()})
    return settings


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def archive_settings(request: pytest.FixtureRequest, tmp_path: Path) -> CentralSettings:
    return settings_on(request.param, tmp_path, request)


@pytest.fixture
def archive(archive_settings: CentralSettings) -> Archive:
    return archive_of(archive_settings)
