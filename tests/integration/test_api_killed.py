"""The API, killed with -9 while files are sent: who hears nothing sends the same again, and each is imported once."""

import os
import random
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from apis import CSV, made, sheet
from brokers import free_port
from central_messages import rows

from central.access import keys
from central.access.rights import Right
from central.db import api_answer, audit, hotlist_entry, open_database
from central.options import now


@contextmanager
def serving(config: Path, log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The command itself, until it is killed at the end."""
    words = [sys.executable, "-m", "central", "api", "serve", "--config", str(config)]
    with log.open("wb") as out, subprocess.Popen(words, stdout=out, stderr=out) as process:
        try:
            yield process
        finally:
            process.kill()


def wait_until_it_answers(process: subprocess.Popen[bytes], address: str, log: Path) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            assert httpx.get(f"{address}/alive").json() == {"alive": True}
        except httpx.TransportError:
            assert process.poll() is None, log.read_text()
            assert time.monotonic() < deadline, log.read_text()
            time.sleep(0.05)
        else:
            return


@pytest.mark.parametrize("rounds", [4, pytest.param(30, marks=pytest.mark.proof)])
def test_each_file_is_imported_once(tmp_path: Path, database_url: str, rounds: int) -> None:
    port, chance = free_port(), random.Random(rounds)
    config, address = tmp_path / "central.yaml", f"http://127.0.0.1:{port}/api/v1"
    config.write_text(
        f"database_url: {database_url}\naccess: {{key_file: audit.key}}\napi: {{port: {port}}}\n"
        "archive: {path: a}\npictures: {path: p}\n"
    )
    engine = open_database(database_url)
    wish = keys.Wish("sijin", [Right.LISTS_IMPORT], ["stolen"], now() + timedelta(days=1))
    key = made(engine, wish, at=now())
    log, unheard, heard = tmp_path / "log", 0, 0
    with httpx.Client(
        base_url=address, headers=CSV | {"Authorization": f"Bearer {key}"}, timeout=60
    ) as client:
        for number in range(rounds):
            content = sheet(*(f"{chr(65 + number % 26)}AA{n:03}" for n in range(400)))
            token = {"Idempotency-Key": f"file-{number}"}
            with serving(config, log) as process:
                wait_until_it_answers(process, address, log)
                killer = subprocess.Popen(
                    ["sh", "-c", f"sleep {chance.uniform(0.0, 0.25):.3f}; kill -9 {process.pid}"]
                )
                try:
                    client.post("/hotlists/stolen/imports", content=content, headers=token)
                    heard += 1
                except httpx.TransportError:
                    unheard += 1
                killer.wait()
            with serving(config, log) as process:
                wait_until_it_answers(process, address, log)
                told = client.post("/hotlists/stolen/imports", content=content, headers=token)
                assert told.status_code == 200, told.text
                assert told.json()["added"] == (400 if number < 26 else 0)
            assert [row["action"] for row in rows(engine, audit)] == ["hotlist.import"] * (number + 1)
            assert len(rows(engine, api_answer)) == number + 1
            assert len(rows(engine, hotlist_entry)) == 400 * min(number + 1, 26)
    engine.dispose()
    assert rounds < 30 or (unheard > 3 and heard > 3), "kills came before and after answers"


def test_it_ends_when_it_is_told_to_and_says_at_once_what_keeps_it_from_starting(tmp_path: Path) -> None:
    port = free_port()
    config, log = tmp_path / "central.yaml", tmp_path / "log"
    config.write_text(
        "database_url: sqlite:///c.sqlite\naccess: {key_file: audit.key}\n"
        f"api: {{port: {port}}}\narchive: {{path: a}}\npictures: {{path: p}}\n"
    )
    address = f"http://127.0.0.1:{port}/api/v1"
    with serving(config, log) as process:
        wait_until_it_answers(process, address, log)
        second = tmp_path / "second"
        with serving(config, second) as other:
            assert other.wait(60) == 2
        assert re.search(rf"127\.0\.0\.1:{port}.*", second.read_text())
        os.kill(process.pid, signal.SIGTERM)
        assert process.wait(30) == 0
    assert "stopped" in log.read_text()
