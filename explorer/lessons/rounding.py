"""Lesson 3, rounding: nearest, down, up and stochastic; where gradient descent stalls, and a network trained in 8 bits.

Stochastic rounding (Croci et al., "Stochastic rounding: implementation, error analysis and applications", 2022, mode 1)
takes x = n + f to n + 1 with probability f, else to n: E = x, Var = f (1 - f). In mode 2 both are as likely.

Gradient descent on f(x) = (x - 1024)² in binary8 (t = 3, e = 5) after Xia et al. 2024, fig. 2; start, step sizes and
what is rounded are not given there. Here every operation is: d = r(x - 1024), g = r(2 d), s = r(η g), x = r(x - s),
with η exact. With r to nearest, x stays where |s| is below half the distance of its neighbours. With stochastic r, the
mean of which is the identity, E[x_k] - 1024 = (1 - 2 η)^k (x_0 - 1024) exactly, as long as nothing overflows.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.estimates import means
from explorer.lessons.common import draws
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.lessons.formats import E5M2, Format, gaps
from explorer.studies import Study
from explorer.watching import Watcher

Mode = Literal["nearest", "down", "up", "stochastic", "coin"]
MODES: tuple[Mode, ...] = ("nearest", "down", "up", "stochastic", "coin")
TARGET = 1024.0
RATES = (0.01, 0.025, 0.05, 0.1, 0.2)
_SUMS, _DESCENT, _TRAINING, _START, _ORDER = range(5)  # what draws are for


def whole(x: Tensor, mode: Mode, source: torch.Generator | None = None) -> Tensor:
    """x rounded to whole numbers.

    Args:
        source: of the draws of ``stochastic`` (up with the probability of the fraction) and ``coin`` (either way,
            unless x is whole).
    """
    if mode == "nearest":
        return x.round()
    if mode == "down":
        return x.floor()
    if mode == "up":
        return x.ceil()
    drawn = torch.rand(x.shape, generator=source, dtype=x.dtype)
    fraction = x - x.floor()
    up = drawn < (fraction if mode == "stochastic" else torch.where(fraction > 0, 0.5, 0.0))
    return x.floor() + up


def moments(x: float, mode: Mode) -> tuple[float, float]:
    """Exact mean and variance of a number rounded to whole ones."""
    fraction = x - np.floor(x)
    up = {
        "nearest": float(np.round(x) - np.floor(x)),
        "down": 0.0,
        "up": float(fraction > 0),
        "stochastic": float(fraction),
        "coin": 0.5 * float(fraction > 0),
    }[mode]
    return float(np.floor(x) + up), up * (1 - up)


def to_format(x: Tensor, of: Format, mode: Mode, source: torch.Generator | None = None) -> Tensor:
    """x rounded to numbers of a format; what is too large becomes the largest."""
    gap = gaps(x, of)
    largest = float(of.largest)
    return (whole(x / gap, mode, source) * gap).clamp(-largest, largest)


def running_sums(value: float, count: int, mode: Mode, repeats: int, seed: int) -> Tensor:
    """A whole-number sum of a value that is rounded before each addition, (count + 1, repeats)."""
    source = draws.source(3, _SUMS, seed)
    rounded = whole(torch.full((count, repeats), value, dtype=torch.float64), mode, source)
    return torch.cat([torch.zeros(1, repeats, dtype=torch.float64), rounded.cumsum(0)])


def descend(
    rate: float, start: float, steps: int, mode: Mode, *, repeats: int = 1, seed: int = 0, of: Format = E5M2
) -> Tensor:
    """Iterates of gradient descent on (x - 1024)² with every operation rounded, (steps + 1, repeats)."""
    source = draws.source(3, _DESCENT, seed)

    def r(value: Tensor) -> Tensor:
        return to_format(value, of, mode, source)

    x = r(torch.full((repeats,), start, dtype=torch.float64))
    path = [x]
    for _ in range(steps):
        step = r(rate * r(2 * r(x - TARGET)))
        after = r(x - step)
        settled = not step.any() or (mode in ("nearest", "down", "up") and torch.equal(after, x))
        x = after
        path.append(x)
        if settled:  # nothing moves any more
            path += [x] * (steps + 1 - len(path))
            break
    return torch.stack(path)


def exact_mean(rate: float, start: float, steps: int) -> np.ndarray:
    """E[x_k] with stochastic rounding, and the iterates in exact arithmetic, (steps + 1,)."""
    found: np.ndarray = TARGET + (1 - 2 * rate) ** np.arange(steps + 1) * (start - TARGET)
    return found


@dataclass(frozen=True)
class Stall:
    """Where descent with rounding to nearest ends."""

    rate: float
    end: float
    steps: int
    step: float
    half_gap: float


@cache
def stall(rate: float, start: float, most: int = 10_000, of: Format = E5M2) -> Stall:
    """The point that rounding to nearest does not leave any more, and after how many steps it is reached.

    Neighbours are those on the side that the step goes to.
    """
    x = torch.tensor([start], dtype=torch.float64)
    step = x
    count = 0
    while count < most:
        step = to_format(
            rate * to_format(2 * to_format(x - TARGET, of, "nearest"), of, "nearest"), of, "nearest"
        )
        after = to_format(x - step, of, "nearest")
        if torch.equal(after, x):
            break
        x, count = after, count + 1
    beside = float(x) * (1 - 1e-9 * float(step.sign()))
    return Stall(rate, float(x), count, float(step.abs()), of.gap(beside) / 2)


def stalls(start: float) -> tuple[Stall, ...]:
    """The table of stalls."""
    return tuple(stall(rate, start) for rate in RATES)


def small_network(study: Study, watcher: Watcher, *, epochs: int, seeds: int, rate: float) -> Values:
    """Train a network of one hidden layer with weights that are stored in binary8, rounded both ways, and in FP32.

    Forward and backward passes compute with the stored weights; the gradient and each updated weight are rounded to
    binary8. Test accuracy after every epoch; the repetitions are seeds.

    Returns:
        ``curves``: way of rounding to rows of (epoch, mean accuracy, its standard error over the seeds, share of
        weights that the last update changed).
    """
    train = study.data.inputs("train", slice(0, 5000)).flatten(1), study.data.targets("train", slice(0, 5000))
    test = study.data.inputs("test", slice(0, 2000)).flatten(1), study.data.targets("test", slice(0, 2000))
    ways: dict[str, Mode | None] = {"fp32": None, "nearest": "nearest", "stochastic": "stochastic"}
    curves: dict[str, list[list[float]]] = {}
    done, all_of_it = 0, len(ways) * seeds * epochs
    for name, mode in ways.items():
        accuracies, moved = np.zeros((seeds, epochs + 1)), np.zeros((seeds, epochs + 1))
        for seed in range(seeds):
            network = _Network(train[0].shape[1], int(train[1].max()) + 1, mode, seed)
            accuracies[seed, 0] = network.accuracy(*test)
            for epoch in range(epochs):
                watcher.check_stop()
                moved[seed, epoch + 1] = network.epoch(*train, rate, epoch, watcher.check_stop)
                accuracies[seed, epoch + 1] = network.accuracy(*test)
                done += 1
                watcher.report(done / all_of_it, f"{name}, seed {seed + 1} of {seeds}, epoch {epoch + 1}")
        mean, error = means(accuracies)
        curves[name] = [
            [epoch, float(mean[epoch]), float(error[epoch]), float(moved[:, epoch].mean())]
            for epoch in range(epochs + 1)
        ]
    return {"curves": curves, "seeds": seeds, "test_images": len(test[1])}


class _Network:
    """inputs -> 32 -> classes with ReLU; every tensor of parameters lies on the grid of binary8, or in FP32."""

    BATCH = 50

    def __init__(self, inputs: int, classes: int, mode: Mode | None, seed: int) -> None:
        self._mode, self._seed = mode, seed
        self._source = draws.source(3, _TRAINING, seed)
        start = draws.source(3, _START, seed)
        sizes = (inputs, 32, classes)
        weights = [
            torch.randn(after, before, generator=start) * (2 / before) ** 0.5
            for before, after in pairwise(sizes)
        ]
        biases = [torch.zeros(size) for size in sizes[1:]]
        self._parameters = [self._stored(each, "nearest") for each in (*weights, *biases)]

    def _stored(self, value: Tensor, mode: Mode | None) -> Tensor:
        kept = value if self._mode is None or mode is None else to_format(value, E5M2, mode, self._source)
        return kept.requires_grad_(True)

    def logits(self, x: Tensor) -> Tensor:
        first, second, shift, last = self._parameters
        return F.linear(F.linear(x, first, shift).relu(), second, last)

    def accuracy(self, x: Tensor, y: Tensor) -> float:
        with torch.no_grad():
            return float((self.logits(x).argmax(1) == y).double().mean())

    def epoch(self, x: Tensor, y: Tensor, rate: float, number: int, check: Callable[[], None]) -> float:
        """One pass; the share of parameters that the last update changed."""
        order = torch.randperm(len(y), generator=draws.source(3, _ORDER, self._seed, number))
        changed = 0.0
        for rows in order.split(self.BATCH):
            check()
            gradients = torch.autograd.grad(F.cross_entropy(self.logits(x[rows]), y[rows]), self._parameters)
            with torch.no_grad():
                before = self._parameters
                self._parameters = [
                    self._stored(w - rate * self._stored(g, self._mode), self._mode).detach()
                    for w, g in zip(before, gradients, strict=True)
                ]
                moved = sum(int((a != b).sum()) for a, b in zip(before, self._parameters, strict=True))
                changed = moved / sum(each.numel() for each in before)
            for each in self._parameters:
                each.requires_grad_(True)
        return changed


LONG = {
    "small-network": LongExperiment(
        small_network, {"epochs": (1, 20), "seeds": (2, 8), "rate": frozenset({0.01, 0.03, 0.1})}
    )
}
