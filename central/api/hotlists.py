"""Hotlists over HTTP: import of a file, and a look at what one would do."""

import hashlib
from dataclasses import asdict
from http import HTTPStatus
from typing import Annotated, Final, Literal

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from sqlalchemy import Connection
from starlette.concurrency import run_in_threadpool

from central.access.answers import Answers
from central.access.rights import Principal, Right
from central.api.guard import requires
from central.api.problems import Problem
from central.api.state import Wiring
from central.api.upload import Upload, uploaded
from central.entering import counted, leave_word
from central.errors import AccessError, HotlistError, StoreError
from central.hotlist.merge import Import
from central.hotlist.store import ImportReport, Sample, import_csv, preview_csv
from central.hotlist.twins import Twin
from central.types import Look
from edge.contract.read import Identifier

router: Final = APIRouter(prefix="/hotlists", tags=["hotlists"])
_MOST_TOLD: Final = 1_000
"""Refused lines, changes of each kind and twins that an answer tells one by one; it counts them all."""


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


class TwinEntry(BaseModel):
    """A new entry, and the listed plates like it that this key may know of."""

    line: int
    plate: str
    others: list[str] = Field(description="each with where it stands")


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
    twins: list[TwinEntry] = Field(
        description=f"new entries for which another may be taken: at most {_MOST_TOLD}"
    )
    refused: int
    refused_lines: list[RefusedLine] = Field(description=f"at most {_MOST_TOLD}")
    changes: list[ChangedEntry] = Field(description=f"of a preview: at most {_MOST_TOLD} of each kind")
    is_cut_off: bool = Field(description="of a preview: the import would be refused without even_many")
    sha256: str = Field(description="of the file")


class _Order(BaseModel):
    """What the address asks; a word that it does not know is refused, or a slip in `preview` would import."""

    model_config = ConfigDict(extra="forbid")

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
    if who.number in wiring.sending:
        raise Problem(
            HTTPStatus.TOO_MANY_REQUESTS, f"key {who.name!r} is sending a file already", {"Retry-After": "10"}
        )
    wiring.sending.add(who.number)
    try:
        # One after the other: of two that change the lists at once the second is compared anew under the database's
        # lock, and the centre's reads wait for that. As many wait here as there are keys.
        async with (
            uploaded(request, most_bytes=wiring.settings.api.upload_mb * 2**20) as upload,
            wiring.importing,
        ):
            made = Import(
                list_name, who.name, wiring.clock(), wiring.zone, whole=order.whole, even_many=order.even_many
            )
            if order.preview:
                answer = await run_in_threadpool(_preview, wiring, upload, made, who)
            else:
                asked = f"{list_name} {order.whole} {order.even_many} {upload.sha256}"
                request_hash = hashlib.sha256(asked.encode()).hexdigest()
                answers = Answers(wiring.engine, who.number, token or "", request_hash)
                answer = await run_in_threadpool(_import, wiring, upload, made, who, answers)
    finally:
        wiring.sending.discard(who.number)
    return Response(answer, media_type="application/json")


def _preview(wiring: Wiring, upload: Upload, order: Import, who: Principal) -> str:
    """It shows what stands in the list, so it is in the audit log as a look is."""
    sample, look = Sample(_MOST_TOLD), Look(order.entered_by, purpose="", case_number="")
    begun = wiring.audit.begin(look, "hotlist.preview", {"list": order.list_name, "whole": order.whole})
    try:
        report = preview_csv(wiring.engine, upload.path, order, grammar=wiring.grammar, sample=sample)
    except HotlistError as error:
        wiring.audit.fail(look, "hotlist.preview", begun=begun, why=type(error).__name__)
        raise _in_its_words(error, upload) from error
    wiring.audit.end(look, "hotlist.preview", begun=begun, rows=len(sample.changes))
    return _told(order, report, sample, who, is_preview=True).model_dump_json()


def _import(wiring: Wiring, upload: Upload, order: Import, who: Principal, answers: Answers) -> str:
    answer, sample = "", Sample(_MOST_TOLD)

    def note(connection: Connection, report: ImportReport) -> None:
        nonlocal answer
        answer = _told(order, report, sample, who, is_preview=False).model_dump_json()
        leave_word(connection, order, report, log=wiring.audit, came={"file": "of the API"})
        answers.keep(connection, answer, at=order.at)

    try:
        if (before := answers.given(at=order.at)) is not None:
            return before
        import_csv(wiring.engine, upload.path, order, grammar=wiring.grammar, log=note, sample=sample)
    except AccessError as error:
        raise Problem(HTTPStatus.CONFLICT, str(error)) from error
    except (StoreError, HotlistError) as error:
        # The same request in another process was the first to write its answer.
        if (before := answers.given(at=order.at)) is not None:
            return before
        raise _in_its_words(error, upload) if isinstance(error, HotlistError) else error from error
    return answer


def _in_its_words(error: HotlistError, upload: Upload) -> Problem:
    """What is wrong with a file, as who sent it knows it."""
    said = str(error).replace(f"{upload.path}: ", "").replace("--even-many ends", "even_many=true ends")
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, said)


def _told(
    order: Import, report: ImportReport, sample: Sample, who: Principal, *, is_preview: bool
) -> Imported:
    counts = {name: count for name, count in counted(report).items() if name != "twins"}
    refused_lines = [RefusedLine(line=r.line, reason=r.reason) for r in report.refused[:_MOST_TOLD]]
    changes = [ChangedEntry.model_validate(asdict(each)) for each in sample.changes] if is_preview else []
    twins = [found for each in sample.twins if (found := _twins(each, who))]
    return Imported.model_validate(
        counts
        | {"list_name": order.list_name, "is_preview": is_preview, "is_cut_off": sample.is_cut_off}
        | {"refused_lines": refused_lines, "changes": changes, "twins": twins}
    )


def _twins(twin: Twin, who: Principal) -> TwinEntry | None:
    """With those that stand in the file or in lists of this key: of others it learns nothing."""
    mine = [each.named for each in twin.others if each.list_name is None or each.list_name in who.lists]
    return TwinEntry(line=twin.line, plate=twin.plate, others=mine) if mine else None
