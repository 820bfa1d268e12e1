"""Gradients of quantizers against their closed forms, worked out in double precision."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from explorer.quantizers import Affine, Grid, fake_quantize, straight_through
from explorer.quantizers.gradients import StepGradient, passing, rounded

SHAPE = (16, 5, 20, 16)
GRIDS = [Grid.signed(b) for b in (1, 2, 4, 8, 16)] + [Grid.unsigned(b) for b in (1, 2, 4, 8)]
Quantizer = Callable[[Tensor, Affine], Tensor]


def values(grid: Grid, *, seed: int = 0) -> tuple[Tensor, Tensor]:
    """25,600 values, some of them clipped, and a gradient that arrives."""
    source = torch.Generator().manual_seed(seed)
    x = torch.randn(SHAPE, generator=source)
    return x if grid.qmin < 0 else x.relu(), torch.randn(SHAPE, generator=source) + 0.3


def step_of(grid: Grid) -> float:
    return 2.1 / grid.qmax if grid.bits > 1 else 0.7


def closed_form(
    x: Tensor, g: Tensor, step: Tensor, grid: Grid, of_step: StepGradient = "rounding"
) -> tuple[Tensor, Tensor]:
    """dx, and what every value adds to ds, in double precision: Esser et al. 2020, eq. 3 and 5."""
    v, g = x.double() / step.double(), g.double()
    whole = torch.where(v < 0, -1.0, 1.0) if grid.is_sign else (x / step).round().double()  # the level taken
    low, high = v <= grid.qmin, v >= grid.qmax
    if grid.qmin == 0:
        low = v < 0
    inside = whole - v if of_step == "rounding" else torch.zeros_like(v)
    return torch.where(low | high, 0, g), g * torch.where(
        low, grid.qmin, torch.where(high, grid.qmax, inside)
    )


def gradients(quantizer: Quantizer, x: Tensor, g: Tensor, q: Affine) -> tuple[Tensor, Tensor]:
    x, step = x.clone().requires_grad_(), q.step.clone().requires_grad_()
    value = quantizer(x, Affine(step, q.zero_point, q.grid, q.axis))
    assert torch.equal(value, fake_quantize(x, q))
    dx, ds = torch.autograd.grad(value, [x, step], g)
    return dx, ds


def agrees(quantizer: Quantizer, grid: Grid, of_step: StepGradient = "rounding") -> bool:
    x, g = values(grid)
    q = Affine(torch.tensor(step_of(grid)), None, grid)
    dx, ds = gradients(quantizer, x, g, q)
    expected, terms = closed_form(x, g, q.step, grid, of_step)
    within = (ds.double() - terms.sum()).abs() <= 1e-4 * terms.sum().abs()
    return bool(torch.equal(dx.double(), expected) and within)


@pytest.mark.parametrize("of_step", ["rounding", "clip"])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_gradients_of_one_step_are_the_closed_form(grid: Grid, of_step: StepGradient) -> None:
    assert agrees(lambda x, q: rounded(x, q, of_step=of_step), grid, of_step)


@pytest.mark.parametrize("grid", [Grid.signed(4), Grid.unsigned(4)], ids=str)
def test_torchs_learnable_fake_quantize_has_another_gradient(grid: Grid) -> None:
    """Its mask is taken after rounding; whoever puts it here fails the test above."""

    def learnable(x: Tensor, q: Affine) -> Tensor:
        found: Tensor = torch._fake_quantize_learnable_per_tensor_affine(
            x, q.step[None], torch.zeros(1), grid.qmin, grid.qmax, 1.0
        )
        return torch.where(
            found == fake_quantize(x, q), found, found + (fake_quantize(x, q) - found).detach()
        )

    assert not agrees(learnable, grid)


@pytest.mark.parametrize("axis", [0, 1, -1])
@pytest.mark.parametrize("grid", GRIDS, ids=str)
def test_gradients_of_a_step_a_channel_are_those_of_each_channel(grid: Grid, axis: int) -> None:
    x, g = values(grid)
    steps = step_of(grid) * torch.linspace(0.5, 1.5, x.shape[axis])
    dx, ds = gradients(rounded, x, g, Affine(steps, None, grid, axis))
    for n, (part, of_part) in enumerate(zip(x.unbind(axis), g.unbind(axis), strict=True)):
        expected, terms = closed_form(part, of_part, steps[n], grid)
        # At the very end of the clip range x / s and x against n s may round to either side.
        assert (dx.select(axis, n).double() != expected).sum() <= 1
        rounding = 1e-6 * terms.abs().sum().item()  # where clipped values of either sign cancel
        assert ds[n].double().item() == pytest.approx(terms.sum().item(), rel=1e-4, abs=rounding)


@pytest.mark.parametrize("half", [0.0, 0.5])
def test_a_zero_point_moves_the_grid_and_nothing_else(half: float) -> None:
    """Per tensor and per channel: an affine grid is a signed one whose ends lie elsewhere."""
    x, g = values(Grid.signed(4))
    step, zero = torch.tensor(0.3), torch.tensor(8.0)
    plain = gradients(lambda t, q: rounded(t, q, half=half), x, g, Affine(step, None, Grid.signed(4)))
    moved = gradients(lambda t, q: rounded(t, q, half=half), x, g, Affine(step, zero, Grid.unsigned(4)))
    assert torch.equal(plain[0], moved[0])
    assert torch.equal(plain[1], moved[1])
    channels = Affine(step.expand(5), zero.expand(5), Grid.unsigned(4), 1)
    each = gradients(lambda t, q: rounded(t, q, half=half), x, g, channels)
    assert (each[0] != plain[0]).sum() <= 1
    assert each[1].sum().item() == pytest.approx(plain[1].item(), rel=1e-4)


@pytest.mark.parametrize("grid", [Grid.signed(3), Grid.unsigned(8), Grid.signed(16)], ids=str)
def test_the_memory_layout_plays_no_part(grid: Grid) -> None:
    x, g = values(grid)
    q = Affine(torch.tensor(step_of(grid)), None, grid)
    expected = gradients(rounded, x, g, q)
    last = torch.channels_last
    layouts = [(x.to(memory_format=last), g), (x, g.to(memory_format=last))]
    layouts += [(x.to(memory_format=last), g.to(memory_format=last))]
    layouts += [(torch.stack([x, x])[1], torch.stack([g, g], dim=-1)[..., 1])]
    for one, other in layouts:
        dx, ds = gradients(rounded, one, other, q)
        assert torch.equal(dx, expected[0])
        assert ds.item() == pytest.approx(expected[1].item(), rel=1e-4)
    expanded = gradients(rounded, x, torch.ones(()).expand(SHAPE), q)
    assert torch.equal(expanded[0], gradients(rounded, x, torch.ones(SHAPE), q)[0])


def test_gradients_are_the_same_to_the_bit_every_time() -> None:
    grid = Grid.unsigned(4)
    x, g = values(grid)
    first, *others = [
        gradients(rounded, x.clone(), g.clone(), Affine(torch.tensor(0.2), None, grid)) for _ in range(5)
    ]
    for other in others:
        assert torch.equal(first[0], other[0])
        assert torch.equal(first[1], other[1])


def test_only_the_gradients_that_are_wanted_are_computed(monkeypatch: pytest.MonkeyPatch) -> None:
    x, g = values(Grid.signed(4))
    q = Affine(torch.tensor(0.3, requires_grad=True), None, Grid.signed(4))
    (ds,) = torch.autograd.grad(rounded(x, q, scale=0.5), [q.step], g)
    (whole,) = torch.autograd.grad(rounded(x, q), [q.step], g)
    assert ds == whole / 2

    def never(*_: Tensor) -> Tensor:
        raise AssertionError("the step does not learn")

    monkeypatch.setattr(torch, "dot", never)
    straight_through(x.requires_grad_(), q).backward(g)
    assert q.step.grad is None


def test_passing_gives_a_value_and_hands_its_gradient_on() -> None:
    x, value = torch.tensor([1.0, 2.0], requires_grad=True), torch.tensor([5.0, 6.0])
    passed = passing(x, value)
    passed.square().sum().backward()
    assert torch.equal(passed, value)
    assert torch.equal(x.grad, 2 * value)  # type: ignore[arg-type]
