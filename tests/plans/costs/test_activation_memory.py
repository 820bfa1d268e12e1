"""Memory of activations, and sizes with their scales, counted by hand and by running the network."""

import pytest
import torch
from torch import nn

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    activation_peak,
    activations_table,
    bops_table,
    build_problem,
    damage_table,
    frontier,
    peak_maximum,
    size_table,
    solve,
)
from explorer.quantizers import FakeQuantizer, QuantizerSettings, prepare_training
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches
from tests.curvature.networks import Mixed, Twice, seeded, study_of
from tests.plans.instances import blocks as profile_blocks


@pytest.fixture(scope="module")
def study() -> Study:
    return study_of(seeded(Mixed))


@pytest.fixture(scope="module")
def blocks(study: Study) -> tuple[Block, ...]:
    return study.blocks()


def observed(study: Study) -> dict[str, tuple[int, int]]:
    """Values that every layer reads and writes for one image, over all its uses."""
    model = study.model()
    seen: dict[str, tuple[int, int]] = {}
    for name, module in model.named_modules():
        if isinstance(module, nn.Conv2d | nn.Linear):

            def watch(_: nn.Module, args: tuple, out: torch.Tensor, name: str = name) -> None:
                before = seen.get(name, (0, 0))
                seen[name] = (before[0] + args[0].numel(), before[1] + out.numel())

            module.register_forward_hook(watch)
    model(study.data.inputs("test", slice(0, 1)))
    return seen


def test_the_sum_is_of_what_every_layer_reads(study: Study, blocks: tuple[Block, ...]) -> None:
    table = activations_table(blocks, (2, 8), a_menu=(4, 8))
    seen = observed(study)
    for block in blocks:
        assert table.at(block.name, 2, 4) == seen[block.name][0] * 4
        assert table.at(block.name, 2) == seen[block.name][0] * 2, "as wide as the weights where not said"
        assert table.at(block.name, 8, 4) == table.at(block.name, 2, 4), "the weights cost nothing"
    assert table.said(8 * 100) == "100 bytes"
    assert table.full_precision(seen) == sum(read for read, _ in seen.values()) * 32


def test_a_layer_that_is_used_twice_reads_twice() -> None:
    study = study_of(seeded(Twice))
    table = activations_table(study.blocks(), (8,))
    assert table.at("shared", 8) == 3 * 3 * 8, "three uses of the one weight, of three values each"


def test_the_peak_is_the_largest_layers_input_and_output(study: Study, blocks: tuple[Block, ...]) -> None:
    seen = observed(study)
    widths = {block.name: 2 + place % 3 for place, block in enumerate(blocks)}
    peak = activation_peak(blocks, widths)
    assert peak.bits == max(sum(seen[name]) * a for name, a in widths.items())
    assert sum(seen[peak.layer]) * widths[peak.layer] == peak.bits
    assert peak.bytes == -(-peak.bits // 8)
    with pytest.raises(PlanError, match="no width is given for the activations of stem"):
        activation_peak(blocks, {})


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_largest_width_for_each_block_keeps_a_peak_and_no_more_is_possible(
    blocks: tuple[Block, ...], share: float
) -> None:
    most = activation_peak(blocks, {block.name: 8 for block in blocks}).bits / 8 * share
    widest = peak_maximum(blocks, most)
    assert activation_peak(blocks, widest).bits <= most * 8
    for name, bits in widest.items():
        if bits < 8:
            assert activation_peak(blocks, {**widest, name: bits + 1}).bits > most * 8


def test_a_peak_that_no_width_keeps_names_the_layer(blocks: tuple[Block, ...]) -> None:
    with pytest.raises(PlanError, match="a peak of 1 bytes has no room for stem"):
        peak_maximum(blocks, 1)


def test_a_joint_plan_keeps_the_peak(blocks: tuple[Block, ...]) -> None:
    names = [block.name for block in blocks]
    most = activation_peak(blocks, dict.fromkeys(names, 8)).bits / 8 * 0.5
    damage = damage_table(dict.fromkeys(names, 1.0), {n: {4: 1.0, 8: 0.1} for n in names})
    problem = build_problem(
        names,
        menu=(4, 8),
        cost=bops_table(blocks, (4, 8), a_menu=(2, 4, 8)),
        damage=damage.with_activation({n: {2: 4.0, 4: 1.0, 8: 0.1} for n in names}),
        a_menu=(2, 4, 8),
        a_maximum=peak_maximum(blocks, most),
    )
    best = solve(problem).point(-1)
    assert activation_peak(blocks, best.a_bits).bits <= most * 8
    assert set(best.a_bits.values()) == {4, 8}


@pytest.mark.parametrize("scheme", ["symmetric", "affine"])
@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_scales_are_those_that_the_quantizer_has(
    study: Study, blocks: tuple[Block, ...], scheme: str, granularity: str
) -> None:
    """Counted from the quantizers of a prepared network."""
    quantizer = QuantizerSettings(scheme=scheme, granularity=granularity, step="min-max")  # type: ignore[arg-type]
    network = prepare_training(
        study.model(), {b.name: (4, 32) for b in blocks}, calibration_batches(study), weights=quantizer
    )
    held = [module for module in network.modules() if isinstance(module, FakeQuantizer)]
    scales = sum(each.step.numel() for each in held)
    points = sum(each.zero_point.numel() for each in held if each.zero_point is not None)
    table = size_table(blocks, (4,), scales=True, quantizer=quantizer)
    plain = size_table(blocks, (4,))
    widths = {block.name: 4 for block in blocks}
    assert table.count(widths) - plain.count(widths) == 32 * scales + 4 * points
    assert table.full_precision(widths) == plain.full_precision(widths), "FP32 weights have no scales"


def test_scales_count_in_a_frontier_and_its_budget(study: Study) -> None:
    bits = (2, 4, 8)
    plain, counted = (frontier(study, damage="l2", bits=bits, scales=scales) for scales in (False, True))
    assert counted.cost[0] == plain.cost[0] + 4 * (4 + 4 + 6 + 4 + 3)
    budget = Budget("at_most", float(plain.cost[-1]))
    assert counted.best_under(budget).omega > plain.best_under(budget).omega


def test_published_figures_have_no_shapes() -> None:
    with pytest.raises(PlanError, match="the shapes of b0's activations are not known"):
        activations_table(profile_blocks(2), (4,))


def test_activations_follow_the_weights_where_their_memory_is_the_cost(study: Study) -> None:
    found = frontier(study, damage="l2", bits=(4, 8), cost="activations")
    assert (found.a_bits == found.bits).all()
