"""Steps of a mixed plan: the same numbers as with one width where the plan has one, and the plan's own elsewhere."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer import plans, studies
from explorer.errors import LapqError, PlanError
from explorer.lapq import LapqResult, Objective, layerwise_steps, optimise, plan_of
from explorer.lapq.diagnostics.dependence import measure_dependence
from explorer.lapq.diagnostics.surfaces import measure_surface
from explorer.lapq.diagnostics.sweeping import measure_sweep
from explorer.lapq.rivals.wider import widened
from explorer.plans import BlockBits, Plan, read_plan
from explorer.quantizers import simulate
from explorer.questions import LapqHessianQuestion, LapqQuestion, LapqSurfaceQuestion
from explorer.studies import Study

FEW: dict[str, Any] = {"calibration": 40, "method": "gradient"}
WEIGHTS, INPUTS = (8, 3, 2, 4, 6, 5), (8, 4, 3, 6, 2, 8)


class Depthwise(nn.Module):
    """A block of MobileNet: its middle weight has one input channel."""

    def __init__(self) -> None:
        super().__init__()
        self.wide, self.deep = nn.Conv2d(1, 6, 1), nn.Conv2d(6, 6, 3, padding=1, groups=6)
        self.narrow, self.head = nn.Conv2d(6, 4, 1), nn.Linear(4 * 64, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.deep(torch.relu(self.wide(x.reshape(-1, 1, 8, 8)))))
        found: Tensor = self.head(self.narrow(x).flatten(1))
        return found


class Attending(nn.Module):
    """A transformer's parts: an embedding that shares its weight with the head, and attention between them."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Embedding(8, 6), nn.LayerNorm(6)
        self.query, self.key, self.value = nn.Linear(6, 6), nn.Linear(6, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 8, bias=False)
        self.head.weight = self.embed.weight
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x.flatten(1)[:, ::4] + 4).clamp(0, 7).long()
        seen = self.norm(self.embed(tokens))
        weights = torch.softmax(self.query(seen) @ self.key(seen).transpose(1, 2), -1)
        found: Tensor = self.last(self.head((weights @ self.value(seen)).mean(1)))
        return found


@pytest.fixture(params=["learnable", "depthwise", "tied"])
def network(request: pytest.FixtureRequest, study: Study) -> Study:
    made = {"depthwise": Depthwise, "tied": Attending}.get(request.param)
    if made is None:
        return study
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return replace(study, network=made().eval())


def mixed(study: Study, *, w_bits: tuple[int, ...] = WEIGHTS, a_bits: tuple[int, ...] = INPUTS) -> Plan:
    """A plan whose blocks have these widths in turn."""
    names = [block.name for block in study.blocks()]
    bits = {name: BlockBits(w_bits[i % 6], a_bits[i % 6]) for i, name in enumerate(names)}
    return Plan(study.name, study.weights_sha256, bits, name="mine")


def test_a_uniform_plan_gives_the_numbers_of_its_width_to_the_bit(network: Study) -> None:
    """The first and the last layer follow a plan, so the other run leaves none in FP32."""
    plan = Plan.uniform(network, network.blocks(), 3, 4)
    of_plan = optimise(network, plan=plan, **FEW)
    of_width = optimise(network, w_bits=3, a_bits=4, leave=(), **FEW)
    assert of_plan.stages == of_width.stages
    assert of_plan.p_curve == of_width.p_curve
    assert of_plan.sites == of_width.sites
    assert (of_plan.w_bits, of_plan.a_bits) == (None, None)


def test_every_weight_has_the_step_of_its_own_width(network: Study) -> None:
    plan = mixed(network)
    objective = Objective(network, plan=plan, calibration=40)
    steps = dict(zip(objective.names, layerwise_steps(objective, 2.0), strict=True))
    bits = plan.layer_bits(network.blocks())
    assert {site.bits for site in objective.sites if site.kind == "weight"} == set(plan.w_bits.values())
    for site in objective.sites:
        if site.kind == "weight":
            width = next(of for layer, of in bits.items() if layer == site.layer)[0]
            assert site.bits == width
            alone = Objective(network, w_bits=width, a_bits=32, calibration=40, leave=())
            [step] = (
                each
                for name, each in zip(alone.names, layerwise_steps(alone, 2.0), strict=True)
                if name == site.name
            )
            assert steps[site.name] == step


