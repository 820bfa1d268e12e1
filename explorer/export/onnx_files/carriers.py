r"""Weights of 1 to 8 bits as ONNX tensors: each in a byte, or in types that add up to its own width.

    int8      one INT8 or UINT8 tensor, whatever the width
    packed    q = 2^k top + low: a tensor of 4 or 2 bits, then one of 2 bits and a plane of single bits for the rest

              bits   8       7                 6             5           4      3           2      1
              as     INT8    INT4, U2, plane   INT4, UINT2   INT4, plane INT4   INT2, plane INT2   plane

A plane is a UINT8 tensor with eight weights a byte, the first in the lowest bit. Nodes put the parts together again;
a runtime folds them when it loads the file. Whole tensors weigh ⌈n·bits/8⌉ bytes, but for the last byte of each part.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import ml_dtypes
import numpy as np
import onnx_ir as ir

from explorer.quantizers.grid import Grid

Carrier = Literal["int8", "packed"]
OPSETS: dict[Carrier, int] = {"int8": 21, "packed": 25}
_TYPES = {
    (4, True): ml_dtypes.int4,
    (4, False): ml_dtypes.uint4,
    (2, True): ml_dtypes.int2,
    (2, False): ml_dtypes.uint2,
}


@dataclass(eq=False)
class Parts:
    """What a graph gets: initializers, nodes in order, and names of the initializers that hold weights."""

    initializers: dict[str, ir.Value] = field(default_factory=dict)
    nodes: list[ir.Node] = field(default_factory=list)
    holding: list[str] = field(default_factory=list)

    def constant(self, name: str, array: np.ndarray, *, holds: bool = False) -> ir.Value:
        """An initializer; one that is there under this name already serves again."""
        if name not in self.initializers:
            tensor = ir.tensor(array, name=name)
            self.initializers[name] = ir.Value(
                name=name, type=ir.TensorType(tensor.dtype), shape=ir.Shape(array.shape), const_value=tensor
            )
        if holds:
            self.holding.append(name)
        return self.initializers[name]

    def node(
        self, op: str, inputs: Sequence[ir.Value], name: str, *, domain: str = "", **attributes: Any
    ) -> ir.Value:
        """A node and its output, called ``name``."""
        node = ir.node(
            op, list(inputs), attributes or None, domain=domain, num_outputs=1, name=f"{name}/{op}"
        )
        node.outputs[0].name = name
        self.nodes.append(node)
        return node.outputs[0]


def carried(parts: Parts, name: str, integers: np.ndarray, grid: Grid, carrier: Carrier) -> ir.Value:
    """A weight's integers as a value of type INT8 or UINT8 called ``name``.

    Args:
        integers: of the weight's shape, on the grid.
    """
    signed = grid.qmin < 0
    whole = np.int8 if signed else np.uint8
    if carrier == "int8" or grid.bits == 8:
        return parts.constant(name, integers.astype(whole), holds=True)
    if grid.bits == 1:
        bits = _plane(parts, f"{name}.bits", integers > 0)
        if grid.is_sign:
            bits = parts.node("Mul", [bits, _scalar(parts, 2)], f"{name}.doubled")
            bits = parts.node("Sub", [bits, _scalar(parts, 1)], f"{name}.signs")
        return parts.node("Cast", [bits], name, to=_type(signed).value)
    width = 4 if grid.bits >= 4 else 2
    rest = grid.bits - width
    top = parts.constant(f"{name}.top", (integers >> rest).astype(_TYPES[width, signed]), holds=True)
    if not rest:
        return parts.node("Cast", [top], name, to=_type(signed).value)
    total = _widened(parts, top, f"{name}.top", signed=signed)
    if rest >= 2:
        total = parts.node("Mul", [total, _scalar(parts, 4)], f"{name}.top.shifted")
        pair = ((integers >> (rest - 2)) & 3).astype(_TYPES[2, False])
        value = _widened(parts, parts.constant(f"{name}.low", pair, holds=True), f"{name}.low", signed=False)
        total = parts.node("Add", [total, value], f"{name}.with_low")
    if rest % 2:
        total = parts.node("Mul", [total, _scalar(parts, 2)], f"{name}.shifted")
        total = parts.node("Add", [total, _plane(parts, f"{name}.bits", integers & 1)], f"{name}.with_bits")
    return parts.node("Cast", [total], name, to=_type(signed).value)


def _type(signed: bool) -> ir.DataType:
    return ir.DataType.INT8 if signed else ir.DataType.UINT8


def _scalar(parts: Parts, number: int) -> ir.Value:
    return parts.constant(f"explorer.{number}", np.array(number, np.int32))


def _widened(parts: Parts, value: ir.Value, name: str, *, signed: bool) -> ir.Value:
    """As INT32, by way of a whole byte, since a runtime need not convert in one step."""
    byte = parts.node("Cast", [value], f"{name}.byte", to=_type(signed).value)
    return parts.node("Cast", [byte], f"{name}.wide", to=ir.DataType.INT32.value)


def _plane(parts: Parts, name: str, bits: np.ndarray) -> ir.Value:
    """Single bits as INT32, of the shape of ``bits``."""
    packed = np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little")
    shape = parts.constant(f"{name}.shape", np.array(bits.shape, np.int64))
    value = parts.constant(name, packed.reshape(-1, 1), holds=True)
    shifts = parts.constant("explorer.shifts", np.arange(8, dtype=np.uint8))
    value = parts.node("BitShift", [value, shifts], f"{name}.down", direction="RIGHT")
    value = parts.node(
        "BitwiseAnd", [value, parts.constant("explorer.one", np.array(1, np.uint8))], f"{name}.each"
    )
    value = parts.node(
        "Reshape", [value, parts.constant("explorer.flat", np.array([-1], np.int64))], f"{name}.row"
    )
    if bits.size % 8:
        ends = [parts.constant(f"explorer.at{at}", np.array([at], np.int64)) for at in (0, bits.size)]
        value = parts.node("Slice", [value, *ends], f"{name}.cut")
    value = parts.node("Reshape", [value, shape], f"{name}.shaped")
    return parts.node("Cast", [value], f"{name}.wide", to=ir.DataType.INT32.value)
