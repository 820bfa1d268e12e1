"""Networks and data of unusual form: structured outputs, inputs of different sizes, operations without a
second derivative, and networks too large to be careless with."""

import subprocess
import sys
from collections import namedtuple
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.curvature import activation_traces, weight_traces
from explorer.errors import CurvatureError, StudyError
from explorer.questions.traces import TraceMethod
from explorer.studies.data.ragged import RaggedImages
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study
from tests.curvature.networks import Mixed, dense_weight_trace, seeded, study_of

Pair = namedtuple("Pair", "main auxiliary")


class Structured(nn.Module):
    def __init__(self, arrange: Callable[[Tensor, Tensor], Any]) -> None:
        super().__init__()
        self.body = nn.Conv2d(2, 3, 3)
        self.main = nn.Linear(48, 3)
        self.auxiliary = nn.Conv2d(3, 1, 2)
        self.arrange = arrange

    def forward(self, x: Tensor) -> Any:
        x = torch.relu(self.body(x))
        return self.arrange(self.main(x.flatten(1)), self.auxiliary(x))


def both(main: Tensor, auxiliary: Tensor, y: Tensor) -> Tensor:
    return F.cross_entropy(main, y, reduction="none") + 0.3 * auxiliary.square().flatten(1).sum(1)


@pytest.mark.parametrize(
    ("arrange", "loss"),
    [
        (lambda a, b: (a, b), lambda o, y: both(o[0], o[1], y)),
        (
            lambda a, b: {"maps": [b], "logits": a, "kept": None},
            lambda o, y: both(o["logits"], o["maps"][0], y),
        ),
        (Pair, lambda o, y: both(o.main, o.auxiliary, y)),
    ],
    ids=["tuple", "dict", "namedtuple"],
)
def test_outputs_of_any_structure_have_the_dense_hessians_trace(
    arrange: Callable[[Tensor, Tensor], Any], loss: Callable[[Any, Tensor], Tensor]
) -> None:
    study = study_of(seeded(Structured, arrange), size=7, loss=Loss("factory", function=loss))
    exact = weight_traces(study, method="exact", dtype=torch.float64)
    for block in exact.blocks:
        assert block.trace == pytest.approx(dense_weight_trace(study, f"{block.name}.weight"), rel=1e-10)
    for method in ("auto", "hutchinson"):
        found = weight_traces(study, method=method, rel_se=0.1, samples=4000)
        for a, b in zip(found.blocks, exact.blocks, strict=True):
            assert abs(a.trace - b.trace) <= 3 * a.stderr


