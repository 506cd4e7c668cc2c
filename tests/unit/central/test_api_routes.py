"""Every route of the API says which right it takes, and is refused to whoever was not given it."""

import asyncio
import re
import socket
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from apis import Hands, answering, app_over, client, made
from central_reads import NOON
from fastapi import FastAPI
from fastapi.routing import APIRoute
from pydantic import ValidationError
from sqlalchemy import Engine, update

from central.access import keys
from central.access.rights import Right
from central.api import protocol
from central.api.app import PREFIX, PUBLIC, ROUTERS
from central.db import api_key, open_database
from central.sections import ApiSettings


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/c.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    return app_over(engine, tmp_path, Hands())


def routes() -> list[tuple[str, APIRoute]]:
    """Every way in, as a path that could be asked."""
    assert all(isinstance(route, APIRoute) for router in ROUTERS for route in router.routes)
    found = [route for router in ROUTERS for route in router.routes if isinstance(route, APIRoute)]
    return [(PREFIX + re.sub(r"\{[a-z_]+\}", "stolen", route.path), route) for route in found]


def test_all_routes_are_known(app: FastAPI) -> None:
    """What the walks below go through is all that is answered at all."""
    assert [vars(each)["original_router"] for each in app.routes] == [*ROUTERS]
    assert len(routes()) >= 3


@pytest.mark.parametrize(
    ("path", "route"), routes(), ids=lambda given: given if isinstance(given, str) else ""
)
def test_each_asks_for_a_right_or_is_public_by_name(path: str, route: APIRoute) -> None:
    rights = [getattr(each.call, "right", None) for each in route.dependant.dependencies]
    assert (path in PUBLIC) is (rights == [])
    assert all(isinstance(right, Right) for right in rights)


def test_what_needs_no_right_is_listed_by_name_and_all_else_is_refused_to_a_stranger(app: FastAPI) -> None:
    with answering(app) as address, client(address.removesuffix(PREFIX), None) as nobody:
        for path, route in routes():
            for method in route.methods:
                status = nobody.request(method, path).status_code
                assert status == (200 if path in PUBLIC else 401), (method, path)


def test_a_key_without_the_right_is_refused_everywhere(app: FastAPI, engine: Engine) -> None:
    wish = keys.Wish("none", [Right.LISTS_IMPORT], ["stolen"], NOON + timedelta(days=1))
    key = made(engine, wish, at=NOON)
    with engine.begin() as connection:
        connection.execute(update(api_key).values(rights=""))
    with answering(app) as address, client(address.removesuffix(PREFIX), key) as mine:
        for path, route in routes():
            for method in route.methods:
                status = mine.request(method, path).status_code
                assert status == (200 if path in PUBLIC else 403), (method, path)


@pytest.mark.parametrize(
    "path", ["/", "/docs", "/redoc", "/openapi.json", f"{PREFIX}/", f"{PREFIX}/nothing", f"{PREFIX}/alive/"]
)
def test_there_is_nothing_else(app: FastAPI, path: str) -> None:
    with answering(app) as address, client(address.removesuffix(PREFIX), None) as nobody:
        found = nobody.get(path)
    assert found.status_code == 404
    assert found.headers["content-type"] == "application/problem+json"
    assert found.json()["status"] == 404


def test_a_method_that_there_is_not_is_a_problem_too(app: FastAPI) -> None:
    with answering(app) as address, client(address, None) as nobody:
        found = nobody.delete("/alive")
    assert (found.status_code, found.json()["title"]) == (405, "Method Not Allowed")
    assert found.headers["allow"] == "GET"


def test_no_answer_says_what_serves_it(app: FastAPI) -> None:
    with answering(app) as address:
        found = httpx.get(f"{address}/alive")
    assert found.json() == {"alive": True}
    assert "server" not in found.headers


def connected(address: str) -> socket.socket:
    return socket.create_connection(("127.0.0.1", httpx.URL(address).port or 0), timeout=10)


class TestConnections:
    """Nobody holds one by being silent or slow."""

    @pytest.mark.parametrize("sent", [b"", b"GET /api/v1/alive HTTP/1.1\r\nHost: a\r\n"])
    def test_one_without_a_request_is_closed(
        self, app: FastAPI, monkeypatch: pytest.MonkeyPatch, sent: bytes
    ) -> None:
        monkeypatch.setattr(protocol, "HEAD_S", 0.3)
        with answering(app) as address, connected(address) as line:
            line.sendall(sent)
            assert line.recv(100) == b"", "closed without a word"

    def test_one_with_a_second_request_that_does_not_come_whole_is_closed(
        self, app: FastAPI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "HEAD_S", 0.3)
        whole = b"GET /api/v1/alive HTTP/1.1\r\nHost: a\r\n\r\n"
        with answering(app) as address, connected(address) as line:
            line.sendall(whole)
            answer = b""
            while not answer.endswith(b'{"alive":true}'):
                answer += line.recv(4000)
            line.sendall(whole[:20])
            assert line.recv(100) == b""

    def test_one_whose_answer_takes_longer_is_not(
        self, app: FastAPI, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(protocol, "HEAD_S", 0.2)

        @app.get("/slow")
        async def slow() -> bool:
            await asyncio.sleep(0.8)
            return True

        with answering(app) as address:
            assert httpx.get(address.removesuffix(PREFIX) + "/slow").json() is True


@pytest.mark.parametrize(
    ("given", "is_right"),
    [
        ({"host": "127.0.0.1"}, True),
        ({"host": "0.0.0.0"}, False),
        ({"host": "10.0.0.1", "insecure_plaintext": True}, True),
        ({"host": "0.0.0.0", "cert_file": "c.pem", "key_file": "k.pem"}, True),
        ({"cert_file": "c.pem"}, False),
        ({"upload_mb": 513}, False),
    ],
)
def test_nothing_goes_over_a_network_in_clear_unasked(given: dict[str, object], is_right: bool) -> None:
    if is_right:
        ApiSettings.model_validate(given)
    else:
        with pytest.raises(ValidationError):
            ApiSettings.model_validate(given)
