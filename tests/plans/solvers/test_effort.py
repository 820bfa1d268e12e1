"""How much work the frontier is: partial plans are counted, not seconds, and the error it states is checked."""

import numpy as np
import pytest

from benchmarks.plans import EIGHT, SEVEN, random_problem
from explorer import studies
from explorer.plans import Budget, Frontier, Limit, solve, study_problem
from explorer.plans.solvers import dominance, labels
from explorer.plans.solvers.exact_one import bound_of
from explorer.plans.solvers.programme import Programme


@pytest.mark.parametrize("cost", ["size", "bops"])
def test_the_resnet50_profile_with_seven_widths_is_exact_within_three_million_partial_plans(
    cost: str,
) -> None:
    """7^48 plans; that many partial ones take a tenth of a second."""
    frontier = solve(study_problem(studies.load("hawq-v3-resnet50"), bits=SEVEN, cost=cost))
    assert frontier.search_space == 7**48
    assert frontier.exact
    assert frontier.states < 3_000_000


def test_a_limit_beside_the_axis_multiplies_the_work_by_little() -> None:
    study = studies.load("hawq-v3-resnet50")
    limits = [Limit("bops", Budget("between", 0.3))]
    frontier = solve(study_problem(study, bits=(2, 4, 8), constraints=limits))
    assert frontier.exact
    assert frontier.states < 300_000
    assert frontier.figures(frontier.problem.bounds[0].cost).max() <= frontier.problem.bounds[0].limit


@pytest.mark.parametrize("latency", [False, True])
@pytest.mark.slow
def test_a_hundred_and_fifty_two_blocks_with_eight_widths(latency: bool) -> None:
    """More partial plans than are held, so the frontier has a resolution; the integer programme checks it.

    The work is bounded whatever the costs are: blocks times widths times the partial plans held.
    """
    problem = random_problem(152, EIGHT, latency=latency)
    frontier = solve(problem)
    assert frontier.states <= 152 * 8 * (dominance.SPARSE_STATES + 1)
    assert 0 < frontier.resolution < 2e-3 * np.ptp(frontier.cost)
    for share in (0.05, 0.3, 0.7):
        budget = Budget("between", share)
        _check_bound(frontier, budget)


@pytest.mark.parametrize("states", [100, 1_000])
def test_the_stated_resolution_holds_against_the_integer_programme(states: int) -> None:
    """One resolution above a budget the frontier has a plan at least as good as the best within the budget."""
    problem = random_problem(30, SEVEN, latency=True, seed=1)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dominance, "SPARSE_STATES", states)
        frontier = solve(problem)
    assert not frontier.exact
    assert frontier.states <= 30 * 7 * (states + 1)
    for share in np.random.default_rng(0).uniform(0, 1, 15):
        _check_bound(frontier, Budget("between", float(share)))


def test_limits_keep_the_work_bounded_and_the_stated_slack_holds() -> None:
    study = studies.load("hawq-v3-resnet50")
    limits = [Limit("bops", Budget("between", 0.4))]
    problem = study_problem(study, bits=(2, 4, 6, 8), constraints=limits)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(labels, "LABELS", 400)
        patch.setattr(labels, "MANY", 10**9)
        frontier = solve(problem)
    assert not frontier.exact
    assert frontier.states <= 48 * 4 * (400 + 3)
    (bound,) = problem.bounds
    assert frontier.figures(bound.cost).max() <= bound.limit
    programme = Programme(problem)
    for share in (0.2, 0.5, 0.8):
        budget = Budget("between", share)
        tightened = bound.limit / bound.cost.divisor - frontier.slack[0]
        bounds = [bound_of(problem, (problem.cost, budget)), bound_of(problem, (bound.cost, tightened))]
        best = programme.least(programme.omegas, bounds)
        assert best is not None
        most = problem.cost.in_unit(bounds[0].limit) + frontier.resolution
        assert frontier.best_under(Budget("at_most", float(most))).omega <= best.bound * (1 + 1e-9)


def _check_bound(frontier: Frontier, budget: Budget) -> None:
    problem = frontier.problem
    programme = Programme(problem)
    bound = bound_of(problem, (problem.cost, budget))
    best = programme.least(programme.omegas, [bound])
    assert best is not None
    least = programme.problem.damage.omega(frontier.best_under(budget).bits)
    assert least >= best.bound * (1 - 1e-9), "no point is better than what is possible"
    most = problem.cost.in_unit(bound.limit) + frontier.resolution
    assert frontier.best_under(Budget("at_most", float(most))).omega <= best.bound * (1 + 1e-9)
