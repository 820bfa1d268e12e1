"""Reader of packed files that needs NumPy and nothing else: it may be copied beside a file.

A packed file is a safetensors file: 8 bytes, the length of the header; the header, JSON; tensors. Its ``__metadata__``
has ``format`` ("mixed-precision-packed"), ``version``, ``plan`` (plan.json) and ``layers``, JSON of

    {layer: {"bits", "qmin", "qmax", "shape", "axis", "shares", "correction",
             "input": {"bits", "qmin", "qmax", "axis"}}}

A layer's weight is ``<layer>.weight.packed``, a stream of q - qmin in ``bits`` bits each, lowest bit first (for the
grid -1, +1: 0 and 1), with ``.scale`` and, where there are such, ``.zero_point``, ``.correction_scale`` and
``.correction_offset``: w = correction_scale · scale · (q - zero_point) + correction_offset, along ``axis``. A layer
that ``shares`` has the weight of the layer named there. ``<layer>.input.scale`` and ``.zero_point`` are its input's.
Every other tensor has the name that the network's state dict gives it.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

FORMAT = "mixed-precision-packed"
VERSION = "1"
MOST_HEADER = 50_000_000  # bytes
_TYPES = {
    "BOOL": np.bool_, "U8": np.uint8, "I8": np.int8, "I16": np.int16, "U16": np.uint16, "I32": np.int32,
    "U32": np.uint32, "I64": np.int64, "U64": np.uint64, "F16": np.float16, "F32": np.float32, "F64": np.float64,
}  # fmt: skip


class NotPackedError(ValueError):
    """The file is damaged, or of another kind."""


@dataclass(frozen=True, eq=False)
class PackedWeight:
    """One layer's weight.

    Attributes:
        integers: of the weight's shape, int32.
        bits, qmin, qmax: the grid.
        axis: along which scales run; None: one for all.
        scale, zero_point: of the shape () or (channels,).
        correction: scale and offset of each output channel and their axis, where its bias was corrected.
    """

    integers: np.ndarray
    bits: int
    qmin: int
    qmax: int
    axis: int | None
    scale: np.ndarray
    zero_point: np.ndarray | None
    correction: tuple[np.ndarray, np.ndarray, int] | None

    def values(self) -> np.ndarray:
        """The weight, in the scale's type."""
        whole = self.integers.astype(self.scale.dtype)
        if self.zero_point is not None:
            whole = whole - self._along(self.zero_point, self.axis)
        values: np.ndarray = whole * self._along(self.scale, self.axis)
        if self.correction is None:
            return values
        scale, offset, axis = self.correction
        values = values * self._along(scale, axis) + self._along(offset, axis)
        return values

    def _along(self, array: np.ndarray, axis: int | None) -> np.ndarray:
        if axis is None:
            return array
        shape = [1] * self.integers.ndim
        shape[axis] = -1
        return array.reshape(shape)


@dataclass(frozen=True, eq=False)
class PackedFile:
    """What a packed file holds.

    Attributes:
        plan: plan.json's content.
        layers: what the metadata says of each layer.
        weights: layer to weight; one object where layers share it.
        tensors: every other tensor by its name in the file, those of inputs included.
        weight_bytes: of the streams, all together.
    """

    plan: Mapping[str, Any]
    layers: Mapping[str, Mapping[str, Any]]
    weights: Mapping[str, PackedWeight]
    tensors: Mapping[str, np.ndarray]
    weight_bytes: int

    def state(self) -> dict[str, np.ndarray]:
        """The network's state dict, weights dequantized."""
        own = {f"{name}.input.{what}" for name in self.layers for what in ("scale", "zero_point")}
        rest = {name: tensor for name, tensor in self.tensors.items() if name not in own}
        return {**rest, **{f"{name}.weight": weight.values() for name, weight in self.weights.items()}}


