"""How keys look, in a table (pure)."""

from collections.abc import Iterable
from datetime import datetime

from rich.table import Table

from central.access.keys import Key
from central.show import Style, add_row, new_table, plain


def keys_table(found: Iterable[Key], style: Style, *, now: datetime) -> Table:
    """Keys, what each may and until when; one that is over or revoked is dim."""
    table = new_table(style, "key", "rights", "lists", "until", "who", "revoked")
    for each in found:
        is_over = each.revoked_at is not None or each.expires_at <= now
        add_row(
            table,
            plain(each.name, "dim" if is_over else "bold"),
            " ".join(each.rights),
            " ".join(each.lists),
            style.until(each.expires_at),
            each.made_by,
            "" if each.revoked_at is None else style.moment(each.revoked_at),
        )
    return table
