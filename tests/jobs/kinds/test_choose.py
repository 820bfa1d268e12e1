"""The kind ``choose``: the library's choice, interrupted or not, on the frontier that was asked for."""

import math
from collections.abc import Callable
from typing import Any

import pytest

from explorer import plans
from explorer.blocks import Block
from explorer.choosing import Choice, choose, said_cost
from explorer.errors import PlanError
from explorer.jobs import execute
from explorer.jobs.kinds import choose as job
from explorer.jobs.requests import spec_of
from explorer.plans import CostName
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
    frontier = plans.frontier(study, bits=(2, 3, 4, 6, 8))
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
    """Stopped in the search, among the swaps and among LAPQ's steps; the work counts as if nothing had happened."""
    monkeypatch.setattr("explorer.choosing.stepping.CALIBRATION", 40)
    spec = spec_of(study, ChooseQuestion(refine=True, steps="lapq", **SMALL))
    resumed = interrupted(store, spec, monkeypatch, 3, 9, 3)
    whole = execute(Store.open(home=tmp_path / "another home"), spec)
    assert resumed.result is not None
    assert whole.result is not None
    assert without_seconds(resumed.result) == without_seconds(whole.result)
    found = Choice.from_json(whole.result)
    assert plain(found.to_json(), "result") == whole.result
    assert found.steps is not None
    assert found.steps.calibration == 40
    assert found.steps.computed == sum(each.stage == "steps" for each in found.tried)
    assert found.steps.images > found.steps.calibration
    assert found.steps.taken is ("steps" in found.plan)
    plan, blocks = plans.read_plan(found.plan, study=study, partitions=(study.blocks(),))
    assert found.accuracy == pytest.approx(plans.evaluate_plan(study, plan, blocks).accuracy)


def test_what_other_runs_found_is_not_computed_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(store, spec_of(study, TracesQuestion()))
    execute(store, spec_of(study, DamageQuestion()))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    monkeypatch.setattr(job, "weight_traces", never)
    monkeypatch.setattr("explorer.plans.measured_damage", never)
    for frontier in (FrontierQuestion(damage="trace"), FrontierQuestion()):
        asked = ChooseQuestion(frontier=frontier, **SMALL)
        assert execute(store, spec_of(study, asked)).result is not None


def test_constraints_and_chosen_activations_hold(store: Store, study: Study) -> None:
    """With latencies of one's own for the axis, and limits on two further costs."""
    rows = [f"{b.name},{w},{a},{w + a / 16}" for b in study.blocks() for w in (2, 4, 8) for a in (4, 8)]
    most = sum(block.macs for block in study.blocks()) * 48.0
    frontier = FrontierQuestion(
        bits=(2, 4, 8),
        a_menu=(4, 8),
        keep={"0": 8},
        cost="latency",
        limits={"size": 300, "bops": most},
        latencies="\n".join(["block,w_bits,a_bits,milliseconds", *rows]),
    )
    asked = ChooseQuestion(frontier=frontier, refine=True, **SMALL)
    found = Choice.from_json(execute(store, spec_of(study, asked)).result or {})
    widths = found.plan["blocks"]
    assert widths["0"]["w_bits"] == 8
    assert {each["a_bits"] for each in widths.values()} <= {4, 8}
    assert found.size_bytes <= 300
    plan, blocks = plans.read_plan(found.plan, study=study, partitions=(study.blocks(),))
    assert plans.bops(blocks, plan) <= most
    assert found.unit == "ms"
    assert found.cost == pytest.approx(sum(each["w_bits"] + each["a_bits"] / 16 for each in widths.values()))


def test_a_wish_that_cannot_be_kept_is_one_sentence_that_says_which_can(store: Store, study: Study) -> None:
    """With 150 images not even an equal network can be promised to lose less than 2.5 points."""
    with pytest.raises(
        PlanError, match=r"no plan is sure to lose at most 1.00 points.* can be promised is ([\d.]+) %"
    ):
        execute(store, spec_of(study, ChooseQuestion(samples=150)))


@pytest.fixture(scope="module")
def attention() -> Study:
    """Its projections are blocks like others."""
    return study_of(seeded(Attention), size=300)


@pytest.mark.parametrize("inputs", [{}, {"a_bits": 8}, {"a_bits": "weights"}, {"a_menu": (4, 8)}])
@pytest.mark.parametrize("cost", ["size", "bops", "latency", "activations"])
def test_a_chosen_plan_costs_what_is_said_whatever_is_to_be_small(
    attention: Study, cost: CostName, inputs: dict[str, Any]
) -> None:
    """Counted anew from the widths in plan.json, so that cost and plan are of the same activations."""
    blocks = attention.blocks()
    pairs = [(w, a) for w in (2, 4, 8) for a in (2, 4, 8)]
    rows = [f"{block.name},{w},{a},{block.macs * (w + a) / 16}" for block in blocks for w, a in pairs]
    table = "\n".join(["block,w_bits,a_bits,milliseconds", *rows])
    asked = FrontierQuestion(bits=(2, 4, 8), cost=cost, latencies=table, damage="l2", **inputs)
    damage = plans.error_damage(plans.network_errors(attention, blocks, (2, 4, 8)))
    if asked.a_menu:  # made up: what counts here are the widths
        damage = damage.with_activation({block.name: {4: 1e-3, 8: 0.0} for block in blocks}, {})
    frontier = plans.frontier(attention, damage=damage, question=asked)
    found = choose(attention, blocks, frontier, max_drop=0.15, samples=150)
    assert found.at_most <= 0.15
    assert found.cost_name == cost
    bits = {name: (each["w_bits"], each["a_bits"]) for name, each in found.plan["blocks"].items()}
    assert set(bits) == {block.name for block in blocks}
    if not asked.a_menu:
        counted = cost != "size" if "a_bits" not in inputs else inputs["a_bits"] == "weights"
        assert all(a == (w if counted else 8) for w, a in bits.values())
    by_hand: dict[str, Callable[[Block, int, int], float]] = {
        "size": lambda block, w, a: block.weights * w / 8,
        "bops": lambda block, w, a: block.macs * w * a,
        "latency": lambda block, w, a: block.macs * (w + a) / 16,
        "activations": lambda block, w, a: (
            sum(math.prod(each.input_shape) * each.calls for each in block.layers) * a / 8
        ),
    }
    assert found.cost == pytest.approx(sum(by_hand[cost](block, *bits[block.name]) for block in blocks))
    assert said_cost(found, found.cost).endswith(found.unit)
