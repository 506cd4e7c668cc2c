"""A process that seals and is killed: reads its configuration's file as argument, then a line for each attempt.

`statement N` kills itself with SIGKILL before its N-th SQL statement, `after MS` is killed so many
milliseconds after it began, `whole` may end. Each attempt is a process of its own, forked so that the imports
are paid for once. Answers with the attempt's exit status, one a line.
"""

import os
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy import event

from central.archive.place import archive_of
from central.archive.write import seal
from central.db import open_database
from central.settings import load


def attempt(config: Path, how: str, number: int) -> None:
    settings = load(config)
    engine = open_database(settings.database_url)
    left = number

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if how == "statement":
        event.listen(engine, "before_cursor_execute", count_down)
    sys.stdout.write("b")  # begun
    sys.stdout.flush()
    seal(engine, archive_of(settings), clock=lambda: datetime.now(UTC), chunk_rows=40)
    engine.dispose()


def main() -> None:
    config = Path(sys.argv[1])
    for line in sys.stdin:
        how, _, number = line.strip().partition(" ")
        begun, begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.dup2(begin, 1)
            attempt(config, how, int(number or 0))
            os._exit(0)
        os.close(begin)
        os.read(begun, 1)
        if how == "after":
            time.sleep(int(number) / 1000)
            os.kill(child, signal.SIGKILL)
        os.close(begun)
        _, status = os.waitpid(child, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
