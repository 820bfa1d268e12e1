"""Plans measured one after another against the project's own evaluation, which sets a network up for each."""

from collections.abc import Callable, Mapping

import pytest
import torch
from torch import nn

from explorer import plans, studies
from explorer.errors import PlanError, QuantizerError
from explorer.plans import BlockBits, Plan
from explorer.proxy import Measurer, measuring
from explorer.quantizers import ACTIVATIONS, GivenSteps, LayerSteps, QuantizerSettings, Scheme
from explorer.studies import Study
from explorer.watching import Stopped
from tests import learnable
from tests.curvature.networks import Attention, Twice, seeded, study_of, token_study
from tests.replay.networks import Residual
from tests.watched import Watched


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("measuring") / "learnable"))


def of_kind(kind: str, learned: Study) -> Study:
    networks: dict[str, Callable[[], nn.Module]] = {
        "residual": Residual,
        "attention": Attention,
        "tied": Twice,
    }
    if kind in networks:
        return study_of(seeded(networks[kind]))
    return learned if kind == "learnable" else token_study()


def some_plans(study: Study) -> list[Plan]:
    """FP32, plans with every block at widths of its own, weights or inputs alone, and one of them again."""
    blocks = study.blocks()

    def mixed(first: int, shift: int) -> Mapping[str, BlockBits]:
        menu = (2, 4, 3, 8, 32, 1)
        return {
            block.name: BlockBits(menu[(i + first) % len(menu)], menu[(i + first + shift) % len(menu)])
            for i, block in enumerate(blocks)
        }

    def plan(bits: Mapping[str, BlockBits]) -> Plan:
        return Plan(study.name, study.weights_sha256, bits)

    return [
        Plan.uniform(study, blocks, 32, 32),
        plan(mixed(0, 1)),
        plan(mixed(2, 3)),
        Plan.uniform(study, blocks, 3, 32),
        Plan.uniform(study, blocks, 32, 3),
        plan(mixed(0, 1)),
        Plan.uniform(study, blocks, 32, 32),
    ]


