"""The training loop: it helps, it is a function of its seed, and an interruption leaves no trace."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer import qat
from explorer.blocks import Block
from explorer.errors import RunError
from explorer.plans import Plan, evaluate_plan, measure_plan
from explorer.qat import FinetuneResult, finetuning, stepping
from explorer.qat.curves import Window
from explorer.qat.stepping import Outcome, Training
from explorer.quantizers import quantized_layers
from explorer.quantizers.simulated import simulate
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from tests.qat.recorder import PLAIN, Interrupted, Recorder

STEPS = 26  # an epoch: 403 training images in batches of 16, the last of 3


def train(study: Study, blocks: tuple[Block, ...], w_bits: int = 2, **options: Any) -> FinetuneResult:
    plan = Plan.uniform(study, blocks, w_bits, 8)
    return qat.finetune(
        study, plan, blocks, **{**PLAIN, "batch_size": 16, "learning_rate": 0.02, "epochs": 1, **options}
    )


def weights(result: FinetuneResult) -> dict[str, Tensor]:
    return result.network.state_dict()


def same(a: dict[str, Tensor], b: dict[str, Tensor]) -> bool:
    return list(a) == list(b) and all(torch.equal(a[name], b[name]) for name in a)


@pytest.fixture(scope="module")
def whole(study: Study, blocks: tuple[Block, ...]) -> Any:
    """Two epochs without interruption, and what was told of them."""
    torch.set_num_threads(1)
    told = Recorder()
    return train(study, blocks, epochs=2, seed=5, watcher=told), told


def test_training_wins_back_what_two_bits_cost(study: Study, blocks: tuple[Block, ...], whole: Any) -> None:
    result, _ = whole
    plain = evaluate_plan(study, None, blocks)
    assert plain.accuracy is not None
    assert result.before.accuracy < plain.accuracy - 0.05
    assert result.after.accuracy > result.before.accuracy + 0.03
    assert result.after.loss < result.before.loss
    assert result.after.size_bytes == result.before.size_bytes
    assert result.before == evaluate_plan(study, Plan.uniform(study, blocks, 2, 8), blocks)


def test_three_bits_lose_less_after_training_than_before(study: Study, blocks: tuple[Block, ...]) -> None:
    result = train(study, blocks, 3, epochs=3)
    assert result.after.loss < result.before.loss


def test_trained_weights_are_on_their_grids(study: Study, blocks: tuple[Block, ...], whole: Any) -> None:
    result, _ = whole
    for block in blocks:
        for layer in block.layers:
            for channel in weights(result)[layer.parameter].flatten(1):
                assert len(channel.unique()) <= 4, layer.name


def test_the_packed_whole_numbers_take_the_bytes_that_are_reported(
    study: Study, blocks: tuple[Block, ...], whole: Any
) -> None:
    """What an export will write is what the size says; and they are small beside the float weights."""
    found = quantized_layers(whole[0].network)
    assert set(found) == {layer.name for block in blocks for layer in block.layers}
    stored = [layer.weight for layer in found.values()]
    assert all(weight is not None for weight in stored)
    assert -(-sum(weight.packed_bits for weight in stored if weight) // 8) == whole[0].after.size_bytes
    state = weights(whole[0])
    assert all(state[f"{name}.stored_weight.integers"].element_size() == 1 for name in found)
    assert set(study.network.state_dict()) <= set(state), "the names of the study's network are among them"


def test_the_result_computes_what_was_measured(study: Study, blocks: tuple[Block, ...], whole: Any) -> None:
    result, _ = whole
    plan = Plan.uniform(study, blocks, 2, 8)
    assert not result.network.training
    assert measure_plan(result.network, study, plan, blocks) == result.after


def test_the_studys_network_is_untouched(study: Study, blocks: tuple[Block, ...]) -> None:
    before = {name: value.clone() for name, value in study.network.state_dict().items()}
    trained = weights(train(study, blocks))
    assert same(study.network.state_dict(), before)
    assert not study.network.training
    assert not torch.equal(trained["1.running_mean"], before["1.running_mean"]), "batch norm trains along"


def test_the_same_seed_gives_the_same_weights_to_the_bit(
    study: Study, blocks: tuple[Block, ...], whole: Any
) -> None:
    torch.manual_seed(1)  # the global generator plays no part
    assert same(weights(train(study, blocks, epochs=2, seed=5)), weights(whole[0]))
    assert not same(weights(train(study, blocks, epochs=2, seed=6)), weights(whole[0]))


# The watcher is asked before every step but the first and before both batches of a measurement: before the first
# checkpoint (20 steps), right after it, before the epoch's last step, while its end is measured, right after that, in
# the second epoch, after its own checkpoint (40 steps), before the last step, and while the trained one is measured.
@pytest.mark.parametrize("stop_at", [1, 19, 20, 25, 26, 28, 34, 42, 53, 54])
def test_stopped_anywhere_and_resumed_it_ends_with_the_same_weights(
    study: Study, blocks: tuple[Block, ...], whole: Any, stop_at: int
) -> None:
    first = Recorder(stop_at=stop_at)
    with pytest.raises(Interrupted):
        train(study, blocks, epochs=2, seed=5, watcher=first)
    second = Recorder(before=first)
    resumed = train(study, blocks, epochs=2, seed=5, watcher=second)
    assert same(weights(resumed), weights(whole[0]))
    assert resumed.after == whole[0].after
    assert second.points == whole[1].points, "no point is lost or told twice"
    assert second.saves + first.saves in (whole[1].saves, whole[1].saves + 1)


def test_stopped_twice_it_still_ends_the_same(study: Study, blocks: tuple[Block, ...], whole: Any) -> None:
    told = None
    for stop_at in (23, 17):  # calls of each attempt; the second begins at step 20
        told = Recorder(stop_at=stop_at, before=told)
        with pytest.raises(Interrupted):
            train(study, blocks, epochs=2, seed=5, watcher=told)
    last = Recorder(before=told)
    assert same(weights(train(study, blocks, epochs=2, seed=5, watcher=last)), weights(whole[0]))
    assert last.points == whole[1].points


def test_the_curves_go_forward_and_end_at_the_last_epoch(whole: Any) -> None:
    result, told = whole
    epochs = [point["epoch"] for point in told.points["train"]]
    assert epochs == [pytest.approx(step / STEPS) for step in (20, 26, 40, 52)]
    tested = told.points["test"]
    assert [point["epoch"] for point in tested] == [0, 1, 2]
    for point, value in ((tested[0], result.before), (tested[-1], result.after)):
        assert (point["loss"], point["accuracy"]) == (value.loss, value.accuracy)
    assert 0 < tested[0]["agreement"] < tested[-1]["agreement"] <= 1
    assert told.fractions == sorted(told.fractions)
    assert 0 <= told.fractions[0] <= told.fractions[-1] < 1


def test_a_point_weighs_its_batches_by_samples() -> None:
    window = Window()
    window.add(Outcome(16, 1.0, 8, 0.2))
    window.add(Outcome(4, 6.0, 4, 0.1))
    point = window.point(0.5)
    assert (point.epoch, point.loss, point.accuracy, point.learning_rate) == (0.5, 2.0, 0.6, 0.1)
    assert window.point(0.5) == point, "asking for it changes nothing"
    window.add(Outcome(2, 3.0, None, 0.1))
    assert window.point(1.0).accuracy is None


def test_the_learning_rate_falls_along_a_cosine(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    rates: list[float] = []
    step = torch.optim.SGD.step

    def noting(self: torch.optim.SGD, *args: Any, **kwargs: Any) -> Any:
        rates.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.SGD, "step", noting)
    train(study, blocks, epochs=2, batch_size=64, learning_rate=0.04)
    total = 2 * 7
    assert rates == [pytest.approx(0.02 * (1 + math.cos(math.pi * t / total))) for t in range(total)]


def test_all_images_of_an_epoch_are_seen_once(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Tensor] = []
    made = stepping.advance

    def noting(training: Training, study: Study, rows: Tensor) -> Outcome:
        seen.append(rows)
        return made(training, study, rows)

    monkeypatch.setattr(finetuning, "advance", noting)
    train(study, blocks, epochs=2)
    epochs = torch.cat(seen).split(403)
    assert [sorted(epoch.tolist()) for epoch in epochs] == [list(range(403))] * 2
    assert not torch.equal(*epochs), "each epoch in an order of its own"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"method": "magic"}, "the training method 'magic' is not available; use ste"),
        ({"optimizer": "magic"}, "there is no optimizer 'magic'; use one of usual, sgd"),
        ({"epochs": 0}, "epochs is 0; it must be"),
        ({"batch_size": 1}, "batch_size is 1; it must be"),
        ({"learning_rate": math.nan}, "learning_rate is nan"),
        ({"rate": 0.1}, "there is no option rate"),
        ({"method_options": {"pace": 1}}, "there is no option pace"),
        ({"batch_norm": "frozen"}, "batch norm cannot be frozen while 0 has weights of 2 bits"),
        ({"stages": 2}, "stages need the blocks of the plan in the order of their damage"),
    ],
)
def test_bad_settings_are_refused_before_anything_is_computed(
    study: Study, blocks: tuple[Block, ...], options: dict[str, Any], words: str
) -> None:
    told = Recorder()
    with pytest.raises(RunError, match=words.replace(".", r"\.")):
        train(study, blocks, watcher=told, **options)
    assert told.fractions == []


def test_a_loss_that_is_not_finite_ends_the_training_with_a_sentence(
    study: Study, blocks: tuple[Block, ...]
) -> None:
    class Broken(type(study.loss)):  # type: ignore[misc]
        def __call__(self, outputs: Tensor, targets: Tensor) -> Tensor:
            loss: Tensor = super().__call__(outputs, targets)
            self.calls.append(None)
            return loss * math.nan if len(self.calls) > 22 else loss

    loss = Broken("cross_entropy")
    object.__setattr__(loss, "calls", [])
    told = Recorder()
    with pytest.raises(RunError, match="not finite any more; start again with a lower learning rate"):
        train(replace(study, loss=loss), blocks, watcher=told)
    saved = told.restore()
    assert saved is not None
    assert saved.state["step"] == 20, "what was good is kept"


@pytest.mark.parametrize(
    ("batch_size", "sizes"),
    [(67, [67, 67, 67, 67, 67, 68]), (402, [403]), (500, [403]), (200, [200, 200, 3])],
)
def test_no_batch_holds_a_single_image(
    study: Study,
    blocks: tuple[Block, ...],
    monkeypatch: pytest.MonkeyPatch,
    batch_size: int,
    sizes: list[int],
) -> None:
    """Batch norm behind the pooling has nothing to normalise in a batch of one, and torch refuses it."""
    seen: list[int] = []
    made = stepping.advance

    def noting(training: Training, study: Study, rows: Tensor) -> Outcome:
        seen.append(len(rows))
        return made(training, study, rows)

    monkeypatch.setattr(finetuning, "advance", noting)
    train(study, blocks, batch_size=batch_size)
    assert seen == sizes


def test_before_training_the_network_is_what_is_evaluated(study: Study, blocks: tuple[Block, ...]) -> None:
    """With next to no learning rate, freezing gives back the plan quantized after training."""
    plan = Plan.uniform(study, blocks, 2, 8)
    result = train(study, blocks, learning_rate=1e-30, weight_decay=0.0, batch_size=403)
    simulated = simulate(study.model(), plan.layer_bits(blocks), calibration_batches(study)).state_dict()
    trained = weights(result)
    for block in blocks:
        for layer in block.layers:
            assert torch.equal(trained[layer.parameter], simulated[layer.parameter])
