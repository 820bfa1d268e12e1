"""Uniform quantizers: grids, steps, and networks that compute with them."""

from explorer.quantizers.given import GivenSteps, LayerSteps
from explorer.quantizers.gradients import straight_through
from explorer.quantizers.grid import FLOAT_BITS, WIDTHS, Grid, Scheme, check_bits
from explorer.quantizers.listing import QuantizedLayer, quantized_layers
from explorer.quantizers.modules import FakeQuantizer
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.simulated import (
    assert_no_quantizer,
    freeze,
    latent_state,
    prepare_training,
    refresh_steps,
    simulate,
)
from explorer.quantizers.stored import QuantizedWeight
from explorer.quantizers.uniform import Affine, dequantize, fake_quantize, quantize
from explorer.quantizers.weights import quantize_weight, squared_errors, weight_affine

__all__ = [
    "ACTIVATIONS",
    "FLOAT_BITS",
    "WEIGHTS",
    "WIDTHS",
    "Affine",
    "FakeQuantizer",
    "GivenSteps",
    "Grid",
    "LayerSteps",
    "QuantizedLayer",
    "QuantizedWeight",
    "QuantizerSettings",
    "Scheme",
    "assert_no_quantizer",
    "check_bits",
    "dequantize",
    "fake_quantize",
    "freeze",
    "latent_state",
    "prepare_training",
    "quantize",
    "quantize_weight",
    "quantized_layers",
    "refresh_steps",
    "simulate",
    "squared_errors",
    "straight_through",
    "weight_affine",
]
