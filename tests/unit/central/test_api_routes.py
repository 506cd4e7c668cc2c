"""Every route of the API says which right it takes, and is refused to whoever was not given it."""

import re
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from apis import Hands, answering, app_over, client, quiet
from central_reads import NOON
from fastapi import FastAPI
from fastapi.routing import APIRoute
from sqlalchemy import Engine, update

from central.access import keys
from central.access.rights import Right
from central.api.app import PREFIX, PUBLIC
from central.db import api_key, open_database


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    engine = open_database(f"sqlite:///{tmp_path}/c.sqlite")
    yield engine
    engine.dispose()


@pytest.fixture
def app(engine: Engine, tmp_path: Path) -> FastAPI:
    return app_over(engine, tmp_path, Hands())


def paths(app: FastAPI) -> dict[tuple[str, str], str]:
    """Every way in, as a path that could be asked."""
    document = app.openapi()["paths"] | {f"{PREFIX}/openapi.json": {"get": {}}}
    return {
        (path, method): re.sub(r"\{[a-z_]+\}", "stolen", path)
        for path, methods in document.items()
        for method in methods
    }


def test_all_routes_are_known(app: FastAPI) -> None:
    """What the walk below goes through is all that is answered at all."""
    routes = [route for route in app.routes if isinstance(route, APIRoute)]
    assert [route for route in app.routes if not isinstance(route, APIRoute)] in ([], app.routes)
    if routes:
        assert {(r.path, m.lower()) for r in routes for m in r.methods} == set(paths(app))


def test_what_needs_no_right_is_listed_by_name_and_all_else_is_refused_to_a_stranger(app: FastAPI) -> None:
    with answering(app) as address, client(address.removesuffix(PREFIX), None) as nobody:
        asked = paths(app)
        assert len(asked) >= 3
        for (path, method), url in asked.items():
            # As many as a stranger is granted in a minute, for each anew.
            app.state.guard._limiter.storage.reset()
            status = nobody.request(method, url).status_code
            assert status == (200 if path in PUBLIC else 401), (method, path)


def test_a_key_without_the_right_is_refused_everywhere(app: FastAPI, engine: Engine) -> None:
    wish = keys.Wish("none", [Right.LISTS_IMPORT], ["stolen"], NOON + timedelta(days=1))
    key = keys.make(engine, wish, by="ana", at=NOON, log=quiet)
    with engine.begin() as connection:
        connection.execute(update(api_key).values(rights=""))
    with answering(app) as address, client(address.removesuffix(PREFIX), key) as mine:
        for (path, method), url in paths(app).items():
            if path not in PUBLIC:
                assert mine.request(method, url).status_code == 403, (method, path)


@pytest.mark.parametrize("path", ["/", "/docs", "/redoc", "/openapi.json", f"{PREFIX}/", f"{PREFIX}/nothing"])
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
    assert "x-powered-by" not in found.headers
