"""Quantized layers keep their whole numbers, steps and offsets, and these give the float weights to the bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers import (
    FLOAT_BITS,
    FakeQuantizer,
    GivenSteps,
    Grid,
    LayerSteps,
    QuantizedWeight,
    QuantizerSettings,
    assert_no_quantizer,
    fake_quantize,
    freeze,
    prepare_training,
    quantized_layers,
    simulate,
    weight_affine,
)
from explorer.quantizers.bias_correction import BIAS_CORRECTIONS
from explorer.quantizers.stored import integer_type
from explorer.runs.artifacts import ArtifactFolder
from tests.examples import examples

from . import strategies as own
from .networks import LAYERS, everywhere, images, small, tied, tokens

rules = st.sampled_from(["min-max", "mse"])
corrections = st.sampled_from(BIAS_CORRECTIONS)
granularities = st.sampled_from(["tensor", "channel"])


def to_the_bit(a: Tensor, b: Tensor) -> bool:
    """Equal in the sign of zero too."""
    return a.dtype == b.dtype and torch.equal(
        a.contiguous().view(torch.int32), b.contiguous().view(torch.int32)
    )


def moved(network: nn.Module, seed: int) -> None:
    """Change the latent weights, as training does."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(torch.randn(parameter.shape, generator=generator), alpha=0.1)


@given(
    own.matrices(),
    own.bits,
    own.schemes,
    granularities,
    rules,
    corrections,
    st.sampled_from([0, 1]),
)
def test_whole_numbers_give_the_quantized_weight_to_the_bit(
    w: Tensor, bits: int, scheme: Any, granularity: Any, rule: str, correction: Any, axis: int
) -> None:
    setting = QuantizerSettings(scheme, granularity, rule)
    affine = weight_affine(w, bits, setting, axis=axis)
    weight = QuantizedWeight.of(w, affine, bias_correction=correction, channels=axis)
    grid = Grid.of(bits, scheme)
    whole = weight.integers.to(torch.int64)
    assert grid.qmin <= int(whole.min())
    assert int(whole.max()) <= grid.qmax
    if correction == "none":
        assert torch.equal(weight.dequantize(), fake_quantize(w, affine))
    else:
        assert weight.correction is not None
        assert torch.equal(weight.dequantize(), weight.correction.apply(fake_quantize(w, affine)))


@settings(max_examples=examples(25), deadline=None)
@given(
    own.bits,
    own.schemes,
    granularities,
    rules,
    corrections,
    st.booleans(),
    st.booleans(),
)
def test_every_layer_of_a_frozen_network_knows_what_it_was_quantized_by(
    bits: int, scheme: Any, granularity: Any, rule: str, correction: Any, with_steps: bool, trained: bool
) -> None:
    """Transposed convolutions, steps that a plan gives and bias correction included."""
    weights = QuantizerSettings(scheme, granularity, rule, correction)
    steps = GivenSteps({"point": LayerSteps(0.05, 0.1, False)}, correction) if with_steps else None
    if trained:
        ready = prepare_training(small(), everywhere(bits, 4), [images()], weights=weights, steps=steps)
        moved(ready, bits)
        network = freeze(ready)
        assert torch.allclose(network(images()), ready(images()), atol=1e-5)
    else:
        network = simulate(small(), everywhere(bits, 4), [images()], weights=weights, steps=steps)
    found = quantized_layers(network)
    assert tuple(found) == LAYERS
    for name, layer in found.items():
        assert layer.weight is not None
        assert layer.input is not None
        assert to_the_bit(layer.weight.dequantize(), network.get_submodule(name).get_parameter("weight"))
        assert (layer.weight.bits, layer.input.grid.bits) == (bits, 4)
        assert layer.weight.integers.shape == network.get_submodule(name).get_parameter("weight").shape
        assert (layer.weight.correction is None) == (correction == "none")
        if with_steps and name == "point":
            assert float(layer.weight.affine.step) == pytest.approx(0.05)
            assert float(layer.input.step) == pytest.approx(0.1)
            assert layer.input.grid == Grid.unsigned(4)
        elif granularity == "channel":
            assert layer.weight.affine.axis == (1 if name == "up" else 0)
        else:
            assert layer.weight.affine.axis is None


