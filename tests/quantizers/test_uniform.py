"""Applying a step: what must hold exactly, for every width and scheme."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor

from explorer.quantizers import Affine, Grid, dequantize, fake_quantize, quantize, straight_through

from .strategies import bits, bits_with_zero


@st.composite
def affines(draw: st.DrawFn) -> Affine:
    """Any step of float32's comfortable range; a zero point on the grid if unsigned."""
    step = torch.tensor(draw(st.floats(2.0**-40, 2.0**40, width=32)))
    if draw(st.booleans()):
        return Affine(step, None, Grid.signed(draw(bits)))
    grid = Grid.unsigned(draw(bits))
    return Affine(step, torch.tensor(float(draw(st.integers(grid.qmin, grid.qmax)))), grid)


def all_levels(q: Affine) -> Tensor:
    return dequantize(torch.tensor(q.grid.levels, dtype=torch.float32), q)


def some_values(q: Affine, seed: int) -> Tensor:
    """Values over twice the range of the grid."""
    reach = 2.0 * (q.grid.qmax - q.grid.qmin)
    return torch.empty(300).uniform_(-reach, reach, generator=torch.Generator().manual_seed(seed)) * q.step


@given(affines())
def test_every_value_on_the_grid_survives_exactly(q: Affine) -> None:
    levels = all_levels(q)
    assert torch.equal(fake_quantize(levels, q), levels)
    assert quantize(levels, q).tolist() == list(q.grid.levels)


@given(affines(), st.integers(0, 99))
def test_quantizing_twice_changes_nothing(q: Affine, seed: int) -> None:
    once = fake_quantize(some_values(q, seed), q)
    assert torch.equal(fake_quantize(once, q), once)


@given(affines(), st.integers(0, 99))
def test_fake_quantize_is_quantize_then_dequantize(q: Affine, seed: int) -> None:
    x = some_values(q, seed)
    before = x.clone()
    assert torch.equal(fake_quantize(x, q), dequantize(quantize(x, q), q))
    assert torch.equal(x, before)


@given(affines(), st.integers(0, 99))
def test_each_value_goes_to_its_nearest_level(q: Affine, seed: int) -> None:
    """Also where it is clamped. Within range that is an error of at most half a step (1 bit: of one step)."""
    assume(q.grid.bits < 16)  # the table of distances would be large
    x, levels = some_values(q, seed).double(), all_levels(q).double()
    nearest = (x[:, None] - levels).abs().amin(dim=1)
    error = (fake_quantize(x.float(), q).double() - x).abs()
    assert torch.all(error <= nearest + 1e-5 * q.step.double())


@given(affines(), st.integers(0, 99))
def test_larger_values_never_get_smaller_levels(q: Affine, seed: int) -> None:
    x = some_values(q, seed).sort().values
    assert torch.all(fake_quantize(x, q).diff() >= 0)


@given(affines())
def test_zero_survives_exactly_wherever_the_grid_has_one(q: Affine) -> None:
    assume(not q.grid.is_sign)
    assert fake_quantize(torch.zeros(3), q).tolist() == [0, 0, 0]


def test_halves_round_to_even() -> None:
    q = Affine(torch.tensor(2.0), None, Grid.signed(4))
    assert quantize(torch.tensor([-5.0, -3, -1, 1, 3, 5]), q).tolist() == [-2, -2, 0, 0, 2, 2]


def test_one_bit_is_the_sign_and_zero_counts_as_positive() -> None:
    q = Affine(torch.tensor(0.5), None, Grid.signed(1))
    assert fake_quantize(torch.tensor([-3.0, -1e-9, 0.0, 1e-9, 2.0]), q).tolist() == [
        -0.5,
        -0.5,
        0.5,
        0.5,
        0.5,
    ]


@pytest.mark.parametrize("axis", [0, 1, 2, -1, -3])
def test_each_channel_uses_its_own_step_and_zero_point(axis: int) -> None:
    x = torch.randn(3, 3, 3, generator=torch.Generator().manual_seed(0))
    steps, zeros = torch.tensor([0.1, 0.2, 0.3]), torch.tensor([1.0, 7.0, 12.0])
    together = fake_quantize(x, Affine(steps, zeros, Grid.unsigned(4), axis))
    alone = [
        fake_quantize(part, Affine(s, z, Grid.unsigned(4)))
        for part, s, z in zip(x.unbind(axis), steps, zeros, strict=True)
    ]
    assert torch.equal(together, torch.stack(alone, dim=axis))


def test_double_precision_stays_double() -> None:
    q = Affine(torch.tensor(0.1, dtype=torch.float64), None, Grid.signed(4))
    assert fake_quantize(torch.ones(2, dtype=torch.float64), q).dtype == torch.float64


@given(affines(), st.integers(0, 99))
def test_straight_through_has_the_value_of_fake_quantize(q: Affine, seed: int) -> None:
    x = some_values(q, seed).requires_grad_()
    assert torch.equal(straight_through(x, q), fake_quantize(x, q))


@given(bits_with_zero)
def test_its_gradient_is_one_inside_the_clip_range_and_zero_outside(b: int) -> None:
    grid, step = Grid.signed(b), 0.25
    x = torch.tensor([grid.qmin - 0.6, grid.qmin - 0.4, -0.3, 0.0, grid.qmax + 0.4, grid.qmax + 0.6]) * step
    x.requires_grad_()
    weights = torch.arange(1.0, 7.0)
    (straight_through(x, Affine(torch.tensor(step), None, grid)) * weights).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 2, 3, 4, 5, 0]


def test_affine_and_one_bit_gradients_stop_at_their_own_ends() -> None:
    x = torch.tensor([-2.6, -2.4, 0.0, 1.4, 1.6], requires_grad=True)
    straight_through(x, Affine(torch.tensor(1.0), torch.tensor(2.0), Grid.unsigned(2))).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]
    x = torch.tensor([-2.1, -1.9, 0.0, 1.9, 2.1], requires_grad=True)
    straight_through(x, Affine(torch.tensor(1.0), None, Grid.signed(1))).sum().backward()
    assert x.grad is not None
    assert x.grad.tolist() == [0, 1, 1, 1, 0]


def test_straight_through_can_be_differentiated_twice() -> None:
    """d2/dx2 of the sum of Q(x)^3 is 6 Q(x) under the straight-through rule."""
    x = torch.tensor([0.3, 0.9], requires_grad=True)
    q = Affine(torch.tensor(0.25), None, Grid.signed(4))
    (first,) = torch.autograd.grad(straight_through(x, q).pow(3).sum(), x, create_graph=True)
    (second,) = torch.autograd.grad(first.sum(), x)
    assert torch.allclose(second, 6 * fake_quantize(x, q))
