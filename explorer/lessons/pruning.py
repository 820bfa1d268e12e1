"""Lesson 11, pruning: by magnitude in four ways, by gradient and by curvature, with an ℓ₁ penalty, and trained again.

A mask m keeps a share of the weights, w ← m w. The criterion scores weights (|w|, |g w|, ½ H w²); the scope says which
compete: all of them (*global*), those of a layer (*layer-wise*), or the neurons of a layer as wholes (*structured*).

The network is LeNet-300-100 (LeCun et al., 1998): pixels, 300, 100, classes, with ReLU. Rounds of iterative pruning
follow Han et al., "Learning both Weights and Connections for Efficient Neural Networks", 2015.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import LessonError
from explorer.lessons.common import draws, material, perceptron
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.studies import Study
from explorer.watching import Part, Watcher

LESSON = 11
HIDDEN = (300, 100)
_START, _ORDER, _TUNING, _SIGNS, _RANDOM = range(5)  # what draws are for
Criterion = Literal["magnitude", "gradient", "hessian", "random"]
CRITERIA: tuple[Criterion, ...] = ("magnitude", "gradient", "hessian", "random")
Scope = Literal["global", "layer", "neurons"]
SCOPES: tuple[Scope, ...] = ("global", "layer", "neurons")


def masks(scores: Sequence[Tensor], kept: float, scope: Scope = "global") -> list[Tensor]:
    """Masks of 0 and 1 that keep the highest scores.

    Args:
        scores: of every weight (out, in), from input to output.
        kept: share of the weights that stays, 0 to 1; of neurons, a share of those within: the outputs all stay.
        scope: which compete: all weights, the weights of a layer, or the neurons (rows) of a layer by the root of the
            sum of their squares; a neuron that goes takes its weights into the next layer with it.

    Raises:
        LessonError: the share is not from 0 to 1.
    """
    if not 0 <= kept <= 1:
        raise LessonError(f"a share of {kept:g} cannot be kept; give one from 0 to 1")
    if scope == "global":
        joined = highest(torch.cat([score.flatten() for score in scores]), kept)
        parts = joined.split([score.numel() for score in scores])
        return [part.view_as(score) for part, score in zip(parts, scores, strict=True)]
    if scope == "layer":
        return [highest(score.flatten(), kept).view_as(score) for score in scores]
    alive = [highest(score.square().sum(1).sqrt(), kept) for score in scores[:-1]]
    rows = [*alive, torch.ones(len(scores[-1]))]
    columns = [torch.ones(scores[0].shape[1]), *alive]
    return [torch.outer(row, column) for row, column in zip(rows, columns, strict=True)]


def highest(scores: Tensor, kept: float) -> Tensor:
    """1 for the highest of (N,), a share ``kept`` rounded to a whole number of them, else 0; ties go to the first."""
    mask = torch.zeros(len(scores))
    mask[torch.argsort(scores, descending=True, stable=True)[: round(kept * len(scores))]] = 1.0
    return mask


def threshold(weights: Sequence[Tensor], kept: float) -> float:
    """τ: the largest magnitude that goes if a share is kept of all together; 0 where none goes."""
    values = torch.cat([weight.flatten() for weight in weights]).abs().sort().values
    gone = len(values) - round(kept * len(values))
    return float(values[gone - 1]) if gone else 0.0


def scores(parameters: Sequence[Tensor], x: Tensor, y: Tensor, by: Criterion, seed: int = 0) -> list[Tensor]:
    """Score of every weight, the importance that a criterion gives it.

    ``gradient`` is |g w|, what the loss would change by in the first order (a trained network has g near 0: its limit).
    ``hessian`` is ½ H w² of Optimal Brain Damage with H the diagonal of the Gauss-Newton matrix, estimated by one
    random sign a class and image: E (∂(zᵀ Sᵀ logits)/∂w)² with S Sᵀ = diag p − p pᵀ. Per image the gradient of a layer
    is an outer product, so the mean square is one matrix product of squares.
    """
    weights = [each.detach() for each in parameters[: len(parameters) // 2]]
    if by == "magnitude":
        return [weight.abs() for weight in weights]
    if by == "random":
        source = draws.source(LESSON, _RANDOM, seed)
        return [torch.rand(weight.shape, generator=source) for weight in weights]
    if by == "gradient":
        own = [each.detach().clone().requires_grad_(True) for each in parameters]
        loss = F.cross_entropy(perceptron.logits(own, x), y)
        gradients = torch.autograd.grad(loss, own[: len(weights)])
        return [(g * w).abs() for g, w in zip(gradients, weights, strict=True)]
    curvatures = curvature(parameters, x, seed)
    return [0.5 * h * w.square() for h, w in zip(curvatures, weights, strict=True)]


def curvature(parameters: Sequence[Tensor], x: Tensor, seed: int = 0, probes: int = 4) -> list[Tensor]:
    """Diagonal of the Gauss-Newton matrix of the mean cross-entropy, for every weight (out, in)."""
    layers = len(parameters) // 2
    source = draws.source(LESSON, _SIGNS, seed)
    inputs, sums, last = [x], [], x
    for n in range(layers):
        sums.append(F.linear(last, parameters[n].detach(), parameters[layers + n].detach()))
        last = sums[-1].relu()
        inputs.append(last)
    p = sums[-1].softmax(1)
    found = [torch.zeros_like(parameters[n]) for n in range(layers)]
    for _ in range(probes):
        signs = torch.randint(2, p.shape, generator=source).to(p) * 2 - 1
        back = p.sqrt() * signs - p * (p.sqrt() * signs).sum(1, keepdim=True)
        for n in reversed(range(layers)):
            found[n] += back.square().T @ inputs[n].square() / (len(x) * probes)
            if n:
                back = (back @ parameters[n].detach()) * (sums[n - 1] > 0)
    return found


def kept_share(of: Sequence[Tensor]) -> float:
    """Share of the weights that masks keep."""
    return float(sum(mask.sum() for mask in of)) / sum(mask.numel() for mask in of)


def masked(parameters: Sequence[Tensor], by: Sequence[Tensor]) -> list[Tensor]:
    """The parameters with masks laid on the weights; biases stay."""
    return [w * m for w, m in zip(parameters, by, strict=False)] + list(parameters[len(by) :])


def steps_of(kept: float, rounds: int) -> list[float]:
    """Shares kept after each round if every round keeps the same share of what is left.

    >>> [round(share, 3) for share in steps_of(0.1, 2)]
    [0.316, 0.1]
    """
    return [kept ** (n / rounds) for n in range(1, rounds + 1)]


@dataclass(frozen=True, eq=False)
class Trained:
    """A small trained network that the lesson's experiments prune.

    Attributes:
        parameters: weights and then biases.
        images, labels: that it was trained on, (N, pixels) and (N,).
        test: images and labels that accuracy is measured on.
    """

    parameters: list[Tensor]
    images: Tensor
    labels: Tensor
    test: tuple[Tensor, Tensor]


IMAGES, EPOCHS = 2000, 3  # that the network of the lesson's experiments is trained on, and how often


@cache
def start() -> list[Tensor]:
    """What the lesson's own network starts from."""
    study = material.study()
    pixels = study.data.inputs("train", slice(0, 1)).numel()
    classes = int(study.data.targets("train", slice(0, IMAGES)).max()) + 1
    return perceptron.drawn((pixels, *HIDDEN, classes), draws.source(LESSON, _START))


