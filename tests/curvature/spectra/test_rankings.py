"""Orders by eigenvalue and by trace: ranks, correlations, and how far their errors leave them open."""

import math
from typing import Any

import pytest
from scipy import stats

from explorer.curvature.spectra.rankings import (
    Score,
    by_eigenvalue,
    by_trace,
    compare,
    fine_tuning_order,
    times,
)
from explorer.errors import CurvatureError

EIGENVALUES: list[dict[str, Any]] = [
    {"block": "a", "n": 10, "values": [20.0, 1.0], "stderrs": [1.0, 0.1]},
    {"block": "b", "n": 2, "values": [8.0], "stderrs": [0.4]},
    {"block": "c", "n": 4, "values": [-2.0, -3.0], "stderrs": [None, None]},
    {"block": None, "n": 16, "values": [30.0, 9.0], "stderrs": [1.0, 1.0]},
]
TRACES: list[dict[str, Any]] = [
    {"name": "a", "n": 10, "trace": 50.0, "stderr": 5.0},
    {"name": "b", "n": 2, "trace": 6.0, "stderr": 0.2},
    {"name": "c", "n": 4, "trace": 1.0, "stderr": 0.4},
]


def scores(values: list[float], stderr: float = 0.0) -> tuple[Score, ...]:
    return tuple(Score(str(i), value, stderr) for i, value in enumerate(values))


def test_scores_are_per_weight_with_their_errors() -> None:
    assert by_eigenvalue(EIGENVALUES) == (Score("a", 2.0, 0.1), Score("b", 4.0, 0.2), Score("c", -0.5, 0.0))
    assert by_trace(TRACES) == (Score("a", 5.0, 0.5), Score("b", 3.0, 0.1), Score("c", 0.25, 0.1))
    assert times(by_trace(TRACES), {"a": 2, "b": 1, "c": 4})[0] == Score("a", 10.0, 1.0)


def test_the_fine_tuning_order_is_the_eigenvalue_times_the_squared_error() -> None:
    order = fine_tuning_order(EIGENVALUES, {"a": 0.1, "b": 0.5, "c": 0.2})
    assert [score.block for score in order] == ["b", "a", "c"]
    assert [score.value for score in order] == pytest.approx([4.0, 2.0, -0.4])
    assert order[0].stderr == pytest.approx(0.2)


def test_ranks_and_correlations_are_scipys() -> None:
    found = compare(by_eigenvalue(EIGENVALUES), by_trace(TRACES))
    assert found.first_ranks == (2, 1, 3)
    assert found.second_ranks == (1, 2, 3)
    assert found.spearman.value == pytest.approx(0.5)
    assert found.kendall.value == pytest.approx(1 / 3)
    x, y = [3.0, 1.0, 4.0, 1.5, 9.0, 4.0], [2.0, 7.0, 1.0, 8.0, 2.0, 3.0]  # with ties
    found = compare(scores(x), scores(y))
    assert found.spearman.value == pytest.approx(stats.spearmanr(x, y).statistic)
    assert found.kendall.value == pytest.approx(stats.kendalltau(x, y).statistic)


def test_without_errors_there_is_no_interval_and_with_them_it_holds_the_value() -> None:
    x, y = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0], [1.0, 2.1, 2.9, 4.2, 5.5, 5.9]
    sure = compare(scores(x), scores(y)).spearman
    assert sure.low == sure.value == sure.high == pytest.approx(1)
    unsure = compare(scores(x, 1.0), scores(y, 1.0)).spearman
    assert unsure.low < 0.9 < unsure.high <= 1
    wide = compare(scores(x, 100.0), scores(y, 100.0)).spearman
    assert wide.low < -0.5
    assert wide.high > 0.5


def test_the_interval_belongs_to_the_seed() -> None:
    x, y = scores([1.0, 2.0, 3.0, 4.0], 1.0), scores([2.0, 1.0, 4.0, 3.0], 1.0)
    assert compare(x, y, seed=1) == compare(x, y, seed=1)
    assert compare(x, y, seed=1).kendall != compare(x, y, seed=2).kendall


def test_only_blocks_that_both_know_are_compared() -> None:
    found = compare(by_eigenvalue(EIGENVALUES), by_trace(TRACES[:2]))
    assert [score.block for score in found.first] == ["a", "b"] == [score.block for score in found.second]
    with pytest.raises(CurvatureError, match="two blocks or more"):
        compare(by_eigenvalue(EIGENVALUES), by_trace(TRACES[:1]))


def test_a_score_that_is_the_same_everywhere_has_no_correlation() -> None:
    found = compare(scores([1.0, 1.0, 1.0]), scores([1.0, 2.0, 3.0], 0.1))
    assert math.isnan(found.spearman.value)
    assert math.isnan(found.kendall.low)
