"""Traces of a network of ImageNet's size: work in forward passes over the data, and memory, measured on a few samples.

    python -m benchmarks.big [--images 24] [--draws 64] [--markdown docs/big-networks.md]

A ResNet-18 of 11.7 million weights on random pictures of 224 × 224, untrained: work and memory follow from shapes. How
many draws a trained network needs is another question, not answered here. Seconds are those of the processor, on one
thread; a forward pass of an image is timed by itself and is the unit of the rest.
"""

import argparse
import resource
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from benchmarks.report import report
from benchmarks.tables import Column, Table
from explorer.curvature import activation_traces, weight_traces
from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study

SIZE, CLASSES = 224, 1000
BATCH = 8  # of a forward pass
_COLUMNS = (
    Column("what", "traces of"),
    Column("draws", "draws"),
    Column("passes", "forward passes a draw costs"),
    Column("thousand", "passes over 1,000 images with 1,000 draws"),
    Column("memory", "memory at most (GB)"),
)
_HOW = (
    "Passes: processor time over that of a forward pass, in batches of 8, for each image; a draw is a forward and a "
    "backward pass with the gradient norms of every layer for one image.",
    "With 1,000 draws: one pass that scores the images, and the draws; extrapolated from the few that were measured.",
    "Memory: of the whole process, PyTorch and the images included, the highest so far.",
)


class Block(nn.Module):
    """Two convolutions of 3 × 3 and what goes past them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.past: nn.Module = nn.Identity()
        if stride > 1:
            self.past = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H / stride, W / stride)."""
        found = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(found)) + self.past(x))


def resnet18() -> nn.Module:
    """He et al., "Deep residual learning", Table 1."""
    widths = (64, 64, 128, 128, 256, 256, 512, 512)
    blocks = [
        Block(before, after, 2 if after > before else 1)
        for before, after in zip((64, *widths), widths, strict=False)
    ]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, CLASSES),
    )


def study_of(images: int) -> Study:
    """The network on random pictures."""
    drawn = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = drawn.integers(0, 256, (images, SIZE, SIZE, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = drawn.integers(0, CLASSES, images)
    data = ImageData(arrays, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    torch.manual_seed(0)
    return Study(
        "resnet18", "resnet18", Card("ResNet-18"), data, Loss("cross_entropy"), "0" * 64, resnet18().eval()
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--draws", type=int, default=64)
    parser.add_argument("--markdown", type=Path)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    study = study_of(options.images)
    model = study.model()

    def passed() -> None:
        with torch.no_grad():
            for at in range(0, options.images, BATCH):
                model(study.data.inputs("train", slice(at, at + BATCH)))

    passed()
    one = _seconds(passed) / options.images
    estimates: tuple[tuple[str, Callable[..., Any]], ...] = (
        ("weights", weight_traces),
        ("activations", activation_traces),
    )
    rows = []
    for name, estimate in estimates:
        estimate(study, samples=4, rel_se=1e-6)  # what is made once is made here
        # Two computations that differ in their draws alone: what both begin with cancels.
        few, many = (
            _seconds(partial(estimate, study, samples=made, rel_se=1e-6))
            for made in (options.draws, 2 * options.draws)
        )
        draw = (many - few) / options.draws / one
        rows.append(
            {
                "what": name,
                "draws": f"{options.draws} and {2 * options.draws}",
                "passes": f"{draw:.1f}",
                "thousand": f"{1 + draw:.1f}",
                "memory": f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6:.1f}",
            }
        )
    said = f"A forward pass takes {one:.2f} s of the processor an image; {options.images} images were there."
    report(
        [Table("a traces", "Traces of every layer", _COLUMNS, tuple(rows), (*_HOW, said))],
        script="big",
        title="Networks of ImageNet's size",
        markdown=options.markdown,
        numbers=options.json,
    )


def _seconds(work: Callable[[], object]) -> float:
    begun = time.process_time()
    work()
    return time.process_time() - begun


if __name__ == "__main__":
    main()