@pytest.mark.parametrize("kind", ["learnable", "residual", "attention", "tokens", "tied"])
@pytest.mark.parametrize("rules", [("mse", "min-max", "affine"), ("min-max", "mse", "symmetric")])
def test_a_plan_is_worth_what_an_evaluation_says(
    study: Study, kind: str, rules: tuple[str, str, Scheme], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Weights and inputs at widths of their own, back and forth: nothing of an earlier plan stays."""
    made = of_kind(kind, study)
    monkeypatch.setattr(measuring, "MOST_PLANS", 1)  # so that the plan that comes again is measured again
    weights = QuantizerSettings(step=rules[0], bias_correction="mean")
    activations = QuantizerSettings(rules[2], "tensor", rules[1])
    blocks = made.blocks()
    measurer = Measurer(made, blocks, weights=weights, activations=activations)
    seen = set()
    for plan in some_plans(made):
        expected = plans.evaluate_plan(made, plan, blocks, weights=weights, activations=activations)
        found = measurer.measure(plan.blocks)
        assert len(found) == expected.samples == made.data.size("test")
        assert float(found.losses.mean()) == pytest.approx(expected.loss, rel=1e-5)
        assert found.mean_metric == pytest.approx(expected.accuracy, abs=1e-12)
        seen.add(round(expected.loss, 6))
    assert len(seen) == 5


def test_given_steps_go_before_the_rules(study: Study) -> None:
    blocks = study.blocks()
    layers = {layer.name: LayerSteps(0.07, 0.2, True) for layer in blocks[0].layers}
    plan = Plan.uniform(study, blocks, 4, 4)
    stepped = Plan(plan.study, plan.weights_sha256, plan.blocks, steps=GivenSteps(layers))
    measurer = Measurer(study, blocks)
    ruled = measurer.measure(plan.blocks)
    given = measurer.measure(stepped.blocks, steps=stepped.steps)
    assert float(given.losses.mean()) == pytest.approx(plans.evaluate_plan(study, stepped, blocks).loss)
    assert not torch.allclose(given.losses, ruled.losses)


class Counted:
    """Counts the samples that a network is given."""

    def __init__(self, measurer: Measurer) -> None:
        self.samples = 0
        measurer._network.model.register_forward_pre_hook(self._count)

    def _count(self, _: object, args: tuple[torch.Tensor]) -> None:
        self.samples += len(args[0])


def test_a_first_estimate_is_refined_at_the_cost_of_the_other_samples(study: Study) -> None:
    blocks = study.blocks()
    bits = Plan.uniform(study, blocks, 2, 4).blocks
    whole = Measurer(study, blocks).measure(bits)
    measurer = Measurer(study, blocks)
    counted = Counted(measurer)
    rows = []
    for samples, asked in ((40, 40), (40, 40), (150, 150), (60, 150), (None, 210), (210, 210), (9999, 210)):
        found = measurer.measure(bits, samples=samples)
        assert counted.samples == asked
        order = measurer._rows[: len(found)].sort().values
        torch.testing.assert_close(found.losses, whole.losses[order], rtol=1e-5, atol=1e-6)
        rows.append(order)
    gaps = rows[0].diff()
    assert gaps.max() <= 8  # forty of 210 rows, evenly: none of them is more than 8 after the one before
    with pytest.raises(PlanError, match="0 samples cannot be measured"):
        measurer.measure(bits, samples=0)


def test_an_interrupted_measurement_keeps_what_it_has(study: Study) -> None:
    blocks = study.blocks()
    bits = Plan.uniform(study, blocks, 2, 32).blocks
    once = Watched(stop=lambda asked: asked == 1)
    measurer = Measurer(study, blocks, watcher=once)
    counted = Counted(measurer)
    with pytest.raises(Stopped):
        measurer.measure(bits)
    assert counted.samples == 128
    assert len(measurer.measure(bits)) == counted.samples == 210


@pytest.mark.parametrize("kind", ["learnable", "residual", "attention"])
def test_plans_around_another_are_replayed_to_the_bit(
    study: Study, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = of_kind(kind, study)
    monkeypatch.setattr(measuring, "MOST_PLANS", 1)
    blocks = made.blocks()
    last = blocks[-1].name
    base = Plan.uniform(made, blocks, 4, 4).with_bits(blocks[0].name, w_bits=2, a_bits=8)
    measurer, plain = Measurer(made, blocks), Measurer(made, blocks)
    near = measurer.around(base.blocks, [last])
    for w_bits, a_bits in ((4, 4), (2, 8), (32, 32), (1, 2), (2, 8)):
        bits = base.with_bits(last, w_bits=w_bits, a_bits=a_bits).blocks
        measurer.measure(Plan.uniform(made, blocks, 2, 2).blocks)  # in between, which must leave no trace
        found, expected = near.measure(bits), plain.measure(bits)
        assert torch.equal(found.losses, expected.losses)
    assert near.replay.calls_skipped > 0
    assert near.replay.share < 1
    with pytest.raises(PlanError, match="differs from the plan around which is measured"):
        near.measure(base.with_bits(blocks[0].name, w_bits=3).blocks)


def test_the_order_of_the_samples_changes_no_number_of_a_plan(study: Study) -> None:
    """Samples fewer than the split's come back in its order, so that whoever measures some pairs them by place."""
    blocks = study.blocks()
    bits = Plan.uniform(study, blocks, 2, 32).blocks
    whole, some = Measurer(study, blocks).measure(bits), Measurer(study, blocks, samples=21).measure(bits)
    torch.testing.assert_close(some.losses, whole.losses[torch.arange(21) * 10], rtol=1e-5, atol=1e-6)


def test_what_cannot_be_measured_is_said_and_the_studys_network_stays_as_it_was(study: Study) -> None:
    before = {name: tensor.clone() for name, tensor in study.network.state_dict().items()}
    blocks = study.blocks()
    bits = Plan.uniform(study, blocks, 2, 4).blocks
    measurer = Measurer(study, blocks, samples=10)
    measurer.measure(bits)
    assert all(torch.equal(before[name], tensor) for name, tensor in study.network.state_dict().items())
    with pytest.raises(PlanError, match="gives no bits to"):
        measurer.measure({name: each for name, each in bits.items() if name != blocks[0].name})
    unused = seeded(Residual)
    unused.unused = nn.Linear(2, 2)
    odd = study_of(unused)
    with_unused = odd.blocks()
    everywhere = Plan.uniform(odd, with_unused, 8, 8).blocks
    with pytest.raises(QuantizerError, match="no calibration batch reached layer 'unused'"):
        Measurer(odd, with_unused, activations=ACTIVATIONS).measure(everywhere)
