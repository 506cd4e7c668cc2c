"""A process that runs commands of the centre and is killed: a configuration and a log as arguments, then lines.

`after MS COMMAND` is killed so many milliseconds after it began, `statement N COMMAND` kills itself with SIGKILL before
its N-th SQL statement, `whole 0 COMMAND` may end. Each command is a process of its own, forked so that the imports are
paid for once. Answers with its exit status and how many milliseconds it took, one a line.
"""

import os
import signal
import sys
import time
from pathlib import Path

import click
from sqlalchemy import Engine, event

import central.erase.run
import central.maintain
import central.query.desk  # noqa: F401  # with all that the commands import when they are called
from central.cli import cli


def attempt(config: Path, how: str, number: int, words: list[str]) -> int:
    left = number

    def count_down(*_: object) -> None:
        nonlocal left
        left -= 1
        if left < 0:
            os.kill(os.getpid(), signal.SIGKILL)

    if how == "statement":
        event.listen(Engine, "before_cursor_execute", count_down)
    try:
        cli.main([*words, "--config", str(config)], standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except SystemExit as end:
        return int(end.code or 0)
    return 0


def main() -> None:
    config, log = Path(sys.argv[1]), os.open(sys.argv[2], os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    for line in sys.stdin:
        how, number, *words = line.split()
        begun, begin = os.pipe()
        child = os.fork()
        if child == 0:
            os.write(begin, b"b")
            os.dup2(log, 1)
            os.dup2(log, 2)
            code = attempt(config, how, int(number), words)
            sys.stdout.flush()
            os._exit(code)
        os.close(begin)
        os.read(begun, 1)
        at_s = time.monotonic()
        if how == "after":
            time.sleep(int(number) / 1000)
            os.kill(child, signal.SIGKILL)
        os.close(begun)
        _, status = os.waitpid(child, 0)
        took_ms = int((time.monotonic() - at_s) * 1000)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)} {took_ms}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
