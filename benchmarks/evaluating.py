"""How many images a second an evaluation measures now and as it did before: CPU time, in turns.

    python -m benchmarks.evaluating [--study fashion-resnet20] [--images 1000] [--rounds 7]

Before: 500 images at once, with memory as the C library gives it, in a process of its own, since what the worker asks
of the C library cannot be taken back. Now: `evaluation.per_sample.BATCH_SIZE` images at once, freed memory kept
(`jobs.bounds.allocation`), and beside it what else was tried: other batches, channels last in memory, inference mode.
The ratio is the median over rounds of the time before over the time now, with its quartiles; outputs are compared to
the bit.
"""

import argparse
import copy
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn

from benchmarks.training import tune_allocation, widths
from explorer import studies
from explorer.evaluation.per_sample import BATCH_SIZE
from explorer.qat.methods import METHODS
from explorer.quantizers import freeze
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

BEFORE = 500  # images at once


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--study", default="fashion-resnet20")
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--child", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    study = studies.load_network(options.study)
    prepared = METHODS["lsq"]().prepare(study.model(), widths(study), calibration_batches(study), None)
    network = freeze(prepared).eval()
    if options.child:
        for _ in sys.stdin:
            print(_measured(study, network, options.images, BEFORE)[0], flush=True)
        return
    command = [sys.executable, "-m", "benchmarks.evaluating", "--child", "--study", options.study]
    command += ["--images", str(options.images)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as child:
        tune_allocation()
        _compare(study, network, options.images, options.rounds, child)
        assert child.stdin is not None
        child.stdin.close()


def _compare(
    study: Study, network: nn.Module, images: int, rounds: int, child: "subprocess.Popen[str]"
) -> None:
    last = copy.deepcopy(network).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    works: dict[str, Callable[[], tuple[float, Tensor]]] = {
        f"{BATCH_SIZE} at once": lambda: _measured(study, network, images, BATCH_SIZE),
        "64 at once": lambda: _measured(study, network, images, 64),
        "256 at once": lambda: _measured(study, network, images, 256),
        "channels last": lambda: _measured(study, last, images, BATCH_SIZE, last=True),
        "channels last, inference mode": lambda: _measured(
            study, last, images, BATCH_SIZE, last=True, inference=True
        ),
    }
    first = works[f"{BATCH_SIZE} at once"]()[1]
    times: dict[str, list[float]] = {name: [] for name in ("before", *works)}
    same = {}
    for turn in range(-1, rounds):
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write("again\n")
        child.stdin.flush()
        taken = {"before": float(child.stdout.readline())}
        for name, work in works.items():
            taken[name], outputs = work()
            same[name] = torch.equal(outputs, first)
        if turn >= 0:
            for name, seconds in taken.items():
                times[name].append(seconds)
    for name, found in times.items():
        ratios = [before / now for before, now in zip(times["before"], found, strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        bits = "" if same.get(name, True) else ", other bits"
        rate = images / statistics.median(found)
        print(f"{name}: {rate:.0f} images a second, {middle:.2f} times before [{low:.2f}, {high:.2f}]{bits}")


def _measured(
    study: Study, network: nn.Module, images: int, batch: int, *, last: bool = False, inference: bool = False
) -> tuple[float, Tensor]:
    """CPU seconds of this process, and the outputs."""
    begun, outputs = time.process_time(), []
    with torch.inference_mode() if inference else torch.no_grad():
        for inputs, _ in study.data.batches("test", batch, torch.arange(images)):
            given = inputs.contiguous(memory_format=torch.channels_last) if last else inputs
            outputs.append(network(given))
    return time.process_time() - begun, torch.cat(outputs).clone()


if __name__ == "__main__":
    main()
