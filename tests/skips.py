"""No silent skip: where ATALAYA_EXPECTED_SKIPS names a file, every other skip fails the run.

The file holds one reason a line; a skip is expected when its reason contains one of them.
"""

import os
from collections.abc import Generator
from pathlib import Path

import pytest


def unexpected(reasons: list[tuple[str, str]], expected: list[str]) -> list[tuple[str, str]]:
    """The skips (test, reason) that no expected line explains."""
    return [(test, reason) for test, reason in reasons if not any(words in reason for words in expected)]


def read_expected(path: Path) -> list[str]:
    """The lines of the file without comments."""
    lines = (line.strip() for line in path.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


class NoSilentSkip:
    """Collects the skips of a run and fails it where one was not expected."""

    def __init__(self, expected: list[str]) -> None:
        self.expected = expected
        self.skipped: list[tuple[str, str]] = []

    def _note(self, report: pytest.TestReport | pytest.CollectReport) -> None:
        if report.skipped and not hasattr(report, "wasxfail"):
            reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else str(report.longrepr)
            self.skipped.append((report.nodeid, reason))

    pytest_runtest_logreport = _note
    pytest_collectreport = _note

    @pytest.hookimpl(wrapper=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> Generator[None]:
        """Turn an otherwise good run into a failed one."""
        yield
        if unexpected(self.skipped, self.expected) and session.exitstatus in (
            0,
            pytest.ExitCode.NO_TESTS_COLLECTED,
        ):
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Name them."""
        for test, reason in unexpected(self.skipped, self.expected):
            terminalreporter.write_line(f"UNEXPECTED SKIP {test}: {reason}", red=True)


def pytest_configure(config: pytest.Config) -> None:
    """Watch the skips where the environment asks for it."""
    path = os.environ.get("ATALAYA_EXPECTED_SKIPS")
    if path:
        config.pluginmanager.register(NoSilentSkip(read_expected(Path(path))))
