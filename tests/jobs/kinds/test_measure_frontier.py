"""The kind ``measure_frontier``: the library's measurement, interrupted or not."""

from typing import Any

import numpy as np
import pytest

from explorer.jobs import execute
from explorer.jobs.kinds import measure_frontier as job
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import comparison, headlines, titles
from explorer.proxy import measure_along
from explorer.proxy.along import SERIES
from explorer.questions import Ladder, MeasureFrontierQuestion
from explorer.runs import Store
from explorer.runs.plain import plain
from explorer.studies import Study
from tests.jobs.kinds.test_eigen import interrupted, without_seconds


def question(study: Study) -> MeasureFrontierQuestion:
    names = [block.name for block in study.blocks()]
    rows = [[min(8, 2 + level // 2 + (i < level % 2)) for i in range(len(names))] for level in range(12)]
    ladder = Ladder.of(names, rows, [[8] * len(names)] * len(rows))
    return MeasureFrontierQuestion(plans=ladder, points=7, samples=100)


def test_the_result_is_that_of_the_library_and_is_told(store: Store, study: Study) -> None:
    asked = question(study)
    run = execute(store, spec_of(study, asked))
    assert run.result is not None, run.error
    direct = measure_along(study, study.blocks(), asked.plans, points=7, samples=100)
    assert without_seconds(run.result) == without_seconds(plain(direct.to_json(), "result"))
    kept = store.artifacts.get_tensors(run.artifacts[job.LOSSES])
    places = [-1, *direct.order]
    by_place = {plan.place: plan for plan in (direct.full, *direct.plans)}
    np.testing.assert_allclose(kept["loss"].mean(1), [by_place[each].loss for each in places])
    accuracies = np.array([by_place[each].accuracy for each in places], float)
    np.testing.assert_allclose(kept["right"].mean(1), accuracies)
    told = store.points(run.id, SERIES)
    assert [point["place"] for point in told] == places
    assert titles.of(run).endswith("of 12 plans, W2 to W8, A8 · points 7 · samples 100")
    names = [number.name for number in headlines.of(run)]
    assert f"accuracy at {direct.plans[0].size_bytes:,} B" in names
    assert "plans" in {line.name for line in comparison.asked(run)}


def test_an_interrupted_run_goes_on_to_the_same_result(
    store: Store, study: Study, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    spec = spec_of(study, question(study))
    resumed = interrupted(store, spec, monkeypatch, 1, 3)
    whole = execute(Store.open(home=tmp_path / "another home"), spec)
    assert resumed.result is not None
    assert whole.result is not None
    assert without_seconds(resumed.result) == without_seconds(whole.result)
    assert resumed.artifacts == whole.artifacts
