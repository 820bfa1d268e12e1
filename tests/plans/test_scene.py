"""The scene of a frontier: what a notebook, a report and the page see of it without any page."""

import pytest

from explorer import studies
from explorer.plans import FrontierQuestion, Plan, enumerate_set_b, greedy, saved_plans, solve, study_problem
from explorer.plans.scene import Scene, compose, has_set_b

QUESTION = FrontierQuestion(bits=(2, 4, 8), cost="bops")


@pytest.fixture(scope="module")
def study() -> studies.ProfileStudy:
    loaded = studies.load("hawq-v3-resnet18")
    assert isinstance(loaded, studies.ProfileStudy)
    return loaded


@pytest.fixture(scope="module")
def scene(study: studies.ProfileStudy) -> Scene:
    problem = study_problem(study, question=QUESTION)
    assert has_set_b(problem, QUESTION)
    whole = study_problem(study, question=QUESTION.but(monotone=True))
    mine = Plan.uniform(study, study.blocks(), 4, 8, name="mine")
    odd = Plan.uniform(study, study.blocks(), 6, 8, name="a width that is not allowed")
    return compose(
        study,
        study.blocks(),
        QUESTION,
        solve(problem),
        set_b=enumerate_set_b(whole),
        greedy=greedy(problem),
        saved=[mine, odd],
    )


def test_every_dot_is_a_plan_that_stands_where_it_is_drawn(scene: Scene, study: studies.ProfileStudy) -> None:
    """A click gives the plan whose cost and Ω the dot has."""
    assert scene.set_b is not None
    assert scene.greedy is not None
    for kind, index, cost, omega in (
        ("frontier", 1, scene.frontier.cost[scene.points[1]], scene.frontier.omega[scene.points[1]]),
        ("set B", 5, scene.set_b.cost[scene.dots[5]], scene.set_b.omega[scene.dots[5]]),
        ("greedy", 2, scene.greedy.cost[2], scene.greedy.omega[2]),
    ):
        plan = scene.plan(study, study.blocks(), kind, index)
        assert plan is not None
        assert scene.place(plan) == pytest.approx((cost, omega))
    assert scene.plan(study, study.blocks(), "elsewhere", 0) is None


def test_only_plans_of_allowed_widths_are_shown(scene: Scene) -> None:
    assert [plan.name for plan in scene.named["saved"]] == ["mine"]
    assert [plan.name for plan in scene.named["uniform"]] == ["2 bits", "4 bits", "8 bits"]


def test_the_best_plan_under_a_cost_is_on_the_frontier(scene: Scene) -> None:
    least, most = float(scene.frontier.cost[0]), float(scene.frontier.cost[-1])
    assert scene.under(least / 2).index == 0
    assert scene.under(most).index == len(scene.frontier) - 1
    assert scene.under((least + most) / 2).cost <= (least + most) / 2


def test_choices_of_activations_have_no_set_b(study: studies.ProfileStudy) -> None:
    assert not has_set_b(study_problem(study), QUESTION.but(a_menu=(4, 8)))
    assert saved_plans(study, study.blocks()) == []
