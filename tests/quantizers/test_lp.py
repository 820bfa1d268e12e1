"""The step of least L_p error: population optima, SciPy's minima, and quantizers without a grid."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, optimize, stats
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers import Affine, Grid, Scheme, fake_quantize, steps
from explorer.quantizers.steps import lp, min_max

from .strategies import SCHEMES, axes, bits, matrices, schemes

powers = st.sampled_from([0.5, 1.0, 2.0, 2.5, 4.0])


def normal(n: int = 50_001) -> Tensor:
    """The quantiles of N(0, 1): a sample without chance."""
    return torch.tensor(stats.norm.ppf((np.arange(n) + 0.5) / n), dtype=torch.float32)


def mid_rise(bits: int) -> lp.Quantizer:
    """2^bits levels from -clip to clip, of which none is zero; the step is 2 clip / (2^bits - 1)."""
    top = 2**bits - 1
    return lambda x, step: (x / step + top / 2).round().clamp(0, top).sub(top / 2).mul(step)


def error(x: Tensor, q: Affine, p: float) -> float:
    return float((fake_quantize(x, q) - x).double().abs().pow(p).sum())


@pytest.mark.parametrize(
    ("bits", "p", "clip"),
    [
        (2, 2.0, 1.4935),
        (3, 2.0, 2.0511),
        (4, 2.0, 2.5140),
        (2, 1.0, 1.2526),
        (2, 3.0, 1.6942),
        (2, 4.0, 1.8698),
    ],
)
def test_mid_rise_optima_of_a_normal_are_the_published_ones(bits: int, p: float, clip: float) -> None:
    """Max's uniform quantizers (1960) at p = 2."""
    x = normal()[None]
    most = x.abs().amax(dim=1) * 2 / (2**bits - 1)
    found = lp.minimise_error(x, mid_rise(bits), most, p)
    assert float(found) * (2**bits - 1) / 2 == pytest.approx(clip, abs=2e-3)


@pytest.mark.parametrize("p", [1.0, 2.0, 3.0])
@pytest.mark.parametrize("b", [2, 3, 4])
def test_the_integer_grid_finds_the_population_optimum_of_a_normal(b: int, p: float) -> None:
    """Oracle: E |Q(x) - x|^p integrated level by level against the density, minimised by SciPy."""
    grid = Grid.signed(b)

    def population(step: float) -> float:
        total = 0.0
        for k in grid.levels:
            lower = -12.0 if k == grid.qmin else (k - 0.5) * step
            upper = 12.0 if k == grid.qmax else (k + 0.5) * step
            at = k * step

            def density(x: float, at: float = at) -> float:
                return abs(x - at) ** p * float(stats.norm.pdf(x))

            total += integrate.quad(density, lower, upper, points=[at])[0]
        return total

    oracle = optimize.minimize_scalar(population, bounds=(0.1, 2), method="bounded")
    x = normal(20_001)
    q = steps.choose(f"lp:{p:g}", x, grid)
    assert float(q.step) == pytest.approx(oracle.x, rel=0.01)
    # the sample ends at 4 sigma: what lies beyond is 2 % of the mean |x|^3 clipped
    assert error(x, q, p) / len(x) == pytest.approx(oracle.fun, rel=0.03)


@pytest.mark.parametrize("p", [0.5, 1.0, 3.0])
def test_no_bracketed_minimisation_by_scipy_finds_anything_better(p: float) -> None:
    """Heavy tails, 2,000 values: SciPy's bounded search from 40 brackets is the oracle."""
    x = torch.tensor(stats.t.ppf((np.arange(2_000) + 0.5) / 2_000, df=3), dtype=torch.float32)
    grid = Grid.signed(3)
    most = float(min_max.choose(x, grid, axis=None, scheme="symmetric").step)

    def at(step: float) -> float:
        return error(x, Affine(torch.tensor(step), None, grid), p)

    edges = np.linspace(0, most, 41)
    oracle = min(
        float(optimize.minimize_scalar(at, bounds=pair, method="bounded").fun)
        for pair in itertools.pairwise(edges)
    )
    assert error(x, steps.choose(f"lp:{p:g}", x, grid), p) <= oracle * (1 + 1e-4)


@given(matrices(), bits, schemes, axes, powers)
def test_lp_is_never_worse_than_min_max(
    x: Tensor, b: int, scheme: Scheme, axis: int | None, p: float
) -> None:
    grid = Grid.of(b, scheme)
    x = x / x.abs().amax().clamp(min=1e-30)
    best = lp.choose(x, grid, axis=axis, scheme=scheme, p=p)
    assert error(x, best, p) <= error(x, steps.choose("min-max", x, grid, axis, scheme), p) * (1 + 1e-12)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("b", [2, 3, 4])
def test_p_2_agrees_with_the_mse_rule(b: int, scheme: Scheme) -> None:
    x = normal(5_001) + 0.3
    ours, theirs = (steps.choose(rule, x, Grid.of(b, scheme), scheme=scheme) for rule in ("lp:2", "mse"))
    assert error(x, ours, 2) == pytest.approx(error(x, theirs, 2), rel=2e-3)


def test_a_larger_p_clips_less() -> None:
    x = normal(5_001)
    for b in (2, 3, 4, 8):
        found = [float(steps.choose(f"lp:{p}", x, Grid.signed(b)).step) for p in (1, 2, 3, 4)]
        assert found == sorted(found)
        assert found[0] < found[-1]


def test_one_bit_takes_the_median_at_p_1_and_the_mean_at_p_2() -> None:
    x = torch.tensor([-0.1, 0.2, 0.3, -0.4, 3.0])
    assert float(steps.choose("lp:1", x, Grid.signed(1)).step) == pytest.approx(0.3, abs=1e-3)
    assert float(steps.choose("lp:2", x, Grid.signed(1)).step) == pytest.approx(0.8, abs=1e-3)


def test_errors_do_not_depend_on_how_the_values_are_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = normal(999).view(3, -1)
    candidates = torch.tensor([[0.1, 0.2, 0.3], [1.0, 0.5, 0.25], [2.0, 3.0, 4.0]])
    whole = lp.mean_errors(rows, lp.on_grid(Grid.signed(3)), candidates, 1.5)
    expected = [
        [float((fake_quantize(row, Affine(s, None, Grid.signed(3))) - row).abs().pow(1.5).double().mean())]
        for row, s in zip(rows, candidates[1], strict=True)
    ]
    assert whole[1].numpy() == pytest.approx(np.ravel(expected), rel=1e-5)
    monkeypatch.setattr(lp, "_CHUNK", 100)
    assert torch.allclose(lp.mean_errors(rows, lp.on_grid(Grid.signed(3)), candidates, 1.5), whole)


def test_a_power_that_is_too_small_or_no_number_is_refused_in_one_sentence() -> None:
    for rule, saying in (("lp:0.4", "at least 0.5"), ("lp:nan", "at least 0.5"), ("lp:many", "lp:many")):
        with pytest.raises(QuantizerError, match=saying):
            steps.choose(rule, torch.ones(2), Grid.signed(4))
