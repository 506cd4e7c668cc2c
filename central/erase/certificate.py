"""The certificate of an erasure: what was ordered, what was done, what was searched; never the plate itself.

It is signed with the key of the audit log, so a copy in a court's file can be held against it.
"""

import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, tzinfo
from html import escape
from importlib.metadata import version
from typing import Any, Final

from sqlalchemy import Connection, Engine, RowMapping, select

from central.access.key import AuditKey
from central.db import audit, erased_file, erasure, from_us, reading
from central.erase.plate import Needle
from central.erase.search import Searched, Unsearched
from central.errors import ErasureError
from central.words import Words

_MOST_LINES: Final = 6
"""Of each list on the printed page; the text has all."""
_SHORT: Final = 16
_STYLE: Final = (
    "@page{size:A4;margin:14mm}body{font:10pt/1.35 Georgia,serif;color:#000;max-width:182mm;margin:auto}"
    "h1{font-size:15pt;border-bottom:1.5pt solid;padding-bottom:2mm;margin:0 0 3mm}"
    "h2{font-size:10.5pt;margin:3mm 0 1mm}table{border-collapse:collapse;width:100%;font-size:9pt}"
    "th{font-weight:normal;text-align:left;vertical-align:top;width:34%;color:#444}th,td{padding:.5mm 2mm .5mm 0}"
    "td{overflow-wrap:anywhere}ul{margin:0;padding-left:5mm;font-size:9pt}li{overflow-wrap:anywhere}"
    "code{font:8pt monospace}footer{margin-top:4mm;border-top:.5pt solid;padding-top:2mm;font-size:8.5pt}"
)


def written(
    connection: Connection, row: RowMapping, searched: Searched, *, needle: Needle, at: datetime
) -> dict[str, Any]:
    """What the certificate of an order says.

    Args:
        connection: to the database.
        row: the order's.
        searched: the last search.
        needle: the plate, which a file's name may hold, and the certificate may not.
        at: when it ended.
    """
    since_us, until_us = row["since_us"], row["until_us"]
    files = _files(connection, row["erasure_id"])
    in_archive = sum(file["rows"] for file in files if file["name"].startswith("reads/"))
    return {
        "erasure": row["erasure_id"],
        "reference": row["reference"],
        "case": row["case_number"],
        "plate": row["plate_hash"],
        "since": None if since_us is None else from_us(since_us).isoformat(),
        "until": None if until_us is None else from_us(until_us).isoformat(),
        "ordered_by": row["ordered_by"],
        "ordered_at": from_us(row["ordered_us"]).isoformat(),
        "finished_at": at.astimezone(UTC).isoformat(),
        "removed": {"archive": in_archive, **_without_reads(json.loads(row["removed"]))},
        "files": files,
        "roots": searched.roots,
        "searched": {"files": searched.files, "bytes": searched.bytes, "rows": searched.rows},
        "found": [f"{needle.without(found.where)} ({found.times})" for found in searched.found],
        "unsearched": [_without(needle, each) for each in searched.unsearched],
        "looks": _looks(connection, row["plate_hash"]),
        "software": f"Atalaya {version('atalaya')}",
    }


def sealed(content: Mapping[str, Any], key: AuditKey) -> tuple[str, str]:
    """The content as it is kept, and its signature."""
    text = json.dumps(content, ensure_ascii=False, sort_keys=True)
    return text, key.of_certificate(text.encode())


def issued(engine: Engine, number: int, key: AuditKey) -> tuple[dict[str, Any], str]:
    """A certificate as it was issued, and its signature.

    Raises:
        ErasureError: there is no such order, it is not finished, or the certificate was altered.
    """
    with reading(engine) as connection:
        row = connection.execute(select(erasure).where(erasure.c.erasure_id == number)).mappings().first()
    if row is None:
        raise ErasureError(f"no order #{number}; `erase list` shows them")
    if row["state"] == "restored":
        raise ErasureError(
            f"order #{number} has no certificate: a backup of before was restored, give it anew"
        )
    if row["signature"] is None:
        raise ErasureError(f"order #{number} is not finished; `erase run` goes on with it")
    text, signature = row["certificate"], row["signature"]
    if not hmac.compare_digest(key.of_certificate(text.encode()), signature):
        raise ErasureError(
            f"the certificate of order #{number} was altered, or access.key_file is another one"
        )
    return json.loads(text), signature


def as_text(content: Mapping[str, Any], signature: str, *, say: Words, zone: tzinfo) -> str:
    """All of it, as lines."""
    lines = [say("erase.title"), "=" * len(say("erase.title")), ""]
    for name, value in _facts(content, say, zone):
        lines.append(f"{name:<30} {value}")
    for title, each in _lists(content, say, full=True):
        lines += ["", title, *(f"  {line}" for line in each)]
    return "\n".join([*lines, "", f"{say('erase.signature')}: {signature}", say("erase.signed"), ""])


