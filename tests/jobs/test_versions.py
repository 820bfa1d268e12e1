"""A store written before runs were told apart by content: it opens, and the same questions find its runs."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from explorer.jobs import versions
from explorer.jobs.requests import question_of, spec_of
from explorer.questions import (
    EigenvaluesQuestion,
    EvaluateQuestion,
    FinetuneQuestion,
    SpectrumQuestion,
    TracesQuestion,
)
from explorer.runs import Run, RunSpec, Store
from explorer.runs.artifacts import ArtifactFolder
from tests.runs.test_database import RECORDS

PLAN = {
    "version": 1,
    "study": "learnable",
    "weights_sha256": "5c972a37235cdd8be9b4c6aa8ff7532bf8b4e5c47f6baafd1120d7919de22fbe",
    "blocks": {name: {"w_bits": 2, "a_bits": 8} for name in ("0", "3", "6", "11")},
}


@dataclass(frozen=True)
class Known:
    """The study of the record, where it is now."""

    reference: str = "elsewhere/study.toml"
    fingerprint: str = "30f2f287e956552896453f0c68d04cd7e6abbfcfb9dec2f84c7ce3132733e4f0"


STUDY = Known()
# The record's traces are of version 2.
TRACES = spec_of(STUDY, TracesQuestion(rel_se=0.5)).model_copy(update={"version": 2})
# Its training is of version 1.
TRAINING = spec_of(STUDY, FinetuneQuestion(plan=PLAN, epochs=40, batch_size=16)).model_copy(
    update={"version": 1}
)


class Whole(ArtifactFolder):
    """The files that the old runs kept, as far as anyone asks here."""

    def has(self, sha256: str) -> bool:
        return True


@pytest.fixture
def old_store(home: Path) -> Iterator[Store]:
    """The store in which studies in two folders, here and there, asked questions by the code before."""
    home.mkdir()
    raw = sqlite3.connect(home / "runs.db")
    raw.executescript((RECORDS / "0001_kinds.sql").read_text())
    raw.close()
    opened = Store.open(artifacts=Whole(home / "artifacts"))
    yield opened
    opened.close()


def found(store: Store, spec: RunSpec) -> Run:
    run = store.find(spec)
    assert run is not None
    return run


def test_the_same_question_finds_the_old_run_wherever_the_study_is_now(old_store: Store) -> None:
    """Of every kind and every end, under the id the run had."""
    other_weights = {**PLAN, "weights_sha256": "0" * 64}
    asked = {
        "9c4132db07dc": (spec_of(STUDY, EvaluateQuestion()), "done"),
        "a08562a3ecc5": (TRACES, "done"),
        "9aac5b189ebb": (TRAINING, "cancelled"),
        "c60733995019": (spec_of(STUDY, EvaluateQuestion(plan=other_weights)), "failed"),
        "252ef1c77c0a": (spec_of(STUDY, EigenvaluesQuestion()), "cancelled"),
        "016cb59528fd": (spec_of(STUDY, SpectrumQuestion()), "queued"),
        "b94074a7d346": (
            RunSpec(kind="selftest", study="x", fingerprint="0", parameters={"steps": 3, "fail_at": 2}),
            "failed",
        ),
    }
    for run_id, (spec, status) in asked.items():
        run = found(old_store, spec)
        assert (run.id, run.status, run.spec.kind) == (run_id, status, spec.kind)
        assert versions.is_older(run) == (spec in (TRACES, TRAINING))
        assert old_store.submit(spec).id == run_id, "asked again, it is that run and no new one"
        assert old_store.get(run_id).spec == spec, "its study is known where it is now"
    result = found(old_store, spec_of(STUDY, EvaluateQuestion())).result
    assert result is not None
    assert result["accuracy"] == 0.9714285714285714
    saved = old_store.last_checkpoint("9aac5b189ebb")
    assert saved is not None
    assert saved[1]["step"] == 60, "it goes on from where it was"
    trained = question_of(TRAINING)
    assert isinstance(trained, FinetuneQuestion)
    assert (trained.method, trained.taught, trained.keep) == ("ste", False, "last"), "by the defaults of then"


def test_of_runs_that_turn_out_to_ask_the_same_the_last_one_finished_answers(old_store: Store) -> None:
    """The others stay, can be read, and say so."""
    assert len(old_store.list()) == 10, "none is gone"
    assert len(old_store.list(fingerprint=STUDY.fingerprint)) == 9
    for first, answering in (("7e3a68b24f73", "a08562a3ecc5"), ("9fabf63cb2d0", "c60733995019")):
        run = old_store.get(first)
        assert run.superseded_by == answering
        assert versions.remark(run) == (
            f"The same question was asked twice of one study: run {answering} answers it now."
        )
        assert found(old_store, run.spec).id == answering
    first_traces = old_store.get("7e3a68b24f73")
    assert first_traces.result is not None
    assert len(first_traces.result["blocks"]) == 4
    old_store.delete("7e3a68b24f73")
    assert found(old_store, TRACES).id == "a08562a3ecc5"


def test_numbers_of_an_older_algorithm_answer_no_question_of_today_and_say_so(old_store: Store) -> None:
    assert old_store.find(spec_of(STUDY, TracesQuestion(rel_se=0.4))) is None
    run = old_store.get("6e8b46679291")
    assert versions.is_older(run)
    assert versions.remark(run) == (
        "This run was made by an older version of the algorithm (1; now 3): compute it again for the numbers of today."
    )
    today = old_store.submit(spec_of(STUDY, TracesQuestion(rel_se=0.4)))
    assert not versions.is_older(today)


def test_a_moved_study_is_resumed_where_it_is_now(store: Store) -> None:
    """Asking, and resuming from a page, tell the run; the worker loads what the run says."""
    run = store.submit(spec_of(Known("/was/here"), TracesQuestion()))
    assert store.submit(spec_of(Known("/is/there"), TracesQuestion())).id == run.id
    assert store.get(run.id).spec.study == "/is/there"
    store.claim(run.id).fail("It broke.")
    assert store.resume(run.id, study="/is/elsewhere").spec.study == "/is/elsewhere"
    assert store.resume(run.id).spec.identity == run.spec.identity