def test_inputs_alone_have_the_steps_of_their_width(study: Study) -> None:
    """Of the first input, which no quantizer stands before; the others see what those before them leave."""
    plan = mixed(study, w_bits=(32,) * 6)
    objective = Objective(study, plan=plan, calibration=40)
    first = objective.sites[0]
    alone = Objective(study, w_bits=32, a_bits=first.bits, calibration=40, leave=())
    assert first.bits == plan.a_bits[first.layer]
    assert layerwise_steps(objective, 2.0)[0] == layerwise_steps(alone, 2.0)[0]


def test_the_loss_of_the_steps_is_that_of_the_plan_with_them(network: Study) -> None:
    """Through JSON, as a file and another process see it; the widths stay, an embedding's for its inputs too."""
    plan, blocks = mixed(network), network.blocks()
    result = LapqResult.from_json(json.loads(json.dumps(optimise(network, plan=plan, **FEW).to_json())))
    stepped, _ = read_plan(
        json.loads(json.dumps(result.plan(network, blocks).to_json())), study=network, partitions=(blocks,)
    )
    assert stepped.blocks == plan.blocks
    assert stepped.steps is not None
    value = plans.evaluate_plan(network, stepped, blocks)
    assert (value.loss, value.accuracy) == (result.stages["joint"].loss, result.stages["joint"].accuracy)


def test_a_shipped_network_with_depthwise_layers_takes_a_mixed_plan() -> None:
    study = studies.load_network("fashion-mobilenet")
    plan = mixed(study)
    objective = Objective(study, plan=plan, calibration=6)
    steps = np.array([site.largest / 2 for site in objective.sites], np.float32)
    blocks = study.blocks()

    stepped = plan_of(
        objective.sites,
        dict(zip(objective.names, map(float, steps), strict=True)),
        study,
        blocks,
        widths=objective.widths,
    )
    assert stepped.blocks == plan.blocks
    quantized = simulate(study.model(), stepped.layer_bits(blocks), [], steps=stepped.steps)
    with torch.no_grad():
        losses = [float(study.loss.per_sample(quantized(x), y).sum()) for x, y in objective.batches]
    assert objective.loss(steps) == pytest.approx(sum(losses) / 6, rel=1e-6)


def test_what_a_plan_leaves_in_fp32_stays_as_it_is(study: Study) -> None:
    names = [block.name for block in study.blocks()]
    everything = Plan.uniform(study, study.blocks(), 32, 32)
    with pytest.raises(LapqError, match="there is no step to optimise"):
        optimise(study, plan=everything)
    assert (
        plans.evaluate_plan(study, everything, study.blocks()).loss
        == plans.evaluate_plan(study, None, study.blocks()).loss
    )
    one = Objective(study, plan=everything.with_bits(names[1], w_bits=8), calibration=40)
    assert one.names == (f"{names[1]}.weight",)
    one.network.place(layerwise_steps(one, 2.0))
    before, after = study.model().state_dict(), one.network.model.state_dict()
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {f"{names[1]}.weight"}


def test_a_plan_for_modules_gives_its_width_to_the_layers_inside() -> None:
    study = studies.load_network("fashion-resnet20")
    modules = study.blocks("module")
    bits = {block.name: BlockBits(2 + i % 4, 4) for i, block in enumerate(modules)}
    plan = Plan(study.name, study.weights_sha256, bits)
    objective = Objective(study, plan=plan, calibration=2)
    widths = {site.name: site.bits for site in objective.sites if site.kind == "weight"}
    assert widths == {
        f"{layer.name}.weight": bits[block.name].w_bits for block in modules for layer in block.layers
    }


