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
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx_ir as ir
import torch
from torch import Tensor
from torch.utils import _pytree as pytree

from explorer.errors import ExportError
from explorer.export import stopwatch
from explorer.export.onnx_files import running
from explorer.export.onnx_files.converting import converted
from explorer.studies import load_network
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

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
    watcher: Watcher = UNWATCHED,
) -> list[Latency]:
    """Time a file beside the study's FP32 network.

    Args:
        threads: of an operator; None: the libraries' choice.
        seconds: that a process is timed.
        watcher: told the share of processes that have ended; keeps what each round found.

    Raises:
        ExportError: ONNX Runtime is missing or cannot run the file, or a process dies.
        Stopped: the watcher says so.
    """
    running.Running(path)  # what stands against it is said before anything is timed
    before = watcher.restore()
    found: list[list[float]] = [] if before is None else list(before.state["rounds"])
    with tempfile.TemporaryDirectory() as folder:
        turns = _turns(Path(folder), path, study, {"threads": threads, "seconds": seconds})
        for done in range(len(found), rounds):
            own = []
            for number, turn in enumerate(turns):
                watcher.check_stop()
                watcher.report((done + number / len(turns)) / rounds, "timing in fresh processes")
                own.append(_in_a_process(turn.command))
            found.append(own)
            watcher.save({}, {"rounds": found})
    timed = {(turn.what, turn.batch): own for turn, own in zip(turns, zip(*found, strict=True), strict=True)}
    return [
        latency(what, batch, timed[what, batch], timed[FLOAT, batch])
        for batch in BATCHES
        for what in (EXPORTED, FLOAT, TORCH)
    ]


def latency(what: str, batch: int, timed: Sequence[float], plain: Sequence[float]) -> Latency:
    """Seconds of every round, beside those of FP32."""
    ratios = [base / own for own, base in zip(timed, plain, strict=True)]
    return Latency(
        what, batch, 1e3 * statistics.median(timed), statistics.median(ratios), min(ratios), max(ratios)
    )


@dataclass(frozen=True)
class _Turn:
    """One process of a round: what it times, how many samples at once, and what is run."""

    what: str
    batch: int
    command: tuple[str, ...]


def _turns(folder: Path, path: Path, study: Study, options: Mapping[str, Any]) -> list[_Turn]:
    """The processes of a round, and the files they read."""
    plain = folder / "fp32.onnx"
    example = study.data.inputs("test", slice(0, 2))
    plain.write_bytes(ir.to_proto(converted(study.model(), example, ragged=False)).SerializeToString())
    turns = []
    for batch in BATCHES:
        inputs = folder / f"{batch}.npz"
        leaves = pytree.tree_leaves(study.data.inputs("test", slice(0, batch)))
        np.savez(inputs, *(each.numpy() if isinstance(each, Tensor) else np.asarray(each) for each in leaves))
        for what, file in ((FLOAT, plain), (EXPORTED, path)):
            asked = json.dumps({"file": str(file), "inputs": str(inputs), **options})
            turns.append(_Turn(what, batch, (stopwatch.__file__, asked)))
        asked = json.dumps({"study": study.reference, "batch": batch, **options})
        turns.append(_Turn(TORCH, batch, ("-m", __name__, asked)))
    return turns


def _in_a_process(command: tuple[str, ...]) -> float:
    ended = subprocess.run([sys.executable, *command], capture_output=True, text=True, check=False)
    if ended.returncode:
        last = (ended.stderr.strip().splitlines() or ["it ended without a word"])[-1]
        raise ExportError(f"a network could not be timed ({last}); try it with run-exported")
    return float(ended.stdout.strip().splitlines()[-1])


def _of_torch(asked: Mapping[str, Any]) -> float:
    study = load_network(asked["study"])
    inputs = study.data.inputs("test", slice(0, asked["batch"]))
    if asked["threads"] is not None:
        torch.set_num_threads(asked["threads"])
    network = study.model()
    with torch.inference_mode():
        return stopwatch.median_of(lambda: network(inputs), asked["seconds"])


if __name__ == "__main__":
    print(_of_torch(json.loads(sys.argv[1])))
