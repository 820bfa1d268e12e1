"""A network as it would compute with a plan's bits, in floating point ("fake quantization").

`simulate`: after training. Weights are replaced by their quantized values once; the input of each layer
passes its quantizer. `prepare_training`: for quantization-aware training. The latent FP32 weight is trained
and quantized anew on each forward pass, gradients pass straight through (`gradients`).
`freeze` turns the second form into the first. In that form each layer also keeps the whole numbers that its
weight stands for (`stored`); `listing.quantized_layers` lists them.

A layer's activation bits are those of its input, as HAWQ-V3 and BOPs count them. Steps of activations are
chosen on the FP32 network and stay; steps of weights too, until `refresh_steps` chooses them again for the
weights of that moment (once an epoch is enough: a step follows the spread of a whole channel, which one
update barely moves). Batch normalisation and biases are left alone.

Every function returns a deep copy and leaves the model it was given untouched.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace

import torch
from torch import Tensor, nn
from torch.nn.utils import parametrize

from explorer.errors import QuantizerError
from explorer.quantizers.calibration import input_affines
from explorer.quantizers.given import GivenSteps, given_affine
from explorer.quantizers.grid import FLOAT_BITS
from explorer.quantizers.layers import Place, places
from explorer.quantizers.modules import INPUT, FakeQuantizer, attach_input
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.stored import STORED, QuantizedWeight, StoredWeight
from explorer.quantizers.uniform import Affine
from explorer.quantizers.weights import weight_affine

Bits = Mapping[str, tuple[int, int]]  # layer name -> bits of its weight, bits of its input
MakeQuantizer = Callable[[Affine, QuantizerSettings], FakeQuantizer]

_OFF_GRID = 0.01  # of a step, on average


def simulate(
    model: nn.Module,
    bits: Bits,
    calibration: Iterable[Tensor],
    *,
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    steps: GivenSteps | None = None,
) -> nn.Module:
    """A copy of `model` in eval mode with the layers named in `bits` quantized after training.

    `calibration` yields batches of inputs; it is not read if no activation's step is to be chosen. `steps` go
    before the rules, and their bias correction before that of `weights`.
    """
    weights = _with_correction(weights, steps)
    quantized, where, inputs = _begin(model, bits, calibration, activations, steps)
    for place in _once_a_weight(where):
        weight = _weight(quantized.get_submodule(place.name))
        with torch.no_grad(), _naming(place.name):
            affine = _weight_affine(weight, place, where, weights, steps)
            quantized_weight = QuantizedWeight.of(
                weight, affine, bias_correction=weights.bias_correction, channels=place.weight_axis
            )
            weight.copy_(quantized_weight.dequantize())
        stored = StoredWeight(quantized_weight)
        for each in where:
            if each.weight == place.weight:  # tied modules share what is stored too
                quantized.get_submodule(each.name).add_module(STORED, stored)
    for name, affine in inputs.items():
        attach_input(quantized.get_submodule(name), FakeQuantizer(affine, activations))
    return quantized.eval()


def prepare_training(
    model: nn.Module,
    bits: Bits,
    calibration: Iterable[Tensor],
    *,
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    weight_quantizer: MakeQuantizer = FakeQuantizer,
    input_quantizer: MakeQuantizer = FakeQuantizer,
    steps: GivenSteps | None = None,
) -> nn.Module:
    """A copy of `model`, in the mode it was in, whose named layers train through their quantizers.

    Its state dict holds the latent weights and every step; loaded into a copy prepared with the same bits and
    settings it restores the network exactly. `steps` as in `simulate`; `refresh_steps` leaves them alone.
    """
    weights = _with_correction(weights, steps)
    prepared, where, inputs = _begin(model, bits, calibration, activations, steps)
    for first in _once_a_weight(where):
        weight = _weight(prepared.get_submodule(first.name))
        with _naming(first.name):
            affine = _weight_affine(weight, first, where, weights, steps)
        quantizer = weight_quantizer(affine, weights)
        quantizer.given = _given_step(first, where, steps) is not None
        quantizer.output_channels = first.weight_axis
        for place in where:
            if place.weight == first.weight:  # tied modules share the Parameter and the quantizer
                parametrize.register_parametrization(prepared.get_submodule(place.name), "weight", quantizer)
    for name, affine in inputs.items():
        attach_input(prepared.get_submodule(name), input_quantizer(affine, activations))
    return prepared


def refresh_steps(model: nn.Module) -> None:
    """Choose the step of every weight again, for the latent weights as they are now; in place.

    Steps that were given stay.
    """
    for name, quantizer, latent in weight_quantizers(model):
        if quantizer.given:
            continue
        bits, settings = quantizer.grid.bits, quantizer.settings
        with _naming(name):
            q = weight_affine(latent, bits, settings, axis=quantizer.output_channels)
        quantizer.refresh(q)


def weight_quantizers(model: nn.Module) -> Iterator[tuple[str, FakeQuantizer, Tensor]]:
    """Layer name, quantizer and latent weight of a prepared network; a weight that layers share comes once."""
    for name, quantizer, latent in latent_weights(model):
        yield name, quantizer, latent.detach()


def latent_weights(model: nn.Module) -> Iterator[tuple[str, FakeQuantizer, Tensor]]:
    """The same, with weights that gradients reach."""
    seen: set[nn.Module] = set()
    for name, layer in model.named_modules():
        quantizer = _weight_quantizer(layer)
        if quantizer is not None and quantizer not in seen:
            seen.add(quantizer)
            yield name, quantizer, _latent(layer)


def input_quantizers(model: nn.Module) -> Iterator[tuple[str, FakeQuantizer]]:
    """Layer name and quantizer of every quantized input."""
    for name, layer in model.named_modules():
        quantizer = layer._modules.get(INPUT)
        if isinstance(quantizer, FakeQuantizer):
            yield name, quantizer


def freeze(model: nn.Module) -> nn.Module:
    """A copy of a prepared network in the form `simulate` gives, in eval mode, with its present steps.

    What a method put into it for training alone goes: quantizers of its own at the inputs, and hooks of layers with
    an attribute ``only_training`` that is true.

    Raises:
        QuantizerError: a method's quantizer computes other values than those it stores.
    """
    frozen = copy.deepcopy(model)
    stored: dict[nn.Module, StoredWeight] = {}
    for name, quantizer, latent in weight_quantizers(frozen):
        with torch.no_grad(), _naming(name):
            weight = quantizer.stored(latent)
            _check_stored(weight, quantizer(latent))
        stored[quantizer] = StoredWeight(weight)
    for layer in list(frozen.modules()):
        own = _weight_quantizer(layer)
        if own is not None:
            _unwrap(layer, stored[own].record().dequantize())
            layer.add_module(STORED, stored[own])
        for number, hook in list(layer._forward_hooks.items()):
            if getattr(hook, "only_training", False):
                del layer._forward_hooks[number]
    for name, trained in list(input_quantizers(frozen)):
        plain = FakeQuantizer(trained.affine().detached(), trained.settings)
        frozen.get_submodule(name).add_module(INPUT, plain)
    return frozen.eval()


def latent_state(model: nn.Module) -> dict[str, Tensor]:
    """The FP32 state of a prepared network under its original names: loads into the unquantized model."""
    state: dict[str, Tensor] = {}
    quantizers = {id(q) for q in model.modules() if isinstance(q, FakeQuantizer)}
    inside = [n for n, m in model.named_modules(remove_duplicate=False) if id(m) in quantizers]
    for key, value in model.state_dict().items():
        if not any(key.startswith(f"{name}.") for name in inside):
            state[key.replace("parametrizations.weight.original", "weight")] = value
    return state


def assert_no_quantizer(model: nn.Module) -> None:
    """Raise if the model holds a quantizer, or weights that `simulate` or `freeze` quantized."""
    for name, module in model.named_modules():
        if isinstance(module, FakeQuantizer | StoredWeight):
            owner = name.removesuffix(f".{INPUT}").removesuffix(f".{STORED}")
            owner = owner.removesuffix(".parametrizations.weight.0")
            raise QuantizerError(f"layer {owner!r} is quantized: use a fresh FP32 network")


def _begin(
    model: nn.Module,
    bits: Bits,
    calibration: Iterable[Tensor],
    activations: QuantizerSettings,
    steps: GivenSteps | None,
) -> tuple[nn.Module, tuple[Place, ...], dict[str, Affine]]:
    assert_no_quantizer(model)
    if activations.bias_correction != "none":
        raise QuantizerError("bias correction is of weights alone: leave it out of the activations' settings")
    places(model, bits)  # a bad name or width is reported before the copy, which may be large
    fresh = copy.deepcopy(model)
    fresh.zero_grad(set_to_none=True)
    where = places(fresh, bits)
    given = _given_inputs(fresh, where, steps)
    others = [place for place in where if place.name not in given]
    return fresh, where, {**given, **input_affines(fresh, others, calibration, activations)}


def _with_correction(weights: QuantizerSettings, steps: GivenSteps | None) -> QuantizerSettings:
    return weights if steps is None else replace(weights, bias_correction=steps.bias_correction)


def _given_inputs(model: nn.Module, where: Iterable[Place], steps: GivenSteps | None) -> dict[str, Affine]:
    found = {}
    for place in where:
        given = None if steps is None else steps.layers.get(place.name)
        if given is not None and given.a_step is not None and place.a_bits != FLOAT_BITS:
            weight = _weight(model.get_submodule(place.name)).detach()
            found[place.name] = given_affine(given.a_step, place.a_bits, weight, signed=given.a_signed)
    return found


def _given_step(place: Place, where: Iterable[Place], steps: GivenSteps | None) -> float | None:
    """The given step of a place's weight, under whichever name of it."""
    for each in where:
        given = None if steps is None or each.weight != place.weight else steps.layers.get(each.name)
        if given is not None and given.w_step is not None:
            return given.w_step
    return None


