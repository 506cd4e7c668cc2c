"""The application: routes, who may use each, and how faults are told."""

from typing import Annotated, Final
from zoneinfo import ZoneInfo

from fastapi import APIRouter, Depends, FastAPI, Request
from sqlalchemy import Engine

from central.access.audit import AuditLog
from central.access.key import AuditKey
from central.access.rights import Principal, Right
from central.api import hotlists
from central.api.guard import Guard, requires
from central.api.problems import answered
from central.api.state import Wiring
from central.db import Clock
from central.hotlist.grammar import load_grammar
from central.settings import CentralSettings

PREFIX: Final = "/api/v1"
PUBLIC: Final = frozenset({f"{PREFIX}/alive"})
"""All that is answered to nobody in particular."""

_system: Final = APIRouter(tags=["system"])


@_system.get("/alive")
def alive() -> dict[str, bool]:
    """Whether this process answers; nothing of the centre."""
    return {"alive": True}


@_system.get("/openapi.json", include_in_schema=False)
def document(
    request: Request, _who: Annotated[Principal, Depends(requires(Right.LISTS_IMPORT))]
) -> dict[str, object]:
    """This API as OpenAPI describes it."""
    app: FastAPI = request.app
    return app.openapi()


ROUTERS: Final = (_system, hotlists.router)
"""Whatever is answered at all; a test asks each route for its right."""


def make_app(settings: CentralSettings, engine: Engine, key: AuditKey, *, clock: Clock) -> FastAPI:
    """The application over an open database.

    Args:
        settings: of the whole centre.
        engine: the database.
        key: of the audit log.
        clock: now, UTC-aware.
    """
    # No pages of documentation: the framework's load scripts from elsewhere.
    app = FastAPI(
        title="Atalaya",
        version="1",
        openapi_url=None,
        docs_url=None,
        redoc_url=None,
        # A redirect would name the address by which the client says it came.
        redirect_slashes=False,
    )
    app.state.guard = Guard(engine, clock=clock, requests_a_minute=settings.api.requests_a_minute)
    app.state.wiring = Wiring(
        settings,
        engine,
        AuditLog(engine, key, clock=clock),
        ZoneInfo(settings.site_timezone),
        load_grammar(),
        clock,
    )
    for router in ROUTERS:
        app.include_router(router, prefix=PREFIX)
    answered(app)
    return app
