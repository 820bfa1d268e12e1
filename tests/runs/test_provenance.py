"""A finished run says what made its numbers."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from explorer import studies
from explorer.errors import RunError
from explorer.jobs import execute, versions
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.runs.provenance import Provenance, commit, here
from tests import learnable


def chain(**parameters: object) -> RunSpec:
    return RunSpec(kind="selftest", study="none", fingerprint="0", parameters={"steps": 4, **parameters})


def test_a_run_on_a_study_records_versions_threads_device_seed_and_files(
    tmp_path: Path, store: Store
) -> None:
    study = studies.load_network(learnable.write(tmp_path / "learnable"))
    made = execute(store, spec_of(study, EvaluateQuestion(seed=3))).provenance
    assert made is not None
    assert (made.torch, made.threads) == (str(torch.__version__), torch.get_num_threads())
    assert (made.device, made.seed, made.before) == ("cpu", 3, ())
    assert made.files == study.origin.files
    assert made.files["weights.safetensors"] == study.weights_sha256
    assert None not in (made.numpy, made.python, made.system)
    assert Provenance.from_json({**made.to_json(), "of a later version": 1}) == made


def test_a_kind_without_a_study_records_it_too(store: Store) -> None:
    made = execute(store, chain()).provenance
    assert made is not None
    assert made.python


def test_a_run_that_went_on_with_another_torch_says_so(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """From its checkpoint on; one that began again from nothing does not."""
    now = here(seed=0)
    monkeypatch.setattr("explorer.jobs.perform.here", lambda **_: replace(now, torch="1.0", threads=7))
    with pytest.raises(RunError):
        execute(store, chain(fail_at=2))
    run = store.find(chain(fail_at=2))
    assert run is not None
    monkeypatch.setattr("explorer.jobs.perform.here", lambda **_: replace(now, torch="2.0", threads=1))
    with pytest.raises(RunError):
        execute(store, run.spec)
    made = store.get(run.id).provenance
    assert made is not None
    assert (made.with_what, made.before) == ("torch 2.0 on 1 thread", ("torch 1.0 on 7 threads",))
    assert made.after(made).before == made.before
    done = replace(store.get(run.id), status="done")
    said = versions.remark(done)
    assert said is not None
    assert said.startswith(
        "This run began with torch 1.0 on 7 threads and went on with torch 2.0 on 1 thread"
    )


def done(store: Store, made: Provenance | None, *, parts: dict[str, str] | None = None) -> Run:
    spec = RunSpec(kind="evaluate", study="x", fingerprint="0")
    return replace(store.submit(spec), status="done", provenance=made, parts=parts)


def test_another_torch_or_number_of_threads_is_one_remark_and_the_same_is_none(store: Store) -> None:
    now, parts = here(), {"weights": "0"}
    assert versions.remark(done(store, now, parts=parts)) is None
    said = versions.remark(done(store, replace(now, torch="1.0"), parts=parts))
    assert said == (
        f"Computed with {replace(now, torch='1.0').with_what}; here is {now.with_what}, so numbers computed now may "
        f"differ in the last digits."
    )


def test_a_run_of_an_earlier_fingerprint_says_that_it_answers_nothing(store: Store) -> None:
    assert "answers no question now" in (versions.remark(done(store, None)) or "")


def test_the_commit_is_read_from_a_clone_in_every_form_that_git_has(tmp_path: Path) -> None:
    assert commit(tmp_path) is None
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n")
    assert commit(tmp_path) is None
    (git / "packed-refs").write_text("# pack-refs\n1111 refs/heads/other\n2222 refs/heads/main\n")
    assert commit(tmp_path) == "2222"
    (git / "refs" / "heads" / "main").write_text("3333\n")
    assert commit(tmp_path) == "3333"
    second = tmp_path / "second"
    (git / "worktrees" / "second").mkdir(parents=True)
    (git / "worktrees" / "second" / "HEAD").write_text("ref: refs/heads/main\n")
    (git / "worktrees" / "second" / "commondir").write_text("../..\n")
    second.mkdir()
    (second / ".git").write_text(f"gitdir: {git / 'worktrees' / 'second'}\n")
    assert commit(second) == "3333"
    (git / "HEAD").write_text("4444\n")
    assert commit(tmp_path) == "4444"
