"""OCS and DUAL: what they compute, what they cost, and that they are better than not doing it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers import QuantizerSettings, fake_quantize, quantize_weight
from explorer.quantizers.dual import dual, worst_weights
from explorer.quantizers.splitting import ocs

TENSOR = QuantizerSettings("symmetric", "tensor", "min-max")


def outliers(*shape: int, seed: int = 0) -> Tensor:
    """A normal weight of which one input channel is five times as large."""
    w = torch.randn(*shape, generator=torch.Generator().manual_seed(seed))
    w[:, 2] *= 5
    return w


def squared(a: Tensor, b: Tensor) -> float:
    return float((a - b).double().square().sum())


def test_nothing_split_is_plain_quantization() -> None:
    w = outliers(8, 10)
    found = ocs(w, 4, ratio=0, settings=TENSOR)
    assert torch.equal(found.value, quantize_weight(w, 4, TENSOR))
    assert (found.extra, found.sources) == (0, tuple(range(10)))


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_grid_aware_copies_add_up_to_the_quantized_weight_of_the_wider_range(granularity: str) -> None:
    """Zhao et al. 2019, sec. 3.3: Q((w - δ/2)/2) + Q((w + δ/2)/2) = Q(w)."""
    w = outliers(6, 10, 3, 3)
    settings = QuantizerSettings("symmetric", granularity, "min-max")  # type: ignore[arg-type]
    found = ocs(w, 8, ratio=0.3, settings=settings)
    step, _ = found.affine.over(w)
    whole = (w / step).round() * step
    assert ((whole - w).abs() <= step / 2 * (1 + 1e-4)).all()
    near = (found.value - whole).abs() <= step * 1.001  # a value at the very end of the range may be clipped
    assert near.all()
    assert ((found.value - whole).abs() < 1e-5 * w.abs().max()).double().mean() > 0.99


def test_the_largest_channel_is_split_again_while_it_is_the_largest() -> None:
    w = outliers(8, 10)
    found = ocs(w, 4, ratio=0.3, settings=TENSOR)
    assert found.extra == 3 * 8
    assert found.sources[10:] == (2, 2, 2)
    plain = quantize_weight(w, 4, TENSOR)
    for grid_aware in (True, False):
        split = ocs(w, 4, ratio=0.3, settings=TENSOR, grid_aware=grid_aware).value
        assert squared(split, w) < 0.5 * squared(plain, w)


def test_the_wider_layer_with_its_input_repeated_computes_what_the_sum_does() -> None:
    w, x = outliers(8, 10), torch.randn(5, 10, generator=torch.Generator().manual_seed(1))
    found = ocs(w, 16, ratio=0.2, settings=TENSOR, grid_aware=False)
    assert torch.allclose(x @ found.value.T, x @ w.T, atol=1e-2)
    assert x[:, list(found.sources)].shape == (5, 12)


def test_the_output_channels_of_a_transposed_convolution_are_dimension_1() -> None:
    w = outliers(6, 10)
    there = ocs(w.T.contiguous(), 4, ratio=0.2, axis=1)
    here = ocs(w, 4, ratio=0.2)
    assert torch.equal(there.value, here.value.T)
    assert there.affine.axis == 1
    assert torch.equal(there.affine.step, here.affine.step)


def test_what_cannot_be_split_is_refused_in_one_sentence() -> None:
    for weight, ratio, settings, saying in (
        (torch.ones(4, 1, 3, 3), 0.1, TENSOR, "no input channels"),
        (torch.ones(4, 4), 1.5, TENSOR, "ratio from 0 to 1"),
        (torch.ones(4, 4), 0.1, QuantizerSettings("affine"), "symmetric"),
    ):
        with pytest.raises(QuantizerError, match=saying):
            ocs(weight, 4, ratio=ratio, settings=settings)


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_two_tensors_beat_one_of_the_same_width_and_lose_to_one_of_twice_it(bits: int) -> None:
    w = torch.randn(16, 50, generator=torch.Generator().manual_seed(3))
    found = dual(w, bits)
    assert squared(found.value, w) < 0.5 * squared(quantize_weight(w, bits), w)
    assert squared(found.value, w) > squared(quantize_weight(w, 2 * bits), w)
    rest = found.value - fake_quantize(w, found.first)
    assert torch.allclose(fake_quantize(rest, found.second), rest, atol=1e-6)
    assert found.extra == w.numel()


def test_the_worst_weights_are_those_of_largest_mean_error() -> None:
    generator = torch.Generator().manual_seed(4)
    weights = {f"w{k}": torch.randn(4, 20, generator=generator) * k for k in (2, 3, 1)}
    assert worst_weights(weights, dict.fromkeys(weights, 4), 2) == ("w3", "w2")
