"""Spools that are closed when their test ends, however often it opened them."""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

from edge.spool.queue import Spool

Opener = Callable[..., Spool]
"""Opens the spool, by `max_bytes` and `edge_id` if it shall differ."""


@contextlib.contextmanager
def spools(path: Path, *, clock: Callable[[], datetime], max_bytes: int = 100 << 20) -> Iterator[Opener]:
    """What opens the spool at `path`, as often as it is called; whatever is left open is closed."""
    with contextlib.ExitStack() as left_open:

        def opener(*, edge_id: str = "edge-1", max_bytes: int = max_bytes) -> Spool:
            spool = Spool(path, edge_id=edge_id, max_bytes=max_bytes, clock=clock)
            left_open.callback(spool.close)
            return spool

        yield opener
