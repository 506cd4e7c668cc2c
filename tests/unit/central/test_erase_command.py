"""`erase` from the command line, and the certificate as it is printed."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import get_args

import pytest
from central_messages import rows
from central_reads import NOON, a_read, put
from click.testing import CliRunner
from sqlalchemy import Engine, insert, update

from central.access.key import open_key
from central.cli import cli
from central.db import audit, erasure, open_database
from central.erase.certificate import as_html, as_text, issued, sealed, written
from central.erase.plate import Needle
from central.erase.search import Searched, Unsearched, Why
from central.words import Words

WHO = ["--as", "ana", "--purpose", "a court", "--case", "2025-7"]
CONTENT = {
    "erasure": 4,
    "reference": "STC <4411>",
    "case": "2025-7",
    "plate": "ab" * 32,
    "since": None,
    "until": "2025-03-05T00:00:00+00:00",
    "ordered_by": "ana",
    "ordered_at": "2025-03-04T12:00:00+00:00",
    "finished_at": "2025-03-04T13:00:00+00:00",
    "removed": {"archive": 41_000, "alert": 2},
    "files": [
        {"name": f"reads/day-{n}.parquet", "rows": 41, "before": f"{n:02}" * 32, "after": None}
        for n in range(60)
    ],
    "roots": ["state/archive"],
    "searched": {"files": 1_234, "bytes": 987_654_321, "rows": 12},
    "found": [],
    "unsearched": [{"why": "unreadable", "where": "state/x", "detail": "Permission denied"}],
    "looks": [{"number": 17, "action": "history", "form": "csv"}],
    "software": "Atalaya 0.1.0",
}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_template: Path) -> Path:
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / "central.sqlite").write_bytes(sqlite_template.read_bytes())
    (tmp_path / "central.yaml").write_text("archive: {keep_days: 3660}\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LANG", "en")
    monkeypatch.delenv("LC_ALL", raising=False)
    monkeypatch.delenv("LC_MESSAGES", raising=False)
    return tmp_path


@pytest.fixture
def engine(home: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{home}/state/central.sqlite")
    yield engine
    engine.dispose()


def ask(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(cli, list(words))
    return result.exit_code, result.output


def test_from_the_order_to_the_certificate(engine: Engine, home: Path) -> None:
    put(engine, [a_read(1), a_read(2, plate="XYZ789")])
    assert ask("history", "ABC123", "--csv", *WHO)[0] == 0
    code, said = ask("erase", "order", "abc-123", "--order", "STC-1", *WHO)
    assert code == 0, said
    assert "order #1: nothing shows the plate any more" in said
    assert "hidden, not rewritten yet" in ask("erase", "list")[1]
    assert "not finished" in ask("erase", "certificate", "1")[1]
    code, said = ask("erase", "run", "--now")
    assert (code, said.strip()) == (0, "order #1: done")
    code, said = ask("erase", "certificate", "1")
    assert code == 0
    assert re.search(r"the plate still stands +nowhere in what was searched", said)
    assert "#1 history csv" in said, "the look that handed it out"
    assert "ABC123" not in said
    assert "done" in ask("erase", "list")[1]
    assert ask("erase", "certificate", "1", "--html", "page.html") == (0, "written to page.html\n")
    assert "STC-1" in (home / "page.html").read_text()
    assert (home / "page.html").stat().st_mode & 0o077 == 0
    details = [str(row["detail"]) for row in rows(engine, audit) if row["action"] == "erase.order"]
    assert len(details) == 1
    assert open_key(home / "state" / "audit.key").of_plate("ABC123") in details[0]
    assert not any(b"ABC123" in path.read_bytes() for path in (home / "state").rglob("*") if path.is_file())


def test_a_suppression_that_goes_is_told(engine: Engine) -> None:
    words = [
        "--country",
        "CO",
        "--until",
        f"{datetime.now(UTC) + timedelta(days=9):%Y-%m-%d}",
        "--reason",
        "r",
    ]
    assert ask("suppress", "add", "ABC123", *words, *WHO)[0] == 0
    code, said = ask("erase", "order", "ABC123", "--order", "STC-1", *WHO)
    assert code == 0
    assert "1 of the suppressions stood: nothing keeps the plate from raising alerts any more" in said
    (detail,) = (str(row["detail"]) for row in rows(engine, audit) if row["action"] == "erase.order")
    assert json.loads(detail)["suppressions"] == 1


def test_an_altered_certificate_is_refused(engine: Engine) -> None:
    ask("erase", "order", "ABC123", "--order", "STC-1", *WHO)
    ask("erase", "run", "--now")
    with engine.begin() as connection:
        text = rows(engine, erasure)[0]["certificate"]
        connection.execute(update(erasure).values(certificate=str(text).replace("STC-1", "STC-2")))
    code, said = ask("erase", "certificate", "1")
    assert code == 2
    assert "was altered" in said
    assert "no order #2" in ask("erase", "certificate", "2")[1]


def test_where_it_was_found_is_told_and_may_be_accepted(engine: Engine) -> None:
    assert ask("history", "ABC123", "--as", "eva", "--purpose", "who drives ABC123", "--case", "1")[0] == 0
    ask("erase", "order", "ABC123", "--order", "STC-1", *WHO)
    code, said = ask("erase", "run", "--now")
    assert code == 1
    assert "still stands in database: audit.purpose" in said
    code, said = ask("erase", "run", "--now", "--accept-found")
    assert code == 0
    assert "database: audit.purpose" in ask("erase", "certificate", "1")[1]


def test_a_folder_of_backups_that_cannot_be_used_is_told(engine: Engine, home: Path) -> None:
    ask("erase", "order", "ABC123", "--order", "STC-1", *WHO)
    (home / "central.yaml").write_text("archive: {keep_days: 3660}\nbackup: {path: backups}\n")
    code, said = ask("erase", "run", "--now")
    assert (code, said.strip().splitlines()) == (
        1,
        [
            "order #1: cleared",
            f"  no certificate yet: {home}/backups: no backups there; mount it, make one, or unset backup.path",
        ],
    )


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["order", "ABC123", "--order", "STC-1"], "without who asks"),
        (["order", "ABC!123", "--order", "STC-1", *WHO], "not a plate"),
        (["order", "ABC123", "--order", " ", *WHO], "the court's reference"),
        (["order", "ABC123", "--order", "on ABC 123", *WHO], "names the plate"),
    ],
)
def test_what_is_missing_or_wrong_is_told(home: Path, words: list[str], told: str) -> None:
    code, said = ask("erase", *words)
    assert code == 2
    assert told in said


class _Page(HTMLParser):
    """Which elements are open, and whether each was closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_the_page_is_whole_escaped_and_short() -> None:
    page = as_html(CONTENT, "f" * 64, say=Words("es"), zone=NOON.tzinfo)
    checker = _Page()
    checker.feed(page)
    assert checker.open == []
    assert "STC &lt;4411&gt;" in page
    assert 'lang="es"' in page
    assert "orden judicial" in page
    assert page.count("<li>") < 20, "one page"
    assert "+ 54 " in page
    assert "http" not in page, "it needs nothing from elsewhere"


