"""Choosing a step: the claims of each rule, its closed forms, and the tensors that break careless code."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given, settings
from scipy import integrate, optimize, stats
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers import Affine, Grid, Scheme, dequantize, fake_quantize, steps
from explorer.quantizers.steps import min_max
from tests.examples import examples

from .strategies import SCHEMES, axes, bits, bits_with_zero, matrices, schemes

EXACT = ("min-max", "mse", "lp:1", "lp:3")  # rules that lose nothing on what is on a grid already


def squared(x: Tensor, q: Affine) -> float:
    return float((fake_quantize(x, q) - x).double().square().sum())


@given(matrices(), bits, schemes, axes)
def test_mse_is_never_worse_than_min_max(x: Tensor, b: int, scheme: Scheme, axis: int | None) -> None:
    grid = Grid.of(b, scheme)
    best = steps.choose("mse", x, grid, axis, scheme)
    assert squared(x, best) <= squared(x, steps.choose("min-max", x, grid, axis, scheme))


@given(matrices(), bits_with_zero, schemes, axes)
def test_min_max_moves_no_value_by_more_than_half_a_step(
    x: Tensor, b: int, scheme: Scheme, axis: int | None
) -> None:
    q = steps.choose("min-max", x, Grid.of(b, scheme), axis, scheme)
    step, _ = q.over(x)
    assert torch.all((fake_quantize(x, q) - x).abs() <= 0.5 * step * (1 + 1e-2))  # 1e-2: 16 bits in float32


@settings(max_examples=examples(40))
@given(matrices(), bits, axes)
def test_a_tensor_that_was_quantized_survives_its_second_quantization_exactly(
    x: Tensor, b: int, axis: int | None
) -> None:
    for rule in EXACT:
        grid = Grid.signed(b)
        once = fake_quantize(x, steps.choose(rule, x, grid, axis))
        assert torch.equal(fake_quantize(once, steps.choose(rule, once, grid, axis)), once)


@pytest.mark.parametrize("rule", EXACT)
@pytest.mark.parametrize("b", [2, 3, 4, 5, 6, 7, 8, 16])
def test_a_whole_grid_of_any_step_is_found_exactly(rule: str, b: int) -> None:
    """Dividing the extreme value by its level may miss the step by one unit in the last place."""
    generator = torch.Generator().manual_seed(b)
    for step in (torch.rand(20 if b < 16 else 3, generator=generator) + 0.01).tolist():
        signed, unsigned = Grid.signed(b), Grid.unsigned(b)
        symmetric = torch.arange(signed.qmin, signed.qmax + 1.0) * torch.tensor(step)
        assert torch.equal(fake_quantize(symmetric, steps.choose(rule, symmetric, signed)), symmetric)
        zero = torch.tensor(float(unsigned.qmax // 3))
        affine = dequantize(torch.arange(unsigned.qmax + 1.0), Affine(torch.tensor(step), zero, unsigned))
        found = steps.choose(rule, affine, unsigned, scheme="affine")
        assert torch.equal(fake_quantize(affine, found), affine)


@settings(max_examples=examples(40))
@given(matrices(), bits, schemes, axes)
def test_rows_of_zeros_stay_zeros_under_a_finite_step(
    x: Tensor, b: int, scheme: Scheme, axis: int | None
) -> None:
    x[:, 0] = 0
    for rule in EXACT:
        for zeros in (x, torch.zeros_like(x)):
            q = steps.choose(rule, zeros, Grid.of(b, scheme), axis, scheme)
            assert torch.isfinite(q.step).all()
            value = fake_quantize(zeros, q)
            assert torch.isfinite(value).all()
            if not q.grid.is_sign or not zeros.any():
                assert torch.all(value[zeros == 0] == 0)


@settings(max_examples=examples(40))
@given(matrices(), bits, schemes)
def test_choosing_per_channel_is_choosing_each_channel_alone(x: Tensor, b: int, scheme: Scheme) -> None:
    for rule in EXACT:
        grid = Grid.of(b, scheme)
        together = steps.choose(rule, x, grid, 0, scheme)
        alone = [steps.choose(rule, row, grid, None, scheme).step for row in x]
        assert torch.allclose(together.step, torch.stack(alone), rtol=1e-5, atol=0)


def test_min_max_uses_the_lowest_level_of_a_signed_grid() -> None:
    assert steps.choose("min-max", torch.tensor([-8.0, 3.0]), Grid.signed(4)).step == 1
    assert steps.choose("min-max", torch.tensor([-7.0, 7.0]), Grid.signed(4)).step == 1


def test_symmetric_on_an_unsigned_grid_is_the_quantizer_after_a_relu() -> None:
    q = steps.choose("min-max", torch.tensor([0.0, 1.5, 3.0]), Grid.unsigned(2))
    assert q.step == 1
    assert q.zero_point is None


def test_affine_min_max_by_hand() -> None:
    q = steps.choose("min-max", torch.tensor([-1.0, 2.0]), Grid.unsigned(2), scheme="affine")
    assert q.step == 1
    assert q.zero_point == 1


@pytest.mark.parametrize(("low", "high"), [(2.0, 5.0), (-5.0, -2.0)])
def test_an_affine_range_is_widened_to_hold_zero(low: float, high: float) -> None:
    q = steps.choose("min-max", torch.tensor([low, high]), Grid.unsigned(4), scheme="affine")
    assert q.step == pytest.approx(5 / 15)
    assert fake_quantize(torch.zeros(1), q) == 0


def normal(n: int = 20_001) -> Tensor:
    """The quantiles of N(0, 1): a sample without chance."""
    return torch.tensor(stats.norm.ppf((torch.arange(n).double() + 0.5) / n), dtype=torch.float32)


def test_one_bit_on_a_normal_is_mean_absolute_value_with_error_1_minus_2_over_pi() -> None:
    x = normal()
    for rule in ("min-max", "mse", "lp:2"):
        q = steps.choose(rule, x, Grid.signed(1))
        assert float(q.step) == pytest.approx(math.sqrt(2 / math.pi), rel=1e-3)
        assert squared(x, q) / len(x) == pytest.approx(1 - 2 / math.pi, rel=1e-3)


@pytest.mark.parametrize("b", [2, 3, 4])
def test_mse_finds_the_population_optimum_of_a_normal(b: int) -> None:
    """Oracle: E (Q(x) - x)^2 integrated level by level against the density, minimised by SciPy."""
    grid = Grid.signed(b)

    def population(step: float) -> float:
        total = 0.0
        for k in grid.levels:
            lower = -12.0 if k == grid.qmin else (k - 0.5) * step
            upper = 12.0 if k == grid.qmax else (k + 0.5) * step
            total += integrate.quad(lambda x, k=k: (x - k * step) ** 2 * stats.norm.pdf(x), lower, upper)[0]
        return total

    oracle = optimize.minimize_scalar(population, bounds=(0.1, 2), method="bounded")
    x = normal()
    q = steps.choose("mse", x, grid)
    assert float(q.step) == pytest.approx(oracle.x, rel=0.01)
    assert squared(x, q) / len(x) == pytest.approx(oracle.fun, rel=0.005)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("b", [2, 3, 4])
def test_mse_comes_close_to_a_search_over_every_step(b: int, scheme: Scheme) -> None:
    """Few heavy-tailed values: many local minima, where a descent from min-max would stay."""
    grid = Grid.of(b, scheme)
    for seed in range(4):
        x = torch.randn(9, generator=torch.Generator().manual_seed(seed)) ** 3
        most = float(steps.choose("min-max", x, grid, scheme=scheme).step)
        zeros = grid.levels if scheme == "affine" else (None,)
        oracle = min(
            squared(
                x, Affine(torch.tensor(most * k / 500), None if z is None else torch.tensor(float(z)), grid)
            )
            for k in range(5, 501)
            for z in zeros
        )
        assert squared(x, steps.choose("mse", x, grid, scheme=scheme)) <= 1.1 * oracle + 1e-12


def test_mse_clips_an_outlier_that_min_max_would_stretch_for() -> None:
    x = torch.cat([normal(2000), torch.tensor([15.0])])
    best, stretched = (squared(x, steps.choose(r, x, Grid.signed(3))) for r in ("mse", "min-max"))
    assert best < 0.5 * stretched


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("value", [1e-45, 1e-38, 1e38])
def test_the_ends_of_float32_give_finite_steps(value: float, scheme: Scheme) -> None:
    x = torch.tensor([-value, 0.0, value])
    for rule in EXACT:
        for b in (2, 8, 16):
            q = steps.choose(rule, x, Grid.of(b, scheme), scheme=scheme)
            assert torch.isfinite(q.step).all()
            assert q.step > 0
            assert torch.isfinite(fake_quantize(x, q)).all()


@pytest.mark.parametrize("bad", [float("nan"), float("inf"), -float("inf")])
@pytest.mark.parametrize("rule", [*steps.RULES, "lp:1", "percentile:99"])
@pytest.mark.parametrize("b", [1, 4])
def test_a_tensor_that_is_not_finite_is_refused(rule: str, bad: float, b: int) -> None:
    with pytest.raises(QuantizerError, match="NaN or infinite"):
        steps.choose(rule, torch.tensor([1.0, bad]), Grid.signed(b))


def test_what_cannot_have_a_step_is_refused_in_one_sentence() -> None:
    grid = Grid.signed(4)
    with pytest.raises(QuantizerError, match="'guess'"):
        steps.choose("guess", torch.ones(2), grid)
    with pytest.raises(QuantizerError, match="empty"):
        steps.choose("min-max", torch.ones(0), grid)
    with pytest.raises(QuantizerError, match="no channel axis 2"):
        steps.choose("mse", torch.ones(2, 2), grid, 2)
    with pytest.raises(QuantizerError, match="int64"):
        steps.choose("mse", torch.ones(2, dtype=torch.int64), grid)
    low, sign = torch.zeros(1), Grid.signed(1)
    with pytest.raises(QuantizerError, match="mean"):
        min_max.from_range(low, low + 1, sign, axis=None, scheme="symmetric")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_steps_do_not_depend_on_chance(scheme: Scheme) -> None:
    x = normal(500)
    first, second = (steps.choose("mse", x, Grid.of(3, scheme), scheme=scheme) for _ in range(2))
    assert torch.equal(first.step, second.step)
