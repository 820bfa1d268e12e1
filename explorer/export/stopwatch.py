"""A process of its own that times one ONNX file: NumPy and ONNX Runtime alone, so that it starts in half a second.

Run by its path, ``python stopwatch.py '{"file": …, "inputs": …, "threads": …, "seconds": …}'``, where ``inputs`` is an
npz of the file's inputs by position; it prints the median seconds of a call.
"""

import importlib
import json
import statistics
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np


def median_of(call: Callable[[], Any], seconds: float) -> float:
    """Median seconds of a call that is repeated for some seconds, after it was repeated for a while without timing."""
    found: list[float] = []
    for part in (0.3 * seconds, seconds):
        found.clear()
        end = time.perf_counter() + part
        while not found or time.perf_counter() < end:
            started = time.perf_counter()
            call()
            found.append(time.perf_counter() - started)
    return statistics.median(found)


def _main(asked: dict[str, Any]) -> float:
    runtime: Any = importlib.import_module("onnxruntime")

    options = runtime.SessionOptions()
    options.log_severity_level = 4
    if asked["threads"] is not None:
        options.intra_op_num_threads = asked["threads"]
    session = runtime.InferenceSession(asked["file"], options, providers=["CPUExecutionProvider"])
    with np.load(asked["inputs"], allow_pickle=False) as inputs:
        fed = {each.name: inputs[f"arr_{place}"] for place, each in enumerate(session.get_inputs())}
    return median_of(lambda: session.run(None, fed), asked["seconds"])


if __name__ == "__main__":
    print(_main(json.loads(sys.argv[1])))
