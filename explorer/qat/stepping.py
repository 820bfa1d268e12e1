"""One step of a training, and all that a step changes.

The loss of a batch, each part there where it is asked for (`qat.distillation`):

    (1 - lambda) L + lambda D + w sum over layers of L_CSD + what the method adds
"""

from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import Optimizer
from torch.optim.lr_scheduler import LRScheduler

from explorer.errors import RunError
from explorer.evaluation.counting import averaged
from explorer.qat.augmentation import Augment, draw_of
from explorer.qat.distillation import Teacher, outputs_apart
from explorer.qat.held_out import Candidate
from explorer.qat.methods import Batch, Method
from explorer.qat.noise import Noise
from explorer.qat.stages import Stages
from explorer.questions import FinetuneQuestion
from explorer.studies import Study
from explorer.studies.data.samples import mapped


@dataclass(frozen=True, eq=False)
class Setting:
    """What every step goes by and no step changes.

    Attributes:
        question: as it is answered under the study's loss, `distillation.under`.
        layout: of images in memory.
    """

    question: FinetuneQuestion
    method: Method
    augment: Augment | None
    teacher: Teacher | None
    noise: Noise
    layout: torch.memory_format

    def inputs(self, study: Study, rows: Tensor, draw: torch.Generator) -> Any:
        """Inputs of rows of the training split, augmented."""
        found = study.data.inputs("train", rows)
        if self.augment is not None:
            found = self.augment(found, draw)
        if self.layout is not torch.contiguous_format:
            found = found.contiguous(memory_format=self.layout)
        return found


@dataclass
class Training:
    """A training under way; `qat.checkpoint` keeps all of it but the setting.

    Attributes:
        order: of the blocks, in which the stages quantize them; None with a single stage.
        stages: made of it.
        best: the best candidate so far, and its state; None: the plan without training.
        candidates: all so far, in the order in which they were measured.
        step: steps done.
        told: steps whose points of the curves are known already, though they are computed once more.
        seconds: of training up to the last checkpoint, over all attempts.
    """

    setting: Setting
    network: nn.Module
    optimizer: Optimizer
    schedule: LRScheduler
    order: tuple[str, ...] | None
    stages: Stages
    best: tuple[Candidate, dict[str, Tensor]] | None = None
    candidates: tuple[Candidate, ...] = ()
    step: int = 0
    told: int = 0
    seconds: float = 0.0


class Outcome(NamedTuple):
    """Figures of one batch.

    Attributes:
        samples: how many.
        loss: the study's mean loss, without what teaches and without the penalty.
        metric: sum of the study's metric, of an accuracy how many are right; None where it says nothing of the
            targets, or is no mean over samples.
        learning_rate: of the step, of the optimizer's first group: the weights.
    """

    samples: int
    loss: float
    metric: float | None
    learning_rate: float


def advance(training: Training, study: Study, rows: Tensor) -> Outcome:
    """Train on the samples ``rows``: one batch, or where they differ in size the mean gradient of each alone.

    Raises:
        RunError: the loss is not finite.
    """
    network, step = training.network, training.step
    training.setting.method.seed_step(network, training.setting.question.seed, step)
    training.optimizer.zero_grad()
    loss, metric = 0.0, 0.0
    known = True
    for part in rows.split(1 if study.data.ragged else len(rows)):
        share = len(part) / len(rows)
        whole, own, counted = _losses(training, study, part)
        if not torch.isfinite(whole):
            raise RunError(
                "the training loss is not finite any more; start again with a lower learning rate or more bits"
            )
        (whole if share == 1 else share * whole).backward()
        loss += share * own
        known = known and counted is not None
        metric += counted or 0.0
    rate = float(training.schedule.get_last_lr()[0])
    training.optimizer.step()
    training.schedule.step()
    training.setting.method.after_step(network)
    training.step += 1
    return Outcome(len(rows), loss, metric if known else None, rate)


def _losses(training: Training, study: Study, rows: Tensor) -> tuple[Tensor, float, float | None]:
    """What is minimised on a batch, the study's own loss of it, and the sum of its metric."""
    setting, network, step = training.setting, training.network, training.step
    question, method, teacher = setting.question, setting.method, setting.teacher
    inputs = setting.inputs(study, rows, draw_of(question.seed, step))
    targets = study.data.targets("train", rows)
    lesson = None if teacher is None else teacher.teach(inputs)
    with ExitStack() as during:
        during.enter_context(training.stages.at(network, step))
        during.enter_context(setting.noise.added(network, step))
        if teacher is not None and lesson is not None:
            during.enter_context(teacher.compared(network, lesson))
        outputs = network(inputs)
    loss = study.loss(outputs, targets)
    whole = loss
    if lesson is not None:
        if question.logits:
            apart = outputs_apart(study.loss, outputs, lesson.outputs, targets, question.temperature)
            whole = (1 - question.logits) * whole + question.logits * apart
        if lesson.apart:
            whole = whole + question.channels * torch.stack(lesson.apart).sum()
    penalty = method.penalty(network, Batch(inputs, targets, outputs))
    if penalty is not None:
        whole = whole + penalty
    metric = study.metric.per_sample(mapped(Tensor.detach, outputs), targets)
    counted = None if metric is None or not averaged(metric) else float(metric.sum())
    return whole, loss.item(), counted
