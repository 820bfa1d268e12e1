"""The comparison as a run: the direct call's rows as they come, cancelled and resumed to the same table."""

import time
from typing import Any

import pytest

from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.requests import spec_of
from explorer.lapq.loss import keeping
from explorer.lapq.rivals.comparison import compare
from explorer.lapq.rivals.table import Comparison
from explorer.questions import LapqTableQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Study

ASKED: dict[str, Any] = {"w_bits": 2, "a_bits": 32, "calibration": 32, "test_images": 50}


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keeping, "CHECKPOINT_SECONDS", 0.05)


@pytest.fixture(scope="module")
def direct(study: Study) -> Comparison:
    return compare(study, **ASKED)


def spec(study: Study, **options: Any) -> RunSpec:
    return spec_of(study, LapqTableQuestion(**{**ASKED, **options}))


def told(store: Store, run: Run) -> list[dict[str, Any]]:
    return list(store.points(run.id, "rows"))


def found(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without the work: what could be replayed before an interruption is computed anew after it."""
    return [{key: value for key, value in row.items() if key != "forward_equivalents"} for row in rows]


def test_the_run_gives_what_the_direct_call_gives(store: Store, study: Study, direct: Comparison) -> None:
    run = execute(store, spec(study))
    assert run.result is not None
    assert Comparison.from_json(run.result) == direct
    assert told(store, run) == run.result["rows"]


@pytest.mark.parametrize("after", [6, 9])  # rows: within a correction, and between the two
def test_cancelled_and_resumed_it_ends_with_the_same_rows(
    store: Store, study: Study, direct: Comparison, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    true_tell = keeping.Keeper.tell

    def cancelled(self: Any, series: str, content: dict[str, Any], **options: Any) -> None:
        true_tell(self, series, content, **options)
        if self._told["rows"] == after:
            store.cancel(self._whole.run_id)
            while not self._whole.should_stop():  # until the heartbeat hears of it
                time.sleep(0.02)

    with monkeypatch.context() as patched:
        patched.setattr(keeping.Keeper, "tell", cancelled)
        with pytest.raises(RunError, match="was cancelled"):
            execute(store, spec(study))
    [run] = store.list()
    assert len(told(store, run)) == after
    ended = execute(store, spec(study))
    assert ended.id == run.id
    assert ended.result is not None
    assert found(ended.result["rows"]) == found(direct.to_json()["rows"])
    assert told(store, ended) == ended.result["rows"], "no row is told twice, none is lost"


def test_the_same_question_in_other_words_is_one_run(study: Study) -> None:
    assert spec_of(study, LapqTableQuestion()).parameters == {}
    assert spec_of(study, LapqTableQuestion(corrections=["none", "mean"], leave=None)) == spec_of(
        study, LapqTableQuestion()
    )
    assert spec_of(study, LapqTableQuestion(leave=("b", "a"))) == spec_of(
        study, LapqTableQuestion(leave=["a", "b"])
    )
    assert spec_of(study, LapqTableQuestion(test_images=100)) != spec_of(study, LapqTableQuestion())
