"""Bias correction: the means and spreads it promises, its data, and where it must change nothing."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers import QuantizerSettings, quantize_weight
from explorer.quantizers.bias_correction import corrected, correction

from .strategies import axes, matrices


@given(matrices(), axes)
def test_the_mean_of_every_channel_is_that_of_the_weights(x: Tensor, axis: int | None) -> None:
    axis = axis or 0
    value = quantize_weight(x, 2, axis=axis)
    unit = float(x.abs().max()) or 1.0
    for kind in ("mean", "mean-variance"):
        found = corrected(value, x, kind=kind, axis=axis)
        away = (found.double().mean(1 - axis) - x.double().mean(1 - axis)).abs() / unit
        assert float(away.max()) < 1e-6


def test_the_variance_of_every_channel_is_that_of_the_weights_first() -> None:
    x = torch.randn(5, 40, generator=torch.Generator().manual_seed(0)) + 0.4
    value = quantize_weight(x, 2)
    assert not torch.allclose(value.std(1), x.std(1), rtol=1e-2)
    assert torch.allclose(corrected(value, x, kind="mean-variance").std(1), x.std(1), rtol=1e-5)
    assert torch.allclose(corrected(value, x, kind="mean").std(1), value.std(1), rtol=1e-5)


def test_it_is_one_scale_and_one_offset_a_channel() -> None:
    x = torch.randn(3, 4, 2, 2, generator=torch.Generator().manual_seed(1))
    value = quantize_weight(x, 3, axis=1)
    found = correction(value, x, kind="mean-variance", axis=1)
    assert found.scale.shape == found.offset.shape == (4,)
    by_hand = torch.stack([value[:, c] * found.scale[c] + found.offset[c] for c in range(4)], dim=1)
    assert torch.allclose(found.apply(value), by_hand)
    assert torch.equal(correction(value, x, kind="none", axis=1).apply(value), value)


def test_a_channel_quantized_to_one_value_is_only_moved() -> None:
    x = torch.tensor([[1.0, 2.0, 3.0]])
    for kind in ("mean", "mean-variance"):
        assert torch.equal(corrected(torch.zeros(1, 3), x, kind=kind), torch.full((1, 3), 2.0))


@pytest.mark.parametrize("kind", ["mean", "mean-variance"])
def test_a_step_can_be_learned_through_it(kind: str) -> None:
    x = torch.randn(3, 6, dtype=torch.float64, generator=torch.Generator().manual_seed(2))
    value = x.round().requires_grad_(True)
    assert torch.autograd.gradcheck(lambda v: corrected(v, x, kind=kind), value)  # type: ignore[arg-type]


def test_settings_carry_it_and_are_what_they_were_without_it() -> None:
    x = torch.randn(4, 9, generator=torch.Generator().manual_seed(3)) + 0.3
    plain = QuantizerSettings()
    assert plain == QuantizerSettings("symmetric", "channel", "mse")
    moved = quantize_weight(x, 2, QuantizerSettings(bias_correction="mean"))
    assert torch.allclose(moved, corrected(quantize_weight(x, 2, plain), x, kind="mean"))
    assert not torch.allclose(moved, quantize_weight(x, 2, plain))
    with pytest.raises(QuantizerError, match="bias correction 'twice'"):
        QuantizerSettings(bias_correction="twice")  # type: ignore[arg-type]
