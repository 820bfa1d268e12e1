"""The kinds people ask for, in real workers: killed, cancelled and resumed, they give what a direct call gives."""

import os
import shutil
import signal
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer import curvature, plans, qat, studies
from explorer.curvature import Draws
from explorer.jobs import execute, launch, request
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Run, RunSpec, Store, process
from explorer.studies import Study
from tests import learnable
from tests.archive import write_arrays
from tests.jobs.holding import Hold

Wait = Callable[..., None]
LogOf = Callable[[str, str], str]
TRAINING = {"epochs": 3, "batch_size": 16, "learning_rate": 0.02, "keep": "last"}  # 26 steps an epoch


@pytest.fixture(scope="module")
def held(tmp_path_factory: pytest.TempPathFactory) -> Hold:
    return Hold(tmp_path_factory.mktemp("held") / "hold")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory, held: Hold) -> Path:
    return learnable.write(tmp_path_factory.mktemp("jobs") / "learnable", hold=held.path)


@pytest.fixture
def study(written: Path) -> Study:
    return studies.load_network(written)


@pytest.fixture(scope="module")
def whole(written: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, Store]:
    """The training without interruption, in a store of its own, since there the same spec is another run."""
    store = Store.open(home=tmp_path_factory.mktemp("another home"))
    return execute(store, training(studies.load_network(written))), store


def plan_of(study: Study) -> Plan:
    return Plan.uniform(study, study.blocks(), 2, 8)


def training(study: Study) -> RunSpec:
    return spec_of(study, FinetuneQuestion(plan=plan_of(study).to_json(), seed=3, **TRAINING))


def done(store: Store, run: Run, wait: Wait) -> dict[str, Any]:
    wait(lambda: not store.get(run.id).live)
    found = store.get(run.id)
    assert found.result is not None, (found.status, found.error, store.log_path(run.id).read_text())
    return found.result


def assert_as_if_never_interrupted(store: Store, run_id: str, whole: tuple[Run, Store]) -> None:
    expected, elsewhere = whole
    found = store.get(run_id)
    assert found.result is not None
    assert expected.result is not None
    kept = store.artifacts.get_tensors(found.artifacts["trained"])
    uninterrupted = elsewhere.artifacts.get_tensors(expected.artifacts["trained"])
    assert kept.keys() == uninterrupted.keys()
    assert all(torch.equal(kept[name], uninterrupted[name]) for name in kept)
    assert found.result["weights_artifact"] == expected.result["weights_artifact"], "to the byte"
    for part in ("before", "after", "plan"):
        assert found.result[part] == expected.result[part]
    for series in ("train", "test"):
        assert store.points(run_id, series) == elsewhere.points(expected.id, series)


@pytest.mark.slow
def test_killed_in_mid_training_and_resumed_it_ends_with_the_same_weights(
    store: Store, study: Study, whole: tuple[Run, Store], wait: Wait, held: Hold
) -> None:
    """kill -9 within the second epoch, some steps past a checkpoint; random moments: `tests/reliability`."""
    run = store.submit(training(study))
    assert run.id == whole[0].id
    held.before(45)  # of 26 steps an epoch, past the checkpoint of step 40
    launch(store, run.id)
    wait(lambda: store.get(run.id).message == "epoch 2 of 3, batch 19 of 26")
    worker = store.worker(run.id)
    assert worker is not None
    os.kill(worker.pid, signal.SIGKILL)
    wait(lambda: process.birth(worker.pid) is None)
    assert store.get(run.id).status == "lost"
    store.resume(run.id)
    held.release()
    launch(store, run.id)
    result = done(store, run, wait)
    assert_as_if_never_interrupted(store, run.id, whole)
    assert result["after"]["accuracy"] > result["before"]["accuracy"]


@pytest.mark.slow
def test_cancelled_and_resumed_it_ends_with_the_same_weights(
    store: Store,
    study: Study,
    whole: tuple[Run, Store],
    wait: Wait,
    log_of: LogOf,
    held: Hold,
    heard: Callable[[str], None],
) -> None:
    held.before(30)
    run = request(store, training(study))
    wait(lambda: store.get(run.id).message == "epoch 2 of 3, batch 4 of 26")
    store.cancel(run.id)
    heard(run.id)
    held.release()
    wait(lambda: not store.get(run.id).live)
    cancelled = store.get(run.id)
    assert cancelled.status == "cancelled"
    assert 0 < cancelled.fraction < 0.9
    log_of(run.id, "is cancelled")  # it left by itself
    store.resume(run.id)
    launch(store, run.id)
    done(store, run, wait)
    assert_as_if_never_interrupted(store, run.id, whole)