def test_all_diagnostics_take_the_widths_of_a_plan(study: Study) -> None:
    plan = mixed(study)
    names = Objective(study, plan=plan, calibration=24).names
    common: dict[str, Any] = {"plan": plan, "calibration": 24}
    surface = measure_surface(study, first=names[0], second=names[1], points=5, **common)
    both = measure_surface(study, first=names[0], second=names[1], points=5, others="quantized", **common)
    assert surface.measured == both.measured == 25
    sweep = measure_sweep(study, sweep="distance", **common)
    assert len(sweep.found.to_json()["steps"]) == len(names)
    curve = measure_sweep(study, sweep="error", site=names[-1], **common)
    draws = measure_sweep(study, sweep="error", **common)
    two = measure_sweep(study, sweep="error", w_bits=2, calibration=24)
    assert draws.found.to_json() == two.found.to_json(), "values of no tensor have the plan's fewest bits"
    found = measure_dependence(study, how="finite-differences", separability=False, **common)
    assert found.hessian.sites == names
    assert found.hessian.loss == Objective(study, **common).loss(found.hessian.steps)
    assert {each.w_bits for each in (surface, sweep, curve, found.hessian)} == {None}


@pytest.mark.parametrize("method", ["ocs", "dual"])
def test_weights_that_are_stored_wider_have_the_widths_of_a_plan(study: Study, method: str) -> None:
    """A uniform plan gives the network of its width to the bit; of a mixed one every layer is that of its width."""

    def weights(**options: Any) -> dict[str, Tensor]:
        return dict(widened(Objective(study, calibration=12, **options), method).network.model.state_dict())

    of_width = {bits: weights(w_bits=bits, a_bits=32, leave=()) for bits in (3, 4)}
    uniform = weights(plan=Plan.uniform(study, study.blocks(), 3, 32))
    assert all(torch.equal(value, of_width[3][name]) for name, value in uniform.items())
    if method == "ocs":
        plan = mixed(study, w_bits=(3, 4) * 3, a_bits=(32,) * 6)
        for name, value in weights(plan=plan).items():
            width = plan.w_bits.get(name.removesuffix(".weight"))
            assert width is None or torch.equal(value, of_width[width][name])


def test_a_plan_is_asked_about_by_its_widths_alone(study: Study) -> None:
    """Neither its name nor the steps it has; it is in the parameters, and is not the question of one width."""
    plan, blocks = mixed(study), study.blocks()
    stepped = optimise(study, plan=plan, **FEW).plan(study, blocks, name="with steps")
    question = LapqQuestion(plan=plan)
    assert LapqQuestion(plan=stepped) == LapqQuestion(plan=plan.to_json()) == question
    assert set(question.parameters()) == {"plan"}
    assert LapqQuestion.from_parameters(question.parameters()) == question
    assert question.bits == "W2-8A3-8"
    uniform = LapqQuestion(plan=Plan.uniform(study, blocks, 4, 4))
    assert uniform.bits == LapqQuestion().bits == "W4A4"
    assert uniform != LapqQuestion()
    assert LapqQuestion().parameters() == {}, "runs recorded before there were plans are found"


@pytest.mark.parametrize("option", [{"w_bits": 3}, {"a_bits": 8}, {"leave": ("0",)}])
def test_widths_are_given_once(study: Study, option: dict[str, Any]) -> None:
    [name] = option
    with pytest.raises(LapqError, match=f"a plan gives every layer its width, so {name} cannot be given too"):
        LapqQuestion(plan=mixed(study), **option)


def test_derivatives_and_surfaces_take_a_plan_beside_their_own_defaults(study: Study) -> None:
    plan = mixed(study)
    hessian = LapqHessianQuestion(plan=plan)
    assert hessian.of_loss().plan == hessian.plan
    assert hessian.but(how="finite-differences").plan == hessian.plan
    assert (
        LapqSurfaceQuestion(plan=plan, first="a", second="b", others="quantized").of_every_layer().leave
        is None
    )


def test_a_plan_that_cannot_be_is_one_sentence(study: Study) -> None:
    name = study.blocks()[1].name
    for bits in (1, 16):
        wrong = mixed(study).with_bits(name, w_bits=bits)
        with pytest.raises(LapqError, match=f"block {name}: the weights cannot have {bits} bits here"):
            optimise(study, plan=wrong)
    other = Plan("another", study.weights_sha256, mixed(study).blocks)
    with pytest.raises(PlanError, match="is for the study 'another'"):
        optimise(study, plan=other)
    with pytest.raises(LapqError, match="plan is 'mine'; it must be"):
        optimise(study, plan="mine")
