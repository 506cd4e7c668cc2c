"""What an import of a hotlist leaves behind, whichever way the file came: word to open alerts, and to the audit log."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Final

from sqlalchemy import Connection

from central.access.audit import AuditLog
from central.alert.wanted import tell_listed
from central.db import hotlist_entry
from central.hotlist.merge import Import
from central.hotlist.store import ImportReport
from central.types import Look

_NAMES: Final = [field.name for field in fields(ImportReport) if field.name != "refused"]


def counted(report: ImportReport) -> dict[str, object]:
    """An import in numbers and its file's hash: no plate."""
    told: dict[str, object] = {name: getattr(report, name) for name in _NAMES}
    return told | {"refused": len(report.refused)}


def leave_word(
    connection: Connection, order: Import, report: ImportReport, *, log: AuditLog, came: Mapping[str, object]
) -> None:
    """Tell alerts that somebody is listed, and the audit log who listed whom, in the import's own transaction.

    Args:
        connection: in that transaction.
        order: what was done.
        report: what came of it.
        log: the audit log.
        came: how the file came, such as its name.
    """
    tell_listed(connection, order.at, hotlist_entry.c.list_name == order.list_name)
    who = Look(order.entered_by, purpose="", case_number="")  # the entries have theirs
    log.note(connection, who, "hotlist.import", {"list": order.list_name, **came, **counted(report)})
