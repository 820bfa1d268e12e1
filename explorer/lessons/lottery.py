"""Lesson 12, lottery tickets: iterative magnitude pruning with rewinding, its controls, and the slide's definitions.

Frankle and Carbin, "The Lottery Ticket Hypothesis: Finding Sparse, Trainable Neural Networks", 2019. A round trains the
ticket m w₀ to w*, takes the smallest of |m w*| away, layer by layer, and rewinds what is left to w₀. The network is
LeNet-300-100; a round takes 20 % of each layer's remaining weights, and 10 % of the last one's. The lecture's
"sparsity s" is the share that is *kept*.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import LessonError
from explorer.estimates import paired
from explorer.lessons import pruning
from explorer.lessons.common import draws, perceptron
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.studies import Study
from explorer.watching import Part, Watcher

LESSON = 12
SIZES = (784, *pruning.HIDDEN, 10)
_START, _ORDER, _AGAIN, _MASK = range(4)  # what draws are for
EVERY = 5  # iterations between two measurements of the validation loss
VALIDATION = 500  # the last training images, which are not trained on


def layer_shares(rounds: int, rate: float = 0.2, layers: int = 3) -> list[float]:
    """Share of each layer's weights that is left after rounds of a rate, half of it at the last layer."""
    return [(1 - rate / (2 if n == layers - 1 else 1)) ** rounds for n in range(layers)]


def kept(rounds: int, rate: float = 0.2, sizes: Sequence[int] = SIZES) -> float:
    """Share of all weights that is left.

    >>> [round(100 * kept(rounds), 2) for rounds in (7, 9, 15)]
    [21.07, 13.52, 3.58]
    """
    counts = [before * after for before, after in pairwise(sizes)]
    shares = layer_shares(rounds, rate, len(counts))
    return sum(count * share for count, share in zip(counts, shares, strict=True)) / sum(counts)


def rounds_to(share: float, rate: float = 0.2) -> int:
    """The fewest rounds after which less than a share is left.

    Raises:
        LessonError: the share is not between 0 and 1.
    """
    if not 0 < share < 1:
        raise LessonError(f"a share of {share:g} is not between 0 and 1")
    rounds = 0
    while kept(rounds, rate) >= share:
        rounds += 1
    return rounds


def pruned(weights: Sequence[Tensor], masks: Sequence[Tensor], rate: float = 0.2) -> list[Tensor]:
    """The masks with the weights of smallest magnitude among those left taken away, layer by layer.

    The number taken is rounded to a whole one; ties go from the last.
    """
    found = []
    for n, (weight, mask) in enumerate(zip(weights, masks, strict=True)):
        own = rate / 2 if n == len(masks) - 1 else rate
        left = int(mask.sum())
        scores = torch.where(mask.bool(), weight.abs(), -torch.ones_like(weight)).flatten()
        stays = left - round(own * left)
        new = torch.zeros(len(scores))
        new[torch.argsort(scores, descending=True, stable=True)[:stays]] = 1.0
        found.append(new.view_as(mask))
    return found


def random_masks(masks: Sequence[Tensor], source: torch.Generator) -> list[Tensor]:
    """Masks of as many weights in every layer, drawn."""
    found = []
    for mask in masks:
        new = torch.zeros(mask.numel())
        new[torch.randperm(mask.numel(), generator=source)[: int(mask.sum())]] = 1.0
        found.append(new.view_as(mask))
    return found


def first_minimum(losses: Sequence[float], iterations: Sequence[int]) -> int:
    """#Iter: the first iteration at which the validation loss is least.

    >>> first_minimum([0.9, 0.5, 0.6, 0.5], [100, 200, 300, 400])
    200
    """
    return iterations[min(range(len(losses)), key=lambda n: losses[n])]


def winning(ticket: tuple[float, float], full: tuple[float, float]) -> bool:
    """Whether a ticket wins: (#Iter, Top1) no later and no less accurate than of the whole network."""
    return ticket[0] <= full[0] and ticket[1] >= full[1]


KINDS = ("ticket", "reinit", "random")


