from pathlib import Path

import pytest
from edge_reads import Clock, builder, plate_read

from edge.errors import SpoolError
from edge.spool.progress import Progress
from edge.spool.queue import Spool


def spool(path: Path) -> Spool:
    return Spool(path, edge_id="edge-1", max_bytes=100_000_000, clock=Clock())


def test_progress_is_stored_with_the_read_it_belongs_to(tmp_path: Path) -> None:
    with spool(tmp_path / "spool") as one:
        assert one.progress is None
        one.put_read(builder(), progress="a:1")
        one.put_read(builder())
        assert one.progress == Progress("a:1", one.epoch, 1)
        one.put_update(plate_read(one.epoch, 2), progress="a:2")
        epoch = one.epoch
    with spool(tmp_path / "spool") as again:
        assert again.progress == Progress("a:2", epoch, 2)


def test_a_read_that_was_not_stored_leaves_no_progress(tmp_path: Path) -> None:
    with spool(tmp_path / "spool") as one:
        with pytest.raises(ValueError, match="given was"):
            one.put_read(builder(edge_id="other"), progress="a:1")
        assert one.progress is None
        one.close()
        with pytest.raises(SpoolError):
            _ = one.progress
