"""Packs for tests: on this machine alone, and with a bucket of a real S3 server to which they move."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from s3_servers import S3Server

from central.archive.pictures import Packs
from central.archive.storage import open_s3

LATER = datetime.now(UTC) + timedelta(hours=2)
"""Past the grace of whatever a test writes; the messages of tests are of 2025, so all of them are old by then."""

KEEP = timedelta(days=30)


@pytest.fixture(params=["local", pytest.param("s3", marks=pytest.mark.s3)])
def packs(request: pytest.FixtureRequest, tmp_path: Path) -> Packs:
    """Packs that are written in `pictures`."""
    if request.param == "local":
        return Packs(tmp_path / "pictures")
    server: S3Server = request.getfixturevalue("s3_server")
    return Packs(tmp_path / "pictures", open_s3(server.settings(), "pictures"))


def lengths(packs: Packs) -> dict[str, int]:
    """Every file that lies there, drafts included, and its length."""
    return {file.name: file.length for day in packs.days() for file in packs.of_day(day)}