def _weight_affine(
    weight: Tensor,
    place: Place,
    where: Iterable[Place],
    settings: QuantizerSettings,
    steps: GivenSteps | None,
) -> Affine:
    step = _given_step(place, where, steps)
    if step is not None:
        return given_affine(step, place.w_bits, weight.detach(), signed=True)
    return weight_affine(weight, place.w_bits, settings, axis=place.weight_axis)


def _once_a_weight(where: Iterable[Place]) -> list[Place]:
    """The first place of each weight that is to be quantized."""
    first: dict[int, Place] = {}
    for place in where:
        if place.w_bits != FLOAT_BITS:
            first.setdefault(place.weight, place)
    return list(first.values())


def _weight(layer: nn.Module) -> Tensor:
    weight = layer.weight
    assert isinstance(weight, Tensor)
    return weight


def _weight_quantizer(layer: nn.Module) -> FakeQuantizer | None:
    if not parametrize.is_parametrized(layer, "weight"):
        return None
    first = layer.parametrizations["weight"][0]  # type: ignore[index]
    return first if isinstance(first, FakeQuantizer) else None


def _latent(layer: nn.Module) -> Tensor:
    original = layer.parametrizations["weight"].original  # type: ignore[index,union-attr]
    assert isinstance(original, Tensor)
    return original


def _check_stored(weight: QuantizedWeight, value: Tensor) -> None:
    """A value may be off its level by rounding, and a few lie on another level where two are as near."""
    if (weight.dequantize() - value).abs().mean() > _OFF_GRID * weight.affine.step.abs().mean():
        raise QuantizerError(
            "the quantizer computes values that are not those it stores; write its `stored` to fit its `quantized`"
        )


def _unwrap(layer: nn.Module, value: Tensor) -> None:
    """Make `weight` a plain Parameter again, holding `value`.

    Not remove_parametrizations: a deep copy shares its parametrized class with the model it came from, and
    that function deletes `weight` from the class.
    """
    original = layer.parametrizations["weight"].original  # type: ignore[index,union-attr]
    assert isinstance(original, nn.Parameter)
    del layer.parametrizations
    layer.__class__ = type(layer).__bases__[0]
    with torch.no_grad():
        original.copy_(value)
    layer.register_parameter("weight", original)


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Put the layer's name before a QuantizerError raised inside."""
    try:
        yield
    except QuantizerError as error:
        raise QuantizerError(f"at the weight of layer {name!r}: {error}") from None
