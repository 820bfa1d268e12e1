"""Lesson 8 against brute force, and its quick measurement against the network as a whole."""

from itertools import product

import numpy as np
import pytest
import torch

from explorer.course import prepared
from explorer.evaluation import measure_samples
from explorer.lessons import choosing_bits
from explorer.lessons.common import material
from explorer.plans import Budget, Frontier
from explorer.quantizers.weights import quantize_weight
from explorer.questions import DamageQuestion
from explorer.randomness import spread_rows


@pytest.fixture(scope="module")
def frontier() -> Frontier:
    return choosing_bits.game_frontier(prepared.result(material.QUICK, DamageQuestion()).table)


def test_parts_and_layers_are_each_other_s_inverse() -> None:
    bits = (8, 2, 3, 4, 5, 6, 7, 8)
    assert choosing_bits.parts(choosing_bits.widths(bits)) == bits
    assert set(choosing_bits.widths(bits)) == set(material.layers())
    assert sum(choosing_bits.weights()) == sum(block.weights for block in material.study().blocks())


def test_no_plan_of_three_widths_within_the_budget_beats_the_optimum(frontier: Frontier) -> None:
    """All 6,561 plans with 3, 4 or 6 bits, by the table itself."""
    table, sizes = frontier.problem.damage, choosing_bits.weights()
    for ratio in (6, 9):
        best = choosing_bits.score(frontier, (4,) * 8, ratio).best
        least = min(
            table.omega(choosing_bits.widths(bits))
            for bits in product((3, 4, 6), repeat=8)
            if sum(n * b for n, b in zip(sizes, bits, strict=True)) / 8 <= choosing_bits.budget_of(ratio)
        )
        assert best.omega <= least + 1e-12
        assert float(best.cost) <= choosing_bits.budget_of(ratio)


def test_what_a_price_finds_is_the_best_of_its_size_and_on_the_hull(frontier: Frontier) -> None:
    """Everett's theorem; and the corners of the hull are what prices find."""
    found = set()
    for price in np.logspace(-9, 1, 400):
        bits = choosing_bits.priced(frontier, price)
        size = sum(n * b for n, b in zip(choosing_bits.weights(), bits, strict=True)) / 8
        best = frontier.best_under(Budget("at_most", size))
        assert frontier.problem.damage.omega(choosing_bits.widths(bits)) == pytest.approx(best.omega)
        found.add(best.index)
    assert found <= set(np.flatnonzero(choosing_bits.on_hull(frontier)))


def test_the_quick_measurement_is_that_of_the_whole_network() -> None:
    bits, images = (6, 3, 8, 4, 5, 2, 7, 8), 40
    study = material.study()
    network = study.model()
    with torch.no_grad():
        for name, width in choosing_bits.widths(bits).items():
            weight = network.get_parameter(f"{name}.weight")
            weight.copy_(quantize_weight(weight, width))
    rows = spread_rows(study.data.size("test"), images)
    whole = measure_samples(study, network, rows=rows).losses
    assert choosing_bits.losses(bits, images).numpy() == pytest.approx(whole.numpy(), abs=1e-5)
    assert choosing_bits.measured(bits, bits, images).apart.value == 0


def test_the_toy_by_hand() -> None:
    assert choosing_bits.toy_best() == (8, 4, 2)
    assert choosing_bits.toy_omega((8, 4, 2)) == pytest.approx(2.3)
    assert choosing_bits.toy_size((8, 4, 2)) == choosing_bits.TOY.budget
