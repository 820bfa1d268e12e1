"""A landscape as a run: stopped and resumed it gives the numbers of the direct call; its points come as measured."""

import math
import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from explorer.errors import RunError
from explorer.jobs import execute
from explorer.jobs.kinds import landscape as job
from explorer.jobs.requests import spec_of
from explorer.landscape import Slice, measure_slice, recording
from explorer.questions import LandscapeQuestion
from explorer.runs import Run, RunSpec, Store
from explorer.studies import Loss, Study
from explorer.watching import Stopped, Through, Watcher

ASKED: dict[str, Any] = {"directions": "random", "points": 9, "samples": 64}


@pytest.fixture(autouse=True)
def kept_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "RECORD_SECONDS", 0.0)


def spec(study: Study, **options: Any) -> RunSpec:
    return spec_of(study, LandscapeQuestion(block="6", **{**ASKED, **options}))


def told(store: Store, run: Run) -> Slice:
    """The slice as a page builds it while the run lives."""
    found = Slice.from_json(store.points(run.id, "slice")[-1])
    for points in store.points(run.id, "points"):
        found = found.with_points(points)
    return found


def test_the_run_gives_what_the_direct_call_gives(store: Store, study: Study) -> None:
    run = execute(store, spec(study))
    assert run.result is not None
    found, direct = Slice.from_json(run.result), measure_slice(study, block="6", **ASKED)
    np.testing.assert_array_equal(found.loss, direct.loss)
    np.testing.assert_array_equal(found.predicted, direct.predicted)
    assert (found.axes, found.marks) == (direct.axes, direct.marks)
    grown = told(store, run)
    np.testing.assert_array_equal(grown.loss, direct.loss)
    assert grown.marks == direct.marks
    assert set(store.artifacts.get_tensors(run.artifacts["directions"])) == {"0:6.weight", "1:6.weight"}


def test_points_come_coarse_to_fine(store: Store, study: Study) -> None:
    run = execute(store, spec(study))
    points = [tuple(at) for each in store.points(run.id, "points") for at in each["at"]]
    assert len(points) == len(set(points)) == 81
    assert all(i % 2 == j % 2 == 0 for i, j in points[:25])
    assert points[0] == (4, 4)


@pytest.mark.parametrize("count", [10, 60])
def test_cancelled_and_resumed_it_ends_with_the_same_numbers(
    store: Store, study: Study, count: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Cancelled before and after the marks; what was measured before is not measured again."""
    whole = execute(store, spec(study, seed=1))
    other = Store.open(home=store.home / "other")

    class Cancelling(Through):
        """Cancels after so many points, and waits until the heartbeat has heard of it."""

        def report(self, fraction: float, message: str = "") -> None:
            super().report(fraction, message)
            if message.startswith(f"{count} of 81 points"):
                other.cancel(whole.id)
                with suppress(Stopped):
                    while True:
                        self.check_stop()
                        time.sleep(0.02)

    def cancelled(study: Study, question: LandscapeQuestion, *, watcher: Watcher) -> Slice:
        return measure_slice(study, question, watcher=Cancelling(watcher))

    with monkeypatch.context() as patched:
        patched.setattr(job, "measure_slice", cancelled)
        with pytest.raises(RunError, match="was cancelled"):
            execute(other, spec(study, seed=1))
    part = other.get(whole.id)
    assert part.status == "cancelled"
    assert told(other, part).measured.sum() == count
    ended = execute(other, spec(study, seed=1))
    assert ended.result is not None
    assert whole.result is not None
    first, second = Slice.from_json(ended.result), Slice.from_json(whole.result)
    np.testing.assert_array_equal(first.loss, second.loss)
    np.testing.assert_array_equal(first.stderr, second.stderr)
    assert (first.marks, first.axes) == (second.marks, second.axes)
    points = [tuple(at) for each in other.points(ended.id, "points") for at in each["at"]]
    assert len(points) == len(set(points)) == 81, "no point is told twice, none is lost"
    other.close()


def test_losses_that_are_not_finite_survive_the_store(store: Store, study: Study) -> None:
    squared = replace(study, loss=Loss("mse"))  # of outputs that the four layers together make 1e24 and more
    question = LandscapeQuestion(dims=1, points=9, samples=20, directions="random", radius=1e6)
    run = execute(store, spec_of(squared, question), study=squared)
    assert run.result is not None
    assert Slice.from_json(run.result).not_finite > 0
    assert any(not math.isfinite(value) for value in run.result["loss"])


def test_the_same_question_in_other_words_is_one_run(study: Study) -> None:
    asked = spec_of(study, LandscapeQuestion(block="6"))
    assert asked.parameters == {"block": "6"}
    assert asked == spec_of(
        study, LandscapeQuestion(block="6", directions="eigen", dims=2, points=17, bits=[3, 2])
    )
    assert spec_of(study, LandscapeQuestion()).parameters == {}
    quantized = spec_of(study, LandscapeQuestion(directions="quantization", dims=1, bits=(4, 3)))
    assert quantized == spec_of(study, LandscapeQuestion(directions="quantization", dims=1, bits=[4]))
    assert quantized != spec_of(study, LandscapeQuestion(directions="quantization", dims=1, bits=[3]))
    assert spec_of(study, LandscapeQuestion(directions="quantization", bits=[3, 2])).parameters["bits"] == [
        3,
        2,
    ]


def test_a_block_that_is_not_there_fails_in_a_sentence(store: Store, study: Study, tmp_path: Path) -> None:
    with pytest.raises(Exception, match="learnable has no block 'nowhere'"):
        execute(store, spec_of(study, LandscapeQuestion(block="nowhere")))
    [run] = store.list(kind="landscape")
    assert run.status == "failed"
