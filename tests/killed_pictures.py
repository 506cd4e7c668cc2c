"""A process that takes pictures, moves packs and retains, and is killed: `settings.json number` as arguments.

Each picture is committed with its read's number, and only then told on stdout. One of three is in an alert's trail.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from central_reads import NOON
from sqlalchemy import insert

from central.archive.packing import PackWriter
from central.archive.pictures import open_packs
from central.archive.retain_pictures import retain_pictures
from central.db import alert_trail, open_database, picture, to_us
from central.settings import CentralSettings

EACH = 60


def picture_of(seq: int) -> bytes:
    return b"%09d" % seq * (1 + seq % 50)


def is_tied(seq: int) -> bool:
    return seq % 3 == 0


def main() -> None:
    settings = CentralSettings.model_validate(json.loads(Path(sys.argv[1]).read_text()))
    first = int(sys.argv[2]) * EACH
    engine, packs = open_database(settings.database_url), open_packs(settings)
    later = datetime.now(UTC) + timedelta(hours=2)
    with PackWriter(settings.pictures.path, max_bytes=2_000) as writer:
        for seq in range(first + 1, first + EACH + 1):
            key = {"edge_id": "edge-1", "epoch": 7}
            with engine.begin() as connection:
                (place,) = writer.write([picture_of(seq)], at=NOON + timedelta(minutes=seq))
                row = {"pack": place.pack, "offset": place.offset, "length": place.length}
                row |= {"read_seq": seq, "kind": "crop", "seq": seq, "sha256": place.sha256}
                connection.execute(insert(picture).values(**key, **row))
                if is_tied(seq):
                    trail = {"alert_id": seq, "captured_us": to_us(NOON), "camera_id": "cam-1"}
                    connection.execute(insert(alert_trail).values(**key, seq=seq, **trail))
            sys.stdout.write(f"{seq}\n")
            sys.stdout.flush()
            if seq % 5 == 0:
                packs.move_finished()
                retain_pictures(engine, packs, keep=timedelta(days=30), now=later)


if __name__ == "__main__":
    main()
