"""Steps in plan.json: read and written, checked, dropped by an edit that makes them untrue."""

import pickle
from typing import Any

import pytest
import torch
from torch import nn

from explorer.errors import PlanError, QuantizerError
from explorer.plans import Plan, read_plan
from explorer.quantizers import (
    Affine,
    GivenSteps,
    Grid,
    LayerSteps,
    fake_quantize,
    prepare_training,
    refresh_steps,
    simulate,
)
from explorer.studies import Study
from tests.curvature.networks import Mixed, seeded, study_of

STEPS = GivenSteps({"second": LayerSteps(0.1, 0.2, a_signed=False)}, "mean")


@pytest.fixture
def study() -> Study:
    return study_of(seeded(Mixed))


def planned(study: Study, **steps: Any) -> dict[str, Any]:
    content = Plan.uniform(study, study.blocks(), 4, 4).to_json()
    name = study.blocks()[1].name
    return {**content, "steps": {"layers": {name: steps}, "bias_correction": "mean"}}


def test_steps_survive_json_and_pickle(study: Study) -> None:
    content = planned(study, w_step=0.1, a_step=0.25, a_signed=False)
    plan = read_plan(content, study=study, partitions=(study.blocks(),))[0]
    assert plan.to_json() == content
    assert pickle.loads(pickle.dumps(plan)) == plan
    assert hash(plan) == hash(pickle.loads(pickle.dumps(plan)))


def test_another_width_drops_the_steps_and_the_same_keeps_them(study: Study) -> None:
    content = planned(study, w_step=0.1)
    plan = read_plan(content, study=study, partitions=(study.blocks(),))[0]
    block = next(iter(plan.blocks))
    assert plan.with_bits(block, w_bits=4).steps == plan.steps is not None
    assert plan.with_bits(block, w_bits=3).steps is None
    assert plan.named("other").steps == plan.steps


@pytest.mark.parametrize(
    ("steps", "sentence"),
    [
        ({"w_step": 0.0}, "w_step is wrong: Input should be greater than 0"),
        ({"w_step": 1e-320}, "w_step is wrong: Value error, 1e-320 is nothing"),
        ({"w_step": 1e308}, "w_step is wrong"),
        ({"a_step": float("inf")}, "a_step is wrong: Input should be a finite number"),
        ({"a_step": "wide"}, "a_step is wrong"),
    ],
)
def test_a_step_that_cannot_be_is_one_sentence(study: Study, steps: dict[str, Any], sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        read_plan(planned(study, **steps), study=study, partitions=(study.blocks(),))


def test_the_order_of_layers_plays_no_part() -> None:
    layers = {"a": LayerSteps(0.1), "b": LayerSteps(0.2)}
    one, other = GivenSteps(layers), GivenSteps(dict(reversed(layers.items())))
    assert one == other
    assert hash(one) == hash(other)


@pytest.mark.parametrize(("steps", "what"), [({"w_step": 0.1}, "weight"), ({"a_step": 0.1}, "input")])
def test_a_step_for_what_stays_in_fp32_is_one_sentence(
    study: Study, steps: dict[str, Any], what: str
) -> None:
    content, blocks = planned(study, **steps), study.blocks()
    for block in blocks[2:]:
        content["blocks"][block.name] = {"w_bits": 32, "a_bits": 32}
    read_plan(content, study=study, partitions=(blocks,))
    content["blocks"][blocks[1].name] = {"w_bits": 32, "a_bits": 32}
    sentence = f"a step for the {what} of {blocks[1].name} and leaves it in FP32; leave the step out"
    with pytest.raises(PlanError, match=sentence):
        read_plan(content, study=study, partitions=(blocks,))


def test_unknown_layers_and_corrections_are_one_sentence(study: Study) -> None:
    content = planned(study)
    content["steps"] = {"layers": {"nowhere": {"w_step": 1.0}}}
    with pytest.raises(PlanError, match=r"steps of layers that tiny does not have \(nowhere\)"):
        read_plan(content, study=study, partitions=(study.blocks(),))
    content["steps"] = {"layers": {}, "bias_correction": "some"}
    with pytest.raises(PlanError, match=r"steps.bias_correction is wrong"):
        read_plan(content, study=study, partitions=(study.blocks(),))
    with pytest.raises(QuantizerError, match="the step of the weight is -1; it must be positive"):
        LayerSteps(-1.0)


class _Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.second = nn.Linear(5, 5, bias=False), nn.Linear(5, 5, bias=False)
        self.second.weight = self.first.weight

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.second(self.first(x).relu())
        return out


def test_given_steps_go_before_the_rules_and_stay() -> None:
    """Of a tied weight under either name; the layer without a given input step gets the rule's."""
    model, x = seeded(_Tied), torch.randn(7, 5, generator=torch.Generator().manual_seed(0))
    assert isinstance(model, _Tied)
    network = simulate(model, {"first": (4, 4), "second": (4, 4)}, [x], steps=STEPS)
    w = model.first.weight.detach()
    value = fake_quantize(w, Affine(torch.tensor(0.1), None, Grid.signed(4)))
    value = value + (w.mean(1) - value.mean(1))[:, None]
    torch.testing.assert_close(network.get_parameter("first.weight"), value)
    assert network.get_submodule("second.input_quantizer").affine().grid == Grid.unsigned(4)  # type: ignore[operator]
    assert float(network.get_buffer("second.input_quantizer.step")) == pytest.approx(0.2)
    assert network.get_buffer("first.input_quantizer.zero_point") is not None
    trained = prepare_training(model, {"first": (4, 4), "second": (4, 4)}, [x], steps=STEPS)
    torch.testing.assert_close(trained.get_submodule("first").weight, value)
    refresh_steps(trained)
    torch.testing.assert_close(trained.get_submodule("second").weight, value)
