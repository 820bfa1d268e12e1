"""The kind ``choose``: the library's choice, interrupted or not, on the frontier that was asked for."""

from typing import Any

import pytest

from explorer import plans
from explorer.choosing import Choice, choose
from explorer.curvature import weight_traces
from explorer.errors import PlanError
from explorer.jobs import execute
from explorer.jobs.kinds import choose as job
from explorer.jobs.requests import spec_of
from explorer.questions import ChooseQuestion, DamageQuestion, FrontierQuestion, TracesQuestion
from explorer.runs import Store
from explorer.runs.plain import plain
from explorer.studies import Study
from tests.curvature.networks import Attention, seeded, study_of
from tests.jobs.kinds.test_eigen import interrupted, without_seconds

SMALL: dict[str, Any] = {"max_drop": 0.06, "samples": 150}


def test_the_result_is_that_of_the_direct_call(store: Store, study: Study) -> None:
    run = execute(store, spec_of(study, ChooseQuestion(**SMALL)))
    assert run.result is not None, run.error
    frontier = plans.frontier(study, weight_traces(study))
    direct = choose(study, study.blocks(), frontier, **SMALL)
    assert without_seconds(run.result) == without_seconds(plain(direct.to_json(), "result"))
    assert Choice.from_json(run.result).to_json() == direct.to_json() | {"seconds": run.result["seconds"]}


def test_what_is_told_of_the_plan_is_what_an_evaluation_says(store: Store, study: Study) -> None:
    """Another way to the same numbers, and a promise that its own parts keep."""
    found = Choice.from_json(execute(store, spec_of(study, ChooseQuestion(**SMALL))).result or {})
    plan, blocks = plans.read_plan(found.plan, study=study, partitions=(study.blocks(),))
    value, full = (plans.evaluate_plan(study, each, blocks) for each in (plan, None))
    assert found.accuracy == pytest.approx(value.accuracy)
    assert full.accuracy is not None
    assert value.accuracy is not None
    assert found.measured.value == pytest.approx(full.accuracy - value.accuracy)
    assert found.size_bytes == value.size_bytes
    assert found.promised.value < found.at_most <= 0.06
    assert found.promised.samples == 150
    assert found.work.plans == len({(each.w_bits, each.a_bits) for each in found.tried})


def test_an_interrupted_run_goes_on_to_the_same_result(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Stopped in the search, and among the swaps; the evaluations count as if nothing had happened."""
    spec = spec_of(study, ChooseQuestion(refine=True, **SMALL))
    resumed = interrupted(store, spec, monkeypatch, 3, 8)
    whole = execute(Store.open(home=tmp_path / "another home"), spec)
    assert resumed.result is not None
    assert whole.result is not None
    assert without_seconds(resumed.result) == without_seconds(whole.result)


def test_what_other_runs_found_is_not_computed_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(store, spec_of(study, TracesQuestion()))
    execute(store, spec_of(study, DamageQuestion()))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(job, "weight_traces", never)
    monkeypatch.setattr("explorer.plans.measured_damage", never)
    for damage in ("trace", "product"):
        asked = ChooseQuestion(frontier=FrontierQuestion(damage=damage), **SMALL)
        assert execute(store, spec_of(study, asked)).result is not None


def test_constraints_and_chosen_activations_hold(store: Store, study: Study) -> None:
    frontier = FrontierQuestion(
        bits=(2, 4, 8), a_menu=(4, 8), keep={"0": 8}, cost="bops", limits={"size": 300}
    )
    asked = ChooseQuestion(frontier=frontier, refine=True, **SMALL)
    found = Choice.from_json(execute(store, spec_of(study, asked)).result or {})
    widths = found.plan["blocks"]
    assert widths["0"]["w_bits"] == 8
    assert {each["a_bits"] for each in widths.values()} <= {4, 8}
    assert found.size_bytes <= 300
    assert found.unit == "BOPs"


def test_a_wish_that_cannot_be_kept_is_one_sentence_that_says_which_can(store: Store, study: Study) -> None:
    """With 150 images not even an equal network can be promised to lose less than 2.5 points."""
    with pytest.raises(
        PlanError, match=r"no plan is sure to lose at most 1.00 points.* can be promised is ([\d.]+) %"
    ):
        execute(store, spec_of(study, ChooseQuestion(samples=150)))


def test_another_kind_of_network_is_chosen_for_too() -> None:
    """Attention: its projections are blocks like others."""
    study = study_of(seeded(Attention), size=300)
    found = choose(study, study.blocks(), plans.frontier(study, damage="l2"), max_drop=0.15, samples=150)
    assert found.at_most <= 0.15
    assert set(found.plan["blocks"]) == {block.name for block in study.blocks()}