@pytest.mark.slow
def test_evaluate_and_traces_give_the_numbers_of_the_direct_calls(
    store: Store, study: Study, wait: Wait
) -> None:
    plan, blocks = plan_of(study), study.blocks()
    measured = request(store, spec_of(study, EvaluateQuestion(plan=plan.to_json())))
    traced = request(store, spec_of(study, TracesQuestion(rel_se=0.1, seed=4)))
    direct = plans.evaluate_plan(study, plan, blocks).to_json()
    traces = curvature.weight_traces(study, rel_se=0.1, seed=4)
    assert done(store, measured, wait) == direct
    found = done(store, traced, wait)
    assert found["blocks"] == [asdict(block) for block in traces.blocks]
    assert (found["study"], found["method"], found["of"]) == ("learnable", traces.method, "weights")


def test_traces_asked_for_more_precision_go_on_from_the_draws_that_are_there(
    store: Store, study: Study
) -> None:
    coarse = execute(store, spec_of(study, TracesQuestion(rel_se=0.2)))
    assert coarse.result is not None
    kept = Draws.from_tensors(store.artifacts.get_tensors(coarse.artifacts["draws"]))
    assert kept.values.mean(0).tolist() == pytest.approx([b["trace"] for b in coarse.result["blocks"]])
    fine = execute(store, spec_of(study, TracesQuestion(rel_se=0.08)))
    fresh = curvature.weight_traces(study, rel_se=0.08)
    assert fine.result is not None
    assert fine.result["blocks"] == [asdict(block) for block in fresh.blocks]
    more = Draws.from_tensors(store.artifacts.get_tensors(fine.artifacts["draws"]))
    assert torch.equal(more.values[: len(kept.values)], kept.values)
    assert fine.result["seconds"] > coarse.result["seconds"], "the time of both"
    other = execute(store, spec_of(study, TracesQuestion(rel_se=0.1, seed=1)))
    assert other.result is not None
    assert other.result["blocks"][0]["trace"] != fine.result["blocks"][0]["trace"], "another seed starts anew"


def test_the_direct_call_and_the_run_train_the_same_network(study: Study, whole: tuple[Run, Store]) -> None:
    run, store = whole
    assert run.result is not None
    direct = qat.finetune(study, plan_of(study), study.blocks(), seed=3, **TRAINING)  # type: ignore[arg-type]
    kept = store.artifacts.get_tensors(run.result["weights_artifact"])
    assert all(torch.equal(value, kept[name]) for name, value in direct.network.state_dict().items())
    assert (run.result["before"], run.result["after"]) == (direct.before.to_json(), direct.after.to_json())


def test_a_plan_by_module_and_the_fp32_network_are_measured_too(store: Store, study: Study) -> None:
    modules = study.blocks("module")
    plan = Plan.uniform(study, modules, 3, 8)
    run = execute(store, spec_of(study, EvaluateQuestion(plan=plan.to_json())))
    assert run.result == plans.evaluate_plan(study, plan, modules).to_json()
    full = execute(store, spec_of(study, EvaluateQuestion(split="train")))
    assert full.result == plans.evaluate_plan(study, None, modules, split="train").to_json()


def test_what_is_asked_in_default_words_is_one_run_whatever_the_plan_is_called(study: Study) -> None:
    content = plan_of(study).to_json()
    spelt = {"method": "lsq", "epochs": None, "batch_size": 128, "optimizer": "usual", "learning_rate": None}
    by_sgd = FinetuneQuestion(plan=content, optimizer="sgd")
    assert spec_of(study, by_sgd) == spec_of(study, by_sgd.but(learning_rate=0.01))
    asked = spec_of(study, FinetuneQuestion(plan=content))
    assert asked == spec_of(study, FinetuneQuestion(plan={**content, "name": "small"}, **spelt))
    assert asked.parameters == {"plan": content}
    assert asked.identity != spec_of(study, FinetuneQuestion(plan=content, epochs=2)).identity
    assert spec_of(study, TracesQuestion(of="weights", samples=None)) == spec_of(study, TracesQuestion())
    assert spec_of(study, EvaluateQuestion()).parameters == {}


def test_a_study_that_changed_since_it_was_asked_for_is_not_used(
    store: Store, written: Path, tmp_path: Path, wait: Wait, log_of: LogOf
) -> None:
    """Between the question and the worker someone replaces the images: no number of the new ones is kept."""
    folder = tmp_path / "mine"
    shutil.copytree(written.parent, folder)
    study = studies.load_network(folder)
    run = store.submit(training(study))
    write_arrays(folder / "data.npz", learnable.arrays(seed=1))
    launch(store, run.id)
    wait(lambda: not store.get(run.id).live)
    found = store.get(run.id)
    assert found.status == "failed"
    assert (
        found.error
        == f"the study {folder / 'study.toml'} has changed since this run was asked for; ask again"
    )
    assert found.artifacts == {}
    assert "Traceback" not in log_of(run.id, "Failed: the study")