class AnySize(nn.Module):
    """Takes images of any size."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(1, 3, 3, padding=1)
        self.second = nn.Conv2d(3, 2, 3, stride=2)
        self.out = nn.Linear(2, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.second(torch.relu(self.first(x))))
        return self.out(x.mean((2, 3)))


def ragged_study() -> Study:
    generator = np.random.default_rng(2)
    sizes = [(5, 5), (7, 4), (3, 9), (6, 6), (5, 5), (8, 3)]
    images = [generator.integers(0, 256, (*size, 1), dtype=np.uint8) for size in sizes]
    data = RaggedImages(
        {"train": images, "test": images},
        {s: [0, 1, 2, 0, 1, 2] for s in ("train", "test")},
        mean=(0.5,),
        std=(0.3,),
    )
    return Study(
        "ragged", "ragged", Card("ragged"), data, Loss("cross_entropy"), "0" * 64, seeded(AnySize).eval()
    )


def one_by_one(study: Study, of: str) -> tuple[np.ndarray, np.ndarray]:
    """Traces and mean traces of each input on its own, each (inputs, blocks)."""
    estimate = weight_traces if of == "weights" else activation_traces
    found = [
        estimate(study, method="exact", rows=torch.tensor([row]), dtype=torch.float64).blocks
        for row in range(study.data.size("train"))
    ]
    traces, means = (
        np.array([[getattr(b, key) for b in blocks] for blocks in found]) for key in ("trace", "mean_trace")
    )
    return traces, means


@pytest.mark.parametrize("of", ["weights", "activations"])
def test_inputs_of_different_sizes_count_equally(of: str) -> None:
    """Activation traces are normalised input by input (HAWQ-V2, section 3.4), not by a common size."""
    study = ragged_study()
    traces, means = one_by_one(study, of)
    estimate = weight_traces if of == "weights" else activation_traces
    exact = estimate(study, method="exact", dtype=torch.float64)
    for i, block in enumerate(exact.blocks):
        assert block.trace == pytest.approx(traces[:, i].mean(), rel=1e-10)
        assert block.mean_trace == pytest.approx(means[:, i].mean(), rel=1e-10)
    for method in ("output-probes", "hutchinson"):
        found = estimate(study, method=method, rel_se=0.1, samples=1500)
        for a, b in zip(found.blocks, exact.blocks, strict=True):
            assert abs(a.trace - b.trace) <= 3 * a.stderr
            assert abs(a.mean_trace - b.mean_trace) <= 3.5 * a.stderr * a.mean_trace / a.trace


def test_images_of_different_sizes_are_never_stacked() -> None:
    data = ragged_study().data
    assert data.inputs("train", torch.tensor([0, 4])).shape == (2, 1, 5, 5)
    with pytest.raises(StudyError, match="2 different sizes; take them one at a time"):
        data.inputs("train", torch.tensor([0, 1]))
    assert [len(x) for x, _ in data.batches("train", 4)] == [1] * 6
    with pytest.raises(StudyError, match="1 train images and 2 labels"):
        RaggedImages({"train": [np.zeros((2, 2, 1), np.uint8)]}, {"train": [0, 1]}, mean=(0.5,), std=(0.3,))


class Once(torch.autograd.Function):
    """x^2, with a derivative that cannot be differentiated."""

    @staticmethod
    def forward(ctx: Any, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)
        return x.square()

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return 2 * ctx.saved_tensors[0] * grad


class NoSecondDerivative(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.before = nn.Linear(72, 4)
        self.after = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        return self.after(Once.apply(self.before(x.flatten(1))))  # type: ignore[no-untyped-call]


@pytest.mark.parametrize("method", ["auto", "exact", "hutchinson"])
def test_an_operation_without_second_derivative_is_told_with_its_block(method: TraceMethod) -> None:
    study = study_of(seeded(NoSecondDerivative))
    with pytest.raises(
        CurvatureError, match="block before: an operation after it cannot be differentiated twice"
    ):
        weight_traces(study, method=method)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
@pytest.mark.parametrize("method", ["exact", "output-probes", "hutchinson"])
def test_cuda_gives_the_numbers_of_the_cpu(method: TraceMethod) -> None:
    study = study_of(seeded(Mixed), size=40)
    for estimate in (weight_traces, activation_traces):
        there, here = (
            estimate(study.on(device), method=method, rel_se=0.2, samples=256, dtype=torch.float64)
            for device in ("cuda", "cpu")
        )
        for a, b in zip(there.blocks, here.blocks, strict=True):
            assert a.trace == pytest.approx(b.trace, rel=1e-8)


LARGE = """
import resource, sys
import numpy as np, torch
from torch import nn
from explorer.curvature import weight_traces, activation_traces
from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study

class Bottleneck(nn.Module):
    def __init__(self, wide, narrow, stride):
        super().__init__()
        out = 4 * narrow
        self.body = nn.Sequential(
            nn.Conv2d(wide, narrow, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True),
            nn.Conv2d(narrow, narrow, 3, stride, 1, bias=False), nn.BatchNorm2d(narrow), nn.ReLU(inplace=True),
            nn.Conv2d(narrow, out, 1, bias=False), nn.BatchNorm2d(out))
        self.side = nn.Identity() if wide == out and stride == 1 else nn.Conv2d(wide, out, 1, stride, bias=False)
    def forward(self, x):
        return torch.relu_(self.body(x) + self.side(x))

layers, wide = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
for stage, (narrow, depth) in enumerate(((64, 3), (128, 4), (256, 6), (512, 3))):
    for i in range(depth):
        layers.append(Bottleneck(wide, narrow, 2 if i == 0 and stage else 1))
        wide = 4 * narrow
torch.manual_seed(0)
network = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(wide, 1000)).eval()
assert sum(p.numel() for p in network.parameters()) > 25_000_000
rng = np.random.default_rng(0)
arrays = {}
for split in ("train", "test"):
    arrays[split + "_images"] = rng.integers(0, 256, (2, 224, 224, 3), dtype=np.uint8)
    arrays[split + "_labels"] = rng.integers(0, 1000, 2)
data = ImageData(arrays, mean=(0.5,) * 3, std=(0.25,) * 3)
study = Study("large", "large", Card("large"), data, Loss("cross_entropy"), "0" * 64, network)
found = weight_traces(study, method="hutchinson", samples=2, rel_se=1e-6)  # keeps the most of all methods
assert all(b.trace == b.trace for b in found.blocks) and len(found.blocks) == 54
found = activation_traces(study, samples=2, rel_se=1e-6)
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


@pytest.mark.slow
@pytest.mark.soak
def test_25_million_weights_at_224_pixels_need_less_than_8_gb() -> None:
    done = subprocess.run([sys.executable, "-c", LARGE], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    assert float(done.stdout) < 7.5, "GiB at the most"
