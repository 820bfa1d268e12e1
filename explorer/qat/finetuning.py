"""The training loop that every quantization-aware method shares.

What is asked of it is a `FinetuneQuestion`, with the same defaults here, on the command line and on the page. Every
draw of an epoch comes from a generator seeded with (seed, epoch), every draw of a step from one seeded with (seed,
step), so a run resumed from a checkpoint in the middle of an epoch goes on with the same batches, crops and noise and
ends with the same weights, to the bit on one machine with the same number of threads.

Some of the training samples are held out and choose what is kept (`qat.held_out`), unless the last iterate is asked
for. Series that a watcher is told, all with ``epoch``:

    train     loss, accuracy, learning_rate                  since the last point
    speed     images_per_second                              likewise
    method    what the method tells of itself                with each point of train
    layers    layers: what it tells of each                  likewise
    test      loss, accuracy, agreement with FP32            without training, and after each epoch
    trace     trace, stderr                                  likewise, if asked for
"""

import math
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.errors import RunError
from explorer.evaluation import PerSample
from explorer.plans import Plan, PlanValue
from explorer.qat import batch_norm, checkpoint, optimizers
from explorer.qat.augmentation import augmentation
from explorer.qat.curves import Window
from explorer.qat.distillation import Teacher, under
from explorer.qat.held_out import (
    LAST,
    RE_ESTIMATED,
    UNTRAINED,
    Candidate,
    Chooser,
    after_epoch,
    split_rows,
)
from explorer.qat.measuring import Meter, Tested
from explorer.qat.methods import METHODS, Method
from explorer.qat.noise import Noise
from explorer.qat.stages import Stages
from explorer.qat.stepping import Setting, Training, advance
from explorer.qat.trace import weight_trace
from explorer.quantizers.simulated import freeze, simulate
from explorer.questions import FinetuneQuestion
from explorer.questions.base import question_of
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
        after: the network that was kept, measured the same way.
        samples: of both, what every test sample is worth, so that trainings can be compared image by image.
        network: that network in its post-training form (weights on their grids).
        seconds: of training, over all attempts of the run.
        epochs: passes over the training samples.
        kept: which candidate it is.
        candidates: that were measured on samples held out; none where nothing was held out.
        held_out: how many samples these are.
    """

    before: PlanValue
    after: PlanValue
    samples: tuple[PerSample, PerSample]
    network: nn.Module
    seconds: float
    epochs: int
    kept: str
    candidates: tuple[Candidate, ...]
    held_out: int


def finetune(
    study: Study,
    plan: Plan,
    blocks: Sequence[Block],
    question: FinetuneQuestion | None = None,
    *,
    order: Sequence[str] | None = None,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> FinetuneResult:
    """Train a study's network under a plan and measure it before and after.

    Args:
        blocks: the partition the plan names.
        question: what is asked; without one, ``options`` are those of a `FinetuneQuestion` but for the plan.
        order: names of the blocks in the order in which stages quantize them; needed with several stages alone.
        watcher: told of progress; may stop the training and keep its checkpoints.

    Raises:
        RunError: a name is unknown, a setting is out of range, or the loss stops being finite.
        PlanError: the plan does not fit the blocks.
    """
    if question is None:
        options["plan"] = plan.to_json()
    question = under(study.loss, question_of(FinetuneQuestion, question, options))
    method, bits = _method(question), plan.layer_bits(blocks)
    method.check(bits)
    batch_norm.check(question.batch_norm, bits)
    augment = augmentation(question.augmentation, study)
    epochs = question.passes
    rows, held = split_rows(study.data.size("train"), question.seed, hold=question.keep == "best")
    per_epoch = _batches(len(rows), question.batch_size)
    total, warmup = per_epoch * epochs, round(question.warmup * per_epoch)
    first_order = None if question.stages == 1 or order is None else tuple(order)
    stages = Stages(blocks, first_order, question.stages, total)

    watcher.report(0.0, "measuring the plan without training")
    calibration = calibration_batches(study)
    untrained = simulate(study.model(), bits, calibration, steps=plan.steps)
    meter = Meter(study, plan, blocks, watcher.check_stop)
    tested = meter(untrained)
    layers = list(bits)

    network = method.prepare(study.model(), bits, calibration, plan.steps)
    layout = _layout(study, network)
    network.to(memory_format=layout)  # type: ignore[call-overload]
    optimizer = optimizers.in_use(question.optimizer, network)
    rate = question.rate(optimizer)
    groups = method.parameter_groups(network, learning_rate=rate, weight_decay=question.weight_decay)
    moving = optimizers.make(
        optimizer,
        groups,
        learning_rate=rate,
        momentum=question.momentum,
        weight_decay=question.weight_decay,
    )
    method.expect(total)
    teacher = _teacher(study, question, layout)
    noise = Noise(question.noise, question.noise_place, question.seed)
    setting = Setting(question, method, augment, teacher, noise, layout)
    schedule = optimizers.scheduled(moving, question.schedule, steps=total, warmup=warmup)
    training = Training(setting, network, moving, schedule, first_order, stages)
    checkpoint.restore(training, watcher)
    training.stages = Stages(blocks, training.order, question.stages, total)  # the order that it began with
    chooser = Chooser(study, held, watcher.check_stop)
    if chooser.chooses and not training.candidates:
        training.candidates = (chooser.measured(UNTRAINED, untrained),)

    def trace(epoch: int, frozen: nn.Module) -> None:
        if question.trace_images:
            found = weight_trace(
                study, frozen, layers, question.trace_images, seed=question.seed, check=watcher.check_stop
            )
            watcher.point("trace", {"epoch": float(epoch), "trace": found.value, "stderr": found.stderr})

    if training.step == training.told == 0:
        watcher.point("test", tested.point(0))
        trace(0, untrained)

    while training.step < total:
        epoch, first = divmod(training.step, per_epoch)
        if first == 0:
            method.start_epoch(network)
        network.train()
        if question.batch_norm == "frozen":
            batch_norm.freeze_statistics(network)
        batches = rows[_order(len(rows), question.seed, epoch)].split(question.batch_size)
        window = Window()
        started = time.monotonic()
        for number in range(first, per_epoch):
            watcher.check_stop()
            drawn = torch.cat(batches[number:]) if number == per_epoch - 1 else batches[number]
            window.add(advance(training, study, drawn))
            step = training.step
            watcher.report(
                0.9 * step / total, f"epoch {epoch + 1} of {epochs}, batch {number + 1} of {per_epoch}"
            )
            ended = step % per_epoch == 0
            if not ended and step % CHECKPOINT_STEPS:
                continue
            spent = time.monotonic() - started
            training.seconds += spent
            if step > training.told:
                _tell(training, window, step / per_epoch, spent, watcher)
            if ended and step < total:
                # The test point comes before the checkpoint: a resumed run does not go back for it.
                frozen = _frozen(network)
                if step > training.told:
                    watcher.point("test", meter(frozen).point(epoch + 1))
                    trace(epoch + 1, frozen)
                if chooser.chooses:
                    _consider(training, chooser, chooser.measured(after_epoch(epoch + 1), frozen), network)
            window = Window()
            checkpoint.save(training, watcher)
            started = time.monotonic()

    watcher.report(0.95, "measuring the trained network")
    frozen = _frozen(network)
    last = meter(frozen)
    watcher.point("test", last.point(epochs))
    trace(epochs, frozen)
    kept, after, candidates = _chosen(
        study, training, chooser, rows, (untrained, tested), (frozen, last), meter
    )
    return FinetuneResult(
        before=tested.value,
        after=after.value,
        samples=(tested.samples, after.samples),
        network=kept[1],
        seconds=training.seconds,
        epochs=epochs,
        kept=kept[0],
        candidates=candidates,
        held_out=len(held),
    )


def _chosen(
    study: Study,
    training: Training,
    chooser: Chooser,
    rows: Tensor,
    untrained: tuple[nn.Module, Tested],
    last: tuple[nn.Module, Tested],
    meter: Meter,
) -> tuple[tuple[str, nn.Module], Tested, tuple[Candidate, ...]]:
    """What is kept by its name and itself, what it is worth on the test split, and all candidates."""
    network, candidates = training.network, list(training.candidates)
    again = None
    if training.setting.question.batch_norm == "re-estimated":
        again = batch_norm.re_estimated(network, _inputs(study, training.setting, rows))
    if not chooser.chooses:
        if again is None:
            return (LAST, last[0]), last[1], ()
        frozen = _frozen(again)
        return (RE_ESTIMATED, frozen), meter(frozen), ()
    best = candidates[0] if training.best is None else training.best[0]
    found: tuple[str, nn.Module] | None = None
    for name, one in ((LAST, last[0]), (RE_ESTIMATED, None if again is None else _frozen(again))):
        if one is None:
            continue
        candidate = chooser.measured(name, one)
        candidates.append(candidate)
        if chooser.prefers(candidate, best):
            best, found = candidate, (name, one)
    if found is None and training.best is not None:
        network.load_state_dict(training.best[1])
        found = training.best[0].name, _frozen(network)
    if found is None:
        return (UNTRAINED, untrained[0]), untrained[1], tuple(candidates)
    tested = last[1] if found[0] == LAST else meter(found[1])
    return found, tested, tuple(candidates)


def _consider(training: Training, chooser: Chooser, candidate: Candidate, network: nn.Module) -> None:
    """Take a candidate note of, and its state if it is the best so far."""
    best = training.candidates[0] if training.best is None else training.best[0]
    training.candidates = (*training.candidates, candidate)
    if chooser.prefers(candidate, best):
        state = {name: value.detach().clone() for name, value in network.state_dict().items()}
        training.best = candidate, state


def _inputs(study: Study, setting: Setting, rows: Tensor) -> Iterator[Any]:
    """Augmented batches that batch norm is estimated on again."""
    draw = generator(Stream.BATCH_NORM_ROWS, setting.question.seed)
    size = setting.question.batch_size
    drawn = rows[drawn_rows(len(rows), batch_norm.BATCHES * size, draw)]
    for batch in drawn.split(1 if study.data.ragged else size):
        if len(batch) > 1 or len(drawn) == 1 or study.data.ragged:
            yield setting.inputs(study, batch, draw)


def _teacher(study: Study, question: FinetuneQuestion, layout: torch.memory_format) -> Teacher | None:
    if not question.taught:
        return None
    network = study.model().to(memory_format=layout)  # type: ignore[call-overload]
    return Teacher(network, study.data.inputs("train", torch.arange(1)), channels=question.channels > 0)


def _frozen(network: nn.Module) -> nn.Module:
    """The network in its post-training form, laid out in memory as one that is loaded from a file."""
    return freeze(network).to(memory_format=torch.contiguous_format)  # type: ignore[call-overload,no-any-return]


def _layout(study: Study, network: nn.Module) -> torch.memory_format:
    """How images lie in memory while a network of two-dimensional convolutions trains: channels last is faster."""
    inputs = study.data.inputs("train", torch.arange(1))
    images = isinstance(inputs, Tensor) and inputs.ndim == 4
    convolves = any(isinstance(module, nn.Conv2d) for module in network.modules())
    flat = all(each.ndim < 5 for each in network.parameters())  # no format is there for both
    return torch.channels_last if images and convolves and flat else torch.contiguous_format


def _tell(training: Training, window: Window, epoch: float, seconds: float, watcher: Watcher) -> None:
    watcher.point("train", asdict(window.point(epoch)))
    if seconds > 0:
        watcher.point("speed", {"epoch": epoch, "images_per_second": window.loss.samples / seconds})
    method, network = training.setting.method, training.network
    series = method.series(network)
    if series:
        watcher.point("method", {"epoch": epoch, **series})
    layers = method.layer_series(network)
    if layers:
        watcher.point("layers", {"epoch": epoch, "layers": layers})


def _batches(samples: int, batch_size: int) -> int:
    """Batches an epoch; one image left over joins the last batch, since batch norm cannot train on one."""
    return max(1, math.ceil(samples / batch_size) - (samples % batch_size == 1))


def _order(samples: int, seed: int, epoch: int) -> Tensor:
    """The order of the samples in one epoch, a function of the seed and the epoch alone."""
    return drawn_rows(samples, None, generator(Stream.TRAINING_ORDER, seed, epoch))


def _method(question: FinetuneQuestion) -> Method:
    name = question.method
    if name not in METHODS:
        raise RunError(f"the training method {name!r} is not available; use {' or '.join(METHODS)}")
    kind = METHODS[name]
    return kind(kind.Options(**question.method_options))
