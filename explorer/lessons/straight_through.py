"""Lesson 5, the straight-through estimator: a staircase and what stands in for its derivative, one weight, a network.

    Q(w) = s clip(round(w / s), n, p)

has the derivative 0 almost everywhere. The straight-through estimator (Bengio, Leonard and Courville 2013) takes
rounding for the identity in the backward pass; clipping stays what it is (`explorer.quantizers.gradients`).

One weight under L = (Q(w) - t)^2 / 2 and gradient descent: as long as the estimator passes,

    w_T - w_0 = -rate sum_k (Q(w_k) - t)

and w stays within a step of the threshold between the two levels around t. So the mean of Q(w_k) tends to t: the weight
oscillates between both levels, in the ratio of their distances.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.estimates import Estimate, share
from explorer.lessons.common import draws, material, trainings
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.quantizers import Affine, Grid, fake_quantize, steps, straight_through
from explorer.quantizers.gradients import passing, rounded
from explorer.studies import Study
from explorer.watching import Watcher

SURROGATES = ("ste", "clip", "identity", "true")
HIDDEN = 24  # of the small network
POOLED = 4  # pixels a side that are averaged into one input
TRAINED, TESTED = 1000, 1000  # images
FLOAT_STEPS = 120
_START = 0  # purpose of random draws: first weights


def staircase(x: Tensor, q: Affine, surrogate: str) -> Tensor:
    """Q(x) with one of the `SURROGATES` as its derivative.

    ``ste`` passes where rounding stays on the grid, ``clip`` up to the outermost levels, ``identity`` everywhere, and
    ``true`` nowhere, as the derivative is.
    """
    if surrogate == "ste":
        return straight_through(x, q)
    if surrogate == "clip":
        return rounded(x, q.detached())
    if surrogate == "identity":
        return passing(x, fake_quantize(x, q))
    return fake_quantize(x, q) + 0.0 * x


def grid(bits: int, step: float) -> Affine:
    """A signed grid."""
    return Affine(torch.tensor(step, dtype=torch.float64), None, Grid.signed(bits))


def value_and_slope(x: np.ndarray, q: Affine, surrogate: str) -> tuple[np.ndarray, np.ndarray]:
    """Q(x) and the derivative that training uses, both (N,)."""
    leaf = torch.tensor(x, dtype=torch.float64, requires_grad=True)
    value = staircase(leaf, q, surrogate)
    (slope,) = torch.autograd.grad(value.sum(), leaf)
    return value.detach().numpy(), slope.numpy()


@dataclass(frozen=True, eq=False)
class Descent:
    """One weight on its way: w_k and Q(w_k), both (T + 1,)."""

    latent: np.ndarray
    quantized: np.ndarray

    @property
    def mean(self) -> float:
        """Mean of the quantized weight over the second half."""
        return float(self.quantized[len(self.quantized) // 2 :].mean())


def descend(
    q: Affine, surrogate: str, *, start: float, target: float, rate: float, count: int = 200
) -> Descent:
    """Gradient descent on (Q(w) - target)^2 / 2."""
    w, latent, quantized = start, [], []
    for _ in range(count + 1):
        value, slope = value_and_slope(np.array([w]), q, surrogate)
        latent.append(w)
        quantized.append(float(value[0]))
        w -= rate * (float(value[0]) - target) * float(slope[0])
    return Descent(np.array(latent), np.array(quantized))


@cache
def _images() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Inputs (N, 49) and labels of training, then of the test: Fashion-MNIST averaged to 7 x 7 pixels."""
    (x, y), (tested, labels) = material.images(TRAINED, split="train"), material.images(TESTED)
    return F.avg_pool2d(x, POOLED).flatten(1), y, F.avg_pool2d(tested, POOLED).flatten(1), labels


def _forward(x: Tensor, weights: list[Tensor]) -> Tensor:
    first, shift, second, last = weights
    return F.relu(x @ first + shift) @ second + last


