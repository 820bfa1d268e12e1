"""Lesson 6, BinaryConnect: weights of one bit, trained through real ones (Courbariaux, Bengio and David 2015).

    deterministic   w_b = sign(w)
    stochastic      w_b = 1 with probability sigma(w), else -1;  sigma(w) = clip((w + 1) / 2, 0, 1)      (eq. 2, 3)

E w_b = 2 sigma(w) - 1 = w on [-1, 1]. The lecture's slide has clip(w, 0, 1) instead, with the mean 2 clip(w, 0, 1) - 1,
which is -1 for every w <= 0. Training (algorithm 1) goes forward and backward with w_b, moves w by that gradient, and
clips w to [-1, 1].
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.estimates import Estimate, mean, share
from explorer.lessons.common import draws, material, trainings
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.plans import Plan, fp32_bytes, size_bytes
from explorer.quantizers import FLOAT_BITS
from explorer.quantizers.gradients import passing
from explorer.studies import Study
from explorer.watching import Watcher

FORMULAS = ("original", "slide")
WAYS = ("float", "deterministic", "stochastic")
TRAINED, TESTED = 600, 1000  # images
CLASSES = 10
_CHANCES, _LAYER, _START, _SIGNS = range(4)  # purposes of random draws


def chance(w: np.ndarray, formula: str) -> np.ndarray:
    """Probability of +1, by the paper's eq. 3 or by the lecture's slide.

    >>> chance(np.array([-0.5, 0.5]), "original").tolist(), chance(np.array([-0.5, 0.5]), "slide").tolist()
    ([0.25, 0.75], [0.0, 0.5])
    """
    found: np.ndarray = np.clip((w + 1) / 2 if formula == "original" else w, 0, 1)
    return found


def drawn(w: float, formula: str, count: int, again: int) -> Estimate:
    """Mean of ``count`` binary weights that are drawn for a real one, and its standard error."""
    draw = draws.source(6, _CHANCES, again)
    plus = torch.rand(count, generator=draw, dtype=torch.float64) < float(chance(np.array(w), formula))
    return mean(torch.where(plus, 1.0, -1.0).double())


@dataclass(frozen=True, eq=False)
class Filters:
    """Kernels of a convolution, (n, k, k), and what they are as binary ones.

    Attributes:
        scale: of every kernel's output channel, mean |w|, (n,): of least squared error (Rastegari et al. 2016, eq. 6).
        error: squared error over squared norm, of all kernels that are shown.
    """

    real: np.ndarray
    binary: np.ndarray
    scale: np.ndarray
    error: float


def filters(layer: str, way: str, again: int, count: int = 16) -> Filters:
    """The first kernels of a layer of ``fashion-resnet20``; ``way`` is ``deterministic`` or ``stochastic``."""
    weight = material.weight(layer, material.USUAL).double()
    scales = weight.abs().mean((1, 2, 3), keepdim=True)
    if way == "stochastic":
        draw = draws.source(6, _LAYER, again)
        uniform = torch.rand(weight.shape, generator=draw, dtype=torch.float64)
        signs = torch.where(2 * uniform < weight / scales + 1, 1.0, -1.0).double()
    else:
        signs = torch.where(weight < 0, -1.0, 1.0).double()
    size = weight.shape[-1]
    real, binary = (each.reshape(-1, size, size)[:count].numpy() for each in (weight, scales * signs))
    scale = scales.expand(-1, weight.shape[1], 1, 1).reshape(-1)[:count].numpy()
    error = float(np.square(binary - real).sum() / np.square(real).sum())
    return Filters(real, binary, scale, error)


@cache
def _images() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    (x, y), (tested, labels) = material.images(TRAINED, split="train"), material.images(TESTED)
    return x.flatten(1), y, tested.flatten(1), labels


@dataclass(frozen=True, eq=False)
class Training:
    """A layer of ten outputs, 784 weights each, after training.

    Attributes:
        real: weights that the gradients moved, (784, 10).
        seen: weights of the last forward pass, (784, 10).
        losses: of the training images, a step, in nats.
        accuracy: on test images, with ``sign(w)``, or with w in FP32.
        real_accuracy: with the real weights.
        clipped: share of real weights at -1 or 1.
    """

    real: np.ndarray
    seen: np.ndarray
    losses: np.ndarray
    accuracy: Estimate
    real_accuracy: Estimate
    clipped: float


@cache
def train(way: str, count: int, rate: float, clipping: bool) -> Training:
    """Train by Adam, all images a step, from weights of 0 but for a trace of noise.

    Outputs are divided by the root of the number of inputs, which keeps binary weights in the range of the softmax; in
    the paper batch normalisation does.

    Args:
        way: one of `WAYS`.
        clipping: real weights to [-1, 1] after every step; none in FP32.
    """
    x, y, tested, labels = _images()
    start = draws.source(6, _START)
    w = (0.01 * torch.randn((x.shape[1], CLASSES), generator=start)).requires_grad_(True)
    shift = torch.zeros(CLASSES, requires_grad=True)
    scale = x.shape[1] ** -0.5
    moving = torch.optim.Adam([w, shift], lr=rate)
    losses = []
    for step in range(count):
        loss = F.cross_entropy(scale * (x @ _seen(w, way, step)) + shift, y)
        moving.zero_grad()
        loss.backward()
        moving.step()
        if clipping and way != "float":
            with torch.no_grad():
                w.clamp_(-1, 1)
        losses.append(loss.item())
    with torch.no_grad():
        stored = w if way == "float" else _sign(w)
        found, real = (share((scale * (tested @ each) + shift).argmax(1) == labels) for each in (stored, w))
        clipped = float((w.abs() >= 1).double().mean())
        last = _seen(w, way, count)
    return Training(w.detach().numpy(), last.detach().numpy(), np.array(losses), found, real, clipped)


def _seen(w: Tensor, way: str, step: int) -> Tensor:
    if way == "float":
        return w
    if way == "deterministic":
        return passing(w, _sign(w))
    draw = draws.source(6, _SIGNS, draw=step)
    plus = 2 * torch.rand(w.shape, generator=draw) < w.detach() + 1
    return passing(w, torch.where(plus, 1.0, -1.0))


def _sign(w: Tensor) -> Tensor:
    return torch.where(w.detach() < 0, -1.0, 1.0)


def memory(study: Study) -> tuple[int, int]:
    """Bytes of the weights in FP32, and with one bit each but in the first and the last block, which stay."""
    blocks = study.blocks()
    plan = trainings.inner_plan(study, 1, FLOAT_BITS, trainings.FLOAT_ENDS)
    return fp32_bytes(blocks), size_bytes(blocks, plan.w_bits)


def network(study: Study, watcher: Watcher, *, epochs: int, rate: float) -> Values:
    """A pretrained network's weights become binary, both ways, beside its twin in FP32 that trains on as long.

    Activations stay in FP32, and so do the first and the last block. Nobody teaches, nothing is held out.
    """
    plain = {"epochs": epochs, "keep": "last", "logits": 0.0, "channels": 0.0, "learning_rate": rate}
    binary = trainings.inner_plan(study, 1, FLOAT_BITS, trainings.FLOAT_ENDS)
    twin = Plan.uniform(study, study.blocks(), FLOAT_BITS, FLOAT_BITS)
    asked = [
        trainings.Asked("FP32 twin", twin, {**plain, "method": "ste"}),
        *(
            trainings.Asked(
                f"BinaryConnect, {name}",
                binary,
                {**plain, "method": "binaryconnect", "method_options": {"stochastic": drawing}},
            )
            for name, drawing in (("deterministic", False), ("stochastic", True))
        ),
    ]
    return {"rows": trainings.carry_out(study, watcher, asked)}


LONG = {"network": LongExperiment(network, {"epochs": (1, 10), "rate": frozenset({0.003, 0.01, 0.03})})}
