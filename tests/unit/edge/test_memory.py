"""Memory: a process of many threads holds less where they share arenas. Linux with glibc."""

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from edge import memory

glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="needs glibc")

_THREADS = """
import sys, threading
from edge import memory
if sys.argv[1] == "spare":
    assert memory.spare()
def work():
    held = [bytearray(100_000) for _ in range(60)]  # below what is mapped apart
    barrier.wait()
    del held
barrier = threading.Barrier(16)
threads = [threading.Thread(target=work) for _ in range(16)]
for thread in threads: thread.start()
for thread in threads: thread.join()
print(sum("-" in line.split()[0] and int(line.split()[0].split("-")[0], 16) % (64 << 20) == 0
          for line in open("/proc/self/maps")))
"""


@glibc
def test_threads_share_arenas() -> None:
    def arenas(mode: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", _THREADS, mode], capture_output=True, text=True, check=True, timeout=60
        )
        return int(done.stdout)

    assert arenas("spare") < arenas("as it is")


_FRAMES = """
import sys
from pathlib import Path
from edge import memory
if sys.argv[1] == "spare":
    assert memory.spare()
def resident_kb():
    (line,) = (l for l in Path("/proc/self/status").read_text().splitlines() if l.startswith("VmRSS"))
    return int(line.split()[1])
def full(size):
    return bytearray(b"x") * size
del [full(20_000_000)][0]  # a large piece is let go of
before = resident_kb()
frames, between = [], []
for _ in range(20):
    frames.append(full(2_100_000))  # a plane of 1080p
    between.append(full(60_000))  # stays
del frames
print(resident_kb() - before)
"""


@glibc
def test_frames_that_went_leave_nothing_behind_between_what_stays() -> None:
    def left_kb(mode: str) -> int:
        done = subprocess.run(
            [sys.executable, "-c", _FRAMES, mode], capture_output=True, text=True, check=True, timeout=60
        )
        return int(done.stdout)

    assert left_kb("as it is") > 30_000
    assert left_kb("spare") < 5_000


@glibc
def test_what_was_let_go_of_is_given_back() -> None:
    def resident_kb() -> int:
        status = Path("/proc/self/status").read_text(encoding="ascii")
        (line,) = (line for line in status.splitlines() if line.startswith("VmRSS"))
        return int(line.split()[1])

    held = [bytearray(50_000) for _ in range(2_000)]
    full = resident_kb()
    kept = held[::400]  # between what is let go of, so that the heap's end cannot simply come down
    del held
    assert memory.give_back()
    assert resident_kb() < full - 50_000
    assert len(kept) == 5
