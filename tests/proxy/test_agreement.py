"""Rank correlations against SciPy, and the pairs of equal size by hand."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kendalltau, spearmanr

from explorer.proxy import agreement
from explorer.proxy.rank_agreement import comparable


def losses_of(means: np.ndarray, noise: float = 0.0, images: int = 50) -> np.ndarray:
    """Losses with exactly these means; the images' own losses are common to all plans."""
    rng = np.random.default_rng(0)
    common = rng.standard_normal(images)
    own = noise * rng.standard_normal((len(means), images))
    own -= own.mean(1, keepdims=True)
    return means[:, None] + (common - common.mean()) + own


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), min_size=4, max_size=12))
def test_over_all_plans_they_are_scipys(points: list[tuple[int, int]]) -> None:
    """Ties among them."""
    a, b = np.array(points, dtype=float).T
    found = agreement(a, np.repeat(b[:, None], 3, axis=1), np.arange(len(a)) * 100.0 + 100, draws=2)
    rho, tau = spearmanr(a, b).statistic, kendalltau(a, b).statistic
    assert found.spearman.value == pytest.approx(rho, nan_ok=True)
    assert found.kendall.value == pytest.approx(tau, nan_ok=True)


def test_only_pairs_of_equal_size_that_differ_are_judged() -> None:
    sizes = np.array([100.0, 101.0, 100.5, 200.0])
    means = np.array([1.0, 2.0, 1.0001, 9.0])
    losses = losses_of(means, noise=0.1)
    judged = comparable(losses, sizes)
    assert judged[0, 1]
    assert judged[1, 2]
    assert not judged[0, 2], "their losses are within the noise"
    assert not judged[:, 3].any(), "of another size"
    assert not judged.diagonal().any()
    perfect = agreement(np.array([1.0, 3.0, 2.0, 0.0]), losses, sizes)
    assert perfect.pairs == 2
    assert perfect.equal_size.value == 1
    assert perfect.kendall.value < 1, "size is predicted wrongly, which is not what is judged at equal size"
    half = agreement(np.array([1.0, 3.0, 4.0, 5.0]), losses, sizes)
    assert half.equal_size.value == 0


def test_paired_losses_tell_apart_what_unpaired_ones_would_not() -> None:
    """The images' own losses vary by 1 and cancel in a difference."""
    sizes = np.full(2, 100.0)
    assert comparable(losses_of(np.array([0.0, 0.01])), sizes).any()
    rng = np.random.default_rng(1)
    assert not comparable(rng.standard_normal((2, 50)), sizes).any()


def test_the_interval_holds_the_value_follows_the_seed_and_narrows_with_plans() -> None:
    rng = np.random.default_rng(3)
    x = rng.standard_normal(200)
    y = x + rng.standard_normal(200)
    sizes = np.arange(200) + 1000.0
    few, many = (agreement(x[:n], losses_of(y[:n]), sizes[:n]) for n in (20, 200))
    assert few == agreement(x[:20], losses_of(y[:20]), sizes[:20])
    for found in (few.spearman, few.kendall, few.equal_size):
        assert found.low <= found.value <= found.high
    assert many.spearman.high - many.spearman.low < 0.6 * (few.spearman.high - few.spearman.low)


def test_the_interval_covers_as_often_as_it_says() -> None:
    """Spearman's ρ of normal pairs with correlation r is 6/π asin(r/2) in the large."""
    r, covered = 0.6, 0
    true = 6 / np.pi * np.arcsin(r / 2)
    for seed in range(40):
        rng = np.random.default_rng(seed)
        x = rng.standard_normal(60)
        y = r * x + np.sqrt(1 - r * r) * rng.standard_normal(60)
        found = agreement(x, np.repeat(y[:, None], 2, axis=1), np.arange(60) * 100 + 100.0, draws=100)
        covered += found.spearman.low <= true <= found.spearman.high
    assert 33 <= covered <= 40