def tickets(
    study: Study, watcher: Watcher, *, rounds: int, seeds: int, epochs: int, images: int, rate: float
) -> Values:
    """Find tickets by iterative magnitude pruning, and train each against its two controls.

    Kinds: ``ticket``, the mask with the start that it was found from; ``reinit``, the mask with a new one; ``random``,
    as many weights of every layer at random, with a new start. Accuracy is that on test images at #Iter, the first
    iteration of least validation loss, which is measured every 5 iterations.

    Returns:
        ``rows`` of round, share kept, kind, mean #Iter, standard error over the seeds, mean accuracy, its error, mean
        difference of #Iter to the whole network of the same seed, its error, the same of accuracy, how many seeds win.
        Round 0 is the whole network. ``at_end``: share of trainings whose loss was least at the last measurement, so
        that longer training might have moved it.
    """
    total = study.data.size("train")
    x, y = perceptron.flat(study, "train", 0, images)
    if len(y) >= total:
        raise LessonError(f"all {total} training images are trained on; leave some to validate on")
    validation = perceptron.flat(study, "train", max(total - VALIDATION, len(y)), total)
    test = perceptron.flat(study, "test", 0, 2000)
    sizes = (x.shape[1], *pruning.HIDDEN, int(y.max()) + 1)
    trainings = (1 + len(KINDS) * rounds) * epochs * -(-len(y) // perceptron.BATCH)

    def one(seed: int, part: Part) -> Values:
        done = 0

        def train(start: Sequence[Tensor], masks: Sequence[Tensor]) -> tuple[list[float], list[Tensor]]:
            losses: list[float] = []
            at: list[int] = []
            best = [each.clone() for each in start]

            def after(iteration: int, own: Sequence[Tensor]) -> None:
                nonlocal done, best
                done += 1
                part.check_stop()
                if iteration % EVERY:
                    return
                part.report(done / trainings, f"seed {seed + 1} of {seeds}")
                with torch.no_grad():
                    loss = float(F.cross_entropy(perceptron.logits(own, validation[0]), validation[1]))
                if not losses or loss < min(losses):
                    best = [each.detach().clone() for each in own]
                losses.append(loss)
                at.append(iteration)

            final = perceptron.fit(
                start,
                x,
                y,
                epochs=epochs,
                order=lambda epoch: draws.source(LESSON, _ORDER, seed, epoch),
                after=after,
                masks=masks,
            )
            if not at:
                raise LessonError(f"there are fewer than {EVERY} iterations; take more images or epochs")
            least = first_minimum(losses, at)
            return [float(least), perceptron.accuracy(best, *test), float(least == at[-1])], final

        first = perceptron.drawn(sizes, draws.source(LESSON, _START, seed))
        masks = [torch.ones_like(each) for each in first[: len(sizes) - 1]]
        full, trained = train(first, masks)
        found: Values = {"full": full, "levels": []}
        for level in range(1, rounds + 1):
            masks = pruned(trained[: len(masks)], masks, rate)
            own, trained = train(first, masks)
            again = perceptron.drawn(sizes, draws.source(LESSON, _AGAIN, seed, level))
            source = draws.source(LESSON, _MASK, seed, level)
            found["levels"].append(
                {
                    "kept": pruning.kept_share(masks),
                    "ticket": own,
                    "reinit": train(again, masks)[0],
                    "random": train(again, random_masks(masks, source))[0],
                }
            )
        return found

    runs = perceptron.repeated(watcher, seeds, one)
    return _summary(runs, rounds, seeds, len(test[1]))


def _summary(runs: Sequence[Values], rounds: int, seeds: int, test_images: int) -> Values:
    full = np.array([each["full"] for each in runs], float)
    rows = [[0, 1.0, "full", *_moments(full, full), seeds]]
    ends = [full[:, 2]]
    for level in range(rounds):
        for kind in KINDS:
            own = np.array([each["levels"][level][kind] for each in runs], float)
            wins = sum(bool(winning((a[0], a[1]), (b[0], b[1]))) for a, b in zip(own, full, strict=True))
            share = runs[0]["levels"][level]["kept"]
            rows.append([level + 1, share, kind, *_moments(own, full), wins])
            ends.append(own[:, 2])
    columns = ["round", "kept", "kind", "iterations", "iterations stderr", "accuracy", "accuracy stderr"]
    columns += ["iterations more", "more stderr", "accuracy gained", "gained stderr", "winning"]
    return {
        "columns": columns,
        "rows": rows,
        "at_end": float(np.concatenate(ends).mean()),
        "seeds": seeds,
        "test_images": test_images,
    }


def _moments(own: np.ndarray, full: np.ndarray) -> list[float]:
    """Mean and error of #Iter and of accuracy, and of both differences to the whole network, paired by seed."""
    values: list[float] = []
    for column in (0, 1):
        values += perceptron.over_seeds(own[:, column].tolist())
    for column in (0, 1):
        difference = paired(own[:, column], full[:, column])
        values += [difference.value, difference.stderr]
    return values


@dataclass(frozen=True, eq=False)
class Fates:
    """Weights of a layer before and after training, and which stay.

    Attributes:
        start, end: of a sample of the weights, (S,).
        stays: whether the mask keeps them, (S,) bool.
        common: share of those kept in the whole layer that the largest |w₀| would have kept, too.
    """

    start: np.ndarray
    end: np.ndarray
    stays: np.ndarray
    common: float


RULES = ("end", "start", "moved")


@cache
def fates(layer: int, share: float, rule: str, sample: int = 1500) -> Fates:
    """What a rule keeps of a layer of lesson 11's network: the largest |w*|, |w₀| or |w* − w₀|.

    Raises:
        LessonError: there is no such rule.
    """
    if rule not in RULES:
        raise LessonError(f"there is no rule {rule!r}; use one of {', '.join(RULES)}")
    of = pruning.trained()
    first = pruning.start()[layer].flatten()
    last = of.parameters[layer].flatten()
    score = {"end": last.abs(), "start": first.abs(), "moved": (last - first).abs()}[rule]
    mask, other = pruning.highest(score, share), pruning.highest(first.abs(), share)
    common = float((mask * other).sum() / mask.sum())
    rows = torch.arange(0, len(first), max(len(first) // sample, 1))
    return Fates(first[rows].numpy(), last[rows].numpy(), mask[rows].numpy() > 0, common)


LONG = {
    "tickets": LongExperiment(
        tickets,
        {
            "rounds": (1, 16),
            "seeds": (2, 8),
            "epochs": (1, 30),
            "images": (100, 5000),
            "rate": frozenset({0.2, 0.4, 0.6}),
        },
    )
}
