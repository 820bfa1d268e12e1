"""The kind ``proxy``: the experiment of the library, interrupted or not, from what other runs found."""

from typing import Any

import numpy as np
import pytest

from explorer.curvature import weight_traces
from explorer.errors import TooManyOutputs
from explorer.jobs import execute
from explorer.jobs.kinds import proxy as job
from explorer.jobs.requests import spec_of
from explorer.plans import error_damage, interactions, measured_damage, network_damage, network_errors
from explorer.plans.damage.measures import product_damage
from explorer.proxy import MEASURES, ProxyResult, measure_proxy
from explorer.proxy.experiment import BY_SIZE
from explorer.questions import DamageQuestion, EigenvaluesQuestion, ProxyQuestion, TracesQuestion
from explorer.runs import Store
from explorer.runs.plain import plain
from explorer.studies import Study
from tests.jobs.kinds.test_eigen import interrupted, without_seconds

SMALL: dict[str, Any] = {
    "plans": 14,
    "samples": 60,
    "bits": [2, 4, 8],
    "damage_samples": 30,
    "eigen_samples": 20,
}


def test_the_result_is_that_of_the_direct_calls(store: Store, study: Study) -> None:
    run = execute(store, spec_of(study, ProxyQuestion(seed=2, **SMALL)))
    assert run.result is not None, run.error
    blocks, bits = study.blocks(), (2, 4, 8)
    tables = {
        "trace": network_damage(study, weight_traces(study, seed=2), blocks, bits),
        "lambda-max": measured_damage(study, "lambda-max", blocks, bits, samples=20, seed=2),
        "l2": error_damage(network_errors(study, blocks, bits)),
        "product": measured_damage(study, "product", blocks, bits, samples=30, seed=2),
    }
    form = interactions(study, blocks, bits, samples=30, seed=2)
    direct = measure_proxy(
        study,
        blocks,
        tables,
        bits=bits,
        plans=14,
        samples=60,
        seed=2,
        further={"interactions": form.value_of},
    )
    assert set(run.result["omega"]) == set(run.result["agreement"]) - {BY_SIZE} == set(MEASURES)
    expected = plain(direct.to_json(), "result") | {"eigenvalues": run.result["eigenvalues"]}
    assert without_seconds(run.result) == without_seconds(expected)
    kept = store.artifacts.get_tensors(run.artifacts[job.LOSSES])
    rises = (kept["loss"][1:] - kept["loss"][0]).double().mean(1).numpy()
    np.testing.assert_allclose(rises, [plan["rise"] for plan in run.result["plans"]], rtol=1e-5, atol=1e-7)
    assert len(store.points(run.id, "plans")) == len(run.result["plans"]) + 1


def test_a_loss_of_too_many_outputs_has_no_terms_between_blocks(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The other measures are put to the test all the same, and a result without the terms is read as before."""

    def refused(*_: Any, **__: Any) -> None:
        raise TooManyOutputs("the loss has no known output Hessian")

    monkeypatch.setattr("explorer.plans.damage.interactions.compute", refused)
    run = execute(store, spec_of(study, ProxyQuestion(**SMALL)))
    assert run.result is not None, run.error
    assert set(run.result["omega"]) == set(MEASURES) - {"interactions"}
    assert "interactions" not in ProxyResult.from_json(run.result).agreement


def test_an_interrupted_run_goes_on_to_the_same_result(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    """Stopped among the eigenvalues, and again among the plans."""
    spec = spec_of(study, ProxyQuestion(**SMALL))
    resumed = interrupted(store, spec, monkeypatch, 2, 7)
    whole = execute(Store.open(home=tmp_path / "another home"), spec)
    assert resumed.result is not None
    assert whole.result is not None
    assert without_seconds(resumed.result) == without_seconds(whole.result)
    assert resumed.artifacts == whole.artifacts


def test_what_other_runs_found_is_not_computed_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    execute(store, spec_of(study, TracesQuestion()))
    execute(store, spec_of(study, EigenvaluesQuestion(samples=20)))
    execute(store, spec_of(study, DamageQuestion(samples=30)))

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("computed again")

    for name in ("weight_traces", "product_damage"):
        monkeypatch.setattr(job, name, never)
    monkeypatch.setattr("explorer.jobs.kinds.damage.largest_eigenvalues", never)
    first = execute(store, spec_of(study, ProxyQuestion(**SMALL))).result
    assert first is not None
    monkeypatch.setattr(job, "eigenvalues", never)
    monkeypatch.setattr(job, "product_damage", product_damage)
    second = execute(store, spec_of(study, ProxyQuestion(quantizer={"step": "min-max"}, **SMALL))).result
    assert second is not None
    assert second["eigenvalues"] == first["eigenvalues"], "another quantizer has the same Hessian"


def test_one_question_is_one_run(study: Study) -> None:
    assert spec_of(study, ProxyQuestion()).parameters == {}
    assert spec_of(study, ProxyQuestion(bits=[8, 6, 4, 3, 2], a_bits=32)) == spec_of(study, ProxyQuestion())
    assert spec_of(study, ProxyQuestion(plans=81)) != spec_of(study, ProxyQuestion())