def test_the_text_has_all_of_it() -> None:
    text = as_text(CONTENT, "f" * 64, say=Words("en"), zone=NOON.tzinfo)
    assert text.count("reads/day-") == 60
    assert "01" * 32 in text
    assert "reads of the archive: 41,000" in text
    assert "... - 2025-03-05 00:00:00 UTC" in text


def test_what_was_not_searched_is_told_in_the_language_of_the_certificate() -> None:
    """Whatever it was: a kind without a sentence would show its name."""
    every = [{"why": why, "where": "state/x", "detail": "EIO"} for why in get_args(Why)]
    content = {**CONTENT, "unsearched": every, "roots": ["pictures in the bucket"]}
    told = {
        language: as_text(content, "f" * 64, say=Words(language), zone=NOON.tzinfo)
        for language in ("es", "en")
    }
    assert not any(
        f"unsearched.{why}" in text or "{" in text for text in told.values() for why in get_args(Why)
    )
    assert "state/x: un enlace, que no se sigue" in told["es"]
    assert "imágenes en el bucket" in told["es"]
    lines = {language: set(text.split("No revisado")[-1].splitlines()) for language, text in told.items()}
    assert len(lines["es"] & lines["en"]) <= 2, "the signature, and an empty line"
    assert "state/x: cannot be read: EIO" in told["en"]


def test_a_plate_that_is_spelt_like_a_kind_leaves_the_kind_and_goes_from_what_was_said(
    engine: Engine,
) -> None:
    searched = Searched(unsearched=[Unsearched("link", "state/LINK", "no such LINK")])
    row = {
        **dict.fromkeys(erasure.c.keys()),
        "erasure_id": 1,
        "ordered_us": 1,
        "plate_hash": CONTENT["plate"],
        "removed": "{}",
    }
    with engine.connect() as connection:
        content = written(connection, row, searched, needle=Needle("LINK"), at=NOON)
    assert content["unsearched"] == [{"why": "link", "where": "state/...", "detail": "no such ..."}]


def test_a_certificate_of_before_is_true_and_shown_as_it_was_written(engine: Engine, home: Path) -> None:
    """It has sentences there, in English; they are signed."""
    old = {**CONTENT, "unsearched": ["backups and copies elsewhere, where any are"]}
    key = open_key(home / "state" / "audit.key")
    text, signature = sealed(old, key)
    row = {
        "state": "done",
        "plate_hash": CONTENT["plate"],
        "reference": "STC-1",
        "case_number": "2025-7",
        "ordered_by": "ana",
        "ordered_us": 1,
        "removed": "{}",
        "certificate": text,
        "signature": signature,
    }
    with engine.begin() as connection:
        connection.execute(insert(erasure).values(row))
    content, _ = issued(engine, 1, key)
    assert content == old
    for language in ("es", "en"):
        shown = as_text(content, signature, say=Words(language), zone=NOON.tzinfo)
        assert "  backups and copies elsewhere, where any are\n" in shown


def test_the_signature_is_of_every_word(home: Path) -> None:
    key = open_key(home / "state" / "audit.key")
    signature = sealed(CONTENT, key)[1]
    assert sealed({**CONTENT, "found": ["x"]}, key)[1] != signature
    assert sealed(dict(reversed(CONTENT.items())), key)[1] == signature
