"""Loss and metric of every sample by itself.

Every average over samples, every comparison of two networks and every standard error is made from these, so batches
never weigh: a ragged last batch counts by its samples, and two networks can be compared sample by sample.

    measure_samples   rows of a split, through a network
    measure_batches   inputs and targets that are at hand, through a network
    score, joined     outputs that were found in another way, e.g. by replaying the part that did not change
    stacked           several networks as tensors, to be kept
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explorer.evaluation.counting import counted, in_a_row, side_by_side
from explorer.studies.losses import Loss
from explorer.studies.metrics import Metric
from explorer.studies.study import Study

BATCH_SIZE = 128

Check = Callable[[], object]  # called before every batch; it may raise
Network = Callable[[Any], Any]  # inputs to outputs: a module, or what runs a file
Progress = Callable[[float], object]  # told the share of the samples done, in (0, 1]


@dataclass(frozen=True, eq=False)
class PerSample:
    """What each of N samples is worth.

    Attributes:
        losses: (N,) float64.
        metric: (N,) float64, values of the study's metric, or records of `explorer.evaluation.counting`; None where it
            has none for these targets.
    """

    losses: Tensor
    metric: Tensor | None

    def __len__(self) -> int:
        return len(self.losses)

    @property
    def mean_metric(self) -> float | None:
        """The metric over all samples."""
        return None if self.metric is None else counted(self.metric).value


def measure_samples(
    study: Study,
    network: Network,
    split: str = "test",
    *,
    rows: Tensor | None = None,
    check: Check | None = None,
    progress: Progress | None = None,
) -> PerSample:
    """Measure the rows of a split, all of them for None.

    Raises:
        StudyError: there is no such split.
    """
    total = study.data.size(split) if rows is None else len(rows)
    batches = study.data.batches(split, BATCH_SIZE, rows)
    return measure_batches(study, network, batches, total=total, check=check, progress=progress)


@torch.no_grad()
def measure_batches(
    study: Study,
    network: Network,
    batches: Iterable[tuple[Any, Tensor]],
    *,
    total: int = 0,
    check: Check | None = None,
    progress: Progress | None = None,
) -> PerSample:
    """Measure batches of inputs and targets.

    Args:
        total: number of samples in all batches; needed for ``progress`` alone.
    """
    found, done = [], 0
    for inputs, targets in batches:
        if check is not None:
            check()
        found.append(score(network(inputs), targets, study.loss, study.metric))
        done += len(targets)
        if progress is not None:
            progress(done / total)
    return joined(found)


@torch.no_grad()
def score(outputs: Any, targets: Tensor, loss: Loss, metric: Metric | None = None) -> PerSample:
    """What outputs are worth; without a metric, by their losses alone."""
    values = None if metric is None else metric.per_sample(outputs, targets)
    losses = loss.per_sample(outputs, targets)
    return PerSample(losses.double().cpu(), None if values is None else values.double().cpu())


def joined(parts: Sequence[PerSample]) -> PerSample:
    """Parts of the samples one after another."""
    metrics = [part.metric for part in parts if part.metric is not None]
    losses = torch.cat([part.losses for part in parts])
    return PerSample(losses, in_a_row(metrics) if len(metrics) == len(parts) else None)


def stacked(found: Sequence[PerSample]) -> dict[str, Tensor]:
    """Several networks on the same samples as tensors, (networks, samples, ...); the metric is called ``right``."""
    tensors = {"loss": torch.stack([each.losses for each in found])}
    metrics = [each.metric for each in found if each.metric is not None]
    return tensors | ({"right": side_by_side(metrics)} if len(metrics) == len(found) else {})


def unstacked(tensors: Mapping[str, Tensor]) -> list[PerSample]:
    """The inverse of `stacked`."""
    metrics: Sequence[Tensor | None] = [None] * len(tensors["loss"])
    if "right" in tensors:
        metrics = list(tensors["right"].double())
    return [PerSample(losses, each) for losses, each in zip(tensors["loss"].double(), metrics, strict=True)]
