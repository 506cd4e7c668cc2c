"""What went wrong, as problem+json (RFC 9457): a title that stays, and a detail that says what and where."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Final

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from sqlalchemy.exc import SQLAlchemyError
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from central.errors import BusyError, CentralError, HotlistError, StoreError

MEDIA_TYPE: Final = "application/problem+json"
_log = structlog.get_logger(__name__)


class Problem(Exception):  # noqa: N818  # the standard's word
    """An answer that is none.

    Args:
        status: of HTTP.
        detail: what and where, for who sent the request.
        headers: to go with it.
    """

    def __init__(self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status, self.detail, self.headers = status, detail, headers


def answered(app: FastAPI) -> None:
    """Have every fault told as a problem, those of the framework too."""
    app.add_exception_handler(Problem, _problem)
    app.add_exception_handler(CentralError, _ours)
    app.add_exception_handler(SQLAlchemyError, _store)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _framework)
    app.add_exception_handler(Exception, _unexpected)


def _told(status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None) -> Response:
    body = {"type": "about:blank", "title": status.phrase, "status": status.value, "detail": detail}
    return JSONResponse(body, status.value, headers=headers, media_type=MEDIA_TYPE)


async def _problem(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, Problem)  # noqa: S101  # registered for it
    return _told(fault.status, fault.detail, fault.headers)


async def _ours(_request: Request, fault: Exception) -> Response:
    if isinstance(fault, HotlistError):
        return _told(HTTPStatus.UNPROCESSABLE_ENTITY, str(fault))
    if isinstance(fault, BusyError):
        return _told(HTTPStatus.SERVICE_UNAVAILABLE, str(fault), {"Retry-After": "5"})
    return await _store(_request, fault)


async def _store(request: Request, fault: Exception) -> Response:
    """Told to us, not to the client: it may name files and databases."""
    # The first line alone: PostgreSQL names the row's values in those after it.
    said = str(getattr(fault, "orig", None) or fault).partition("\n")[0]
    _log.error("a request failed", path=request.url.path, fault=said)
    is_store = isinstance(fault, StoreError | SQLAlchemyError)
    status = HTTPStatus.SERVICE_UNAVAILABLE if is_store else HTTPStatus.INTERNAL_SERVER_ERROR
    return _told(status, "the centre cannot do this now; its log says why", {"Retry-After": "30"})


async def _invalid(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, RequestValidationError)  # noqa: S101  # registered for it
    said = "; ".join(f"{'.'.join(str(part) for part in e['loc'])}: {e['msg']}" for e in fault.errors())
    return _told(HTTPStatus.UNPROCESSABLE_ENTITY, said)


async def _framework(_request: Request, fault: Exception) -> Response:
    assert isinstance(fault, HTTPException)  # noqa: S101  # registered for it
    status = HTTPStatus(fault.status_code)
    return _told(status, status.description or status.phrase, fault.headers)


async def _unexpected(request: Request, fault: Exception) -> Response:
    _log.error("a request failed by a fault of ours", path=request.url.path, exc_info=fault)
    return _told(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of the centre; its log says which")
