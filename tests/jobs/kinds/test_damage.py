"""The kind ``damage``: the tables of the library, from what other runs found where they did."""

from dataclasses import asdict
from typing import Any

import pytest

from explorer.curvature import Traces
from explorer.curvature.estimators import output_probes
from explorer.jobs import execute
from explorer.jobs.kinds import damage as job
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable, activation_damage, measured_damage
from explorer.quantizers import WEIGHTS, QuantizerSettings
from explorer.questions import DamageQuestion, EigenvaluesQuestion, Quantizer, TracesQuestion
from explorer.runs import Run, Store
from explorer.studies import Study
from tests.jobs.kinds.test_eigen import interrupted

SMALL: dict[str, Any] = {"bits": [2, 4], "samples": 24}


def table_of(run: Run) -> DamageTable:
    assert run.result is not None, run.error
    return DamageTable.from_json(run.result["table"])


@pytest.mark.parametrize("measure", ["product", "lambda-max"])
def test_the_table_is_that_of_the_direct_call(store: Store, study: Study, measure: Any) -> None:
    run = execute(store, spec_of(study, DamageQuestion(measure=measure, seed=3, **SMALL)))
    assert table_of(run) == measured_damage(study, measure, study.blocks(), (2, 4), samples=24, seed=3)


def test_activations_are_judged_by_the_traces_that_are_there(store: Store, study: Study) -> None:
    traced = execute(store, spec_of(study, TracesQuestion(of="activations")))
    assert traced.result is not None
    run = execute(store, spec_of(study, DamageQuestion(measure="activation", bits=[4, 8])))
    values, stderrs = activation_damage(study, Traces.from_json(traced.result), study.blocks(), (4, 8))
    assert table_of(run).activation == values
    assert table_of(run).activation_stderr == stderrs
    assert table_of(run).values == {}


def test_activations_without_traces_get_theirs_to_the_same_figures(store: Store, study: Study) -> None:
    alone = table_of(execute(store, spec_of(study, DamageQuestion(measure="activation", bits=[8]))))
    execute(store, spec_of(study, TracesQuestion(of="activations")))
    after = table_of(execute(store, spec_of(study, DamageQuestion(measure="activation", bits=[8, 16]))))
    assert {b: row[8] for b, row in alone.activation.items()} == {
        b: row[8] for b, row in after.activation.items()
    }


def test_eigenvalues_that_are_known_are_not_searched_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = execute(store, spec_of(study, EigenvaluesQuestion(samples=24)))
    assert known.result is not None

    def never(*_: Any, **__: Any) -> None:
        raise AssertionError("searched again")

    monkeypatch.setattr(job, "largest_eigenvalues", never)
    table = table_of(execute(store, spec_of(study, DamageQuestion(measure="lambda-max", **SMALL))))
    first = known.result["eigenvalues"][0]
    assert table.sensitivity[first["block"]] == pytest.approx(first["values"][0] / first["n"])


def test_what_the_traces_were_drawn_by_is_not_looked_for_again(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the blocks, the precision and the seed of the traces; the table is the same."""
    question = DamageQuestion(seed=3, **SMALL)
    alone = table_of(execute(store, spec_of(study, question)))
    traced = execute(store, spec_of(study, TracesQuestion(granularity="module", rel_se=0.5, seed=1)))
    assert traced.result is not None
    assert traced.result["method"] == "output-probes"
    store.delete(execute(store, spec_of(study, question)).id)
    monkeypatch.setattr(output_probes, "scores", None)
    run = execute(store, spec_of(study, question))
    assert table_of(run) == alone
    assert run.result is not None
    assert run.result["samples"] == 24
    assert alone.correlations is not None


def test_an_interrupted_search_goes_on_to_the_same_table(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = spec_of(study, DamageQuestion(measure="lambda-max", **SMALL))
    resumed = interrupted(store, spec, monkeypatch, 2)
    assert table_of(resumed) == measured_damage(study, "lambda-max", study.blocks(), (2, 4), samples=24)


def test_one_question_is_one_run(study: Study) -> None:
    assert dict(Quantizer()) == asdict(WEIGHTS) == asdict(QuantizerSettings())
    assert spec_of(study, DamageQuestion(quantizer=asdict(WEIGHTS))) == spec_of(study, DamageQuestion())
    other = spec_of(study, DamageQuestion(quantizer={**asdict(WEIGHTS), "step": "min-max"}))
    assert (
        other
        == spec_of(study, DamageQuestion(quantizer={"step": "min-max"}))
        != spec_of(study, DamageQuestion())
    )
    assert spec_of(study, DamageQuestion()).parameters == {}
    assert spec_of(study, DamageQuestion(bits=[4, 2])) == spec_of(study, DamageQuestion(bits=[2, 4]))
    activation = spec_of(study, DamageQuestion(measure="activation"))
    assert activation == spec_of(study, DamageQuestion(measure="activation", samples=9))
    assert activation != spec_of(study, DamageQuestion())
    assert spec_of(study, DamageQuestion(samples=9)) != spec_of(study, DamageQuestion())
    assert spec_of(study, DamageQuestion(rel_se=0.1)) != spec_of(study, DamageQuestion())
    largest = spec_of(study, DamageQuestion(measure="lambda-max"))
    assert largest == spec_of(study, DamageQuestion(measure="lambda-max", samples=512, rel_se=0.1))
