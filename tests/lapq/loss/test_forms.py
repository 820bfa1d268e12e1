"""The quantizers' levels, and phase 1 of each against published optima."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from explorer.errors import LapqError
from explorer.lapq.loss.forms import FORMS, Levels
from explorer.lapq.loss.sites import Site
from explorer.lapq.phases.layerwise import best_step
from explorer.quantizers import Affine, Grid, fake_quantize
from explorer.questions.steps import Form

SPREAD = torch.linspace(-9, 9, 4001)


def signed(form: Form, bits: int) -> Levels:
    return Levels.of(form, bits, signed=True)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_levels_are_those_of_the_paper_its_code_and_the_grid(bits: int) -> None:
    found = {form: signed(form, bits).quantize(SPREAD * 99, torch.tensor(1.0)).unique() for form in FORMS}
    half = 2 ** (bits - 1)
    assert found["integer"].tolist() == list(range(-half, half))
    assert found["paper"].tolist() == list(range(-half, half + 1))
    assert found["code"].tolist() == [k + 0.5 for k in range(-half, half)], "no zero"
    unsigned = Levels.of("code", bits, signed=False).quantize(SPREAD * 99, torch.tensor(1.0)).unique()
    assert unsigned.tolist() == list(range(2 * half))


def test_the_code_at_two_bits_has_thirds_of_the_clip() -> None:
    """Levels ±1, ±1/3 for α = 1 (methods of the reference code)."""
    levels = signed("code", 2)
    found = levels.quantize(torch.linspace(-2, 2, 99), torch.tensor(1 / levels.reach)).unique()
    np.testing.assert_allclose(found, [-1, -1 / 3, 1 / 3, 1], rtol=1e-6)


@given(st.integers(2, 8), st.floats(1e-3, 10), st.booleans())
def test_the_integer_form_is_the_projects_quantizer_to_the_bit(bits: int, step: float, sign: bool) -> None:
    grid = Grid.signed(bits) if sign else Grid.unsigned(bits)
    ours = Levels.of("integer", bits, signed=sign).quantize(SPREAD, torch.tensor(step))
    assert torch.equal(ours, fake_quantize(SPREAD, Affine(torch.tensor(step), None, grid)))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("bits", [2, 4])
def test_a_covering_step_clips_nothing_and_is_the_smallest(form: Form, bits: int) -> None:
    levels = signed(form, bits)
    step = levels.covering(-3.0, 2.0)
    ends = torch.tensor([-3.0, 2.0])
    away = (levels.quantize(ends, torch.tensor(step)) - ends).abs().max()
    assert away <= step / 2 + 1e-6
    assert max(-3.0 / -(levels.offset - levels.low), 2.0 / (levels.high - levels.offset)) == pytest.approx(
        step
    )


@pytest.mark.parametrize("form", FORMS)
def test_the_straight_through_derivative_is_that_of_lsq(form: Form) -> None:
    """By hand: round(u) - u inside, the outermost level beyond; 1 and 0 for x."""
    levels, step = signed(form, 3), torch.tensor(0.7, requires_grad=True)
    x = torch.tensor([-9.0, -1.2, -0.3, 0.05, 0.9, 1.6, 9.0], requires_grad=True)
    value = levels.learn(x, step)
    assert torch.equal(value, levels.quantize(x.detach(), step.detach()))
    weights = torch.arange(1.0, 8)
    of_x, of_step = torch.autograd.grad((value * weights).sum(), (x, step))
    u = x.detach() / 0.7 + levels.offset
    inside = (u >= levels.low) & (u <= levels.high)
    slopes = torch.where(inside, u.round() - u, u.clamp(levels.low, levels.high) - levels.offset)
    assert torch.equal(of_x, weights * inside)
    assert float(of_step) == pytest.approx(float((weights * slopes).sum()), rel=1e-5)


def gaussian_site(form: Form, bits: int) -> Site:
    return Site("w", "w", "weight", bits, True, signed(form, bits), -1, 1, 0)


NORMAL = torch.from_numpy(norm.ppf((np.arange(200_000) + 0.5) / 200_000)).float()


@pytest.mark.parametrize(("bits", "clip"), [(2, 1.4935), (3, 2.0511), (4, 2.5140)])
def test_phase_1_finds_the_optimal_uniform_quantizer_of_a_normal_variable(bits: int, clip: float) -> None:
    """Max 1960: the population optima of the mid-rise quantizer at p = 2."""
    site = gaussian_site("code", bits)
    assert best_step(NORMAL, site, 2.0) * site.levels.reach == pytest.approx(clip, abs=2e-3)


@pytest.mark.parametrize(("p", "clip"), [(1, 1.2526), (2, 1.4935), (3, 1.6942), (4, 1.8698)])
def test_a_larger_p_clips_less(p: float, clip: float) -> None:
    site = gaussian_site("code", 2)
    assert best_step(NORMAL, site, p) * site.levels.reach == pytest.approx(clip, abs=2e-3)


def test_a_site_survives_json() -> None:
    site = replace(gaussian_site("code", 3), axis=1)
    assert Site.from_json(site.to_json()) == site


def test_a_form_that_is_not_there_is_one_sentence() -> None:
    with pytest.raises(LapqError, match="no form of quantizer 'other'; use one of integer, paper, code"):
        Levels.of("other", 4, signed=True)  # type: ignore[arg-type]
