"""The phases: parabola, Powell and the others on known functions, and the whole on a small network."""

from typing import Any

import numpy as np
import pytest

from explorer import plans, qat
from explorer.errors import LapqError
from explorer.lapq import METHODS, LapqResult, optimise
from explorer.lapq.loss.history import Trail
from explorer.lapq.phases.quadratic import parabola, vertex_within
from explorer.plans import read_plan
from explorer.questions import LapqQuestion
from explorer.questions.steps import JointMethod
from explorer.studies import Study
from explorer.watching import Stopped
from tests.lapq.coupled import Coupled
from tests.watched import Watched

ASKED: dict[str, Any] = {"w_bits": 2, "a_bits": 3, "calibration": 96, "leave": ()}


@pytest.mark.parametrize("method", ["powell", "coordinate"])
def test_a_coupled_quadratic_is_descended(method: JointMethod) -> None:
    coupled = Coupled()
    trail = Trail(coupled, np.ones(3, np.float32))  # type: ignore[arg-type]
    begun = trail.best.loss
    METHODS[method](trail, 0)
    for _ in range(6):
        trail.start = trail.best.steps
        METHODS[method](trail, 0)
    assert trail.best.loss < 1e-3 * begun
    np.testing.assert_allclose(trail.best.steps, coupled.lowest, atol=0.03)
    losses = [point.loss for point in trail.path]
    assert losses == sorted(losses, reverse=True)


def test_the_parabola_and_its_guards() -> None:
    p = np.linspace(2, 4, 10)

    def through(losses: np.ndarray) -> tuple[float, ...]:
        return parabola(p.tolist(), losses.tolist())

    assert vertex_within(through(3 * (p - 3.469) ** 2 + 0.2), 2, 4) == pytest.approx(3.469)
    assert vertex_within(through(-((p - 3) ** 2)), 2, 4) is None, "opens downwards"
    assert vertex_within(through((p - 5) ** 2), 2, 4) is None, "outside"
    assert parabola(p[:2].tolist(), p[:2].tolist()) == ()
    losses = (p - 3) ** 2
    losses[0] = np.inf
    assert vertex_within(through(losses), 2, 4) == pytest.approx(3)


@pytest.fixture(scope="module")
def found(study: Study) -> dict[str, LapqResult]:
    return {method: optimise(study, method=method, **ASKED) for method in METHODS}


@pytest.mark.parametrize("method", METHODS)
def test_no_phase_is_worse_than_the_one_before(found: dict[str, LapqResult], method: str) -> None:
    result = found[method]
    layerwise, quadratic, joint = (result.stages[name].calibration_loss for name in result.stages)
    assert joint < quadratic <= layerwise
    assert (
        result.p_curve.best_loss
        == quadratic
        == min((*result.p_curve.losses, result.p_curve.vertex_loss or 9))
    )
    assert (result.path[0].loss, result.path[-1].loss) == (quadratic, joint)
    accuracy = result.stages["joint"].accuracy
    assert accuracy is not None
    assert accuracy > 0.6


def test_the_gradient_method_is_the_cheapest(found: dict[str, LapqResult]) -> None:
    work = {method: result.joint_equivalents for method, result in found.items()}
    assert work["gradient"] < work["powell"] / 2


@pytest.mark.parametrize("method", METHODS)
def test_the_same_seed_gives_the_same_steps_to_the_bit(
    study: Study, found: dict[str, LapqResult], method: Any
) -> None:
    again = optimise(study, method=method, **ASKED)
    assert again.steps == found[method].steps
    assert again.evaluations == found[method].evaluations


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_resumed_it_ends_with_the_same_steps(
    study: Study, found: dict[str, LapqResult], method: Any
) -> None:
    first = Watched(stop=lambda asked: asked == 90)
    with pytest.raises(Stopped):
        optimise(study, method=method, watcher=first, **ASKED)
    kept = first.states[-1]
    assert 0 < len(kept.state["phases"]) < found[method].evaluations
    second = Watched(begun=kept)
    resumed = optimise(study, LapqQuestion(method=method, **ASKED), watcher=second)
    assert resumed.steps == found[method].steps
    assert resumed.evaluations == found[method].evaluations
    losses = [[(point.loss, point.evaluations) for point in each.path] for each in (resumed, found[method])]
    assert losses[0] == losses[1]
    told = [point["loss"] for each in (first, second) for point in each.series("path")]
    assert told == [point.loss for point in resumed.path], "no point is told twice, none is lost"
    assert [point["p"] for each in (first, second) for point in each.series("p_curve")][:10] == list(
        resumed.p_curve.p
    )


def test_the_plan_carries_the_steps_and_is_worth_what_was_measured(
    study: Study, found: dict[str, LapqResult]
) -> None:
    """Through JSON, as a page, a file and another process see it."""
    result = LapqResult.from_json(found["gradient"].to_json())
    assert result.to_json() == found["gradient"].to_json()
    blocks = study.blocks()
    plan = read_plan(result.plan(study, blocks).to_json(), study=study, partitions=(blocks,))[0]
    assert plan == result.plan(study, blocks)
    measured = plans.evaluate_plan(study, plan, blocks)
    assert (measured.loss, measured.accuracy) == (
        result.stages["joint"].loss,
        result.stages["joint"].accuracy,
    )
    assert read_plan(plan.to_json(), study=study, partitions=(blocks,))[0] == plan
    tuned = qat.finetune(study, plan, blocks, method="ste", epochs=1, learning_rate=0.01, keep="last")
    assert tuned.before.loss == measured.loss
    kept = tuned.network.get_submodule("3.input_quantizer")
    assert float(kept.step) == np.float32(result.steps["3.input"])  # type: ignore[arg-type]


def test_only_the_projects_grid_goes_into_a_plan(study: Study) -> None:
    result = optimise(study, form="code", method="gradient", **{**ASKED, "calibration": 32})
    with pytest.raises(LapqError, match="quantizers of the form 'code' cannot be kept in a plan"):
        result.plan(study, study.blocks())


def test_a_method_that_is_not_there_is_one_sentence(study: Study) -> None:
    with pytest.raises(LapqError, match="no method 'newton'; use one of powell, coordinate or gradient"):
        optimise(study, method="newton")
