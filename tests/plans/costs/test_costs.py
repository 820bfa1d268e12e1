"""Costs are exact integers, and the papers' sizes come out."""

import pytest

from explorer.errors import PlanError
from explorer.plans import (
    Plan,
    bops,
    bops_table,
    compression,
    fp32_bytes,
    latency_table,
    measured_table,
    size_bits,
    size_bytes,
    size_table,
    table_vi,
)
from explorer.plans.plan.published import TABLE_VI
from tests.plans.instances import STUDY, block, blocks

RESNET20 = tuple(block(name, n) for name, (n, _, _) in TABLE_VI.items())
# The layers inside a residual block share its weights evenly except where the first halves the map.
RESNET20_LAYERS = tuple(
    layer
    for name, (n, _, _) in TABLE_VI.items()
    for layer in (
        [block(name, n)]
        if "." not in name
        else [block(f"{name}.conv1", n // 3), block(f"{name}.conv2", n - n // 3)]
    )
)


def test_hawqs_table_vi_weighs_what_the_paper_says() -> None:
    """81,888 bytes, 13.107 times less than FP32, 2.441 bits a weight."""
    plan = table_vi(STUDY, RESNET20)
    assert plan is not None
    assert sum(b.weights for b in RESNET20) == 268_336
    assert size_bits(RESNET20, plan.w_bits) == 655_104
    assert size_bytes(RESNET20, plan.w_bits) == 81_888
    assert fp32_bytes(RESNET20) == 268_336 * 4
    assert compression(RESNET20, plan.w_bits) == pytest.approx(13.107, abs=5e-4)
    assert size_table(RESNET20, (2, 3, 6, 8)).count(plan.w_bits) == 655_104
    assert plan.blocks["linear"].a_bits == 8
    assert plan.blocks["layer1.2"].a_bits == 4


def test_table_vi_serves_layers_with_their_modules_bits() -> None:
    plan = table_vi(STUDY, RESNET20_LAYERS)
    assert plan is not None
    assert size_bytes(RESNET20_LAYERS, plan.w_bits) == 81_888
    assert plan.blocks["layer3.0.conv2"].w_bits == 2


def test_table_vi_is_not_offered_to_another_network() -> None:
    assert table_vi(STUDY, blocks(3)) is None
    one_channel = (block("conv1", 144), *RESNET20[1:])
    assert table_vi(STUDY, one_channel) is None
    assert table_vi(STUDY, RESNET20[:-1]) is None


def test_bops_count_weights_times_activations() -> None:
    many = (block("a", 1, 10), block("b", 1, 100))
    plan = Plan.uniform(STUDY, many, 4, 8).with_bits("b", w_bits=2)
    assert bops(many, plan) == 10 * 4 * 8 + 100 * 2 * 8
    assert bops_table(many, (2, 4), a_bits=8).count(plan.w_bits) == bops(many, plan)
    assert bops_table(many, (2, 4)).count({"a": 4, "b": 2}) == 10 * 16 + 100 * 4
    assert bops_table(many, (2,)).full_precision(["a", "b"]) == 110 * 1024


def test_a_size_is_counted_in_bits_and_shown_in_bytes() -> None:
    table = size_table((block("a", 3),), (3,))
    assert table.count({"a": 3}) == 9
    assert table.in_unit(9) == 1.125
    assert isinstance(table.in_unit(16), int)
    assert size_bytes((block("a", 3),), {"a": 3}) == 2


def test_latencies_are_exact_as_written() -> None:
    """0.1 + 0.2 is 0.3: plans that cost the same are seen to."""
    table = latency_table({"a": {4: 0.1, 8: 0.3}, "b": {4: 0.2, 8: 0.25}})
    assert table.divisor == 100
    assert table.in_unit(table.count({"a": 4, "b": 4})) == 0.3
    fine = measured_table("energy", "mJ", {"a": {4: 1 / 3, 8: 1000.0}})
    assert fine.in_unit(fine.count({"a": 4})) == pytest.approx(1 / 3, rel=1e-11)
    assert sum(fine.counts["a"].values()) < 2**54


def test_a_cost_may_depend_on_both_widths() -> None:
    """Bit operations do by themselves, measured ones where pairs were measured."""
    many = (block("a", 1, 10), block("b", 1, 100))
    table = bops_table(many, (2, 4), a_menu=(4, 8))
    assert table.counts_activations
    assert table.at("a", 2, 8) == 160
    assert table.at("a", 2) == 40, "as wide as the weights, where nothing is said"
    assert table.count({"a": 2, "b": 4}, {"a": 8, "b": 4}) == 160 + 1600
    assert table.full_precision(["a", "b"]) == 110 * 1024
    measured = latency_table({"a": {(4, 8): 0.5, (4, 4): 0.25, 8: 1.0}})
    assert measured.at("a", 4, 8) == 2 * measured.at("a", 4, 4)
    assert measured.at("a", 8) == 4 * measured.at("a", 4, 4)
    with pytest.raises(PlanError, match="no latency is known for a at 8/8 bits; its table has 4/4, 4/8"):
        measured.at("a", 8, 8)
    size = size_table(many, (2,))
    assert not size.counts_activations
    assert size.at("a", 2, 8) == size.at("a", 2)


def test_figures_for_people_have_their_unit() -> None:
    assert size_table((block("a", 10**6),), (8,)).said(8 * 10**6) == "1,000,000 bytes"
    assert latency_table({"a": {4: 0.125}}).said(125) == "0.125 ms"


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_an_impossible_latency_names_its_block(value: float) -> None:
    with pytest.raises(PlanError, match="the latency of a at 4 bits is"):
        latency_table({"a": {4: value}})


def test_what_a_table_lacks_is_said() -> None:
    table = latency_table({"a": {4: 0.1, 8: 0.3}})
    with pytest.raises(PlanError, match="no latency is known for a at 2 bits; its table has 4, 8"):
        table.at("a", 2)
    with pytest.raises(PlanError, match="the latency table has no block z; it has a"):
        table.at("z", 2)
    with pytest.raises(PlanError, match="no FP32 figures"):
        table.full_precision(["a"])