def read_packed(path: Path | str) -> PackedFile:
    """Read a packed file.

    Raises:
        NotPackedError: it is damaged or of another kind.
        OSError: it cannot be read.
    """
    tensors, metadata = _safetensors(Path(path))
    if metadata.get("format") != FORMAT or metadata.get("version") != VERSION:
        raise NotPackedError(f"is no {FORMAT} file of version {VERSION}")
    try:
        plan, layers = json.loads(metadata["plan"]), json.loads(metadata["layers"])
        names = [name for name, each in layers.items() if "bits" in each]
        size = sum(tensors[f"{name}.weight.packed"].nbytes for name in names)
        weights = {name: _weight(name, layers[name], tensors) for name in names}
        shared = {name: each["shares"] for name, each in layers.items() if each.get("shares")}
        weights |= {name: weights[owner] for name, owner in shared.items()}
    except (KeyError, TypeError, ValueError, AttributeError, RecursionError, IndexError) as error:
        raise NotPackedError(f"contradicts itself ({type(error).__name__}: {error})") from error
    return PackedFile(plan, layers, weights, tensors, size)


def unpack(stream: np.ndarray, numbers: int, bits: int, qmin: int, qmax: int) -> np.ndarray:
    """A stream's whole numbers, int32 (numbers,); ValueError if its length is another."""
    if stream.dtype != np.uint8 or stream.size != -(-numbers * bits // 8):
        raise ValueError(f"{numbers} numbers of {bits} bits are not {stream.size} bytes")
    each = np.unpackbits(stream.reshape(-1), bitorder="little")[: numbers * bits].reshape(numbers, bits)
    found = each.astype(np.int32) @ (1 << np.arange(bits, dtype=np.int32))
    return (2 * found - 1 if qmin == -1 and qmax == 1 else found + qmin).astype(np.int32)


def _weight(name: str, layer: Mapping[str, Any], tensors: dict[str, np.ndarray]) -> PackedWeight:
    """One weight, whose tensors are taken out of ``tensors``."""
    bits, qmin, qmax, shape = (layer[key] for key in ("bits", "qmin", "qmax", "shape"))
    if not 1 <= bits <= 16 or qmax - qmin not in (2**bits - 1, 2 * bits):
        raise ValueError(f"{name} has no grid of {bits} bits from {qmin} to {qmax}")

    def taken(what: str) -> np.ndarray:
        return tensors.pop(f"{name}.weight.{what}")

    integers = unpack(taken("packed"), math.prod(shape), bits, qmin, qmax).reshape(shape)
    scale = taken("scale")
    zero = taken("zero_point") if f"{name}.weight.zero_point" in tensors else None
    correction = None
    if layer.get("correction") is not None:
        correction = (taken("correction_scale"), taken("correction_offset"), int(layer["correction"]))
    axis = layer["axis"]
    if scale.shape != (() if axis is None else (shape[axis],)):
        raise ValueError(f"{name} has scales of the shape {scale.shape}")
    return PackedWeight(integers, bits, qmin, qmax, axis, scale, zero, correction)


def _safetensors(path: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    size = path.stat().st_size
    with path.open("rb") as file:
        start = file.read(8)
        length = struct.unpack("<Q", start)[0] if len(start) == 8 else size
        if length > min(MOST_HEADER, size - 8):
            raise NotPackedError("is no safetensors file")
        try:
            header = json.loads(file.read(length))
            metadata = header.pop("__metadata__", {})
            entries = {
                name: (each["dtype"], each["shape"], each["data_offsets"]) for name, each in header.items()
            }
        except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
            raise NotPackedError(f"has no header of safetensors ({type(error).__name__})") from error
        content = file.read()
    tensors = {}
    for name, (kind, shape, offsets) in entries.items():
        try:
            begin, end = offsets
            whole = all(type(each) is int and each >= 0 for each in (begin, end, *shape))
            dtype = np.dtype(_TYPES[kind])
            if not whole or end > len(content) or end - begin != math.prod(shape) * dtype.itemsize:
                raise ValueError("bytes that are not there")
            tensors[name] = np.frombuffer(content, dtype, math.prod(shape), begin).reshape(shape)
        except (KeyError, TypeError, ValueError) as error:
            raise NotPackedError(f"names a tensor it does not hold ({name[:80]!r}: {error})") from error
    return tensors, metadata
