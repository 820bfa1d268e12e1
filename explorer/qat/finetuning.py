"""The training loop that every quantization-aware method shares.

An optimizer and a cosine decay of its learning rate to zero over the whole training (`qat.optimizers`); batch norm in
training mode. Every draw of an epoch comes from a generator seeded with (seed, epoch), so a run resumed from a
checkpoint in the middle of an epoch goes on with the same batches and ends with the same weights, to the bit on one
machine with the same number of threads.
"""

import math
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan, PlanValue, evaluate_plan, measure_plan
from explorer.qat import checkpoint, optimizers
from explorer.qat.curves import Window
from explorer.qat.methods import METHODS
from explorer.qat.stepping import Training, advance
from explorer.quantizers.simulated import freeze
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from explorer.watching import UNWATCHED, Watcher

CHECKPOINT_STEPS = 20


@dataclass(frozen=True)
class FinetuneResult:
    """A finished training.

    Attributes:
        before: the plan measured without training, on the test split.
        after: the trained network, measured the same way.
        network: the trained network in its post-training form (weights on their grids).
        seconds: of training, over all attempts of the run.
    """

    before: PlanValue
    after: PlanValue
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
    optimizer: str = "sgd",
    learning_rate: float | None = None,
    momentum: float = 0.9,
    weight_decay: float = 1e-4,
    seed: int = 0,
    watcher: Watcher = UNWATCHED,
) -> FinetuneResult:
    """Train a study's network under a plan and measure it before and after.

    Args:
        blocks: the partition the plan names.
        method: a key of ``METHODS``.
        epochs: passes over the study's training images.
        optimizer: a key of ``OPTIMIZERS``.
        learning_rate: at the start; it decays to zero along a cosine. None: the optimizer's own.
        momentum: of ``sgd``; β₁ of ``adamw``.
        watcher: told of progress; may stop the training and keep its checkpoints.

    Raises:
        RunError: a name is unknown, a setting is out of range, or the loss stops being finite.
        PlanError: the plan does not fit the blocks.
    """
    own = optimizers.own_rate(optimizer)
    rate = own if learning_rate is None else learning_rate
    _check(method, epochs, batch_size, rate)
    watcher.report(0.0, "measuring the plan without training")
    before = evaluate_plan(study, plan, blocks, check=watcher.check_stop)
    chosen = METHODS[method]()
    network = chosen.prepare(study.model(), plan.layer_bits(blocks), calibration_batches(study), plan.steps)
    groups = chosen.parameter_groups(network, learning_rate=rate, weight_decay=weight_decay)
    moving = optimizers.make(
        optimizer, groups, learning_rate=rate, momentum=momentum, weight_decay=weight_decay
    )
    per_epoch = _batches(study.data.size("train"), batch_size)
    total = per_epoch * epochs
    training = Training(chosen, network, moving, optimizers.cosine(moving, total))
    checkpoint.restore(training, watcher)
    if training.step == training.told == 0:
        watcher.point("test", _test_point(0, before))

    def measured() -> tuple[nn.Module, PlanValue]:
        frozen = freeze(network)
        return frozen, measure_plan(frozen, study, plan, blocks, check=watcher.check_stop)

    while training.step < total:
        epoch, first = divmod(training.step, per_epoch)
        if first == 0:
            chosen.start_epoch(network)
        network.train()
        batches = _order(study.data.size("train"), seed, epoch).split(batch_size)
        window = Window()
        started = time.monotonic()
        for number in range(first, per_epoch):
            watcher.check_stop()
            rows = torch.cat(batches[number:]) if number == per_epoch - 1 else batches[number]
            window.add(advance(training, study, rows))
            step = training.step
            watcher.report(
                0.9 * step / total, f"epoch {epoch + 1} of {epochs}, batch {number + 1} of {per_epoch}"
            )
            ended = step % per_epoch == 0
            if not ended and step % CHECKPOINT_STEPS:
                continue
            if step > training.told:
                _tell(training, window, step / per_epoch, watcher)
                # The test point comes before the checkpoint: a resumed run does not go back for it.
                if ended and step < total:
                    watcher.point("test", _test_point(epoch + 1, measured()[1]))
            window, now = Window(), time.monotonic()
            training.seconds, started = training.seconds + now - started, now
            checkpoint.save(training, watcher)
    watcher.report(0.95, "measuring the trained network")
    trained, after = measured()
    watcher.point("test", _test_point(epochs, after))
    return FinetuneResult(before=before, after=after, network=trained, seconds=training.seconds)


def _tell(training: Training, window: Window, epoch: float, watcher: Watcher) -> None:
    watcher.point("train", asdict(window.point(epoch)))
    series = training.method.series(training.network)
    if series:
        watcher.point("method", {"epoch": epoch, **series})


def _test_point(epoch: int, found: PlanValue) -> dict[str, float | None]:
    return {"epoch": float(epoch), "loss": found.loss, "accuracy": found.accuracy}


def _batches(samples: int, batch_size: int) -> int:
    """Batches an epoch; one image left over joins the last batch, since batch norm cannot train on one."""
    return max(1, math.ceil(samples / batch_size) - (samples % batch_size == 1))


def _order(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in one epoch, a function of the seed and the epoch alone."""
    return drawn_rows(samples, None, generator(Stream.TRAINING_ORDER, seed, epoch))


def _check(method: str, epochs: int, batch_size: int, learning_rate: float) -> None:
    if method not in METHODS:
        raise RunError(f"the training method {method!r} is not available; use {' or '.join(METHODS)}")
    for name, value, lowest in (("number of epochs", epochs, 1), ("batch size", batch_size, 2)):
        if value < lowest:
            raise RunError(f"the {name} is {value}; it must be at least {lowest}")
    if not 0 < learning_rate < 10:
        raise RunError(f"the learning rate is {learning_rate}; it must lie between 0 and 10")
