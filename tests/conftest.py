"""What every test may use."""

from collections.abc import Iterator

import pytest
import structlog
from hypothesis import settings

pytest_plugins = (
    "skips",
    "brokers",
    "databases",
    "s3_servers",
    "places",
    "disks",
    "kept_pictures",
    "restored",
)

# An example that takes long says that the machine is busy, and nothing of the code.
settings.register_profile("atalaya", deadline=None)
settings.load_profile("atalaya")


@pytest.fixture(autouse=True)
def _logs_as_ever() -> Iterator[None]:
    """A command that is called within a test says where logs go; the next test must not find it so."""
    yield
    structlog.reset_defaults()