@cache
def trained(l1: float = 0.0) -> Trained:
    """LeNet-300-100 trained on a part of Fashion-MNIST, with an ℓ₁ penalty or without; once a process."""
    study = material.study()
    x, y = perceptron.flat(study, "train", 0, IMAGES)
    parameters = perceptron.fit(
        start(), x, y, epochs=EPOCHS, order=lambda epoch: draws.source(LESSON, _ORDER, 0, epoch), l1=l1
    )
    return Trained(parameters, x, y, perceptron.flat(study, "test", 0, 1000))


SHARES = (1.0, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02)


@cache
def scored(by: Criterion, l1: float = 0.0) -> list[Tensor]:
    """Scores of the lesson's own network."""
    of = trained(l1)
    return scores(of.parameters, of.images[:500], of.labels[:500], by)


@cache
def pruned(
    by: Criterion, scope: Scope, kept: float, l1: float = 0.0
) -> tuple[float, float, float, tuple[float, ...]]:
    """Test accuracy, its standard error, share kept in all, and share kept of each layer; nothing is trained again."""
    of = trained(l1)
    mask = masks(scored(by, l1), kept, scope)
    x, y = of.test
    accuracy = perceptron.accuracy(masked(of.parameters, mask), x, y)
    error = (accuracy * (1 - accuracy) / len(y)) ** 0.5
    return accuracy, error, kept_share(mask), tuple(float(each.mean()) for each in mask)


WAYS = ("global", "layer", "neurons", "gradient", "hessian", "random", "iterative", "l1")
_ONCE: Mapping[str, tuple[Criterion, Scope]] = {
    "global": ("magnitude", "global"),
    "layer": ("magnitude", "layer"),
    "neurons": ("magnitude", "neurons"),
    "gradient": ("gradient", "global"),
    "hessian": ("hessian", "global"),
    "random": ("random", "global"),
    "l1": ("magnitude", "global"),
}
PENALTY = 1e-5
ROUNDS = 3


