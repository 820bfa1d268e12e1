r"""What a plan's network becomes where integers are computed with, simulated in floating point.

Three things change on the way, in this order:

    batch norms     are folded into the scales of the weights before them; integers stay          (`scales`)
    residual sums   are quantized, so that they need no floating point                            (`residuals`)
    biases          become int32 in units of a product's step                                     (`bias`)

An integer runtime does the first and the last to whatever it is given, ONNX Runtime silently. Exports are judged by
this network: it and the file differ by the order of floating-point sums alone.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from torch import Tensor, fx, nn

from explorer.errors import ExportError
from explorer.quantizers.deployed.bias import BIAS, integer_bias
from explorer.quantizers.deployed.graphs import traced
from explorer.quantizers.deployed.residuals import quantize_residuals
from explorer.quantizers.deployed.scales import scaled, with_steps_of_empty_channels
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.modules import INPUT, FakeQuantizer
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.simulated import Bits, simulate
from explorer.quantizers.stored import STORED, StoredWeight
from explorer.studies.networks.folding import factors, followers


@dataclass(frozen=True)
class Deployment:
    """How a network is made ready.

    Attributes:
        integer_bias: round biases to int32.
        residual_bits: width of the residual sums; None: left in floating point.
    """

    integer_bias: bool = True
    residual_bits: int | None = 8


@dataclass(frozen=True, eq=False)
class Deployed:
    """A network made ready.

    Attributes:
        network: computes in floating point what integer arithmetic would.
        remarks: sentences, what it does otherwise than the plan's network and what could not be done.
        graph: whether the network has a fixed graph, without which nothing is folded and no sum quantized.
        sums: residual sums that were quantized.
    """

    network: nn.Module
    remarks: tuple[str, ...]
    graph: bool
    sums: int


def simulate_deployed(
    model: nn.Module,
    bits: Bits,
    calibration: Iterable[Tensor],
    *,
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    steps: GivenSteps | None = None,
    deployment: Deployment = Deployment(),
) -> Deployed:
    """`simulate`, then `deploy`.

    Raises:
        QuantizerError: as `simulate`.
        ExportError: as `deploy`.
    """
    batches = list(calibration)
    network = simulate(model, bits, batches, weights=weights, activations=activations, steps=steps)
    return deploy(network, batches, deployment)


def deploy(
    network: nn.Module, calibration: Iterable[Tensor], deployment: Deployment = Deployment()
) -> Deployed:
    """A copy of a network that `simulate` or `freeze` made, as integer arithmetic computes it.

    Args:
        calibration: batches of inputs; the ranges of residual sums are those that they have in the network.

    Raises:
        ExportError: a layer cannot be computed in integers; the sentence names it and the reason.
    """
    batches = list(calibration)
    ready = copy.deepcopy(network).eval().requires_grad_(False)
    _refuse_corrected(ready)
    remarks: list[str] = []
    found = traced(ready, batches[0]) if batches else "no calibration batch is there to trace it with"
    graph, sums = (found, 0) if isinstance(found, fx.GraphModule) else (None, 0)
    if graph is None:
        norms = any(isinstance(module, nn.modules.batchnorm._BatchNorm) for module in ready.modules())
        left = "Batch norms and residual sums" if norms else "Residual sums"
        remarks.append(f"{left} stay in floating point: {found}.")
    else:
        remarks += _fold(graph)
        ready = graph
    if graph is not None and deployment.residual_bits is not None:
        sums = quantize_residuals(graph, batches, deployment.residual_bits)
        if sums:
            remarks.append(f"Residual sums ({sums}) are quantized to {deployment.residual_bits} bits.")
    if deployment.integer_bias:
        rounded = _round_biases(ready)
        remarks.append(f"Biases of {rounded} layers are int32 in units of their products.")
    return Deployed(ready, tuple(remarks), graph is not None, sums)


def _fold(graph: fx.GraphModule) -> Iterator[str]:
    """Fold what can be folded, in place; what is to be said of it."""
    for norm in followers(graph, list(graph.graph.nodes)):
        if norm.obstacle:
            yield f"The batch norm {norm.name} stays in floating point: {norm.obstacle}."
            continue
        layer, module = graph.get_submodule(norm.layer), graph.get_submodule(norm.name)
        if not type(layer).__module__.startswith("torch.nn."):  # it may do anything to its weight
            yield f"The batch norm {norm.name} stays in floating point: {norm.layer} is of no class of torch's."
            continue
        factor, bias = factors(layer, module)
        weight = layer.get_parameter("weight")
        channels = 1 if isinstance(layer, nn.modules.conv._ConvTransposeNd) else 0
        stored = layer._modules.get(STORED)
        if isinstance(stored, StoredWeight):
            with _naming(norm.layer):
                folded, clamped = scaled(stored.record(), factor, channels=channels)
            folded = with_steps_of_empty_channels(folded)
            layer.add_module(STORED, StoredWeight(folded))
            weight.copy_(folded.dequantize())
            if clamped:
                yield f"{clamped} weights of {norm.layer} moved by one step, since γ < 0 turned them off their grid."
        else:
            shape = [1] * weight.ndim
            shape[channels] = -1
            weight.copy_(weight.double() * factor.view(shape))
        layer.register_parameter("bias", nn.Parameter(bias.to(weight.dtype), requires_grad=False))
        graph.set_submodule(norm.name, nn.Identity())


def _round_biases(network: nn.Module) -> int:
    """Make the biases of layers whose weight and input are quantized int32, in place; how many there are."""
    rounded = 0
    for name, layer in network.named_modules():
        stored, quantizer = (layer._modules.get(child) for child in (STORED, INPUT))
        bias = layer._parameters.get("bias")
        if bias is None or not isinstance(stored, StoredWeight) or not isinstance(quantizer, FakeQuantizer):
            continue
        weight = with_steps_of_empty_channels(stored.record())
        with _naming(name):
            whole = integer_bias(bias, weight.affine, quantizer.affine().detached())
        layer.add_module(STORED, StoredWeight(weight))
        layer.add_module(BIAS, whole)
        bias.copy_(whole.value())
        rounded += 1
    return rounded


def _refuse_corrected(network: nn.Module) -> None:
    for name, layer in network.named_modules():
        stored: Any = layer._modules.get(STORED)
        if isinstance(stored, StoredWeight) and stored.record().correction is not None:
            raise ExportError(
                f"layer {name!r} cannot be computed in integers: its bias correction makes its weights no multiples of "
                "the step; choose steps without bias correction"
            )


@contextmanager
def _naming(name: str) -> Iterator[None]:
    """Put the layer's name before an ExportError raised inside."""
    try:
        yield
    except ExportError as error:
        raise ExportError(f"layer {name!r} cannot be computed in integers: {error}") from None
