"""The kinds ``eigenvalues`` and ``spectrum``: what they give, keep, and give again after an interruption."""

import math
from pathlib import Path
from typing import Any

import pytest
import torch

from explorer.curvature import every_eigenpairs, spectral_density, top_eigenpairs
from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.kinds import eigenvalues as eigenvalues_job
from explorer.jobs.requests import spec_of
from explorer.questions import EigenvaluesQuestion, SpectrumQuestion
from explorer.runs import Run, RunContext, RunSpec, Store
from explorer.studies import Study
from explorer.timing import TimeLeft, duration
from explorer.watching import Stopped

SMALL = {"samples": 20, "k": 1}


def interrupted(store: Store, spec: RunSpec, monkeypatch: pytest.MonkeyPatch, *after: int) -> Run:
    """Run until so many checkpoints were written, then as if the run was asked to stop, as often as a number is given;
    then again to its end."""
    context_type = RunContext
    checkpoint, check_stop = context_type.save, context_type.check_stop
    written = limit = 0

    def counting(self: Any, *args: Any) -> None:
        nonlocal written
        checkpoint(self, *args)
        written += 1

    def stopping(self: Any) -> None:
        if written >= limit:
            raise Stopped("asked to stop")
        check_stop(self)

    with monkeypatch.context() as patched:
        patched.setattr(context_type, "save", counting)
        patched.setattr(context_type, "check_stop", stopping)
        for limit in after:
            written = 0
            with pytest.raises(RunError, match="was cancelled"):
                execute(store, spec)
            assert written == limit
    return execute(store, spec)


def without_seconds(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_seconds(item) for key, item in value.items() if key != "seconds"}
    return [without_seconds(item) for item in value] if isinstance(value, list) else value


def test_eigenvalues_are_those_of_the_direct_call(store: Store, study: Study) -> None:
    run = execute(store, spec_of(study, EigenvaluesQuestion(seed=3, **SMALL)))
    assert run.result is not None, run.error
    direct = list(every_eigenpairs(study, seed=3, **SMALL))  # type: ignore[arg-type]
    assert without_seconds(run.result["eigenvalues"]) == without_seconds(
        [pairs.to_json() for pairs in direct]
    )
    assert run.result["seconds"] == pytest.approx(sum(e["seconds"] for e in run.result["eigenvalues"]))
    assert without_seconds(list(store.points(run.id, "found"))) == without_seconds(run.result["eigenvalues"])
    alone = top_eigenpairs(study, block=direct[0].block, seed=3, **SMALL)  # type: ignore[arg-type]
    kept = store.artifacts.get_tensors(run.artifacts[eigenvalues_job.VECTORS])
    for name, tensor in alone.vectors[0].items():
        assert torch.equal(kept[f"{alone.block}/0/{name}"], tensor)
    whole = [tensor for name, tensor in kept.items() if name.startswith("whole network/0/")]
    assert math.hypot(*(float(tensor.norm()) for tensor in whole)) == pytest.approx(1, rel=1e-5)


def test_an_interrupted_search_goes_on_to_the_same_figures(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    spec = spec_of(study, EigenvaluesQuestion(**SMALL))
    resumed = interrupted(store, spec, monkeypatch, 2)
    elsewhere = Store.open(home=tmp_path / "another home")
    whole = execute(elsewhere, spec)
    assert resumed.result is not None
    assert whole.result is not None
    assert without_seconds(resumed.result) == without_seconds(whole.result)
    assert resumed.artifacts == whole.artifacts, "the vectors, to the byte"


def test_a_spectrum_is_that_of_the_direct_call_and_goes_on_after_an_interruption(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    options: dict[str, Any] = {"steps": 6, "probes": 4, "samples": 20, "method": "lanczos"}
    spec = spec_of(study, SpectrumQuestion(block="0", seed=2, **options))
    resumed = interrupted(store, spec, monkeypatch, 2)
    direct = spectral_density(study, block="0", seed=2, **options)
    assert resumed.result is not None, resumed.error
    # What is recorded has lists where the record in memory has tuples.
    assert {**without_seconds(resumed.result), "probes": 0, "grid": 0, "density": 0, "stderr": 0} == {
        **without_seconds(direct.to_json()),
        **{"probes": 0, "grid": 0, "density": 0, "stderr": 0},
    }
    assert tuple(resumed.result["density"]) == direct.density
    assert tuple(resumed.result["stderr"]) == direct.stderr


def test_default_words_are_one_run_and_other_words_another(study: Study) -> None:
    plain = spec_of(study, EigenvaluesQuestion())
    assert plain == spec_of(study, EigenvaluesQuestion(k=2, which="largest", samples=512, whole=True))
    assert plain.parameters == {}
    assert plain.identity != spec_of(study, EigenvaluesQuestion(which="smallest")).identity
    assert spec_of(study, SpectrumQuestion()).parameters == {}
    assert spec_of(study, SpectrumQuestion(block="0")).parameters == {"block": "0"}


def test_the_time_left_is_told_once_there_is_something_to_go_by() -> None:
    now = 100.0
    left = TimeLeft(lambda: now)
    assert left(0.5) == "", "a resumed run starts in the middle"
    now = 110.0
    assert left(0.51) == ""
    assert left(0.6) == ", about 40 s left"
    assert duration(0.1) == "1 s"
    assert duration(200) == "3 min"
