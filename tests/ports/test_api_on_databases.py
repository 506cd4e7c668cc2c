"""The API on both databases: a real server, real requests; who may not may not, what is sent twice is done once."""

import json
import socket
import threading
import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from apis import CSV, Hands, a_key, answering, app_over, client, quiet, settings_in, sheet
from central_messages import list_plates, rows
from central_reads import NOON
from sqlalchemy import Engine

from central.access import keys
from central.access.answers import Answers
from central.access.audit import verify
from central.access.key import open_key
from central.api import upload
from central.archive.place import archive_of
from central.db import api_answer, api_key, audit, hotlist_entry
from central.errors import AccessError
from central.hotlist.merge import Merge
from central.maintain import maintain_retention

IMPORTS = "/hotlists/stolen/imports"


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture
def address(database: Engine, tmp_path: Path, clock: Hands) -> Iterator[str]:
    with answering(app_over(database, tmp_path, clock, upload_mb=1, requests_a_minute=50)) as address:
        yield address


@pytest.fixture
def sijin(database: Engine, address: str) -> Iterator[httpx.Client]:
    with client(address, a_key(database)) as found:
        yield found


def put(sijin: httpx.Client, body: bytes, named: str | None = "t-1", **query: object) -> httpx.Response:
    headers = CSV | ({} if named is None else {"Idempotency-Key": named})
    return sijin.post(IMPORTS, content=body, headers=headers, params=query)  # type: ignore[arg-type]


def plates(engine: Engine) -> list[str]:
    return sorted(row["plate"] for row in rows(engine, hotlist_entry))


def acts(engine: Engine, action: str) -> list[dict]:
    return [json.loads(row["detail"]) for row in rows(engine, audit) if row["action"] == action]


def test_a_file_is_imported_and_what_was_refused_is_named(
    sijin: httpx.Client, database: Engine, tmp_path: Path
) -> None:
    found = put(sijin, sheet("ABC123", "XYZ789", "??"))
    assert found.status_code == 200, found.text
    told = found.json()
    assert (told["added"], told["refused"], told["is_preview"]) == (2, 1, False)
    (refused,) = told["refused_lines"]
    assert refused["line"] == 4
    assert "plate" in refused["reason"]
    assert plates(database) == ["ABC123", "XYZ789"]
    assert {row["entered_by"] for row in rows(database, hotlist_entry)} == {"sijin"}
    (act,) = acts(database, "hotlist.import")
    assert (act["list"], act["added"], act["refused"], act["sha256"]) == ("stolen", 2, 1, told["sha256"])
    assert "ABC123" not in json.dumps(act)
    assert verify(database, open_key(tmp_path / "audit.key")).fault == ""


def test_what_is_sent_twice_is_done_once_and_answered_twice(sijin: httpx.Client, database: Engine) -> None:
    first = put(sijin, sheet("ABC123"))
    list_version = rows(database, audit)
    again = put(sijin, sheet("ABC123"))
    assert (again.status_code, again.json()) == (200, first.json())
    assert rows(database, audit) == list_version, "nothing more happened"
    other = put(sijin, sheet("ABC123"), named="t-2")
    assert (other.json()["added"], other.json()["unchanged"]) == (0, 1)


@pytest.mark.parametrize("change", ["file", "whole"])
def test_a_token_stands_for_one_request(sijin: httpx.Client, database: Engine, change: str) -> None:
    assert put(sijin, sheet("ABC123")).status_code == 200
    other = put(sijin, sheet("XYZ789")) if change == "file" else put(sijin, sheet("ABC123"), whole=True)
    assert other.status_code == 409
    assert "used for another request" in other.json()["detail"]
    assert plates(database) == ["ABC123"]


def test_the_token_of_one_key_is_not_another_s(sijin: httpx.Client, database: Engine, address: str) -> None:
    assert put(sijin, sheet("ABC123")).status_code == 200
    with client(address, a_key(database, "dijin")) as dijin:
        assert put(dijin, sheet("XYZ789")).json()["added"] == 1
    assert plates(database) == ["ABC123", "XYZ789"]


