"""A real server of the API in a thread, and its clients."""

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
from central_reads import NOON
from fastapi import FastAPI
from sqlalchemy import Engine

from central.access import keys
from central.access.key import open_key
from central.access.rights import Right
from central.api.app import make_app
from central.api.server import server_of
from central.sections import ApiSettings
from central.settings import CentralSettings

HEAD = "plate,country,plate_class,reason,priority,source,case_number,valid_from,valid_until"
CSV = {"Content-Type": "text/csv"}


def quiet(*_: object) -> None:
    pass


class Hands:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.at = NOON

    def __call__(self) -> datetime:
        return self.at


def settings_in(folder: Path, **api: Any) -> CentralSettings:
    return CentralSettings.model_validate({"access": {"key_file": folder / "audit.key"}, "api": api})


def app_over(engine: Engine, folder: Path, clock: Hands, **api: Any) -> FastAPI:
    settings = settings_in(folder, **api)
    return make_app(settings, engine, open_key(settings.access.key_file), clock=clock)


@contextmanager
def answering(app: FastAPI) -> Iterator[str]:
    """The address at which it answers."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = server_of(app, ApiSettings())
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]}, name="api")
        thread.start()
        try:
            while not server.started and thread.is_alive():
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}/api/v1"
        finally:
            server.should_exit = True
            thread.join()


def a_key(
    engine: Engine,
    name: str = "sijin",
    *,
    lists: tuple[str, ...] = ("stolen",),
    until: datetime | None = None,
) -> str:
    wish = keys.Wish(name, [Right.LISTS_IMPORT], lists, until or NOON + timedelta(days=30))
    return made(engine, wish, at=NOON)


def made(engine: Engine, wish: keys.Wish, *, at: datetime) -> str:
    given: list[str] = []
    keys.make(engine, wish, by="ana.rojas", at=at, log=quiet, hand_over=given.append)
    (key,) = given
    return key


def client(address: str, key: str | None) -> httpx.Client:
    headers = {} if key is None else {"Authorization": f"Bearer {key}"}
    return httpx.Client(base_url=address, headers=headers, timeout=60)


def sheet(*plates: str, until: str = "2027-12-31") -> bytes:
    lines = [f"{plate},CO,,stolen,2,SIJIN,C-1,,{until}" for plate in plates]
    return "\n".join([HEAD, *lines, ""]).encode()
