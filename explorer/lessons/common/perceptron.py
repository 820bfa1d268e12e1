"""Fully connected networks that lessons train in seconds: parameters in a list, masks, repetitions over seeds."""

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.estimates import means
from explorer.lessons.common.longs import Values
from explorer.questions.base import Split
from explorer.studies import Study
from explorer.watching import Part, Watcher

BATCH, RATE = 60, 1.2e-3  # of Adam for LeNet-300-100 (Frankle and Carbin, 2019, figure 2)
Logits = Callable[[Sequence[Tensor], Tensor], Tensor]


def flat(study: Study, split: Split, start: int, end: int) -> tuple[Tensor, Tensor]:
    """Images of a split as rows (N, pixels), and their labels (N,)."""
    rows = slice(start, end)
    return study.data.inputs(split, rows).flatten(1), study.data.targets(split, rows)


def drawn(sizes: Sequence[int], source: torch.Generator) -> list[Tensor]:
    """Weights (out, in) from input to output by Glorot's normal rule, then biases of 0."""
    weights = [
        torch.randn(after, before, generator=source) * (2 / (after + before)) ** 0.5
        for before, after in pairwise(sizes)
    ]
    return weights + [torch.zeros(size) for size in sizes[1:]]


def logits(parameters: Sequence[Tensor], x: Tensor) -> Tensor:
    """Outputs (N, classes) of a network whose parameters are as `drawn` makes them, ReLU between its layers."""
    layers = len(parameters) // 2
    for n in range(layers):
        x = F.linear(x, parameters[n], parameters[layers + n])
        x = x.relu() if n < layers - 1 else x
    return x


def fit(
    parameters: Sequence[Tensor],
    x: Tensor,
    y: Tensor,
    *,
    epochs: int,
    order: Callable[[int], torch.Generator],
    after: Callable[[int, Sequence[Tensor]], None] = lambda iteration, own: None,
    outputs: Logits = logits,
    masks: Sequence[Tensor] = (),
    l1: float = 0.0,
    rate: float = RATE,
) -> list[Tensor]:
    """Train copies of the parameters by Adam and cross-entropy.

    Args:
        order: of an epoch, the generator that its images are shuffled by.
        after: called after every iteration with its number, from 1, and the parameters as they are, not to be changed.
        masks: of the first parameters, 1 where a weight may be, 0 where it stays 0; () for no mask.
        l1: what the absolute values of the weights (matrices, not biases) cost, λ of loss + λ ‖w‖₁.
    """
    own = [each.detach().clone().requires_grad_(True) for each in parameters]
    _mask(own, masks)
    optimizer = torch.optim.Adam(own, lr=rate)
    iteration = 0
    for epoch in range(epochs):
        for rows in torch.randperm(len(y), generator=order(epoch)).split(BATCH):
            loss = F.cross_entropy(outputs(own, x[rows]), y[rows])
            if l1:
                loss = loss + l1 * sum(each.abs().sum() for each in own if each.ndim > 1)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            _mask(own, masks)
            iteration += 1
            after(iteration, own)
    return [each.detach() for each in own]


def _mask(parameters: Sequence[Tensor], masks: Sequence[Tensor]) -> None:
    with torch.no_grad():
        for parameter, mask in zip(parameters, masks, strict=False):
            parameter *= mask


@torch.no_grad()
def accuracy(parameters: Sequence[Tensor], x: Tensor, y: Tensor, outputs: Logits = logits) -> float:
    """Share of rows that are told right."""
    return float((outputs(parameters, x).argmax(1) == y).double().mean())


def repeated(watcher: Watcher, seeds: int, run: Callable[[int, Part], Values]) -> list[Values]:
    """What every seed gives, in order; those that an interrupted attempt has finished are not done again."""
    saved = watcher.restore()
    done: list[Values] = [] if saved is None else list(saved.state["done"])
    for seed in range(len(done), seeds):
        watcher.check_stop()
        done = [*done, run(seed, Part(watcher, seed / seeds, (seed + 1) / seeds))]
        watcher.save({}, {"done": done})
    return done


def over_seeds(values: Sequence[float]) -> tuple[float, float]:
    """Mean over repetitions and its standard error."""
    mean, error = means(np.array(values, float))
    return float(mean), float(error)
