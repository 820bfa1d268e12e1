"""A run is about the study as it was when it was asked for: another network never goes on with it."""

from pathlib import Path
from typing import Any

import pytest

from explorer import studies
from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion, FinetuneQuestion
from explorer.runs import Run, Store
from explorer.studies import Study
from tests import learnable


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return learnable.write(tmp_path / "learnable").parent


def edit(folder: Path, old: str = "AdaptiveAvgPool2d", new: str = "AdaptiveMaxPool2d") -> Study:
    """The study after its network became another one."""
    source = (folder / "net.py").read_text()
    assert old in source
    (folder / "net.py").write_text(source.replace(old, new))
    return studies.load_network(folder)


def test_after_an_edit_of_the_code_the_question_is_a_new_one(store: Store, folder: Path) -> None:
    """It was answered with the old network's loss and accuracy."""
    before = studies.load_network(folder)
    first = execute(store, spec_of(before, EvaluateQuestion()), study=before)
    after = edit(folder)
    second = execute(store, spec_of(after, EvaluateQuestion()), study=after)
    assert second.id != first.id
    assert (first.result or {})["loss"] != (second.result or {})["loss"]


def test_a_training_that_was_stopped_before_the_edit_is_not_resumed_on_the_other_network(
    store: Store, folder: Path
) -> None:
    study = studies.load_network(folder)
    plan = Plan.uniform(study, study.blocks(), 2, 8)
    question = FinetuneQuestion(plan=plan.to_json(), epochs=3, batch_size=16)

    def stop(run: Run) -> None:
        if "batch 22" in run.message:
            raise KeyboardInterrupt

    from explorer.runs import context

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context, "REPORT_SECONDS", 0.0)
        with pytest.raises(KeyboardInterrupt):
            execute(store, spec_of(study, question), on_progress=stop, study=study)
    old = store.find(spec_of(study, question))
    assert old is not None
    assert store.last_checkpoint(old.id) is not None
    other = edit(folder)
    assert store.find(spec_of(other, question)) is None, "the same command asks anew"
    with pytest.raises(
        RunError, match=r"has changed since this run was asked for: net\.py changed; ask again"
    ):
        execute(store, old.spec)
    assert store.get(old.id).status == "failed"
    assert "net.py changed" in (store.get(old.id).error or "")
    with pytest.raises(RunError, match=r"net\.py changed"):
        execute(store, old.spec, study=other)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("weights.safetensors", lambda data: data[:-1] + bytes([data[-1] ^ 1]), "the weights changed"),
        ("study.toml", lambda data: data.replace(b"[0.25]", b"[0.26]"), "the preprocessing changed"),
        (
            "study.toml",
            lambda data: data.replace(b'"cross_entropy"', b'"cross_entropy"\nlabel_smoothing = 0.1'),
            "the loss changed",
        ),
    ],
)
def test_the_refusal_says_what_changed(store: Store, folder: Path, name: str, change: Any, said: str) -> None:
    study = studies.load_network(folder)
    run = store.submit(spec_of(study, EvaluateQuestion()), parts=study.parts)
    (folder / name).write_bytes(change((folder / name).read_bytes()))
    with pytest.raises(RunError, match=f"asked for: {said}; ask again"):
        execute(store, run.spec)


def test_parts_are_kept_beside_the_spec_and_are_no_part_of_it(store: Store, folder: Path) -> None:
    study = studies.load_network(folder)
    spec = spec_of(study, EvaluateQuestion())
    assert store.submit(spec, parts=study.parts).parts == study.parts
    assert store.get(spec.run_id).spec == spec
