"""Errors that go together: of sums and differences of figures, straight from the draws they were estimated from."""

import json
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from explorer.plans import DamageTable, Problem, build_problem, paired_stderr, size_table, solve
from explorer.plans.damage.correlations import Correlations
from explorer.plans.damage.omega import Widths
from explorer.plans.trust.uncertainty import drawn, neighbours_within_noise
from tests.plans.instances import block

BLOCKS, WIDTHS, DRAWS = ("a", "b", "c"), (2, 4, 8), 4000
FIGURES = [(name, bits) for bits in WIDTHS for name in BLOCKS]


@pytest.fixture(scope="module")
def draws() -> np.ndarray:
    """(draws, figures) of very different sizes, all sharing a part; the last is the same in all."""
    rng = np.random.default_rng(4)
    shared, own = rng.exponential(size=(DRAWS, 1)), rng.exponential(size=(DRAWS, len(FIGURES)))
    values = (shared + 0.4 * own) * 1.7 ** -np.arange(len(FIGURES))
    values[:, -1] = 0.25
    return values


def table_of(draws: np.ndarray, correlations: Correlations | None) -> DamageTable:
    mean, error = draws.mean(0), draws.std(0, ddof=1) / np.sqrt(len(draws))
    values: dict[str, dict[int, float]] = {name: {32: 0.0} for name in BLOCKS}
    stderrs: dict[str, dict[int, float]] = {name: {} for name in BLOCKS}
    for place, (name, bits) in enumerate(FIGURES):
        values[name][bits], stderrs[name][bits] = float(mean[place]), float(error[place])
    return DamageTable(values, dict.fromkeys(BLOCKS, 1.0), stderrs, correlations=correlations)


def sums(draws: np.ndarray, w_bits: dict[str, int]) -> np.ndarray:
    """Ω of a plan by each draw, (draws,)."""
    return sum(
        (draws[:, FIGURES.index(figure)] for figure in w_bits.items() if figure in FIGURES),
        np.zeros(len(draws)),
    )


def problem_of(table: DamageTable) -> Problem:
    layers = [block(name, 8) for name in BLOCKS]
    return build_problem(BLOCKS, menu=WIDTHS, cost=size_table(layers, WIDTHS), damage=table)


PLANS = [{"a": 2, "b": 2, "c": 2}, {"a": 4, "b": 2, "c": 8}, {"a": 32, "b": 8, "c": 4}, {"c": 8}]


def test_errors_of_plans_and_of_their_differences_are_those_over_the_draws(draws: np.ndarray) -> None:
    table = table_of(draws, Correlations.of_draws(FIGURES, draws))
    for plan in PLANS:
        expected = sums(draws, plan).std(ddof=1) / np.sqrt(DRAWS)
        assert table.omega_stderr(plan) == pytest.approx(expected, rel=5e-3)
        for other in PLANS:
            gap = (sums(draws, plan) - sums(draws, other)).std(ddof=1) / np.sqrt(DRAWS)
            assert table.difference_stderr((plan, {}), (other, {})) == pytest.approx(gap, rel=2e-2, abs=1e-12)
    apart = replace(table, correlations=None)
    assert apart.omega_stderr(PLANS[1]) < 0.9 * table.omega_stderr(PLANS[1]), "as if independent: too small"


def test_activations_keep_an_error_of_their_own(draws: np.ndarray) -> None:
    table = table_of(draws, Correlations.of_draws(FIGURES, draws))
    whole = table.with_activation({"a": {4: 1.0, 8: 0.2}}, {"a": {4: 0.5, 8: 0.1}})
    alone = table.omega_stderr(PLANS[1])
    assert whole.omega_stderr(PLANS[1], {"a": 4}) == pytest.approx(np.hypot(alone, 0.5))
    assert whole.difference_stderr((PLANS[1], {"a": 4}), (PLANS[1], {"a": 8})) == pytest.approx(0.4)


def test_curves_and_their_neighbours_have_the_same_errors_as_their_plans(draws: np.ndarray) -> None:
    table = table_of(draws, Correlations.of_draws(FIGURES, draws))
    found = solve(problem_of(table))
    plans: list[Widths] = [(point.bits, {}) for point in found.points()]
    assert found.stderr() == pytest.approx([table.omega_stderr(bits) for bits, _ in plans])
    for place, one in enumerate(plans):
        expected = [table.difference_stderr(each, one) for each in plans]
        assert paired_stderr(found, place) == pytest.approx(expected, abs=1e-12)
    times = [
        abs(table.omega(b[0]) - table.omega(a[0])) / table.difference_stderr(b, a) for a, b in pairwise(plans)
    ]
    z = float(np.median(times))
    assert neighbours_within_noise(found, z=1.001 * z).tolist() == [each <= 1.001 * z for each in times]


def test_figures_are_drawn_anew_as_their_errors_go_together(draws: np.ndarray) -> None:
    table = table_of(draws, Correlations.of_draws(FIGURES, draws))
    problem, rng = problem_of(table), np.random.default_rng(0)
    again = [drawn(problem, rng).damage for _ in range(1500)]
    assert all(each.at("a", 32) == 0 and each.at("c", 8) == table.at("c", 8) for each in again)
    for plan in PLANS[:3]:
        off = np.array([each.omega(plan) for each in again]) - table.omega(plan)
        assert off.std() == pytest.approx(table.omega_stderr(plan), rel=0.1)
        assert abs(off.mean()) < 4 * table.omega_stderr(plan) / np.sqrt(len(again))


def test_they_survive_being_written_and_older_tables_have_none(draws: np.ndarray) -> None:
    table = table_of(draws, Correlations.of_draws(FIGURES, draws))
    text = json.dumps(table.to_json())
    assert DamageTable.from_json(json.loads(text)) == table
    assert len(json.dumps(table.to_json()["correlations"]["lower"])) < 8 * len(FIGURES) ** 2 / 2 + 100
    old: dict[str, Any] = json.loads(text)
    del old["correlations"]
    assert DamageTable.from_json(old) == replace(table, correlations=None)
