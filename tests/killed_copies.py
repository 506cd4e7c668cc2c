"""A box that is killed while it takes over a copy: a folder as argument, in which each death leaves a file of its name.

Each life is a process of its own, forked so that the imports are paid for once: it has copy 1 in force and kills itself
with SIGKILL before the n-th SQL statement of taking over copy 2. Says how many statements that are.
"""

import itertools
import os
import signal
import sys
from pathlib import Path

from edge_reads import Clock
from hotlist_copies import NOW, an_entry, packed

from edge.assets import plate_files
from edge.contract.hotlist import Head, SignedHead, digest
from edge.contract.topics import HOTLIST_HEAD, hotlist_part
from edge.grammar import load_grammar
from edge.hotlist.copy import CopyFile
from edge.hotlist.desk import HotlistDesk

PLATES = {1: [f"OLD{n:02}" for n in range(2)], 2: [f"NEW{n:02}" for n in range(3)]}
COMMON = [f"ALL{n:02}" for n in range(1)]
GRAMMAR = load_grammar(plate_files())


def a_desk(path: Path) -> HotlistDesk:
    return HotlistDesk(CopyFile(path), verify=SignedHead.head, grammar=GRAMMAR, old_h=1.0, clock=Clock(NOW))


def take_over(desk: HotlistDesk, number: int) -> None:
    """All that a broker retains of this copy."""
    parts = packed(map(an_entry, [*PLATES[number], *COMMON]))
    head = Head.of(list(map(digest, parts)), issued_at=NOW, number=number, entries=4, least={})
    signed = SignedHead(signed=head.model_dump_json(), certificate="", signature="")
    desk.heard(HOTLIST_HEAD, signed.model_dump_json().encode())
    while desk.health.number != number:
        desk.work()
        for topic in desk.wanted - {HOTLIST_HEAD}:
            desk.heard(topic, next(part for n, part in enumerate(parts) if hotlist_part(n) == topic))


def live(path: Path, fatal: int) -> None:
    desk = a_desk(path)
    take_over(desk, 1)
    left = itertools.count(1)

    def stage(_statement: str) -> None:
        if next(left) == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    desk._file._db.set_trace_callback(stage)
    take_over(desk, 2)


def main() -> None:
    folder = Path(sys.argv[1])
    for fatal in itertools.count(1):
        child = os.fork()
        if child == 0:
            live(folder / str(fatal), fatal)
            os._exit(0)
        _, status = os.waitpid(child, 0)
        if os.waitstatus_to_exitcode(status) != -signal.SIGKILL:
            sys.stdout.write(f"{fatal - 1}\n")
            return


if __name__ == "__main__":
    main()
