"""Standard errors, paired differences and rank correlations, against other libraries and by their properties."""

import math
from itertools import combinations
from typing import Any

import numpy as np
import pytest
import scipy.stats
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from explorer.estimates import (
    Estimate,
    RunningMean,
    RunningMeans,
    correlation,
    kendall,
    mean,
    means,
    paired,
    paired_over_runs,
    paired_with_each_other,
    relative,
    share,
    spearman,
    weighted,
    within_noise,
)

NUMBERS = st.floats(-1e3, 1e3).map(lambda x: round(x, 3))
FEW_LEVELS = st.integers(0, 4).map(float)  # so that there are ties


def lists(least: int = 2, numbers: st.SearchStrategy[float] = NUMBERS) -> st.SearchStrategy[np.ndarray]:
    return st.lists(numbers, min_size=least, max_size=30).map(np.array)


@st.composite
def batches(draw: st.DrawFn) -> list[np.ndarray]:
    """Batches of uneven sizes, the last one often of one sample."""
    values = draw(lists(3))
    ends = sorted(draw(st.sets(st.integers(1, len(values) - 1), min_size=1)))
    return np.split(values, ends)


@given(lists())
def test_the_mean_has_scipys_standard_error(values: np.ndarray) -> None:
    found = mean(values)
    assert found.value == pytest.approx(values.mean(), abs=1e-9)
    assert found.stderr == pytest.approx(scipy.stats.sem(values), abs=1e-9)
    assert tuple(mean(torch.from_numpy(values))) == pytest.approx(tuple(found), abs=1e-9)


@given(values=lists(), more=st.integers(0, 30))
def test_nothing_is_left_to_chance_when_all_were_drawn(values: np.ndarray, more: int) -> None:
    """The correction goes from none, where the values are few of many, to all."""
    population = len(values) + more
    left = math.sqrt(more / population)
    assert mean(values, population).stderr == pytest.approx(left * mean(values).stderr, abs=1e-9)
    assert mean(values, len(values)).stderr == 0


def test_the_correction_is_what_drawing_without_replacement_does() -> None:
    """Every draw of 3 of 5 values: the squared errors found have the variance of the means found as their mean."""
    population = np.array([1.0, 4.0, 4.5, 9.0, 20.0])
    found = [mean(np.array(drawn), 5) for drawn in combinations(population, 3)]
    variance = np.var([each.value for each in found])
    assert np.mean([each.stderr**2 for each in found]) == pytest.approx(variance)


def test_one_value_says_nothing_of_its_error() -> None:
    """An error of 0 would make a guess look certain."""
    ones: tuple[Any, ...] = (np.array([3.0]), torch.tensor([3.0]))
    for one in ones:
        assert mean(one) == Estimate(3.0, math.inf)
        assert mean(one, 10).stderr == math.inf
        assert mean(one, 1).stderr == 0


@given(arrays(float, (7, 3), elements=NUMBERS))
def test_columns_are_estimated_one_by_one(values: np.ndarray) -> None:
    of_columns = np.stack(means(values), axis=1)
    one_by_one = np.array([mean(column) for column in values.T])
    np.testing.assert_allclose(of_columns, one_by_one, atol=1e-9)


@given(st.lists(st.booleans(), min_size=1))
def test_a_share_has_the_error_of_a_binomial(hits: list[bool]) -> None:
    n = len(hits)
    found = share(np.array(hits))
    assert found.value == pytest.approx(sum(hits) / n)
    assert found.stderr == pytest.approx(scipy.stats.binom(n, found.value).std() / n, abs=1e-12)
    assert share(torch.tensor(hits)) == found


@given(st.lists(st.booleans(), min_size=2))
def test_a_share_is_nearly_the_mean_of_its_hits(hits: list[bool]) -> None:
    """The mean's error has n - 1 where that of a share has n."""
    n = len(hits)
    assert share(np.array(hits)).stderr * math.sqrt(n / (n - 1)) == pytest.approx(
        mean(np.array(hits, float)).stderr, abs=1e-12
    )


@given(hard=lists(5), seed=st.integers(0, 100))
def test_paired_beats_unpaired(hard: np.ndarray, seed: int) -> None:
    """Two networks find the same images hard: that is no part of the error of their difference."""
    assume(hard.std() > 1)
    noise = np.random.default_rng(seed).normal(size=(2, len(hard))) * 0.01 * hard.std()
    first, second = hard + noise[0], hard + noise[1] + 1
    found = paired(second, first)
    assert found.value == pytest.approx(mean(second).value - mean(first).value, abs=1e-9)
    assert found.stderr < math.hypot(mean(first).stderr, mean(second).stderr)


def test_paired_differences_are_taken_in_double_precision() -> None:
    """Losses in float32 that differ in the last digits."""
    first = torch.full((100,), 1.0)
    second = first + torch.linspace(0, 1e-6, 100)
    assert paired(second, first).value == pytest.approx(float((second.double() - first.double()).mean()))


@given(arrays(float, (4, 9), elements=NUMBERS))
def test_all_pairs_are_paired(values: np.ndarray) -> None:
    differences, errors = paired_with_each_other(values)
    for i in range(4):
        for j in range(4):
            found = paired(values[i], values[j])
            assert differences[i, j] == pytest.approx(found.value, abs=1e-9)
            assert errors[i, j] == pytest.approx(found.stderr, abs=1e-4)