@cache
def trained() -> tuple[Tensor, ...]:
    """Weights and biases of 49 - 24 - 10 in FP32, trained."""
    x, y, _, _ = _images()
    draw = draws.source(5, _START)
    shapes = ((x.shape[1], HIDDEN), (HIDDEN,), (HIDDEN, 10), (10,))
    weights = [
        (torch.randn(shape, generator=draw) / shape[0] ** 0.5 if len(shape) > 1 else torch.zeros(shape))
        for shape in shapes
    ]
    for each in weights:
        each.requires_grad_(True)
    moving = torch.optim.Adam(weights, lr=0.01)
    for _ in range(FLOAT_STEPS):
        moving.zero_grad()
        F.cross_entropy(_forward(x, weights), y).backward()
        moving.step()
    return tuple(each.detach() for each in weights)


def _grids(bits: int) -> tuple[Affine, Affine]:
    first, _, second, _ = trained()
    a, b = (steps.choose("mse", each, Grid.signed(bits)) for each in (first, second))
    return a, b


def _accuracy(weights: list[Tensor]) -> Estimate:
    _, _, x, y = _images()
    return share(_forward(x, weights).argmax(1) == y)


def full_precision() -> Estimate:
    """Test accuracy of the FP32 network."""
    return _accuracy(list(trained()))


def float_loss() -> float:
    """Its loss on the training images, in nats."""
    x, y, _, _ = _images()
    return float(F.cross_entropy(_forward(x, list(trained())), y))


@cache
def after_training(bits: int) -> Estimate:
    """Test accuracy with weights quantized as they are."""
    first, shift, second, last = trained()
    a, b = _grids(bits)
    return _accuracy([fake_quantize(first, a), shift, fake_quantize(second, b), last])


@dataclass(frozen=True, eq=False)
class SmallTraining:
    """Training of the small network under quantization.

    Attributes:
        losses: of the training images with quantized weights, (steps + 1,), in nats.
        accuracy: on the test images at the end.
    """

    losses: np.ndarray
    accuracy: Estimate


@cache
def train(bits: int, surrogate: str, count: int, rate: float) -> SmallTraining:
    """Train from the FP32 weights, all images a step, SGD with momentum 0.9; steps of the weights stay."""
    x, y, _, _ = _images()
    weights = [each.clone().requires_grad_(True) for each in trained()]
    a, b = _grids(bits)
    moving = torch.optim.SGD(weights, lr=rate, momentum=0.9)

    def seen() -> list[Tensor]:
        first, shift, second, last = weights
        return [staircase(first, a, surrogate), shift, staircase(second, b, surrogate), last]

    losses = []
    for _ in range(count):
        loss = F.cross_entropy(_forward(x, seen()), y)
        moving.zero_grad()
        loss.backward()
        moving.step()
        losses.append(loss.item())
    with torch.no_grad():
        final = [each.detach() for each in seen()]
        losses.append(F.cross_entropy(_forward(x, final), y).item())
    return SmallTraining(np.array(losses), _accuracy(final))


def widths(study: Study, watcher: Watcher, *, epochs: int, bits: str, method: str) -> Values:
    """Weights and activations at several widths, after training and with it; the first and the last block at 8 bits.

    Args:
        bits: as in ``4,2``.
        method: of `explorer.qat.methods`.
    """
    asked = [
        trainings.Asked(
            each,
            trainings.inner_plan(study, int(each), int(each), (8, 8)),
            {"method": method, "epochs": epochs},
        )
        for each in bits.split(",")
    ]
    return {"rows": trainings.carry_out(study, watcher, asked)}


LONG = {
    "widths": LongExperiment(
        widths,
        {
            "epochs": (1, 10),
            "bits": frozenset({"2", "4,2", "8,4,3,2", "8,6,5,4,3,2"}),
            "method": frozenset({"ste", "lsq"}),
        },
    )
}