def as_html(content: Mapping[str, Any], signature: str, *, say: Words, zone: tzinfo) -> str:
    """One page to print."""
    title = escape(say("erase.title"))
    facts = "".join(
        f"<tr><th>{escape(name)}</th><td>{escape(value)}</td></tr>"
        for name, value in _facts(content, say, zone)
    )
    lists = "".join(
        f"<h2>{escape(name)}</h2><ul>{''.join(f'<li>{escape(line)}</li>' for line in _cut(lines, say))}</ul>"
        for name, lines in _lists(content, say, full=False)
    )
    return (
        f'<!doctype html><html lang="{say("erase.language")}"><head><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1><table>{facts}</table>{lists}"
        f"<footer>{escape(say('erase.signature'))}: <code>{signature}</code><br>{escape(say('erase.signed'))}"
        "</footer></body></html>\n"
    )


def _facts(content: Mapping[str, Any], say: Words, zone: tzinfo) -> list[tuple[str, str]]:
    searched = content["searched"]
    looked = (
        f"{searched['files']:,} {say('erase.files')}, {searched['bytes']:,} bytes, "
        f"{searched['rows']:,} {say('erase.rows')}"
    )
    found = say("erase.nothing") if not content["found"] else f"{len(content['found'])} {say('erase.places')}"
    return [
        (say("erase.reference"), content["reference"]),
        (say("case"), content["case"]),
        (say("erase.number"), f"#{content['erasure']}"),
        (say("erase.plate"), content["plate"]),
        (say("erase.window"), _window(content, say, zone)),
        (say("erase.ordered"), f"{_told(content['ordered_at'], zone)}, {content['ordered_by']}"),
        (say("erase.finished"), _told(content["finished_at"], zone)),
        (say("erase.searched"), looked),
        (say("erase.found"), found),
        (say("erase.software"), content["software"]),
    ]


def _lists(content: Mapping[str, Any], say: Words, *, full: bool) -> list[tuple[str, list[str]]]:
    removed = [f"{say(f'erase.{name}')}: {rows:,}" for name, rows in content["removed"].items() if rows]
    if not full:
        removed = ["; ".join(removed)] if removed else []
    size = None if full else _SHORT
    files = [
        f"{f['name']}  {(f['before'] or '-')[:size]} -> {(f['after'] or say('erase.gone'))[:size]}"
        for f in content["files"]
    ]
    looks = [f"#{look['number']} {look['action']} {look['form']}".rstrip() for look in content["looks"]]
    if not full:
        looks = [", ".join(looks)] if looks else []
    named = (
        ("erase.removed", removed),
        ("erase.rewritten", files),
        ("erase.roots", [say(root) for root in content["roots"]]),
        ("erase.still", content["found"]),
        ("erase.unsearched", [_unsearched(each, say) for each in content["unsearched"]]),
        ("erase.looks", looks),
    )
    return [(say(name), list(lines)) for name, lines in named if lines]


def _without(needle: Needle, told: Unsearched) -> dict[str, str]:
    """One thing that was not searched, without the plate. Of what kind it is stays: a plate may be spelt like it."""
    return {"why": told.why, "where": needle.without(told.where), "detail": needle.without(told.detail)}


def _unsearched(told: str | Mapping[str, str], say: Words) -> str:
    """One thing that was not searched; earlier certificates have a sentence, in English."""
    if isinstance(told, str):
        return told
    why = say(f"unsearched.{told['why']}").format(detail=told["detail"])
    return f"{told['where']}: {why}" if told["where"] else why


def _cut(lines: Sequence[str], say: Words) -> list[str]:
    more = len(lines) - _MOST_LINES
    return [*lines] if more <= 1 else [*lines[:_MOST_LINES], f"+ {more} {say('erase.more')}"]


def _window(content: Mapping[str, Any], say: Words, zone: tzinfo) -> str:
    if content["since"] is None and content["until"] is None:
        return say("erase.always")
    ends = (content["since"], content["until"])
    return " - ".join("..." if end is None else _told(end, zone) for end in ends)


def _told(moment: str, zone: tzinfo) -> str:
    return f"{datetime.fromisoformat(moment).astimezone(zone):%Y-%m-%d %H:%M:%S %Z}"


def _without_reads(removed: dict[str, int]) -> dict[str, int]:
    """Reads that were to be found in the archive are told as what was removed there."""
    return {name: rows for name, rows in removed.items() if name != "reads"}


def _files(connection: Connection, number: int) -> list[dict[str, Any]]:
    query = select(erased_file).where(erased_file.c.erasure_id == number).order_by(erased_file.c.name)
    return [
        {"name": r["name"], "rows": r["rows"], "before": r["sha256_before"], "after": r["sha256_after"]}
        for r in connection.execute(query).mappings()
    ]


def _looks(connection: Connection, plate_hash: str) -> list[dict[str, Any]]:
    """Looks at this very plate: what went out with them is elsewhere."""
    query = select(audit.c.id, audit.c.action, audit.c.detail)
    query = query.where(audit.c.detail.contains(plate_hash)).order_by(audit.c.id)
    found = []
    for row in connection.execute(query).mappings():
        form = json.loads(row["detail"]).get("form", "")
        if not row["action"].startswith("erase."):
            found.append({"number": row["id"], "action": row["action"], "form": form})
    return found