@given(batches())
def test_ragged_batches_give_the_same_mean_as_all_at_once(parts: list[np.ndarray]) -> None:
    """The last batch is smaller: weighed equally it would count for too much."""
    everything = np.concatenate(parts)
    sizes = [len(part) for part in parts]
    of_batches, _ = weighted(np.array([part.mean() for part in parts]), sizes)
    running = RunningMean()
    for part in parts:
        running.add(float(part.mean()), len(part))
    assert of_batches == pytest.approx(everything.mean(), abs=1e-9)
    assert running.value == pytest.approx(everything.mean(), abs=1e-9)
    assert running.samples == len(everything)


@given(lists())
def test_equal_weights_are_no_weights(values: np.ndarray) -> None:
    found = weighted(values, np.full(len(values), 7))
    assert [float(each) for each in found] == pytest.approx(list(mean(values)), abs=1e-9)
    assert weighted(values[:1], [3])[1] == math.inf


@given(batches())
def test_running_means_do_not_depend_on_the_batches(parts: list[np.ndarray]) -> None:
    """To the bit: a computation goes on from its state as if it had never stopped."""
    together, batched = RunningMeans(), RunningMeans()
    together.add(torch.from_numpy(np.concatenate(parts))[:, None])
    for part in parts:
        batched = RunningMeans.from_state(batched.state())
        batched.add(torch.from_numpy(part)[:, None])
    assert batched == together
    whole = mean(np.concatenate(parts))
    assert (together.mean[0], together.stderr[0]) == pytest.approx(tuple(whole), abs=1e-6)


def test_differences_within_their_error_are_noise() -> None:
    assert within_noise(-1.9, 1.0)
    assert not within_noise(2.1, 1.0)
    assert within_noise(0.0, 0.0)  # no difference, and no doubt of it
    assert not within_noise(1.0, 1.0, z=0.5)
    assert within_noise(np.array([1.0, 3.0]), np.array([1.0, 1.0])).tolist() == [True, False]


def test_relative_errors() -> None:
    assert relative(1.0, -4.0) == 0.25
    assert relative(0.0, 0.0) == 0
    assert relative(1.0, 0.0) == math.inf


@given(st.integers(2, 12).flatmap(lambda n: arrays(float, (2, 3, n), elements=FEW_LEVELS)))
def test_rank_correlations_with_ties_are_scipys(both: np.ndarray) -> None:
    """Along the last axis, row by row; a constant row has none."""
    for ours, theirs in ((spearman, scipy.stats.spearmanr), (kendall, scipy.stats.kendalltau)):
        for i, found in enumerate(ours(*both)):
            a, b = both[0, i], both[1, i]
            if np.ptp(a) == 0 or np.ptp(b) == 0:
                assert math.isnan(found)
            else:
                assert found == pytest.approx(theirs(a, b).statistic, abs=1e-9)
            np.testing.assert_array_equal(ours(a, b), found)


@given(a=lists(3, FEW_LEVELS), seed=st.integers(0, 100))
def test_pairs_that_do_not_count_play_no_part(a: np.ndarray, seed: int) -> None:
    """Kendall's tau of two groups, over pairs within a group: (concordant - discordant) over the untied ones."""
    rng = np.random.default_rng(seed)
    b, group = rng.integers(0, 4, len(a)).astype(float), rng.integers(0, 2, len(a))
    found = kendall(a, b, group[:, None] == group)
    agreeing, untied = 0.0, [0, 0]
    for i in range(len(a)):
        for j in range(i):
            if group[i] == group[j]:
                signs = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
                agreeing += signs[0] * signs[1]
                untied = [untied[0] + (signs[0] != 0), untied[1] + (signs[1] != 0)]
    if min(untied) == 0:
        assert math.isnan(found)
    else:
        assert found == pytest.approx(agreeing / math.sqrt(untied[0] * untied[1]))


def test_an_interval_holds_its_value() -> None:
    """Resampling leans towards zero, and the value found may lie outside of what it gives."""
    others = np.linspace(0.1, 0.5, 101)
    assert correlation(0.3, others).low == pytest.approx(0.11)
    assert correlation(0.9, others).high == 0.9
    nothing = correlation(math.nan, others)
    assert all(map(math.isnan, (nothing.value, nothing.low, nothing.high)))
    assert math.isnan(correlation(0.3, np.full(3, math.nan)).low)


def test_the_error_over_runs_holds_seeds_and_samples() -> None:
    """Its square is on average the variance of the difference, of drawn seeds, drawn samples and what is left."""
    draw, runs, samples, repeats = np.random.default_rng(0), 4, 50, 2000
    seed, sample, rest = 0.3, 1.0, 2.0
    apart = (
        draw.normal(0, seed, (repeats, runs, 1))
        + draw.normal(0, sample, (repeats, 1, samples))
        + draw.normal(0, rest, (repeats, runs, samples))
    )
    found = [paired_over_runs(each, np.zeros_like(each)) for each in apart]
    true = seed**2 / runs + sample**2 / samples + rest**2 / (runs * samples)
    assert np.var([each.value for each in found]) == pytest.approx(true, rel=0.1)
    assert np.mean([each.stderr**2 for each in found]) == pytest.approx(
        true, rel=0.1
    )  # both errors added: 32 % more
    once = apart[0, :1]
    assert paired_over_runs(once, 0 * once).stderr == pytest.approx(once.std(ddof=1) / math.sqrt(samples))