@pytest.mark.parametrize("correction", BIAS_CORRECTIONS)
def test_state_dicts_take_them_along(correction: Any, tmp_path: Any) -> None:
    """Through safetensors, into a network that was quantized by other numbers."""
    weights = QuantizerSettings("affine", "channel", "min-max", correction)
    ready = prepare_training(small(), everywhere(3, 8), [images()], weights=weights)
    moved(ready, 1)
    frozen = freeze(ready)
    artifacts = ArtifactFolder(tmp_path)
    state = artifacts.get_tensors(artifacts.put_tensors(frozen.state_dict()))
    other = simulate(small(seed=4), everywhere(3, 8), [images(seed=7)], weights=weights)
    other.load_state_dict(state)
    mine, theirs = quantized_layers(frozen), quantized_layers(other)
    for name in LAYERS:
        ours, loaded = mine[name].weight, theirs[name].weight
        assert ours is not None
        assert loaded is not None
        assert torch.equal(ours.integers, loaded.integers)
        assert loaded.integers.dtype == torch.uint8
        assert to_the_bit(loaded.dequantize(), frozen.get_submodule(name).get_parameter("weight"))
    assert torch.equal(other(images()), frozen(images()))


def test_only_what_is_quantized_is_listed() -> None:
    bits = {"first": (4, FLOAT_BITS), "point": (FLOAT_BITS, 8), "up": (FLOAT_BITS, FLOAT_BITS)}
    for network in (simulate(small(), bits, [images()]), freeze(prepare_training(small(), bits, [images()]))):
        found = quantized_layers(network)
        assert list(found) == ["first", "point"]
        assert found["first"].input is None
        assert found["point"].weight is None
    assert quantized_layers(small()) == {}


def test_a_network_that_still_trains_is_refused() -> None:
    with pytest.raises(QuantizerError, match="freeze it first"):
        quantized_layers(prepare_training(small(), everywhere(4, 4), [images()]))


@pytest.mark.parametrize("name", ["embed", "out"])
def test_layers_that_share_a_weight_share_what_is_stored(name: str) -> None:
    bits = {name: (3, 8), "mix": (4, 8)}
    for network in (simulate(tied(), bits, [tokens()]), freeze(prepare_training(tied(), bits, [tokens()]))):
        found = quantized_layers(network)
        assert found["embed"].weight is found["out"].weight
        assert found["embed"].weight is not None
        assert to_the_bit(
            found["embed"].weight.dequantize(), network.get_submodule("out").get_parameter("weight")
        )


def test_freezing_and_copying_keep_the_network_recognisable() -> None:
    frozen = freeze(prepare_training(small(), {"first": (4, 32)}, []))
    for network in (frozen, copy.deepcopy(frozen)):
        with pytest.raises(QuantizerError, match="layer 'first' is quantized"):
            assert_no_quantizer(network)
    assert not any("stored_weight" in name for name, _ in frozen.named_parameters()), "nothing more to train"


def test_a_quantizer_whose_values_are_not_what_it_stores_is_refused() -> None:
    class Elsewhere(FakeQuantizer):
        def quantized(self, x: Tensor) -> Tensor:
            return fake_quantize(x.tanh(), self.affine())

    class Told(Elsewhere):
        def stored(self, x: Tensor) -> QuantizedWeight:
            return QuantizedWeight.of(x.tanh(), self.affine())

    model = nn.Sequential(nn.Linear(3, 2))
    with torch.no_grad():
        model[0].weight.copy_(torch.tensor([[1.0, -2.0, 3.0], [0.5, 0.1, -0.9]]))  # type: ignore[operator]
    with pytest.raises(QuantizerError, match="at the weight of layer '0': the quantizer computes values"):
        freeze(prepare_training(model, {"0": (4, 32)}, [], weight_quantizer=Elsewhere))
    ready = prepare_training(model, {"0": (4, 32)}, [], weight_quantizer=Told)
    assert torch.equal(freeze(ready)(torch.eye(3)), ready(torch.eye(3)))


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 5, 6, 7, 8, 16])
def test_whole_numbers_take_the_smallest_type(bits: int) -> None:
    wide = bits == 16
    assert integer_type(Grid.signed(bits)) == (torch.int16 if wide else torch.int8)
    assert integer_type(Grid.unsigned(bits)) == (torch.uint16 if wide else torch.uint8)
