"""Percentile, ACIQ and KL: their constants, slow copies of their definitions, and what they refuse."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers import Affine, Grid, QuantizerSettings, Scheme, fake_quantize, quantize_weight, steps
from explorer.quantizers.steps import aciq, kl
from tests.examples import examples

from .strategies import SCHEMES, matrices, schemes

RULES = ("percentile:99", "aciq-laplace", "aciq-gauss", "kl")


def quantiles(distribution: stats.rv_continuous, n: int = 40_001) -> Tensor:
    """A sample without chance."""
    return torch.tensor(distribution.ppf((np.arange(n) + 0.5) / n), dtype=torch.float32)


def squared(x: Tensor, q: Affine) -> float:
    return float((fake_quantize(x, q) - x).double().square().mean())


@settings(max_examples=examples(40))
@given(matrices(), st.sampled_from([2, 4, 8]), schemes, st.sampled_from(RULES))
def test_every_rule_gives_a_positive_step_that_never_exceeds_that_of_min_max(
    x: Tensor, b: int, scheme: Scheme, rule: str
) -> None:
    grid = Grid.of(b, scheme)
    q = steps.choose(rule, x, grid, scheme=scheme)
    assert torch.isfinite(q.step)
    assert 0 < q.step <= steps.choose("min-max", x, grid, scheme=scheme).step * (1 + 1e-6)
    assert torch.isfinite(fake_quantize(x, q)).all()
    assert (fake_quantize(torch.zeros(1), q) == 0).all()


@given(matrices(), schemes, st.sampled_from(["percentile:90", "aciq-laplace", "aciq-gauss"]))
def test_choosing_per_channel_is_choosing_each_channel_alone(x: Tensor, scheme: Scheme, rule: str) -> None:
    grid = Grid.of(4, scheme)
    together = steps.choose(rule, x, grid, 0, scheme)
    alone = torch.stack([steps.choose(rule, row, grid, None, scheme).step for row in x])
    assert torch.allclose(together.step, alone, rtol=1e-5, atol=0)


@pytest.mark.parametrize("rule", RULES)
def test_one_bit_with_a_sign_is_refused_with_what_to_choose_instead(rule: str) -> None:
    with pytest.raises(QuantizerError, match="choose the step rule"):
        steps.choose(rule, torch.randn(50), Grid.signed(1))


# percentile


@given(matrices(), st.sampled_from([51.0, 75.0, 90.0]))
def test_no_more_than_the_percentage_asked_for_is_clipped(x: Tensor, percent: float) -> None:
    values = x.double().flatten()
    q = steps.choose(f"percentile:{percent}", values, Grid.signed(4))
    beyond = (values > q.step * 7 * (1 + 1e-6)) | (values < -q.step * 8 * (1 + 1e-6))
    assert float(beyond.double().mean()) <= 1 - percent / 100 + 1e-9


def test_a_percentile_by_hand() -> None:
    x = torch.cat([torch.arange(-49.0, 50.0), torch.tensor([1000.0])])
    assert float(steps.choose("percentile:99", x, Grid.signed(4)).step) == pytest.approx(7.0)  # 49 / 7
    affine = steps.choose("percentile:99", x, Grid.unsigned(8), scheme="affine")
    assert float(affine.step) == pytest.approx((49 + 48) / 255, rel=1e-6)  # a value below is cut off too


def test_a_hundred_per_cent_is_min_max() -> None:
    x = torch.randn(200, generator=torch.Generator().manual_seed(0))
    for scheme in SCHEMES:
        grid = Grid.of(4, scheme)
        ours, whole = (steps.choose(rule, x, grid, scheme=scheme) for rule in ("percentile:100", "min-max"))
        assert float(ours.step) == pytest.approx(float(whole.step), rel=1e-6)


def test_a_tensor_of_mostly_zeros_is_not_clipped_to_nothing() -> None:
    x = torch.zeros(1000)
    x[:3] = torch.tensor([1.0, 2.0, 14.0])
    assert float(steps.choose("percentile:99", x, Grid.signed(4)).step) == 2


@pytest.mark.parametrize("percent", ["50", "101", "nan"])
def test_what_is_no_percentile_is_refused(percent: str) -> None:
    with pytest.raises(QuantizerError, match="percentile"):
        QuantizerSettings(step=f"percentile:{percent}")


# ACIQ


def test_the_constants_are_the_published_ones() -> None:
    """Banner et al. 2019, mse_analysis.py."""
    for bits, laplace, gauss in ((2, 2.8307, 1.7106), (3, 3.8972, 2.1516), (4, 5.0286, 2.5591)):
        assert aciq.best_clip("laplace", bits) == pytest.approx(laplace, abs=5e-5)
        assert aciq.best_clip("gauss", bits) == pytest.approx(gauss, abs=5e-5)


@pytest.mark.parametrize("bits", [2, 4, 6])
def test_the_constants_minimise_the_error_they_are_derived_from(bits: int) -> None:
    """Oracle: the clipping error integrated numerically, the sum minimised by SciPy."""
    for prior, density in (("laplace", stats.laplace), ("gauss", stats.norm)):

        def error(a: float, density: stats.rv_continuous = density) -> float:
            clipped = integrate.quad(lambda x: (x - a) ** 2 * density.pdf(x), a, a + 40)[0]
            return 2 * float(clipped) + a**2 / (3 * 4**bits)

        oracle = optimize.minimize_scalar(error, bounds=(0.5, 15), method="bounded", options={"xatol": 1e-8})
        assert aciq.best_clip(prior, bits) == pytest.approx(oracle.x, rel=1e-4)


@pytest.mark.parametrize("bits", [3, 4, 5])
@pytest.mark.parametrize(("rule", "density"), [("aciq-laplace", stats.laplace), ("aciq-gauss", stats.norm)])
@pytest.mark.parametrize("scheme", SCHEMES)
def test_on_its_own_distribution_it_comes_close_to_the_least_squared_error(
    rule: str, density: stats.rv_continuous, bits: int, scheme: Scheme
) -> None:
    grid = Grid.of(bits, scheme)
    x = quantiles(density)
    ours, best = (squared(x, steps.choose(name, x, grid, scheme=scheme)) for name in (rule, "mse"))
    assert ours <= 1.15 * best
    rectified = x.clamp(min=0)
    half = Grid.unsigned(bits)
    ours, best = (squared(rectified, steps.choose(name, rectified, half)) for name in (rule, "mse"))
    assert ours <= 1.15 * best


def test_after_a_relu_the_clip_is_that_of_one_bit_more() -> None:
    for prior, density in (("laplace", stats.laplace), ("gauss", stats.norm)):
        x = quantiles(density).clamp(min=0)
        for scheme in SCHEMES:
            q = steps.choose(f"aciq-{prior}", x, Grid.unsigned(4), scheme=scheme)
            levels = 16 if scheme == "symmetric" else 15
            assert float(q.step) * levels == pytest.approx(aciq.best_clip(prior, 5), rel=1e-2)


# KL


def slow_divergence(counts: np.ndarray, levels: int, width: int) -> float:
    """The definition, bin by bin, for a histogram with two sides."""
    middle = len(counts) // 2
    inside = [float(c) for c in counts[middle - width : middle + width + 1]]
    p = list(inside)
    p[0] += sum(counts[: middle - width])
    p[-1] += sum(counts[middle + width + 1 :])
    size = len(inside) // levels
    q = [0.0] * len(inside)
    for level in range(levels):
        stop = len(inside) if level == levels - 1 else (level + 1) * size
        group = range(level * size, stop)
        filled = [i for i in group if inside[i] > 0]
        for i in filled:
            q[i] = sum(inside[j] for j in group) / len(filled)
    if not any(q):
        return math.inf

    def smooth(v: list[float]) -> np.ndarray:
        empty = sum(e == 0 for e in v)
        return np.array([1e-4 if e == 0 else e - 1e-4 * empty / (len(v) - empty) for e in v])

    return float(stats.entropy(smooth(p), smooth(q)))


@pytest.mark.parametrize("levels", [3, 7, 15])
def test_the_divergence_is_that_of_the_definition(levels: int) -> None:
    generator = np.random.default_rng(levels)
    counts = generator.poisson(np.exp(-(np.linspace(-3, 3, 101) ** 2)) * 20)
    shares, found = kl.divergences(counts, levels, one_sided=False)
    assert shares[-1] == pytest.approx(1)
    expected = [slow_divergence(counts, levels, width) for width in range(levels // 2, 51)]
    assert found == pytest.approx(expected, rel=1e-9, abs=1e-12)


@pytest.mark.parametrize(("bins", "levels", "one_sided"), [(105, 15, False), (120, 8, True)])
def test_a_flat_histogram_that_the_levels_divide_loses_nothing_at_full_range(
    bins: int, levels: int, one_sided: bool
) -> None:
    shares, found = kl.divergences(np.full(bins, 7), levels, one_sided=one_sided)
    assert found[-1] == pytest.approx(0, abs=1e-12)
    assert found[:-1].min() > 0.001
    assert shares[-1] == pytest.approx(1)


def test_an_outlier_is_clipped_and_a_flat_tensor_is_not() -> None:
    flat = torch.linspace(-1, 1, 20_001)
    for x, share in ((flat, 1.0), (torch.cat([quantiles(stats.norm), torch.tensor([400.0])]), 0.05)):
        most = float(steps.choose("min-max", x, Grid.signed(8)).step)
        assert float(steps.choose("kl", x, Grid.signed(8)).step) / most == pytest.approx(share, abs=0.05)


def test_eight_bits_clip_less_than_four() -> None:
    x = quantiles(stats.norm)
    four, eight = (float(steps.choose("kl", x, Grid.signed(b)).step) * 2 ** (b - 1) for b in (4, 8))
    assert four < eight


def test_kl_needs_a_histogram_worth_the_name() -> None:
    with pytest.raises(QuantizerError, match="one step a tensor"):
        quantize_weight(torch.randn(4, 9), 4, QuantizerSettings(step="kl"))
    with pytest.raises(QuantizerError, match="at most 8 bits"):
        steps.choose("kl", torch.randn(50), Grid.signed(16))
