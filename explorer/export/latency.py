"""Latency of an exported file: medians of fresh processes, taken in turns, as ratios of one round.

A process loads one network, runs it without timing for a moment, and then for SECONDS; what counts is the median. In
each round every network has its process, so that what else the computer does falls on all of them; a ratio is made
within a round, and the median over the rounds is told with the least and the greatest.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import onnx_ir as ir
import torch

from explorer.errors import ExportError
from explorer.export.onnx_files import running
from explorer.export.onnx_files.converting import converted
from explorer.studies import load_network
from explorer.studies.study import Study

BATCHES = (1, 64)
SECONDS = 1.0
EXPORTED, FLOAT, TORCH = "exported", "FP32 in ONNX Runtime", "FP32 in PyTorch"


@dataclass(frozen=True)
class Latency:
    """One network at one batch size.

    Attributes:
        what: the exported file, or one of the two it is compared with.
        milliseconds: a batch; median over the rounds.
        ratio: how many times as fast as FP32 in ONNX Runtime; median over the rounds.
        lowest, highest: of the rounds' ratios.
    """

    what: str
    batch: int
    milliseconds: float
    ratio: float
    lowest: float
    highest: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def benchmark(
    path: Path,
    study: Study,
    *,
    rounds: int = 4,
    threads: int | None = None,
    seconds: float = SECONDS,
    progress: Callable[[float], None] | None = None,
) -> list[Latency]:
    """Time a file beside the study's FP32 network.

    Args:
        threads: of an operator; None: the libraries' choice.
        seconds: that a process is timed.
        progress: told the share of processes that have ended; it may raise.

    Raises:
        ExportError: ONNX Runtime is missing or cannot run the file, or a process dies.
    """
    running.Running(path)  # what stands against it is said before anything is timed
    with tempfile.TemporaryDirectory() as folder:
        plain = Path(folder) / "fp32.onnx"
        example = study.data.inputs("test", slice(0, 2))
        plain.write_bytes(ir.to_proto(converted(study.model(), example, ragged=False)).SerializeToString())
        timed: dict[tuple[str, int], list[float]] = {}
        networks = ((FLOAT, str(plain)), (EXPORTED, str(path)), (TORCH, ""))
        turns = [(batch, *each) for _ in range(rounds) for batch in BATCHES for each in networks]
        for number, (batch, what, file) in enumerate(turns):
            if progress is not None:
                progress(number / len(turns))
            found = _in_a_process(file, study, batch, threads, seconds)
            timed.setdefault((what, batch), []).append(found)
    return [
        latency(what, batch, timed[what, batch], timed[FLOAT, batch])
        for batch in BATCHES
        for what in (EXPORTED, FLOAT, TORCH)
    ]


def latency(what: str, batch: int, timed: list[float], plain: list[float]) -> Latency:
    """Seconds of every round, beside those of FP32."""
    ratios = [base / own for own, base in zip(timed, plain, strict=True)]
    return Latency(
        what, batch, 1e3 * statistics.median(timed), statistics.median(ratios), min(ratios), max(ratios)
    )


def _in_a_process(file: str, study: Study, batch: int, threads: int | None, seconds: float) -> float:
    asked = json.dumps(
        {"file": file, "study": study.reference, "batch": batch, "threads": threads, "seconds": seconds}
    )
    ended = subprocess.run(
        [sys.executable, "-m", "explorer.export.latency", asked], capture_output=True, text=True, check=False
    )
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise ExportError(f"a network could not be timed ({last}); try it with run-exported")
    return float(ended.stdout.strip().splitlines()[-1])


def _timed(call: Callable[[], Any], seconds: float) -> float:
    """Median seconds of a call."""
    found: list[float] = []
    for part in (0.3 * seconds, seconds):
        found.clear()
        end = time.perf_counter() + part
        while not found or time.perf_counter() < end:
            started = time.perf_counter()
            call()
            found.append(time.perf_counter() - started)
    return statistics.median(found)


def _child(asked: dict[str, Any]) -> float:
    study = load_network(asked["study"])
    inputs = study.data.inputs("test", slice(0, asked["batch"]))
    threads = asked["threads"]
    if asked["file"]:
        ready = running.Running(Path(asked["file"]), threads=threads)
        return _timed(lambda: ready(inputs), asked["seconds"])
    if threads is not None:
        torch.set_num_threads(threads)
    network = study.model()
    with torch.inference_mode():
        return _timed(lambda: network(inputs), asked["seconds"])


if __name__ == "__main__":
    print(_child(json.loads(sys.argv[1])))
