"""The process's end: the first signal asks, the second one ends it; a thread that dies is named and stops the rest."""

import os
import signal
import subprocess
import sys
import threading

import pytest

from edge.process import told_to_stop, watched

DEAF = """
import os, signal, time
from edge.process import told_to_stop

with told_to_stop() as stop:
    os.kill(os.getpid(), signal.SIGTERM)
    print("asked", stop.wait(10), flush=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(10)
    print("never said", flush=True)
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_sets_the_event_and_what_was_there_before_comes_back(number: signal.Signals) -> None:
    before = {n: signal.getsignal(n) for n in (signal.SIGTERM, signal.SIGINT)}
    with told_to_stop() as stop:
        assert not stop.is_set()
        os.kill(os.getpid(), number)
        assert stop.wait(5)
        assert {n: signal.getsignal(n) for n in before} == before, "the next one is not ours"
    assert {n: signal.getsignal(n) for n in before} == before


def test_without_a_signal_what_was_there_before_comes_back() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with told_to_stop():
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


def test_the_second_signal_ends_the_process() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DEAF], capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.stdout, done.returncode) == ("asked True\n", -signal.SIGTERM), done.stderr


def test_a_thread_that_dies_is_named_and_the_others_are_told() -> None:
    def die() -> None:
        raise RuntimeError("the net has gone mad")

    before, stop = threading.excepthook, threading.Event()
    with watched(stop) as dead:
        for name in ("analyser-0", "analyser-1"):
            thread = threading.Thread(target=die, name=name)
            thread.start()
            thread.join()
        assert stop.is_set()
    assert dead == [f"analyser-{n} died: RuntimeError: the net has gone mad" for n in (0, 1)]
    assert threading.excepthook is before
