"""The protocol of training methods: the loop asks for all it offers, and every method has neutral defaults."""

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer import qat
from explorer.blocks import Block
from explorer.plans import Plan
from explorer.qat.methods import METHODS, Batch, Method, StraightThrough
from explorer.quantizers.simulated import prepare_training
from explorer.studies import Study
from tests.qat.recorder import PLAIN, Recorder


def train(study: Study, blocks: tuple[Block, ...], method: str, **options: Any) -> qat.FinetuneResult:
    plan = Plan.uniform(study, blocks, 3, 8)
    settings = {**PLAIN, "method": method, "epochs": 2, "batch_size": 64, **options}
    return qat.finetune(study, plan, blocks, **settings)


def weights(result: qat.FinetuneResult) -> dict[str, Tensor]:
    return result.network.state_dict()


class Least(Method):
    """What the recipe asks for, and nothing more."""

    title = "least"

    def prepare(self, model: nn.Module, bits: Any, calibration: Any, steps: Any) -> nn.Module:
        return prepare_training(model, bits, calibration, steps=steps)


def test_a_method_of_prepare_alone_trains(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(METHODS, "least", Least)
    told = Recorder()
    result = train(study, blocks, "least", watcher=told)
    assert result.after.loss < result.before.loss
    assert told.points["method"] == []


def test_the_loop_asks_for_everything_the_protocol_offers(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the order that the protocol promises, and with effect."""
    asked: list[str] = []

    class Full(Least):
        def prepare(self, *args: Any) -> nn.Module:
            asked.append("prepare")
            return super().prepare(*args)

        def parameter_groups(self, network: nn.Module, *, learning_rate: float, weight_decay: float) -> Any:
            asked.append("parameter_groups")
            several = [each for each in network.parameters() if each.ndim > 1]
            return [
                {"params": several, "lr": learning_rate / 2},
                {"params": [network.get_parameter("11.bias")], "lr": 0.0},
            ]

        def start_epoch(self, network: nn.Module) -> None:
            asked.append("start_epoch")

        def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
            asked.append("penalty")
            assert len(batch.inputs) == len(batch.targets) == len(batch.outputs)
            return batch.outputs.square().sum()

        def after_step(self, network: nn.Module) -> None:
            asked.append("after_step")
            with torch.no_grad():
                network.get_parameter("11.parametrizations.weight.original").clamp_(-0.125, 0.125)

        def series(self, network: nn.Module) -> dict[str, float]:
            asked.append("series")
            latent = network.get_parameter("11.parametrizations.weight.original")
            return {"largest": latent.abs().max().item()}

    monkeypatch.setitem(METHODS, "full", Full)
    monkeypatch.setitem(METHODS, "least", Least)
    told = Recorder()
    result = train(study, blocks, "full", watcher=told)
    epoch = ["start_epoch", *7 * ["penalty", "after_step"], "series"]
    assert asked == ["prepare", "parameter_groups", *epoch, *epoch]
    assert [set(point) for point in told.points["method"]] == 2 * [{"epoch", "largest"}]
    assert all(point["largest"] <= 0.125 for point in told.points["method"])
    trained, before = weights(result), study.network.state_dict()
    assert torch.equal(trained["11.bias"], before["11.bias"]), "its group has the learning rate 0"
    assert torch.equal(trained["1.weight"], before["1.weight"]), "in no group"
    plain = train(study, blocks, "least")
    assert result.after.loss > plain.after.loss + 0.1, "the penalty keeps the outputs small"


def test_curves_show_the_studys_loss_without_the_penalty(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    class Constant(Least):
        def penalty(self, network: nn.Module, batch: Batch) -> Tensor | None:
            return batch.outputs.new_tensor(1000.0)

    monkeypatch.setitem(METHODS, "least", Least)
    monkeypatch.setitem(METHODS, "constant", Constant)
    told = {name: Recorder() for name in ("least", "constant")}
    trained = [weights(train(study, blocks, name, watcher=each)) for name, each in told.items()]
    assert told["least"].points == told["constant"].points
    assert all(torch.equal(trained[0][name], trained[1][name]) for name in trained[0])


def test_straight_through_tells_which_share_of_the_weights_is_clipped() -> None:
    layer = nn.Linear(4, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[1.0, -1.0, 0.5, 0.25]]))
    method = StraightThrough()
    network = method.prepare(nn.Sequential(layer), {"0": (4, 32)}, [], None)
    clipped = "share of weights clipped"
    assert method.series(network)[clipped] == 0.0
    with torch.no_grad():
        network.get_parameter("0.parametrizations.weight.original")[0, 0] = 9.0
    assert method.series(network)[clipped] == 0.25
    method.start_epoch(network)
    assert method.series(network)[clipped] == 0.0
    assert method.series(nn.Sequential(layer)) == {}
