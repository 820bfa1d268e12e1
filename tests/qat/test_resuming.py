"""An interruption leaves no trace, whichever the optimizer; nor does a checkpoint that cannot be used."""

import math
from collections.abc import Iterator
from contextlib import suppress
from itertools import product
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from torch import Tensor

from explorer import qat
from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan
from explorer.qat import FinetuneResult, finetuning
from explorer.qat.methods import StraightThrough
from explorer.quantizers.simulated import freeze
from explorer.questions.training import LEARNING_RATES
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from tests.qat.recorder import PLAIN, Interrupted, Kept, Recorder

WAYS = list(product(qat.METHODS, qat.OPTIMIZERS))
BATCH, PER_EPOCH, EPOCHS = 67, 6, 2  # 403 images: the one left over joins the last batch
CALLS = 16  # of check_stop once training began: 12 steps and the measurements, the first step apart


@pytest.fixture(autouse=True)
def many_checkpoints(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(finetuning, "CHECKPOINT_STEPS", 4)


def train(study: Study, blocks: tuple[Block, ...], **options: Any) -> FinetuneResult:
    plan = Plan.uniform(study, blocks, 1 if options.get("method") == "binaryconnect" else 3, 8)
    settings = {**PLAIN, "epochs": EPOCHS, "batch_size": BATCH, "seed": 5, **options}
    return qat.finetune(study, plan, blocks, **settings)


def same(a: FinetuneResult, b: FinetuneResult) -> bool:
    one, other = a.network.state_dict(), b.network.state_dict()
    return list(one) == list(other) and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def wholes(study: Study, blocks: tuple[Block, ...]) -> dict[tuple[str, str], tuple[FinetuneResult, Recorder]]:
    """Without interruption, by method and optimizer."""
    torch.set_num_threads(1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(finetuning, "CHECKPOINT_STEPS", 4)
        found = {}
        for way in WAYS:
            told = Recorder()
            found[way] = train(study, blocks, method=way[0], optimizer=way[1], watcher=told), told
        return found


@pytest.mark.parametrize("way", WAYS, ids="-".join)
@given(stops=st.lists(st.integers(1, CALLS), min_size=1, max_size=3))
@settings(max_examples=2, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_stopped_at_any_steps_and_resumed_it_ends_as_if_it_had_not_been(
    study: Study, blocks: tuple[Block, ...], wholes: Any, way: tuple[str, str], stops: list[int]
) -> None:
    """Same weights to the bit, same numbers, no point lost or told twice."""
    (method, optimizer), (whole, expected) = way, wholes[way]
    told = None
    for stop_at in stops:
        told = Recorder(stop_at=stop_at, before=told)
        with suppress(Interrupted):  # a later attempt may come to its end, since fewer calls are left
            train(study, blocks, method=method, optimizer=optimizer, watcher=told)
    last = Recorder(before=told)
    resumed = train(study, blocks, method=method, optimizer=optimizer, watcher=last)
    assert same(resumed, whole)
    assert (resumed.before, resumed.after) == (whole.before, whole.after)
    assert last.points == expected.points


EVERYTHING: dict[str, Any] = {
    "method": "lsq",
    "augmentation": "crop-flip",
    "logits": 0.5,
    "channels": 1.0,
    "noise": 0.5,
    "stages": 2,
    "batch_norm": "re-estimated",
    "keep": "best",
    "trace_images": 32,
    "warmup": 0.5,
}


def test_with_everything_at_once_an_interruption_leaves_no_trace(
    study: Study, blocks: tuple[Block, ...]
) -> None:
    """Teacher, noise, crops, stages, what is kept; the stages go on in the order that they began with."""
    order = [block.name for block in blocks]
    expected = Recorder()
    whole = train(study, blocks, order=order, watcher=expected, **EVERYTHING)
    for stops in ((3, 4), (9,), (14,), (18,)):
        told = None
        for stop_at in stops:
            told = Recorder(stop_at=stop_at, before=told)
            with pytest.raises(Interrupted):
                train(study, blocks, order=order, watcher=told, **EVERYTHING)
        last = Recorder(before=told)
        another = order[::-1] if last.restore() else order
        resumed = train(study, blocks, order=another, watcher=last, **EVERYTHING)
        assert same(resumed, whole)
        assert (resumed.after, resumed.kept, resumed.candidates) == (
            whole.after,
            whole.kept,
            whole.candidates,
        )
        assert last.points == expected.points


def test_the_optimizers_train_differently_and_both_well(wholes: Any) -> None:
    (sgd, _), (adamw, _) = wholes["ste", "sgd"], wholes["ste", "adamw"]
    assert not same(sgd, adamw)
    for each in (sgd, adamw):
        assert each.after.loss < each.before.loss


def test_the_learning_rate_is_the_optimizers_own_unless_one_is_given(
    study: Study, blocks: tuple[Block, ...], wholes: Any
) -> None:
    for name, rate in LEARNING_RATES.items():
        given_rate = train(study, blocks, optimizer=name, learning_rate=rate)
        assert same(given_rate, wholes["ste", name][0])


def batches(study: Study) -> Iterator[tuple[int, Tensor]]:
    """Number of the step and rows of every batch, by the definition."""
    for epoch in range(EPOCHS):
        order = torch.randperm(403, generator=torch.Generator().manual_seed(5 * 100_003 + epoch))
        for number in range(PER_EPOCH):
            last = None if number == PER_EPOCH - 1 else (number + 1) * BATCH
            yield epoch * PER_EPOCH + number, order[number * BATCH : last]


def test_straight_through_with_sgd_is_the_plain_loop_to_the_bit(
    study: Study, blocks: tuple[Block, ...], wholes: Any
) -> None:
    """Written out without protocol, schedule or checkpoints; biases and batch norm do not decay."""
    method, plan = StraightThrough(), Plan.uniform(study, blocks, 3, 8)
    network = method.prepare(study.model(), plan.layer_bits(blocks), calibration_batches(study), None)
    vectors = [each for each in network.parameters() if each.ndim == 1]
    weights = [each for each in network.parameters() if each.ndim != 1]
    optimizer = torch.optim.SGD(weights, lr=0.01, momentum=0.9, weight_decay=1e-4)
    optimizer.add_param_group({"params": vectors, "weight_decay": 0.0})
    for step, rows in batches(study):
        if step % PER_EPOCH == 0:
            method.start_epoch(network)
        network.to(memory_format=torch.channels_last).train()  # type: ignore[call-overload]
        for group in optimizer.param_groups:
            group["lr"] = 0.01 * 0.5 * (1 + math.cos(math.pi * step / (EPOCHS * PER_EPOCH)))
        inputs = study.data.inputs("train", rows).contiguous(memory_format=torch.channels_last)
        loss = study.loss(network(inputs), study.data.targets("train", rows))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    expected, found = freeze(network).state_dict(), wholes["ste", "sgd"][0].network.state_dict()
    assert all(torch.equal(expected[name], value) for name, value in found.items())


class OldFormat(Recorder):
    """Goes on from a checkpoint as the first version wrote it: momenta by number, no schedule."""

    def restore(self) -> Any:
        saved = super().restore()
        assert saved is not None
        if saved.state.get("format") and saved.state["step"] == 8:
            return Kept({"step": 8, "seconds": 1.0}, {"momentum.0": torch.ones(3)})
        return saved


def test_a_checkpoint_of_an_older_version_begins_the_training_again(
    study: Study, blocks: tuple[Block, ...], wholes: Any
) -> None:
    """The same weights and the same curves: what was told before is not told twice."""
    whole, expected = wholes["ste", "sgd"]
    first = Recorder(stop_at=10)
    with pytest.raises(Interrupted):
        train(study, blocks, watcher=first)
    second = OldFormat(before=first)
    resumed = train(study, blocks, watcher=second)
    assert same(resumed, whole)
    assert second.points == expected.points
    assert "starting again: the checkpoint was written by an older version" in second.messages


def test_stopped_again_before_it_was_as_far_it_still_tells_nothing_twice(
    study: Study, blocks: tuple[Block, ...], wholes: Any
) -> None:
    first = Recorder(stop_at=10)
    with pytest.raises(Interrupted):
        train(study, blocks, watcher=first)
    second = OldFormat(before=first, stop_at=5)
    with pytest.raises(Interrupted):
        train(study, blocks, watcher=second)
    last = Recorder(before=second)
    assert same(train(study, blocks, watcher=last), wholes["ste", "sgd"][0])
    assert last.points == wholes["ste", "sgd"][1].points


def test_a_checkpoint_that_does_not_fit_is_a_sentence(study: Study, blocks: tuple[Block, ...]) -> None:
    first = Recorder(stop_at=6)
    with pytest.raises(Interrupted):
        train(study, blocks, watcher=first)
    with pytest.raises(RunError, match="does not fit its network or optimizer any more"):
        train(study, blocks, optimizer="adamw", watcher=Damaged(before=first))


class Damaged(Recorder):
    """Lost a tensor."""

    def restore(self) -> Any:
        saved = super().restore()
        assert saved is not None
        return Kept(saved.state, {})
