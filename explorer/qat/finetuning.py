"""The training loop that every quantization-aware method shares.

SGD with momentum and a cosine decay of the learning rate to zero over the whole training; batch norm in
training mode; random crops and flips only if asked. Every draw of an epoch comes from a generator seeded with
(seed, epoch), so a run resumed from a checkpoint in the middle of an epoch goes on with the same batches and
ends with the same weights, to the bit on one machine with the same number of threads.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from types import ModuleType
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.errors import RunError
from explorer.evaluation.plan_value import Evaluation, calibration_batches, evaluate, measure
from explorer.plans import Plan
from explorer.qat.methods import ste
from explorer.quantizers.simulated import freeze
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies import Study

METHODS: dict[str, ModuleType] = {"ste": ste}
CHECKPOINT_STEPS = 20


@dataclass(frozen=True)
class TrainingPoint:
    """One point of the curves.

    Attributes:
        epoch: epochs done, fractional within an epoch.
        loss: mean training loss over the batches since the last point.
        accuracy: share of those training images right, None where the targets are no classes.
    """

    epoch: float
    loss: float
    accuracy: float | None


class Observer(Protocol):
    """Whoever watches and may stop a training; a run's context is adapted to this."""

    def point(self, series: str, values: Mapping[str, Any]) -> None: ...
    def report(self, fraction: float, message: str) -> None: ...
    def check_stop(self) -> None: ...
    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None: ...
    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None: ...


class Unwatched:
    """An observer for scripts: nothing is shown, nothing is kept."""

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        pass

    def report(self, fraction: float, message: str) -> None:
        pass

    def check_stop(self) -> None:
        pass

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        pass

    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None:
        return None


@dataclass(frozen=True)
class FinetuneResult:
    """A finished training.

    Attributes:
        before: the plan measured without training, on the test split.
        after: the trained network, measured the same way.
        network: the trained network in its post-training form (weights on their grids).
        seconds: of training, over all attempts of the run.
    """

    before: Evaluation
    after: Evaluation
    network: nn.Module
    seconds: float


def finetune(
    study: Study,
    plan: Plan,
    blocks: Sequence[Block],
    *,
    method: str = "ste",
    epochs: int = 1,
    batch_size: int = 128,
    learning_rate: float = 0.01,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    seed: int = 0,
    observer: Observer | None = None,
) -> FinetuneResult:
    """Train a study's network under a plan and measure it before and after.

    Args:
        blocks: the partition the plan names.
        method: a key of ``METHODS``.
        epochs: passes over the study's training images.
        learning_rate: at the start; it decays to zero along a cosine.
        observer: told of progress; may stop the training and keep its checkpoints.

    Raises:
        RunError: the method is unknown, a setting is out of range, or the loss stops being finite.
        PlanError: the plan does not fit the blocks.
    """
    _check(method, epochs, batch_size, learning_rate)
    observer = observer or Unwatched()
    observer.report(0.0, "measuring the plan without training")
    before = evaluate(study, plan, blocks, progress=lambda _: observer.check_stop())
    network = METHODS[method].prepare(
        study.model(), plan.layer_bits(blocks), calibration_batches(study), plan.steps
    )
    optimizer = torch.optim.SGD(
        (p for p in network.parameters() if p.requires_grad),
        lr=learning_rate,
        momentum=momentum,
        weight_decay=weight_decay,
    )
    per_epoch = _batches(study.data.size("train"), batch_size)
    step, spent = _resume(network, optimizer, observer)
    if step == 0:
        observer.point("test", {"epoch": 0.0, "loss": before.loss, "accuracy": before.accuracy})
    started = time.monotonic()
    total = per_epoch * epochs
    while step < total:
        epoch = step // per_epoch
        order = _order(study.data.size("train"), seed, epoch)
        if step % per_epoch == 0:
            METHODS[method].start_epoch(network)
        network.train()
        window = _Window()
        for number in range(step % per_epoch, per_epoch):
            observer.check_stop()
            last = None if number == per_epoch - 1 else (number + 1) * batch_size
            rows = order[number * batch_size : last]
            optimizer.param_groups[0]["lr"] = learning_rate * 0.5 * (1 + math.cos(math.pi * step / total))
            window.add(*_step(network, optimizer, study, rows))
            step += 1
            observer.report(
                0.9 * step / total, f"epoch {epoch + 1} of {epochs}, batch {number + 1} of {per_epoch}"
            )
            ended = step % per_epoch == 0
            if ended or step % CHECKPOINT_STEPS == 0:
                observer.point("train", asdict(window.point(step / per_epoch)))
                window = _Window()
                # The test point comes before the checkpoint: a resumed run does not go back for it.
                if ended and step < total:
                    measured = measure(
                        freeze(network), study, plan, blocks, progress=lambda _: observer.check_stop()
                    )
                    observer.point(
                        "test", {"epoch": epoch + 1.0, "loss": measured.loss, "accuracy": measured.accuracy}
                    )
                state = {"step": step, "seconds": spent + time.monotonic() - started}
                observer.save(_tensors(network, optimizer), state)
    seconds = spent + time.monotonic() - started
    observer.report(0.95, "measuring the trained network")
    trained = freeze(network)
    after = measure(trained, study, plan, blocks, progress=lambda _: observer.check_stop())
    observer.point("test", {"epoch": float(epochs), "loss": after.loss, "accuracy": after.accuracy})
    return FinetuneResult(before=before, after=after, network=trained, seconds=seconds)