def tuning(study: Study, watcher: Watcher, *, epochs: int, images: int, seeds: int, kept: float) -> Values:
    """LeNet-300-100 trained, pruned in every way to the same share of weights, and trained again with its mask.

    Every way trains for as many epochs after the first pruning; ``iterative`` shares them between its rounds. The share
    of neurons is chosen so that the share of weights is as asked for, as nearly as whole neurons allow.

    Returns:
        ``dense``: mean accuracy and standard error over seeds before; ``rows`` of way, share kept, accuracy after
        pruning, its error, after training again, its error.
    """
    x, y = perceptron.flat(study, "train", 0, images)
    test = perceptron.flat(study, "test", 0, 2000)
    sizes = (x.shape[1], *HIDDEN, int(y.max()) + 1)
    rounds = min(ROUNDS, epochs)
    per_epoch = -(-len(y) // perceptron.BATCH)
    all_of_it = per_epoch * (2 * epochs + epochs * len(WAYS))

    def one(seed: int, part: Part) -> Values:
        done = 0

        def after(iteration: int, own: Sequence[Tensor]) -> None:
            nonlocal done
            done += 1
            part.check_stop()
            if done % 10 == 0:
                part.report(min(done / all_of_it, 1.0), f"seed {seed + 1} of {seeds}")

        def fit(
            start: Sequence[Tensor],
            count: int,
            purpose: int,
            mask: Sequence[Tensor] = (),
            l1: float = 0.0,
            first: int = 0,
        ) -> list[Tensor]:
            def order(epoch: int) -> torch.Generator:
                return draws.source(LESSON, purpose, seed, first + epoch)

            return perceptron.fit(start, x, y, epochs=count, order=order, after=after, masks=mask, l1=l1)

        first = perceptron.drawn(sizes, draws.source(LESSON, _START, seed))
        dense = fit(first, epochs, _ORDER)
        sparse = fit(first, epochs, _ORDER, l1=PENALTY)
        found: Values = {
            "dense": perceptron.accuracy(dense, *test),
            "sparse": perceptron.accuracy(sparse, *test),
        }
        for way in WAYS:
            own = sparse if way == "l1" else dense
            if way == "iterative":
                shares, counts = steps_of(kept, rounds), [epochs // rounds] * rounds
                counts[-1] += epochs - sum(counts)
                passed, mask, before = 0, [torch.ones_like(each) for each in own[: len(sizes) - 1]], 0.0
                for share, count in zip(shares, counts, strict=True):
                    mask = masks([w.abs() for w in own[: len(mask)]], share)
                    before = perceptron.accuracy(masked(own, mask), *test)
                    own = fit(own, count, _TUNING, mask, first=passed)
                    passed += count
                tuned = own
            else:
                by, scope = _ONCE[way]
                score = scores(own, x[:500], y[:500], by, seed)
                mask = neurons_to(score, kept) if scope == "neurons" else masks(score, kept, scope)
                before = perceptron.accuracy(masked(own, mask), *test)
                tuned = fit(own, epochs, _TUNING, mask)
            found[way] = [kept_share(mask), before, perceptron.accuracy(tuned, *test)]
        return found

    runs = perceptron.repeated(watcher, seeds, one)
    rows = []
    for way in WAYS:
        share, before, after_it = np.array([each[way] for each in runs]).T
        rows.append(
            [
                way,
                float(share.mean()),
                *perceptron.over_seeds(before.tolist()),
                *perceptron.over_seeds(after_it.tolist()),
            ]
        )
    return {
        "columns": ["way", "kept", "pruned", "pruned stderr", "tuned", "tuned stderr"],
        "rows": rows,
        "dense": perceptron.over_seeds([each["dense"] for each in runs]),
        "sparse": perceptron.over_seeds([each["sparse"] for each in runs]),
        "seeds": seeds,
        "test_images": len(test[1]),
    }


def neurons_to(score: Sequence[Tensor], kept: float) -> list[Tensor]:
    """Masks of whole neurons that keep a share of the weights, by bisection of the share of neurons."""
    low, high = 0.0, 1.0
    for _ in range(20):
        middle = (low + high) / 2
        if kept_share(masks(score, middle, "neurons")) < kept:
            low = middle
        else:
            high = middle
    return masks(score, high, "neurons")


def soft(w: float, penalty: float) -> float:
    """The minimum over v of ½ (v − w)² + λ |v|: w moved to 0 by λ, and 0 within λ of it."""
    return float(np.sign(w) * max(abs(w) - penalty, 0.0))


LONG = {
    "tuning": LongExperiment(
        tuning,
        {
            "epochs": (1, 10),
            "images": (100, 10_000),
            "seeds": (2, 8),
            "kept": frozenset({0.3, 0.1, 0.05, 0.02}),
        },
    )
}
