"""One step of a training, and all that a step changes."""

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from explorer.errors import RunError
from explorer.qat.methods import Batch, Method
from explorer.studies import Study


@dataclass
class Training:
    """A training under way; `qat.checkpoint` keeps all of it but the method.

    Attributes:
        step: steps done.
        told: steps whose points of the curves are known already, though they are computed once more.
        seconds: of training up to the last checkpoint, over all attempts.
    """

    method: Method
    network: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    step: int = 0
    told: int = 0
    seconds: float = 0.0


class Outcome(NamedTuple):
    """Figures of one batch.

    Attributes:
        samples: how many.
        loss: the study's mean loss, without the penalty.
        metric: sum of the study's metric, of an accuracy how many are right; None where it says nothing of the targets.
    """

    samples: int
    loss: float
    metric: float | None


def advance(training: Training, study: Study, rows: Tensor) -> Outcome:
    """Train on the samples ``rows``.

    Raises:
        RunError: the loss is not finite.
    """
    network, method = training.network, training.method
    inputs, targets = study.data.inputs("train", rows), study.data.targets("train", rows)
    outputs = network(inputs)
    loss = study.loss(outputs, targets)
    penalty = method.penalty(network, Batch(inputs, targets, outputs))
    whole = loss if penalty is None else loss + penalty
    if not torch.isfinite(whole):
        raise RunError(
            "the training loss is not finite any more; start again with a lower learning rate or more bits"
        )
    training.optimizer.zero_grad()
    whole.backward()
    training.optimizer.step()
    training.schedule.step()
    method.after_step(network)
    training.step += 1
    metric = study.metric.per_sample(outputs.detach(), targets)
    return Outcome(len(rows), loss.item(), None if metric is None else float(metric.sum()))
