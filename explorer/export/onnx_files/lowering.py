r"""The pass that turns markers into QuantizeLinear and DequantizeLinear.

    Input    QuantizeLinear (UINT8) -> Clip (UINT8) -> DequantizeLinear
    Weight   the integers (`carriers`) -> DequantizeLinear
    Bias     INT32 -> DequantizeLinear

Activations of any grid are carried in UINT8 with q - qmin, since runtimes fuse nothing else on x86, and narrower grids
are an integer Clip (as Brevitas writes it; exact, and fusions stay). A Relu or Clip that only quantizers read goes into
that Clip: rounding is monotone, so clamp(round(max(x, 0)/s) + z) = max(clamp(round(x/s) + z), z). A quantizer that
repeats another on the same values is that one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx_ir as ir
import torch

from explorer.errors import ExportError
from explorer.export.onnx_files.carriers import OPSETS, Carrier, Parts, carried
from explorer.export.onnx_files.editing import replace, tidy
from explorer.export.onnx_files.markers import DOMAIN, Marked
from explorer.quantizers.uniform import Affine

_IR_VERSIONS: dict[Carrier, int] = {"int8": 10, "packed": 13}


@dataclass(frozen=True)
class _Levels:
    """A quantizer as the graph has it: step, zero point in UINT8, and which of the 256 levels are used."""

    step: float
    zero_point: int
    low: int
    high: int


def lower(model: ir.Model, marked: Marked, carrier: Carrier) -> dict[str, list[str]]:
    """Replace every marker of an exported model, in place; what ONNX has no word for must be refused before.

    Returns:
        Layer to the names of the initializers that hold its weight.
    """
    graph = model.graph
    weights: dict[str, ir.Value] = {}
    holding: dict[str, list[str]] = {}
    quantized: dict[ir.Value, tuple[ir.Value, _Levels]] = {}  # what a value was dequantized from
    shared: dict[tuple[ir.Value, _Levels], ir.Value] = {}
    everywhere = Parts()
    for node in list(graph):
        if node.domain != DOMAIN:
            continue
        key = node.attributes["key"].as_string()
        parts = Parts(everywhere.initializers)
        if node.op_type == "Weight":
            if key not in weights:
                weights[key] = _weight(parts, marked, key, carrier)
                holding[key] = parts.holding
            new = weights[key]
        elif node.op_type == "Bias":
            new = _bias(parts, marked, key)
        else:
            new = _input(parts, node, _levels(marked.inputs[key]), quantized, shared)
        graph.insert_before(node, parts.nodes)
        replace(graph, node, new)
    for name, value in everywhere.initializers.items():
        graph.initializers[name] = value
    tidy(model, {"": OPSETS[carrier]}, _IR_VERSIONS[carrier])
    return holding


def refuse(marked: Marked) -> None:
    """Refuse what ONNX has no word for.

    Raises:
        ExportError: the sentence names the layer.
    """
    for key, weight in marked.weights.items():
        if weight.bits > 8:
            raise ExportError(
                f"the weight of layer {key!r} has {weight.bits} bits, which no integer operator of ONNX takes; give "
                "it 8 bits or leave it in FP32"
            )
    for key, affine in marked.inputs.items():
        layer = key.rpartition(".")[0]
        if affine.grid.is_sign:
            raise ExportError(
                f"the input of layer {layer!r} has 1 bit and a sign, for which ONNX has no word; give it 2 bits"
            )
        if affine.grid.bits > 8:
            raise ExportError(
                f"the input of layer {layer!r} has {affine.grid.bits} bits, which no integer operator of ONNX takes; "
                "give it 8 bits or leave it in FP32"
            )
        if affine.axis is not None:
            raise ExportError(
                f"the input of layer {layer!r} has one step a channel, which integers cannot be summed over; use one a "
                "tensor"
            )


def _weight(parts: Parts, marked: Marked, key: str, carrier: Carrier) -> ir.Value:
    weight = marked.weights[key]
    name = f"{key}.weight"
    affine, integers = weight.affine, weight.integers.cpu().numpy()
    value = carried(parts, f"{name}.integers", integers, affine.grid, carrier)
    zero = np.zeros(affine.step.shape, integers.dtype)
    if affine.zero_point is not None:
        zero += affine.zero_point.cpu().numpy().astype(integers.dtype)
    inputs = [
        value,
        parts.constant(f"{name}.scale", _float(affine.step)),
        parts.constant(f"{name}.zero_point", zero),
    ]
    if affine.axis is None:
        return parts.node("DequantizeLinear", inputs, name)
    return parts.node("DequantizeLinear", inputs, name, axis=affine.axis)


def _bias(parts: Parts, marked: Marked, key: str) -> ir.Value:
    bias, name = marked.biases[key], f"{key}.bias"
    unit = bias.unit.expand(bias.integers.shape)
    inputs = [
        parts.constant(f"{name}.integers", bias.integers.cpu().numpy()),
        parts.constant(f"{name}.scale", _float(unit)),
        parts.constant(f"{name}.zero_point", np.zeros(bias.integers.shape, np.int32)),
    ]
    return parts.node("DequantizeLinear", inputs, name, axis=0)


def _levels(affine: Affine) -> _Levels:
    zero = 0 if affine.zero_point is None else round(float(affine.zero_point))
    return _Levels(float(affine.step), zero - affine.grid.qmin, 0, affine.grid.qmax - affine.grid.qmin)


def _input(
    parts: Parts,
    marker: ir.Node,
    levels: _Levels,
    quantized: dict[ir.Value, tuple[ir.Value, _Levels]],
    shared: dict[tuple[ir.Value, _Levels], ir.Value],
) -> ir.Value:
    source = _value(marker.inputs[0])
    if source in quantized and quantized[source][1] == levels:
        return source
    source, levels = _past_rectifiers(source, levels)
    if (source, levels) in shared:
        return shared[source, levels]
    name = f"{marker.attributes['key'].as_string()}.{marker.outputs[0].name}"
    scale = parts.constant(f"{name}.scale", np.array(levels.step, np.float32))
    zero = parts.constant(f"{name}.zero_point", np.array(levels.zero_point, np.uint8))
    whole = parts.node("QuantizeLinear", [source, scale, zero], f"{name}.integers")
    if (levels.low, levels.high) != (0, 255):
        bounds = [
            parts.constant(f"explorer.level{level}", np.array(level, np.uint8))
            for level in (levels.low, levels.high)
        ]
        whole = parts.node("Clip", [whole, *bounds], f"{name}.clipped")
    value = parts.node("DequantizeLinear", [whole, scale, zero], f"{name}.values")
    quantized[value] = (source, levels)
    shared[source, levels] = value
    return value


def _past_rectifiers(source: ir.Value, levels: _Levels) -> tuple[ir.Value, _Levels]:
    """What comes before rectifiers that only quantizers read, and the levels that are left of theirs."""
    while (node := source.producer()) is not None and node.op_type in ("Relu", "Clip") and node.domain == "":
        readers = [user for user, _ in source.uses()]
        if source.is_graph_output() or any(
            user.op_type not in ("Input", "QuantizeLinear") for user in readers
        ):
            break
        bounds = [0.0, np.inf] if node.op_type == "Relu" else _bounds(node)
        if bounds is None:
            break
        low, high = (_level(bound, levels) for bound in bounds)
        levels = _Levels(levels.step, levels.zero_point, max(levels.low, low), min(levels.high, high))
        source = _value(node.inputs[0])
    return source, levels


def _bounds(clip: ir.Node) -> list[float] | None:
    """Constant bounds of a Clip; None where one is computed."""
    found = []
    for place, absent in ((1, -np.inf), (2, np.inf)):
        value = clip.inputs[place] if len(clip.inputs) > place else None
        if value is None:
            found.append(absent)
            continue
        constant = ir.convenience.get_const_tensor(value)
        if constant is None:
            return None
        found.append(float(constant.numpy()))
    return found


def _level(bound: float, levels: _Levels) -> int:
    """The level that a value becomes, as QuantizeLinear rounds it."""
    if np.isinf(bound):
        return 0 if bound < 0 else 255
    return int(np.clip(np.rint(np.float32(bound) / np.float32(levels.step)) + levels.zero_point, 0, 255))


def _value(value: ir.Value | None) -> ir.Value:
    assert value is not None
    return value


def _float(step: torch.Tensor) -> np.ndarray:
    return step.detach().cpu().float().numpy()
