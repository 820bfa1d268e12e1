"""Traces drawn from their errors: shares, band and noise are those of the normal distribution they come from."""

from math import erf, sqrt

import numpy as np
import pytest

from explorer.errors import PlanError
from explorer.plans import (
    Budget,
    DamageTable,
    Problem,
    build_problem,
    damage_table,
    neighbours_within_noise,
    paired_stderr,
    resample,
    size_table,
    solve,
    within_noise,
)
from explorer.plans.trust.uncertainty import drawn
from tests.plans.instances import block

TWO = [block("a", 8), block("b", 8)]
ERRORS = {"a": {4: 1.0, 8: 0.0}, "b": {4: 1.0, 8: 0.0}}
HALF = Budget("at_most", 12)  # one block at 8 bits, the other at 4


def _problem(traces: tuple[float, float] = (3.0, 2.0), stderr: tuple[float, float] = (0.6, 0.8)) -> Problem:
    damage = damage_table(
        dict(zip("ab", traces, strict=True)), ERRORS, stderr=dict(zip("ab", stderr, strict=True))
    )
    return build_problem(["a", "b"], menu=(4, 8), cost=size_table(TWO, (4, 8)), damage=damage)


def test_widths_change_as_often_as_the_traces_change_places() -> None:
    """P(trace a < trace b) for N(3, 0.6) and N(2, 0.8) is that of a normal variable beyond one deviation."""
    found = resample(solve(_problem()), HALF, draws=2000, seed=1)
    expected = (1 - erf(1 / sqrt(2))) / 2
    assert found.point.bits == {"a": 8, "b": 4}
    assert found.changes["a"] == found.changes["b"]
    assert found.changes["a"] == pytest.approx(expected, abs=4 * sqrt(expected / 2000))
    assert found.widths["a"] == {
        4: pytest.approx(found.changes["a"]),
        8: pytest.approx(1 - found.changes["a"]),
    }
    assert found.a_widths["a"] == {8: 1.0}


def test_the_band_holds_the_share_of_draws_that_it_says() -> None:
    found = resample(solve(_problem(stderr=(0.1, 0.01))), HALF, draws=2000, seed=2)
    # At the cheapest point both blocks have 4 bits and the least Ω is the sum of both traces.
    assert (found.lower[0], found.upper[0]) == pytest.approx((5 - 0.1, 5 + 0.1), abs=0.015)
    # At 12 bytes block a has 8 bits; what is left is the trace of b, and it is never the larger one.
    assert (found.lower[1], found.upper[1]) == pytest.approx((2 - 0.01, 2 + 0.01), abs=0.002)
    assert found.lower[2] == found.upper[2] == 0
    wider = resample(solve(_problem(stderr=(0.1, 0.01))), HALF, draws=2000, seed=2, level=0.95)
    assert wider.upper[0] == pytest.approx(5 + 1.96 * 0.1, abs=0.03)


def test_regret_is_what_the_plan_lost_in_each_draw() -> None:
    found = resample(solve(_problem()), HALF, draws=500, seed=3)
    assert (found.regret >= 0).all()
    assert (found.regret > 0).mean() == pytest.approx(found.changes["a"])


def test_draws_are_a_seeds() -> None:
    first, again, other = (resample(solve(_problem()), HALF, draws=20, seed=seed) for seed in (5, 5, 6))
    assert np.array_equal(first.regret, again.regret)
    assert not np.array_equal(first.regret, other.regret)
    seen: list[float] = []
    resample(solve(_problem()), HALF, draws=4, progress=seen.append)
    assert seen == [0.25, 0.5, 0.75, 1.0]


def test_all_widths_of_a_block_move_together_and_blocks_apart() -> None:
    errors = {name: {2: 4.0, 4: 1.0, 8: 0.0} for name in "ab"}
    damage = damage_table({"a": 3.0, "b": 2.0}, errors, stderr={"a": 0.5, "b": 0.5})
    activation = {name: {4: 1.0, 8: 0.5} for name in "ab"}
    damage = damage.with_activation(activation, {name: {4: 0.2, 8: 0.1} for name in "ab"})
    problem = build_problem(
        ["a", "b"], menu=(2, 4, 8), a_menu=(4, 8), cost=size_table(TWO, (2, 4, 8)), damage=damage
    )
    tables = [drawn(problem, np.random.default_rng(seed)).damage for seed in range(400)]
    moved = np.array([[t.at("a", 4) - 3.0, t.at("a", 2) - 12.0, t.at("b", 4) - 2.0] for t in tables])
    assert moved[:, 1] == pytest.approx(4 * moved[:, 0])
    inputs = np.array([[t.at_activation("a", 4) - 1.0, t.at_activation("a", 8) - 0.5] for t in tables])
    assert inputs[:, 0] == pytest.approx(2 * inputs[:, 1])
    together = np.corrcoef(np.column_stack([moved[:, [0, 2]], inputs[:, 0]]).T)
    assert np.abs(together - np.eye(3)).max() < 0.2
    assert moved[:, 0].std() == pytest.approx(0.5, rel=0.15)
    group = drawn(problem, np.random.default_rng(0)).groups[0]
    assert group.omegas[0] == pytest.approx(tables[0].at("a", 2) + tables[0].at_activation("a", 4))


def test_blocks_that_agree_cancel_in_the_error_of_a_difference() -> None:
    """Points: 4/4 with Ω 5, 8/4 with 2, 8/8 with 0; the errors of their differences are those of one block."""
    found = solve(_problem())
    assert found.omega == pytest.approx([5.0, 2.0, 0.0])
    assert found.stderr() == pytest.approx([1.0, 0.8, 0.0])
    assert paired_stderr(found, 1) == pytest.approx([0.6, 0.0, 0.8])
    assert neighbours_within_noise(found).tolist() == [False, False]
    assert neighbours_within_noise(found, z=3).tolist() == [False, True]
    assert within_noise(found, 1).tolist() == [1]
    assert within_noise(found, 1, z=2.5).tolist() == [1, 2]
    assert within_noise(found, -1, z=2.5).tolist() == [1, 2]


def test_the_error_of_a_difference_counts_activations_too() -> None:
    damage = DamageTable(
        {"a": {4: 1.0}},
        {},
        {"a": {4: 0.3}},
        activation={"a": {4: 1.0, 8: 0.2}},
        activation_stderr={"a": {4: 0.5, 8: 0.1}},
    )
    cost = size_table([block("a", 8, 10)], (4,))
    costs = {"a": {(4, 4): 1, (4, 8): 2}}
    problem = build_problem(
        ["a"], menu=(4,), a_menu=(4, 8), cost=type(cost)("bops", "BOPs", {}, 1, costs), damage=damage
    )
    found = solve(problem)
    assert paired_stderr(found, 0) == pytest.approx([0.0, 0.4])
    assert found.stderr()[0] == pytest.approx(sqrt(0.3**2 + 0.5**2))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [({"draws": 1}, "1 draws at level"), ({"level": 1.0}, "100 draws at level 1 give no band")],
)
def test_a_band_needs_draws(options: dict, sentence: str) -> None:
    with pytest.raises(PlanError, match=sentence):
        resample(solve(_problem()), HALF, **options)


def test_traces_without_errors_leave_nothing_to_draw() -> None:
    with pytest.raises(PlanError, match="came without standard errors"):
        resample(solve(_problem(stderr=(0.0, 0.0))), HALF)
