"""Hotlists over HTTP: import of a file, and a look at what one would do."""

import hashlib
import threading
from dataclasses import asdict
from http import HTTPStatus
from pathlib import Path
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from central.access.rights import Principal, Right
from central.api.answers import Answers
from central.api.guard import requires
from central.api.problems import Problem
from central.api.state import Wiring
from central.api.upload import Upload, uploaded
from central.entering import leave_word
from central.errors import StoreError
from central.hotlist.merge import Import
from central.hotlist.store import ImportReport, Sample, import_csv, preview_csv
from central.types import Look
from edge.contract.read import Identifier

router: Final = APIRouter(prefix="/hotlists", tags=["hotlists"])
_MOST_TOLD: Final = 1_000
"""Refused lines, changes of each kind and twins that an answer tells one by one; it counts them all."""
_AT_ONCE: Final = 2
_slots: Final = threading.BoundedSemaphore(_AT_ONCE)


class RefusedLine(BaseModel):
    """A line that was left out, and why."""

    line: int
    reason: str


class ChangedEntry(BaseModel):
    """What would happen to one entry."""

    what: Literal["added", "changed", "revived", "removed"]
    plate: str
    country: str
    line: int | None = Field(description="of the file; null where the file does not name it")
    told: list[tuple[str, str, str]] = Field(
        description="of a change: which column, what it said, what it says"
    )


class Imported(BaseModel):
    """What an import did, or, as a preview, would do."""

    list_name: str
    is_preview: bool
    added: int
    changed: int = Field(description="without the revived ones")
    revived: int = Field(description="over before, looked for again")
    unchanged: int = Field(description="only confirmed")
    removed: int = Field(description="not named by a whole list any more")
    ended_sooner: int
    spared: int = Field(description="not named, and left all the same: a refused line may mean any of them")
    twins: int = Field(description="new entries for which another listed plate may be taken")
    refused: int
    refused_lines: list[RefusedLine] = Field(description=f"at most {_MOST_TOLD}")
    changes: list[ChangedEntry] = Field(description=f"of a preview: at most {_MOST_TOLD} of each kind")
    is_cut_off: bool = Field(description="of a preview: the import would be refused without even_many")
    sha256: str = Field(description="of the file")


class _Order(BaseModel):
    """What the address asks."""

    whole: bool = Field(False, description="the file is the whole list: what it does not name is ended")
    even_many: bool = Field(False, description="with whole: even more than a fifth of the list")
    preview: bool = Field(False, description="say what would happen, and write nothing")


@router.post("/{list_name}/imports", response_model=Imported)
async def import_file(
    request: Request,
    list_name: Identifier,
    order: Annotated[_Order, Query()],
    who: Annotated[Principal, Depends(requires(Right.LISTS_IMPORT))],
    token: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            min_length=1,
            max_length=63,
            pattern=r"^[!-~]+$",
            description="of your choosing, new for each import; sent again, it is answered again and not done again",
        ),
    ] = None,
) -> Response:
    """Import a CSV file (docs/hotlist.md), sent as the body, into a list.

    One transaction: all good lines of it or nothing. Lines with a fault are named and left out. A preview needs no
    Idempotency-Key.
    """
    wiring: Wiring = request.app.state.wiring
    if list_name not in who.lists:
        raise Problem(HTTPStatus.FORBIDDEN, f"key {who.name!r} is not for list {list_name!r}")
    if order.even_many and not order.whole:
        raise Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "even_many goes with whole")
    if token is None and not order.preview:
        raise Problem(HTTPStatus.BAD_REQUEST, "an import needs the header Idempotency-Key")
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "text/csv":
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "expected the file itself as text/csv")
    if not _slots.acquire(blocking=False):
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE,
            f"{_AT_ONCE} files are being imported: wait",
            {"Retry-After": "10"},
        )
    try:
        async with uploaded(request, most_bytes=wiring.settings.api.upload_mb * 2**20) as upload:
            made = Import(
                list_name,
                who.name,
                wiring.clock(),
                wiring.zone,
                whole=order.whole,
                even_many=order.even_many,
            )
            if order.preview:
                answer = await run_in_threadpool(_preview, wiring, upload.path, made)
            else:
                asked = f"{list_name} {order.whole} {order.even_many} {upload.sha256}"
                answers = Answers(
                    wiring.engine,
                    key_id=who.number,
                    token=token or "",
                    request=hashlib.sha256(asked.encode()).hexdigest(),
                )
                answer = await run_in_threadpool(_import, wiring, upload, made, answers)
    finally:
        _slots.release()
    return Response(answer, media_type="application/json")


def _preview(wiring: Wiring, path: Path, order: Import) -> str:
    """It shows what stands in the list, so it is in the audit log as a look is."""
    sample, who = Sample(_MOST_TOLD), Look(order.entered_by, purpose="", case_number="")
    begun = wiring.audit.begin(who, "hotlist.preview", {"list": order.list_name, "whole": order.whole})
    report = preview_csv(wiring.engine, path, order, grammar=wiring.grammar, sample=sample)
    wiring.audit.end(who, "hotlist.preview", begun=begun, rows=len(sample.changes))
    return _told(order, report, sample).model_dump_json()


def _import(wiring: Wiring, upload: Upload, order: Import, answers: Answers) -> str:
    if (before := answers.given()) is not None:
        return before
    answer = ""

    def note(connection: Connection, report: ImportReport) -> None:
        nonlocal answer
        answer = _told(order, report, None).model_dump_json()
        leave_word(connection, order, report, log=wiring.audit, came={"file": "of the API"})
        answers.keep(connection, answer, at=order.at)

    try:
        import_csv(wiring.engine, upload.path, order, grammar=wiring.grammar, log=note)
    except StoreError:
        # The same request at the same time was the first to write its answer.
        if (before := answers.given()) is not None:
            return before
        raise
    return answer


def _told(order: Import, report: ImportReport, sample: Sample | None) -> Imported:
    counts = {
        name: getattr(report, name)
        for name in (
            "added", "changed", "revived", "unchanged", "removed", "ended_sooner", "spared", "twins", "sha256",
        )
    }  # fmt: skip
    return Imported(
        list_name=order.list_name,
        is_preview=sample is not None,
        refused=len(report.refused),
        refused_lines=[RefusedLine(line=r.line, reason=r.reason) for r in report.refused[:_MOST_TOLD]],
        changes=[ChangedEntry.model_validate(asdict(each)) for each in (sample.changes if sample else ())],
        is_cut_off=sample is not None and sample.is_cut_off,
        **counts,
    )
