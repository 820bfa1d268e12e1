"""Weights at a bit width and their perturbation."""

from __future__ import annotations

import pytest
import torch

from explorer.errors import QuantizerError
from explorer.quantizers import QuantizerSettings, quantize_weight, squared_errors

W = torch.randn(8, 4, 3, 3, generator=torch.Generator().manual_seed(0))


def test_the_perturbation_is_the_squared_distance_and_falls_with_the_bits() -> None:
    errors = squared_errors(W, (1, 2, 3, 4, 6, 8, 16, 32))
    assert errors[4] == pytest.approx(float((quantize_weight(W, 4) - W).double().square().sum()))
    assert list(errors.values()) == sorted(errors.values(), reverse=True)
    assert errors[32] == 0


def test_a_channel_of_its_own_step_holds_at_most_2_to_the_b_values() -> None:
    for row in quantize_weight(W, 2):
        assert len(row.unique()) <= 4


def test_one_bit_weights_are_their_sign_times_their_mean_size() -> None:
    expected = W.sign() * W.abs().mean(dim=(1, 2, 3), keepdim=True)
    assert torch.allclose(quantize_weight(W, 1), expected)


def test_channels_of_a_transposed_convolution_lie_along_axis_1() -> None:
    turned = quantize_weight(W.transpose(0, 1).contiguous(), 3, axis=1)
    assert torch.equal(turned.transpose(0, 1), quantize_weight(W, 3))


def test_per_channel_steps_beat_one_step_for_the_tensor() -> None:
    scaled = W * torch.logspace(-1, 1, 8).view(-1, 1, 1, 1)
    channel, tensor = (
        squared_errors(scaled, (4,), QuantizerSettings(granularity=g))[4] for g in ("channel", "tensor")
    )
    assert channel < tensor


def test_32_bits_copy_the_weight_and_unknown_bits_are_refused() -> None:
    copy = quantize_weight(W, 32)
    assert torch.equal(copy, W)
    assert copy.data_ptr() != W.data_ptr()
    with pytest.raises(QuantizerError, match="9 bits"):
        quantize_weight(W, 9)
