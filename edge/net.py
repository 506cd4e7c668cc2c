"""The process's one OpenVINO, and how each net of the box is loaded into it."""

from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import openvino

from edge.errors import AssetError

_one_at_a_time = Lock()


@cache
def core() -> Any:  # noqa: ANN401 - openvino is untyped
    """The one OpenVINO of this process, never let go.

    Its CPU plugin gives the thread that loads it a signal stack, which it unmaps when it is destroyed and leaves
    registered: the next signal then ends the process with a segmentation fault (seen with OpenVINO 2026.4).
    """
    core = openvino.Core()
    # A weight file that is overwritten while it is mapped ends the process with a bus error.
    core.set_property({"ENABLE_MMAP": False})
    return core


def load(graph: Path, weights: Path | None = None) -> Any:  # noqa: ANN401
    """Read a net from its file.

    Raises:
        AssetError: OpenVINO cannot read it.
    """
    try:
        return core().read_model(str(graph), str(weights or ""))
    except RuntimeError as error:
        raise AssetError(f"{graph}: OpenVINO cannot read it: {_reason(error)}") from error


def compiled(model: Any, *, threads: int) -> Any:  # noqa: ANN401
    """Make a net ready to run, one request at a time, and run it once.

    Two threads that give OpenVINO its first numpy array at one moment wait for each other for ever (seen with
    OpenVINO 2026.4: one holds Python's lock and waits for a table that the other fills, which waits for Python's
    lock). So the first array is given here.

    Args:
        model: as `load` returns it.
        threads: CPU threads of the net.

    Raises:
        AssetError: OpenVINO cannot run it.
    """
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "NUM_STREAMS": 1,
        "INFERENCE_NUM_THREADS": threads,
        # The same likelihoods on every machine: otherwise a newer processor computes in bfloat16.
        "INFERENCE_PRECISION_HINT": "f32",
        # Without this OpenVINO binds every net's thread to the same first core.
        "ENABLE_CPU_PINNING": False,
    }
    try:
        with _one_at_a_time:
            net = core().compile_model(model, "CPU", settings)
            given = net.input(0)
            net.create_infer_request().infer([np.zeros(given.shape, given.element_type.to_dtype())])
        return net
    except RuntimeError as error:
        raise AssetError(f"{model.get_friendly_name()}: OpenVINO cannot run it: {_reason(error)}") from error


def _reason(error: RuntimeError) -> str:
    """The last line of OpenVINO's words; those before it name its own source files."""
    return str(error).strip().splitlines()[-1]
