"""A snapshot of a study's runs answers as the store does, and reads and parses each run once."""

from dataclasses import dataclass

import pytest

from explorer.errors import RunError
from explorer.jobs import answers
from explorer.jobs.requests import spec_of
from explorer.jobs.snapshot import Snapshot
from explorer.questions import SpectrumQuestion, TracesQuestion
from explorer.runs import Store


@dataclass(frozen=True)
class Known:
    reference: str = "a/study.toml"
    fingerprint: str = "f" * 64


STUDY = Known()
RESULT = {
    "study": "a",
    "of": "weights",
    "method": "exact",
    "blocks": [{"name": "a", "n": 2, "trace": 1.0, "mean_trace": 0.5, "stderr": 0.1, "samples": 3}],
    "seconds": 1.0,
}


def finished(store: Store, question: TracesQuestion, **changes: object) -> str:
    run = store.submit(spec_of(STUDY, question))
    store.claim(run.id).finish({**RESULT, **changes})
    return run.id


@pytest.fixture
def filled() -> Store:
    store = Store.open()
    finished(store, TracesQuestion())
    store.submit(spec_of(STUDY, SpectrumQuestion()))
    return store


def test_it_answers_as_the_store_does(filled: Store) -> None:
    snapshot = Snapshot(filled, STUDY.fingerprint)
    for question in (TracesQuestion(), TracesQuestion(rel_se=0.2), SpectrumQuestion()):
        assert snapshot.find(spec_of(STUDY, question)) == filled.find(spec_of(STUDY, question))
        assert answers.answer(snapshot, STUDY, question) == answers.answer(filled, STUDY, question)
    assert snapshot.list(kind="traces") == filled.list(kind="traces")
    with pytest.raises(RunError, match="runs of one study"):
        snapshot.list(fingerprint="another")


def test_what_was_parsed_is_not_parsed_again_until_the_run_changes(filled: Store) -> None:
    first = Snapshot(filled, STUDY.fingerprint)
    [run] = first.list(kind="traces")
    traces = first.result(run)
    assert traces.mean_traces == {"a": 0.5}
    second = Snapshot(filled, STUDY.fingerprint, first)
    assert second.list(kind="traces")[0] is run
    assert second.result(run) is traces
    filled.delete(run.id)
    finished(filled, TracesQuestion(), blocks=[])
    third = Snapshot(filled, STUDY.fingerprint, second)
    assert third.result(third.list(kind="traces")[0]).blocks == ()


def test_a_run_at_work_is_seen_as_it_is_now(filled: Store) -> None:
    first = Snapshot(filled, STUDY.fingerprint)
    asked = spec_of(STUDY, SpectrumQuestion())
    before = first.find(asked)
    assert before is not None
    assert first.result(before) is None
    lease = filled.claim(before.id)
    lease.report(0.5, "half")
    now = Snapshot(filled, STUDY.fingerprint, first).find(asked)
    assert now is not None
    assert (now.status, now.fraction) == ("running", 0.5)
