r"""The operators of QONNX that say a quantizer of any width (Pappalardo et al. 2022, arXiv:2206.07527, sec. 4).

    Quant(x, s, z, b; signed, narrow, rounding_mode)    s (clamp(round(x / s + z), qmin, qmax) - z)
    BipolarQuant(x, s)                                   s sign(x), sign(0) = +1

ONNX Runtime knows neither. `runnable` adds to a model what they mean in operators of ONNX, as functions of the model,
so that a file can be run without changing it.
"""

from __future__ import annotations

import numpy as np
import onnx
import onnx_ir as ir
import torch
from onnx import helper

from explorer.export.onnx_files.carriers import Parts
from explorer.quantizers.uniform import Affine

DOMAIN = "qonnx.custom_op.general"
OPSET = 21


def quant(parts: Parts, x: ir.Value, affine: Affine, name: str, *, rank: int) -> ir.Value:
    """The nodes of a quantizer on a value of ``rank`` dimensions."""
    scale = parts.constant(f"{name}.scale", _broadcast(affine.step, affine.axis, rank))
    if affine.grid.is_sign:
        return parts.node("BipolarQuant", [x, scale], name, domain=DOMAIN)
    zero = torch.zeros_like(affine.step) if affine.zero_point is None else affine.zero_point
    inputs = [
        x,
        scale,
        parts.constant(f"{name}.zero_point", _broadcast(zero, affine.axis, rank)),
        parts.constant(f"{name}.bits", np.array(affine.grid.bits, np.float32)),
    ]
    signed = int(affine.grid.qmin < 0)
    return parts.node("Quant", inputs, name, domain=DOMAIN, signed=signed, narrow=0, rounding_mode="ROUND")


def runnable(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy whose functions say what the operators mean; ``narrow`` must be 0 and halves round to even."""
    made = onnx.ModelProto()
    made.CopyFrom(model)
    made.functions.extend([_quant(), _bipolar()])
    return made


def _broadcast(values: torch.Tensor, axis: int | None, rank: int) -> np.ndarray:
    shape = [1] * (0 if axis is None else rank)
    if axis is not None:
        shape[axis] = -1
    return values.detach().cpu().float().numpy().reshape(shape)


def _quant() -> onnx.FunctionProto:
    signed = helper.make_node("Constant", [], ["signed"])
    signed.attribute.append(_referred("value_int", "signed"))
    nodes = [
        signed,
        helper.make_node("CastLike", ["signed", "bits"], ["sign"]),
        helper.make_node("Constant", [], ["one"], value_float=1.0),
        helper.make_node("Constant", [], ["two"], value_float=2.0),
        helper.make_node("Sub", ["bits", "sign"], ["magnitude"]),
        helper.make_node("Pow", ["two", "magnitude"], ["above"]),
        helper.make_node("Sub", ["above", "one"], ["high"]),
        helper.make_node("Mul", ["above", "sign"], ["below"]),
        helper.make_node("Neg", ["below"], ["low"]),
        helper.make_node("Div", ["x", "scale"], ["steps"]),
        helper.make_node("Add", ["steps", "zero"], ["shifted"]),
        helper.make_node("Round", ["shifted"], ["rounded"]),
        helper.make_node("Min", ["rounded", "high"], ["capped"]),
        helper.make_node("Max", ["capped", "low"], ["whole"]),
        helper.make_node("Sub", ["whole", "zero"], ["centred"]),
        helper.make_node("Mul", ["centred", "scale"], ["y"]),
    ]
    return helper.make_function(
        DOMAIN,
        "Quant",
        ["x", "scale", "zero", "bits"],
        ["y"],
        nodes,
        [helper.make_opsetid("", OPSET)],
        ["signed", "narrow", "rounding_mode"],
    )


def _bipolar() -> onnx.FunctionProto:
    nodes = [
        helper.make_node("Constant", [], ["none"], value_float=0.0),
        helper.make_node("GreaterOrEqual", ["x", "none"], ["right"]),
        helper.make_node("Neg", ["scale"], ["minus"]),
        helper.make_node("Where", ["right", "scale", "minus"], ["y"]),
    ]
    return helper.make_function(
        DOMAIN, "BipolarQuant", ["x", "scale"], ["y"], nodes, [helper.make_opsetid("", OPSET)]
    )


def _referred(name: str, outer: str) -> onnx.AttributeProto:
    """An attribute whose value is that of the function's own attribute."""
    return onnx.AttributeProto(name=name, ref_attr_name=outer, type=onnx.AttributeProto.INT)
