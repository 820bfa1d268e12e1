"""A run is computed on the device that is chosen for its process, and is the same run wherever that is."""

from pathlib import Path

import pytest
import torch

from explorer import devices, studies
from explorer.errors import DeviceError
from explorer.jobs import execute, loading
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion, TracesQuestion
from explorer.runs import Store
from explorer.studies import Study
from tests import learnable


@pytest.fixture
def study(tmp_path: Path) -> Study:
    return studies.load_network(learnable.write(tmp_path / "learnable"))


def test_a_worker_loads_its_study_where_the_environment_says(
    study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exports, whose integers are those of the processor, stay on it."""
    spec = spec_of(study, EvaluateQuestion())
    assert loading.load_for(spec).device.type == "cpu"
    monkeypatch.setattr(devices, "chosen", lambda _named=None: "meta")  # a device that every PyTorch has
    moved = loading.load_for(spec)
    assert (moved.device.type, moved.fingerprint) == ("meta", study.fingerprint)
    export = type(spec)(kind="export", study=spec.study, fingerprint=spec.fingerprint)
    assert loading.load_for(export).device.type == "cpu"


def test_a_device_that_is_not_there_is_refused(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(devices.VARIABLE, "cuda:999")
    with pytest.raises(DeviceError, match="cuda:999 is not available"):
        loading.load_for(spec_of(study, EvaluateQuestion()))


def test_a_run_records_its_device(study: Study, store: Store) -> None:
    run = execute(store, spec_of(study, EvaluateQuestion()), study=study)
    assert run.provenance is not None
    assert run.provenance.to_json()["device"] == "cpu"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_computes_what_the_cpu_computes(study: Study, store: Store, tmp_path: Path) -> None:
    """Traces, and a training of one epoch from the same draws, to rounding."""
    plan = Plan.uniform(study, study.blocks(), 4, 8).to_json()
    for question in (TracesQuestion(method="exact"), FinetuneQuestion(plan=plan, epochs=1, batch_size=16)):
        spec = spec_of(study, question)
        here = execute(store, spec, study=study).result or {}
        elsewhere = Store.open(home=tmp_path / "cuda")
        there = execute(elsewhere, spec, study=study.on("cuda")).result or {}
        elsewhere.close()
        if question.kind == "traces":
            for a, b in zip(here["blocks"], there["blocks"], strict=True):
                assert a["trace"] == pytest.approx(b["trace"], rel=1e-3)
        else:
            assert there["after"]["loss"] == pytest.approx(here["after"]["loss"], rel=0.05)
