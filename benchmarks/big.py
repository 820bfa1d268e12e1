"""Networks of ImageNet's size: work of their traces in forward passes over the data, and memory.

    python -m benchmarks.big [--images 1000] [--draws 448] [--only lite resnet memory] [--markdown docs/big-networks.md]

``lite``: EfficientNet-Lite0 with its trained weights on 1,000 enlarged images, so that the draws that it takes to 5 %
are those of a trained network (`benchmarks.big_networks` says where both come from; skipped where they are not there).
``resnet``: an untrained ResNet-18 on random pictures, for the work of a draw alone. ``memory``: LAPQ, training and
evaluation with more samples and larger batches (`benchmarks.big_memory`). Seconds are those of the processor, on one
thread; a forward pass of an image is timed in the same run, before and after, and is the unit of the rest.
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.big_memory import measured
from benchmarks.big_networks import Absent, lite_study, resnet_study
from benchmarks.report import report
from benchmarks.tables import Column, Table
from explorer.curvature import Traces, activation_traces, weight_traces
from explorer.studies.study import Study

TOLD = 0.05  # relative standard error asked for
ASKED = 3.0  # forward passes over 1,000 images
_TIMED = 48  # images of a timed forward pass
_ESTIMATES: tuple[tuple[str, Callable[..., Any]], ...] = (
    ("weights", weight_traces),
    ("activations", activation_traces),
)
_WORK = (
    Column("what", "traces of"),
    Column("network", "network"),
    Column("draws", "draws"),
    Column("start", "forward passes of an image before the first draw, beyond one for each image"),
    Column("draw", "forward passes of an image a draw"),
    Column("memory", "memory at most (GB)"),
)
_PRECISION = (
    Column("what", "traces of"),
    Column("layers", "layers"),
    Column("draws", "draws to 5 %: median layer, worst"),
    Column("median", "passes to 5 %, median layer"),
    Column("worst", "worst layer"),
    Column("total", "the sum of all layers"),
    Column("within", f"layers within 5 % after {ASKED:.0f} passes"),
    Column("at", f"error after {ASKED:.0f} passes: median, worst"),
    Column("more", "as a sample of more images: median, worst"),
)
_HELD = (
    Column("work", "work"),
    Column("images", "images"),
    Column("batch", "batch"),
    Column("seconds", "CPU s"),
    Column("memory", "memory at most (GB)"),
)
_HOW_WORK = (
    "Forward passes: processor time over that of one (the lesser of batches of 1 and of 8).",
    "Before the first draw every image is scored, which takes one for each; beyond that, the network is looked at and, "
    "with many classes, the directions are found that signs are drawn along.",
    "A draw is a forward and a backward pass with the gradient norms of every layer for one image.",
    "Memory: of the whole process, PyTorch and the images included, the highest so far.",
)
_HOW_PRECISION = (
    "Passes: over all images. The network is the trained EfficientNet-Lite0 at 224 × 224, the images are CIFAR-10's, "
    "enlarged from 32 × 32: no picture of ImageNet could be had.",
    "Draws to 5 %: from the variance of the draws that were made; few draws of a heavy tail show too little of it, or, "
    "where one of them met the tail, too much.",
    "The error is that of the trace over these images. As a sample of more images: with what the choice of the images "
    "adds, after three passes (at most: the noise of the signs is counted as the images').",
)
_HOW_MEMORY = (
    "The ResNet-18, all at 4 bits, each row a process of its own. LAPQ: three late layers get steps, the images are "
    "its calibration samples. Training: one epoch of the default recipe, which takes 128 samples a step where nothing "
    "else is asked for.",
    "The images themselves are 0.15 MB each, for training and again for the test.",
)
_CASES = (
    ("evaluation", 32, 64),
    ("evaluation", 64, 64),
    ("lapq", 8, 64),
    ("lapq", 16, 64),
    ("training", 32, 4),
    ("training", 32, 8),
    ("training", 64, 48),
)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=1000)
    parser.add_argument("--draws", type=int, default=448)
    parser.add_argument("--only", nargs="+", choices=("lite", "resnet", "memory"))
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    chosen = options.only or ("lite", "resnet", "memory")
    torch.set_num_threads(1)
    work: list[dict[str, str]] = []
    precise: list[dict[str, str]] = []
    said: list[str] = []
    if "lite" in chosen:
        try:
            study = lite_study(options.images)
        except Absent as error:
            said.append(f"EfficientNet-Lite0 was not measured: {error}.")
        else:
            for name, estimate in _ESTIMATES:
                row, found, one = traced(study, "EfficientNet-Lite0", name, estimate, options.draws)
                work.append(row)
                precise.append(precision(name, found, one))
    if "resnet" in chosen:
        study = resnet_study(24)
        for name, estimate in _ESTIMATES:
            work.append(traced(study, "ResNet-18, untrained", name, estimate, 128)[0])
    tables = [
        Table("a traces", "Work of a draw", _WORK, tuple(work), (*_HOW_WORK, *said)),
        Table("b precision", "Passes to a precision", _PRECISION, tuple(precise), _HOW_PRECISION),
    ]
    if "memory" in chosen:
        held = []
        for kind, images, batch in _CASES:
            seconds, memory = measured(kind, images, batch)
            held.append(
                {
                    "work": kind,
                    "images": str(images),
                    "batch": str(batch),
                    "seconds": f"{seconds:.0f}",
                    "memory": f"{memory:.2f}",
                }
            )
        tables.append(Table("c memory", "Memory and the number of samples", _HELD, tuple(held), _HOW_MEMORY))
    report(
        [table for table in tables if table.rows or table is tables[0]],
        script="big",
        title="Networks of ImageNet's size",
        markdown=options.markdown,
        numbers=options.json,
    )


def traced(
    study: Study, network: str, name: str, estimate: Callable[..., Any], draws: int
) -> tuple[dict[str, str], Traces, float]:
    """A row of the work, the traces, and the seconds of a forward pass of one image."""
    few = torch.arange(8)
    estimate(study, rows=few, samples=4, rel_se=1e-6)  # what is made once is made here
    before = _forward(study)
    found = estimate(study, samples=draws, rel_se=1e-6, clock=time.process_time)
    one = statistics.mean((before, _forward(study)))
    start, draw = cost(found)
    row = {
        "what": name,
        "network": network,
        "draws": str(draws),
        "start": f"{start / one - study.data.size('train'):.0f}",
        "draw": f"{draw / one:.1f}",
        "memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f}",
    }
    return row, found, one


def cost(found: Traces) -> tuple[float, float]:
    """Seconds before the first draw, and of a draw, from the history."""
    first, last = found.history[0], found.history[-1]
    draw = (last.seconds - first.seconds) / (last.samples - first.samples)
    return first.seconds - draw * first.samples, draw


def precision(name: str, found: Traces, one: float) -> dict[str, str]:
    """A row of the passes that a relative error of 5 % takes, for 1,000 images."""
    assert found.kept is not None
    assert found.kept.draws is not None
    kept = found.kept.draws
    values, images = kept.values, len(kept.proposal)
    start, draw = (seconds / one / images for seconds in cost(found))
    needed = draws_to(values)
    affordable = max((ASKED - start) / draw, 0.0)
    within = TOLD * (needed / affordable).sqrt()
    among = (images * kept.proposal[kept.positions].unsqueeze(1) * values.square()).mean(0)
    own = (among / values.mean(0).square() - 1).clamp(min=0) / images
    more = (within.square() + own).sqrt()

    def passes(count: float) -> str:
        return f"{start + draw * count:.1f}"

    return {
        "what": name,
        "layers": str(len(needed)),
        "draws": f"{float(needed.median()):.0f}, {float(needed.max()):.0f}",
        "median": passes(float(needed.median())),
        "worst": passes(float(needed.max())),
        "total": passes(float(draws_to(values.sum(1, keepdim=True)))),
        "within": f"{int((needed <= affordable).sum())} of {len(needed)}",
        "at": _median_and_worst(within),
        "more": _median_and_worst(more),
    }


def draws_to(values: Tensor) -> Tensor:
    """Draws that it takes to the error asked for, from draws (draws, layers) of every layer."""
    return (values.std(0) / values.mean(0) / TOLD).square()


def _median_and_worst(errors: Tensor) -> str:
    return f"{float(errors.median()):.1%}, {float(errors.max()):.1%}"


def _forward(study: Study) -> float:
    """Seconds of the processor for a forward pass of an image: the least of two sizes of a batch."""
    model, images = study.model(), min(_TIMED, study.data.size("train"))
    return min(_timed(model, study, images, batch) for batch in (1, 8))


def _timed(model: torch.nn.Module, study: Study, images: int, batch: int) -> float:
    def once() -> None:
        for at in range(0, images, batch):
            model(study.data.inputs("train", slice(at, at + batch)))

    with torch.inference_mode():
        model(study.data.inputs("train", slice(0, batch)))
        begun = time.process_time()
        once()
        return (time.process_time() - begun) / images


if __name__ == "__main__":
    main()