def test_the_same_at_the_same_time_in_two_processes_is_done_once(
    database: Engine, tmp_path: Path, clock: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both look for an answer before either has written one; of the second's transaction nothing stays."""
    key, many = a_key(database), sheet(*(f"ABC{number:03}" for number in range(300)))
    found: list[httpx.Response] = []
    both, given, looked = threading.Barrier(2), Answers.given, []

    def given_to_both(self: Answers, *, at: datetime) -> str | None:
        answer = given(self, at=at)
        looked.append(answer)
        if len(looked) <= 2:
            both.wait(20)
        return answer

    monkeypatch.setattr(Answers, "given", given_to_both)

    def one(address: str) -> None:
        with client(address, key) as mine:
            found.append(put(mine, many))

    apps = [app_over(database, tmp_path, clock) for _ in range(2)]
    with answering(apps[0]) as first, answering(apps[1]) as second:
        threads = [threading.Thread(target=one, args=(address,)) for address in (first, second)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert looked[:2] == [None, None]
    assert [each.status_code for each in found] == [200, 200], [each.text for each in found]
    assert found[0].json() == found[1].json() == json.loads(looked[2] or "")
    assert found[0].json()["added"] == 300
    assert len(plates(database)) == 300
    assert len(acts(database, "hotlist.import")) == 1


def test_answers_are_forgotten_after_a_week_whether_or_not_somebody_imports(
    sijin: httpx.Client, database: Engine, tmp_path: Path, clock: Hands
) -> None:
    put(sijin, sheet("ABC123"), named="old")
    clock.at += timedelta(days=7)
    assert put(sijin, sheet("ABC123"), named="old").json()["added"] == 1, "answered again"
    clock.at += timedelta(microseconds=1)
    settings = settings_in(tmp_path)
    maintain_retention(database, archive_of(settings), settings, clock=clock)
    assert rows(database, api_answer) == []
    assert put(sijin, sheet("ABC123"), named="old").json()["added"] == 0, "done again"


def test_one_that_is_over_is_none_before_it_is_removed(
    sijin: httpx.Client, database: Engine, clock: Hands
) -> None:
    put(sijin, sheet("ABC123"), named="old")
    clock.at += timedelta(days=7, microseconds=1)
    assert put(sijin, sheet("XYZ789"), named="old").json()["added"] == 1


def test_a_token_stands_nowhere_as_it_was_sent(sijin: httpx.Client, database: Engine) -> None:
    """It may be anything, the plate that a court has erased too."""
    put(sijin, sheet("XYZ789"), named="ABC123-2026")
    assert "ABC123" not in json.dumps(rows(database, api_answer) + rows(database, audit))


def test_twins_on_lists_of_others_are_not_told(sijin: httpx.Client, database: Engine, tmp_path: Path) -> None:
    for name, plate in (("wanted", "XYO111"), ("stolen", "ABO123")):
        list_plates(
            database, tmp_path, f"{plate},CO,,stolen,1,SIJIN,C-1,2024-01-01,2027-12-31", list_name=name
        )
    body = sheet("XY0111", "AB0123", "ABC001", "ABCO01")
    for told in (put(sijin, body, named=None, preview=True).json(), put(sijin, body).json()):
        assert {(twin["plate"], *twin["others"]) for twin in told["twins"]} == {
            ("AB0123", "ABO123 (CO) in stolen"),
            ("ABCO01", "ABC001 (CO) in line 4"),
        }
        assert "XYO111" not in json.dumps(told)


def test_a_word_that_the_address_does_not_know_imports_nothing(sijin: httpx.Client, database: Engine) -> None:
    found = put(sijin, sheet("ABC123"), previw=True)
    assert found.status_code == 422
    assert "previw" in found.json()["detail"]
    assert plates(database) == []


def test_a_preview_writes_nothing_but_that_somebody_looked(
    sijin: httpx.Client, database: Engine, tmp_path: Path
) -> None:
    list_plates(database, tmp_path, "OLD123,CO,,stolen,1,SIJIN,C-1,2024-01-01,2027-12-31", list_name="stolen")
    before = rows(database, hotlist_entry)
    told = put(sijin, sheet("ABC123"), named=None, preview=True, whole=True).json()
    assert (told["is_preview"], told["added"], told["removed"]) == (True, 1, 1)
    assert {(each["what"], each["plate"]) for each in told["changes"]} == {
        ("added", "ABC123"),
        ("removed", "OLD123"),
    }
    assert rows(database, hotlist_entry) == before
    assert acts(database, "hotlist.preview") == [{"list": "stolen", "whole": True}]
    assert [row["rows"] for row in rows(database, audit) if row["action"] == "hotlist.preview.shown"] == [2]


def test_a_whole_list_that_may_be_cut_off_is_refused_whole(sijin: httpx.Client, database: Engine) -> None:
    many = [f"ABC{number:03}" for number in range(50)]
    put(sijin, sheet(*many))
    cut = put(sijin, sheet(*many[:10]), named="t-2", whole=True)
    assert cut.status_code == 422
    assert "40 of the 50 entries" in cut.json()["detail"]
    assert "even_many=true" in cut.json()["detail"]
    assert cut.headers["content-type"] == "application/problem+json"
    told = put(sijin, sheet(*many[:10]), named="t-3", whole=True, even_many=True).json()
    assert told["removed"] == 40


@pytest.mark.parametrize("content", [b"", b"plate;country\n", b"\xff\xfe\x00", b"no,such,columns\n1,2,3\n"])
def test_what_is_no_hotlist_is_refused_with_the_reason(
    sijin: httpx.Client, database: Engine, content: bytes
) -> None:
    found = put(sijin, content)
    assert found.status_code == 422
    assert found.json()["detail"]
    assert "/proc" not in found.text
    assert plates(database) == []
    assert rows(database, api_answer) == [], "sent again it is tried again"
    looked = put(sijin, content, named=None, preview=True)
    assert looked.json() == found.json()
    assert [row["action"] for row in rows(database, audit)] == ["hotlist.preview", "hotlist.preview.failed"]


def test_a_file_of_nothing_but_faults_is_given_up(
    sijin: httpx.Client, database: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("central.hotlist.merge.MOST_REFUSED", 10)
    assert put(sijin, sheet(*["?"] * 10), named="1").json()["refused"] == 10
    found = put(sijin, sheet(*["?"] * 11), named="2")
    assert found.status_code == 422
    assert "more than 10 lines are refused, the first of them line 2: plate" in found.json()["detail"]


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not is_so():
        assert time.monotonic() < deadline
        time.sleep(0.01)


class TestWhoMayNot:
    """Nothing but what was given by name."""

    def test_nobody_in_particular_is_refused(self, address: str, database: Engine) -> None:
        with client(address, None) as nobody:
            found = put(nobody, sheet("ABC123"))
        assert found.status_code == 401
        assert found.headers["www-authenticate"] == "Bearer"
        assert plates(database) == []

    def test_a_wrong_secret_is_refused(self, address: str, database: Engine) -> None:
        key = a_key(database)
        wrong = key[:-1] + ("A" if key[-1] != "A" else "B")
        with client(address, wrong) as thief:
            assert put(thief, sheet("ABC123")).status_code == 401

    def test_the_secret_of_one_key_is_not_another_s(self, address: str, database: Engine) -> None:
        first, second = a_key(database), a_key(database, "dijin")
        assert (first[:10], second[:10]) == ("atalaya_1_", "atalaya_2_")
        with client(address, first[:10] + second[10:]) as thief:
            assert put(thief, sheet("ABC123")).status_code == 401

    def test_another_list_is_refused(self, sijin: httpx.Client, database: Engine) -> None:
        found = sijin.post(
            "/hotlists/wanted/imports", content=sheet("ABC123"), headers=CSV | {"Idempotency-Key": "1"}
        )
        assert found.status_code == 403
        assert "'wanted'" in found.json()["detail"]
        assert plates(database) == []

    def test_a_key_ends_with_its_time(self, sijin: httpx.Client, clock: Hands, database: Engine) -> None:
        clock.at = NOON + timedelta(days=30, microseconds=-1)
        assert put(sijin, sheet("ABC123"), named="1").status_code == 200
        clock.at = NOON + timedelta(days=30)
        assert put(sijin, sheet("XYZ789"), named="2").status_code == 401
        assert plates(database) == ["ABC123"]

    def test_a_revoked_key_ends_at_once(self, sijin: httpx.Client, database: Engine) -> None:
        assert put(sijin, sheet("ABC123"), named="1").status_code == 200
        keys.revoke(database, "sijin", at=NOON, log=quiet)
        assert put(sijin, sheet("XYZ789"), named="2").status_code == 401
        with pytest.raises(AccessError, match="was revoked at"):
            keys.revoke(database, "sijin", at=NOON, log=quiet)

    def test_who_comes_too_often_is_made_to_wait_and_nobody_else(
        self, address: str, database: Engine, capsys: pytest.CaptureFixture[str]
    ) -> None:
        key, other = a_key(database), a_key(database, "dijin")
        with client(address, "atalaya_1_" + "A" * 43) as thief:
            assert {thief.get("/openapi.json").status_code for _ in range(60)} == {401}
        assert capsys.readouterr().out.count("no key in force") == 1, "a line a minute"
        with client(address, key) as mine:
            found = [mine.get("/openapi.json").status_code for _ in range(52)]
        assert found == [200] * 50 + [429] * 2
        with client(address, other) as his:
            assert his.get("/openapi.json").status_code == 200

    def test_a_right_that_is_not_known_any_more_is_none(self, address: str, database: Engine) -> None:
        key = a_key(database)
        with database.begin() as connection:
            connection.execute(api_key.update().values(rights="lists.burn"))
        with client(address, key) as mine:
            found = put(mine, sheet("ABC123"))
        assert found.status_code == 403
        assert "lists.import" in found.json()["detail"]


class TestUploads:
    """Bounded in size, whatever is said of it beforehand."""

    @pytest.mark.parametrize("is_said", [True, False])
    def test_too_large_a_file_is_refused(self, sijin: httpx.Client, database: Engine, is_said: bool) -> None:
        body = sheet("ABC123") + b"\n" * 2**20
        sent = body if is_said else iter([body[: 2**19], body[2**19 :]])
        found = sijin.post(IMPORTS, content=sent, headers=CSV | {"Idempotency-Key": "1"})
        assert found.status_code == 413
        assert "1 MiB" in found.json()["detail"]
        assert plates(database) == []

    def test_another_kind_of_body_is_refused(self, sijin: httpx.Client) -> None:
        found = sijin.post(IMPORTS, json={"plate": "ABC123"}, headers={"Idempotency-Key": "1"})
        assert found.status_code == 415

    def test_an_import_needs_a_token(self, sijin: httpx.Client, database: Engine) -> None:
        assert put(sijin, sheet("ABC123"), named=None).status_code == 400
        assert plates(database) == []

    @pytest.mark.parametrize("name", ["Stolen", "a b", "..%2F..%2Fetc", "x" * 64])
    def test_a_name_that_is_none_is_refused(self, sijin: httpx.Client, name: str) -> None:
        found = sijin.post(
            f"/hotlists/{name}/imports", content=sheet("ABC123"), headers=CSV | {"Idempotency-Key": "1"}
        )
        assert found.status_code in (404, 422)
        assert found.headers["content-type"] == "application/problem+json"

    def test_a_key_sends_one_at_a_time_and_may_again_when_it_has_gone(
        self, database: Engine, tmp_path: Path, clock: Hands
    ) -> None:
        """Who goes away in the middle keeps nothing, not even its turn."""
        key, app = a_key(database), app_over(database, tmp_path, clock)
        head = f"POST /api/v1{IMPORTS} HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {key}\r\nContent-Type: text/csv\r\n"
        half = f"{head}Idempotency-Key: 1\r\nContent-Length: 1000\r\n\r\nplate".encode()
        with answering(app) as address, client(address, key) as mine:
            with socket.create_connection(("127.0.0.1", httpx.URL(address).port or 0)) as line:
                line.sendall(half)
                wait_until(lambda: app.state.wiring.sending == {1})
                found = put(mine, sheet("ABC123"), named="2")
                assert found.status_code == 429
                assert "sending a file already" in found.json()["detail"]
                with client(address, a_key(database, "dijin")) as other:
                    assert put(other, sheet("XYZ789")).status_code == 200, "another key does not wait"
            wait_until(lambda: app.state.wiring.sending == set())
            assert put(mine, sheet("ABC124"), named="3").status_code == 200
        assert plates(database) == ["ABC124", "XYZ789"]

    @pytest.mark.parametrize("limit", ["QUIET_S", "WHOLE_S"])
    def test_a_body_that_does_not_come_is_given_up(
        self, sijin: httpx.Client, database: Engine, monkeypatch: pytest.MonkeyPatch, limit: str
    ) -> None:
        monkeypatch.setattr(upload, limit, 0.3)

        def slowly() -> Iterator[bytes]:
            for piece in (b"plate", b",country", b",reason", b",source", b",case_number"):
                yield piece
                time.sleep(0.15 if limit == "WHOLE_S" else 1.0)

        found = sijin.post(IMPORTS, content=slowly(), headers=CSV | {"Idempotency-Key": "1"})
        assert found.status_code == 408
        assert put(sijin, sheet("ABC123"), named="2").status_code == 200

    def test_a_full_disk_is_told(
        self, sijin: httpx.Client, database: Engine, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if not Path("/dev/full").exists():
            pytest.skip("needs /dev/full")
        monkeypatch.setattr("tempfile.TemporaryFile", lambda: Path("/dev/full").open("r+b", buffering=0))  # noqa: SIM115
        found = put(sijin, sheet("ABC123"))
        assert found.status_code == 507
        assert "No space left" in found.json()["detail"]

    def test_it_has_no_name_on_the_disk_while_it_is_there(
        self, sijin: httpx.Client, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So whoever is killed leaves none behind."""
        folder, names = tmp_path / "temporary", []
        folder.mkdir()
        monkeypatch.setattr("tempfile.tempdir", str(folder))
        steps = Merge.steps

        def watched(*given: Any) -> Any:
            names.extend(folder.iterdir())
            return steps(*given)

        monkeypatch.setattr(Merge, "steps", watched)
        assert put(sijin, sheet("ABC123")).json()["added"] == 1
        assert names == []


def test_what_the_database_says_no_to_is_told_to_us_and_not_to_the_client(
    sijin: httpx.Client, database: Engine, capsys: pytest.CaptureFixture[str]
) -> None:
    with database.begin() as connection:
        connection.exec_driver_sql("ALTER TABLE hotlist_entry RENAME TO gone")
    found = put(sijin, sheet("ABC123"))
    assert found.status_code == 503
    assert "hotlist_entry" not in found.text
    assert found.headers["retry-after"] == "30"
    assert "hotlist_entry" in capsys.readouterr().out