class _Window:
    """Means since the last point, weighed by samples."""

    def __init__(self) -> None:
        self.samples, self.loss, self.right, self.classes = 0, 0.0, 0, True

    def add(self, samples: int, loss: float, right: int | None) -> None:
        self.samples += samples
        self.loss += loss * samples
        self.classes = self.classes and right is not None
        self.right += right or 0

    def point(self, epoch: float) -> TrainingPoint:
        accuracy = self.right / self.samples if self.classes else None
        return TrainingPoint(epoch, self.loss / self.samples, accuracy)


def _step(
    network: nn.Module, optimizer: torch.optim.Optimizer, study: Study, rows: Tensor
) -> tuple[int, float, int | None]:
    inputs, targets = study.data.inputs("train", rows), study.data.targets("train", rows)
    outputs = network(inputs)
    loss = study.loss(outputs, targets)
    if not torch.isfinite(loss):
        raise RunError(
            "the training loss is not finite any more; start again with a lower learning rate or more bits"
        )
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    right = study.loss.correct(outputs.detach(), targets)
    return len(rows), loss.item(), None if right is None else int(right.sum())


def _batches(samples: int, batch_size: int) -> int:
    """Batches an epoch; one image left over joins the last batch, since batch norm cannot train on one."""
    return max(1, math.ceil(samples / batch_size) - (samples % batch_size == 1))


def _order(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in one epoch, a function of the seed and the epoch alone."""
    return drawn_rows(samples, None, generator(Stream.TRAINING_ORDER, seed, epoch))


def _tensors(network: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    tensors = {f"network.{name}": value for name, value in network.state_dict().items()}
    for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
        if parameter in optimizer.state:
            tensors[f"momentum.{number}"] = optimizer.state[parameter]["momentum_buffer"]
    return tensors


def _resume(network: nn.Module, optimizer: torch.optim.Optimizer, observer: Observer) -> tuple[int, float]:
    """Restore the last checkpoint, if any: the step to go on from and the seconds spent so far."""
    saved = observer.restore()
    if saved is None:
        return 0, 0.0
    tensors, state = saved
    network.load_state_dict(
        {
            name.removeprefix("network."): value
            for name, value in tensors.items()
            if name.startswith("network.")
        }
    )
    for number, parameter in enumerate(optimizer.param_groups[0]["params"]):
        if f"momentum.{number}" in tensors:
            optimizer.state[parameter]["momentum_buffer"] = tensors[f"momentum.{number}"].clone()
    return int(state["step"]), float(state["seconds"])


def _check(method: str, epochs: int, batch_size: int, learning_rate: float) -> None:
    if method not in METHODS:
        raise RunError(f"the training method {method!r} is not available; use {' or '.join(METHODS)}")
    for name, value, lowest in (("number of epochs", epochs, 1), ("batch size", batch_size, 2)):
        if value < lowest:
            raise RunError(f"the {name} is {value}; it must be at least {lowest}")
    if not 0 < learning_rate < 10:
        raise RunError(f"the learning rate is {learning_rate}; it must lie between 0 and 10")
