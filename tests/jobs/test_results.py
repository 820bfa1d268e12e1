"""Typed results: what a kind of run recorded becomes its result type and is recorded the same again."""

import json
from typing import Any

import pytest

from explorer import studies
from explorer.jobs import answers, execute, registry
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import Ladder, Question
from explorer.runs import Store
from explorer.studies import Study
from tests import learnable

pytestmark = pytest.mark.slow

FEW: dict[str, Any] = {"calibration": 32}
SMALL: dict[str, dict[str, Any]] = {
    "traces": {"rel_se": 0.5},
    "finetune": {"batch_size": 64, "epochs": 1},
    "evaluate": {},
    "export": {"format": "packed", "tried": 16},
    "landscape": {"block": "0", "dims": 1, "points": 5, "samples": 16, "directions": "random"},
    "eigenvalues": {"k": 1, "samples": 16, "whole": False},
    "spectrum": {"block": "0", "steps": 4, "probes": 2, "samples": 16},
    "lapq": {**FEW, "method": "gradient"},
    "lapq_surface": {**FEW, "first": "3.input", "second": "6.input", "points": 5},
    "lapq_sweep": {"sweep": "error", "site": None},
    "lapq_hessian": {**FEW, "separability": False},
    "lapq_table": {**FEW, "test_images": 32, "corrections": ["none"]},
    "damage": {"bits": [4], "samples": 16},
    "measure_frontier": {"points": 3, "samples": 16},
    "choose": {"max_drop": 0.1, "samples": 150},
    "lesson": {"experiment": "quantizing:accuracy", "settings": {"bits": "8,4", "rule": "mse"}},
    "proxy": {"plans": 4, "samples": 16, "damage_samples": 8, "eigen_samples": 8, "bits": [2, 4, 8]},
}


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("results") / "learnable"))


def asked(study: Study, kind: str) -> Question:
    """A question of the kind that is answered quickly."""
    options = dict(SMALL[kind])
    if kind in ("finetune", "export"):
        options["plan"] = Plan.uniform(study, study.blocks(), 4, 8).to_json()
    if kind == "measure_frontier":
        blocks = [block.name for block in study.blocks()]
        rows = [[bits] * len(blocks) for bits in (2, 4, 8)]
        options["plans"] = Ladder.of(blocks, rows, rows)
    return registry.kind(kind).question(**options)


# What is timed in fresh processes takes too long for a test.
@pytest.mark.parametrize("kind", [kind for kind in registry.names() if kind != "export_latency"])
def test_every_kind_has_a_result_that_reads_itself_back(store: Store, study: Study, kind: str) -> None:
    """A page, a report or a notebook gets a typed result, with nothing lost on the way through the store."""
    question = asked(study, kind)
    run = execute(store, spec_of(study, question), study=study)
    found = answers.result_of(store, study, question)
    assert type(found).__name__ in registry.kind(kind).result
    recorded = json.loads(json.dumps(run.result))
    again = json.loads(json.dumps(found.to_json()))
    assert {name: recorded[name] for name in again} == again
    assert answers.answer(store, study, question) is not None
