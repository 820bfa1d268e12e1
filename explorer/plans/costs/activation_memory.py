"""Memory for activations: what all layers read together, and the most that is alive at once.

    sum    Σ_i x_i·a_i                bits of the inputs of all layers for one sample, each in its own width
    peak   max_i (x_i + y_i)·a_i      a layer's input and output are alive at once

Symbols: x_i and y_i numbers of values of the input and the output of layer i for one sample, a_i the width of its
block's activations. What two layers read is counted for both in the sum, and a layer that is used several times
counts as often. In the peak the output counts in the width of the layer that writes it, so that the largest is
that of one layer alone; tensors that wait for a residual addition are not counted. The input of an embedding is
indices, not activations. The sum adds up block by block, so it is a cost like others. A peak does not: a limit on
it is a largest width for each block, ``peak_maximum``.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import prod

from explorer.blocks import Block, Layer
from explorer.errors import PlanError
from explorer.plans.costs.tables import FULL_PRECISION, CostTable
from explorer.plans.plan.plan import ALLOWED_BITS


@dataclass(frozen=True)
class Peak:
    """The most memory for activations that is alive at once, and the layer that needs it."""

    layer: str
    bits: int

    @property
    def bytes(self) -> int:
        """In whole bytes."""
        return -(-self.bits // 8)


def activations_table(
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    a_bits: int | None = None,
    a_menu: Iterable[int] = (),
) -> CostTable:
    """Memory of all layers' inputs for one sample, counted in bits and shown in bytes; the sum above.

    Args:
        bits: widths of the weights, which cost nothing here.
        a_bits: width of every block's input where a plan does not say; None: that of its weights.
        a_menu: further widths that an input may have.

    Raises:
        PlanError: the layers' shapes are not known, as in a study of published figures.
    """
    widths = sorted({*bits, FULL_PRECISION})
    inputs = sorted({*widths, *a_menu, *([] if a_bits is None else [a_bits])})
    counts, pairs = {}, {}
    for block in blocks:
        values = sum(_read(layer) * layer.calls for layer in block.layers)
        counts[block.name] = {w: values * (a_bits or w) for w in widths}
        counts[block.name][FULL_PRECISION] = values * FULL_PRECISION
        pairs[block.name] = {(w, a): values * a for w in widths for a in inputs}
    return CostTable("activations", "bytes", counts, 8, pairs)


def activation_peak(blocks: Sequence[Block], a_bits: Mapping[str, int]) -> Peak:
    """The most that is alive at once at these widths, block to bits.

    Raises:
        PlanError: a block has no width, or the layers' shapes are not known.
    """
    found = []
    for block in blocks:
        if block.name not in a_bits:
            raise PlanError(
                f"no width is given for the activations of {block.name}; give one for every block"
            )
        found += [Peak(layer.name, _alive(layer) * a_bits[block.name]) for layer in block.layers]
    return max(found, key=lambda peak: peak.bits)


def peak_maximum(blocks: Sequence[Block], most_bytes: float) -> dict[str, int]:
    """The largest width that each block's activations may have within this peak: the ``a_maximum`` of a problem.

    Raises:
        PlanError: a layer needs more even at one bit.
    """
    widest: dict[str, int] = {}
    for block in blocks:
        layer = max(block.layers, key=_alive)
        fitting = [bits for bits in ALLOWED_BITS if _alive(layer) * bits <= most_bytes * 8]
        if not fitting:
            raise PlanError(
                f"a peak of {most_bytes:,.10g} bytes has no room for {layer.name}: its input and output need "
                f"{-(-_alive(layer) // 8):,} bytes at 1 bit; allow more"
            )
        widest[block.name] = fitting[-1]
    return widest


def _read(layer: Layer) -> int:
    """Values that one use of a layer reads for one sample."""
    if layer.kind == "Embedding":
        return 0
    if not layer.output_shape and layer.calls:
        raise PlanError(
            f"the shapes of {layer.name}'s activations are not known; use a study with a network, or another cost"
        )
    return prod(layer.input_shape) if layer.calls else 0


def _alive(layer: Layer) -> int:
    return _read(layer) + (prod(layer.output_shape) if layer.calls else 0)
