"""One OpenVINO a process: what its nets leave behind."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from edge.assets import model_file
from edge.errors import AssetError
from edge.net import compiled, core, load

IN_A_PROCESS = """
import gc, os, signal, sys
from edge.detect.openvino import OpenVinoDetector
from edge.read.openvino import OpenVinoReader
parts = [OpenVinoDetector(), OpenVinoReader()]
parts.clear()
gc.collect()
signal.signal(signal.SIGTERM, lambda *_: print("heard", flush=True))
os.kill(os.getpid(), signal.SIGTERM)
"""


def test_a_signal_is_survived_once_the_nets_are_gone() -> None:
    done = subprocess.run(
        [sys.executable, "-c", IN_A_PROCESS], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (0, "heard\n"), signal.strsignal(abs(done.returncode))


AT_ONCE = """
import os, sys, threading
import numpy as np
from edge.detect.openvino import OpenVinoDetector
sys.setswitchinterval(1e-6)
nets, frame = [OpenVinoDetector() for _ in range(4)], np.zeros((360, 640, 3), np.uint8)
start = threading.Barrier(4)
threads = [threading.Thread(target=lambda n=n: (start.wait(), n.detect(frame))) for n in nets]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_threads_that_begin_at_one_moment_do_not_wait_for_each_other_for_ever() -> None:
    """Without the first run in `compiled` one such process of three hung."""
    for _ in range(3):
        subprocess.run([sys.executable, "-c", AT_ONCE], check=True, timeout=60)


def test_it_is_the_same_for_every_net() -> None:
    assert core() is core()


def test_a_file_that_is_no_net_is_named(tmp_path: Path) -> None:
    broken = tmp_path / "broken.xml"
    broken.write_text("<net>")
    with pytest.raises(AssetError, match="broken.xml: OpenVINO cannot read it"):
        load(broken)


def test_a_net_computes_alike_on_every_machine() -> None:
    net = compiled(load(model_file("detector/plate.xml")), threads=1)
    assert str(net.get_property("INFERENCE_PRECISION_HINT")) in ("<Type: 'float32'>", "f32")
    assert net.get_property("INFERENCE_NUM_THREADS") == 1
