"""What every test may use."""

from collections.abc import Iterator

import pytest
import structlog

pytest_plugins = ("skips", "brokers", "databases", "s3_servers", "kept_pictures")


@pytest.fixture(autouse=True)
def _logs_as_ever() -> Iterator[None]:
    """A command that is called within a test says where logs go; the next test must not find it so."""
    yield
    structlog.reset_defaults()
