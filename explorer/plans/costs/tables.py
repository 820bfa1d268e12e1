"""What a plan costs: weight memory, bit operations, latency.

    size     Σ n_i·w_i bits, packed                  (as HAWQ counts: no biases, no batch-norm)
             + Σ c_i·32, with scales                 (c_i steps; an affine quantizer's zero points have w_i bits)
    BOPs     Σ MAC_i·w_i·a_i for one sample          (HAWQ-V3)
    latency  Σ of a measured table, block by block   (HAWQ-V3)

Symbols: n_i weights of block i, MAC_i multiply-accumulates, w_i and a_i bits of its weights and of its input.
Scales and zero points are counted where that is asked for. A cost is kept as whole numbers (a latency in decimal
fractions of its unit), so that totals are exact, and two plans that cost the same are seen to.

A cost that depends on the input's width too has a figure for each pair (w, a) as well, in ``pairs``; asked
without a, it answers by a rule of its own, such as a = w.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import floor, log10
from typing import Any

from explorer.blocks import Block, Layer
from explorer.errors import PlanError
from explorer.plans.plan.plan import Plan, check_names, listed
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings

FULL_PRECISION = 32
SCALE_BITS = 32
Pair = tuple[int, int]  # bits of a block's weights and of its input
MEASURED = "a number of at least 0: 0 itself, or from 1e-12 to 1e15"
_EXACT = 2**53  # totals up to this are exact as floats too


def size_bits(blocks: Sequence[Block], w_bits: Mapping[str, int]) -> int:
    """Packed weight memory in bits, Σ n·b."""
    return sum(block.weights * w_bits[block.name] for block in blocks)


def size_bytes(blocks: Sequence[Block], w_bits: Mapping[str, int]) -> int:
    """Packed weight memory in whole bytes."""
    return -(-size_bits(blocks, w_bits) // 8)


def fp32_bytes(blocks: Sequence[Block]) -> int:
    """Memory of the same weights in FP32."""
    return sum(block.weights for block in blocks) * 4


def compression(blocks: Sequence[Block], w_bits: Mapping[str, int]) -> float:
    """How many times smaller the packed weights are than in FP32."""
    return sum(block.weights for block in blocks) * FULL_PRECISION / size_bits(blocks, w_bits)


def bops(blocks: Sequence[Block], plan: Plan) -> int:
    """Bit operations of one sample, Σ MAC·w·a."""
    check_names(plan.blocks, blocks, plan.study)
    return sum(
        block.macs * plan.blocks[block.name].w_bits * plan.blocks[block.name].a_bits for block in blocks
    )


@dataclass(frozen=True)
class CostTable:
    """What each width of each block costs; the cost of a plan is the sum.

    Attributes:
        name: "size", "bops", "latency" or "activations".
        unit: what people read, e.g. "bytes".
        counts: block to weight bits to whole numbers of 1/``divisor`` of the unit, so that sums are exact.
        divisor: 8 for a size (bits counted, bytes shown), a power of ten for a latency.
        pairs: block to (weight bits, activation bits) to the same, for a cost that depends on both; empty
            where the weights alone decide.
    """

    name: str
    unit: str
    counts: Mapping[str, Mapping[int, int]]
    divisor: int = 1
    pairs: Mapping[str, Mapping[Pair, int]] = field(default_factory=dict)

    @property
    def counts_activations(self) -> bool:
        """Whether the width of a block's input changes what it costs."""
        return bool(self.pairs)

    def count(self, w_bits: Mapping[str, int], a_bits: Mapping[str, int] | None = None) -> int:
        """Exact cost of a plan, in 1/``divisor`` of the unit."""
        widths = a_bits or {}
        return sum(self.at(block, bits, widths.get(block)) for block, bits in w_bits.items())

    def at(self, block: str, bits: int, a_bits: int | None = None) -> int:
        """Exact cost of one block at one width of its weights and, where that matters, of its input.

        Raises:
            PlanError: the table lacks the block, or the width.
        """
        if a_bits is not None and self.pairs:
            return int(self._row(self.pairs, block, (bits, a_bits)))
        return int(self._row(self.counts, block, bits))

    def _row(self, figures: Mapping[str, Mapping[Any, int]], block: str, key: int | Pair) -> int:
        if block not in figures:
            raise PlanError(f"the {self.name} table has no block {block}; it has {listed(figures)}")
        if key not in figures[block]:
            known = ", ".join(_said(width) for width in sorted(figures[block]))
            raise PlanError(
                f"no {self.name} is known for {block} at {_said(key)} bits; its table has "
                f"{known or 'no width'}"
            )
        return figures[block][key]

    def in_unit(self, count: int) -> int | float:
        """A count in the unit people read; an int where it is whole."""
        whole, rest = divmod(int(count), self.divisor)
        return whole if rest == 0 else int(count) / self.divisor

    def said(self, count: int) -> str:
        """A count for people: "300,000 bytes"."""
        value = self.in_unit(count)
        return f"{value:,} {self.unit}" if isinstance(value, int) else f"{value:,.10g} {self.unit}"

    def full_precision(self, blocks: Iterable[str]) -> int:
        """Exact cost with every block in FP32.

        Raises:
            PlanError: the table has no 32-bit figures, as latency tables may not.
        """
        names = list(blocks)
        both = (FULL_PRECISION, FULL_PRECISION)
        if all(both in self.pairs.get(name, {}) for name in names):
            return sum(self.pairs[name][both] for name in names)
        if any(FULL_PRECISION not in self.counts.get(name, {}) for name in names):
            raise PlanError(f"the {self.name} table has no FP32 figures, so a ratio to FP32 means "
                "nothing; set an absolute "
                            "budget or a fraction between the lowest and the highest bits")  # fmt: skip
        return self.count(dict.fromkeys(names, FULL_PRECISION))


def size_table(
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    scales: bool = False,
    quantizer: QuantizerSettings = WEIGHTS,
) -> CostTable:
    """Weight memory at these widths and at 32 bits, counted in bits and shown in bytes.

    Args:
        scales: add a 32-bit scale for every step of ``quantizer`` (one an output channel, or one a layer), and
            for an affine one a zero point of the weights' width; weights in FP32 have neither.

    Raises:
        PlanError: scales are to be counted and the layers' shapes are not known.
    """
    widths = sorted({*bits, FULL_PRECISION})
    counts = {}
    for block in blocks:
        steps = sum(_steps(layer, quantizer) for layer in block.layers) if scales else 0
        points = steps if quantizer.scheme == "affine" else 0
        counts[block.name] = {w: block.weights * w + steps * SCALE_BITS + points * w for w in widths}
        counts[block.name][FULL_PRECISION] = block.weights * FULL_PRECISION
    return CostTable("size", "bytes", counts, 8)


def _steps(layer: Layer, quantizer: QuantizerSettings) -> int:
    if quantizer.granularity == "tensor":
        return 1
    if not layer.shape:
        raise PlanError(
            f"the shape of {layer.name} is not known, so its channels' scales cannot be counted; leave the "
            "scales out, or use a study with a network"
        )
    return layer.shape[layer.output_axis]


def bops_table(
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    a_bits: int | None = None,
    a_menu: Iterable[int] = (),
) -> CostTable:
    """Bit operations at these weight widths and in FP32.

    Args:
        a_bits: width of every block's input where a plan does not say; None: that of its weights (MAC·b², as
            HAWQ-V3 counts).
        a_menu: further widths that an input may have.
    """
    widths = sorted({*bits, FULL_PRECISION})
    inputs = sorted({*widths, *a_menu, *([] if a_bits is None else [a_bits])})
    counts, pairs = {}, {}
    for block in blocks:
        counts[block.name] = {w: block.macs * w * (a_bits or w) for w in widths}
        counts[block.name][FULL_PRECISION] = block.macs * FULL_PRECISION * FULL_PRECISION
        pairs[block.name] = {(w, a): block.macs * w * a for w in widths for a in inputs}
    return CostTable("bops", "BOPs", counts, pairs=pairs)


def latency_table(milliseconds: Mapping[str, Mapping[Any, float]]) -> CostTable:
    """A measured table, block to bits to milliseconds; see ``measured_table``.

    Raises:
        PlanError: an entry is negative or not a number; the message names the block.
    """
    return measured_table("latency", "ms", milliseconds)


def measured_table(name: str, unit: str, values: Mapping[str, Mapping[Any, float]]) -> CostTable:
    """A table of one's own in any unit, block to bits to value.

    Bits are those of the weights, or pairs (weights, activations). Decimal figures are kept exactly as
    written, as far as about 15 digits of their total reach.

    Raises:
        PlanError: an entry is negative, not a number or out of range; the message names the block.
    """
    for block, row in values.items():
        for bits, value in row.items():
            if not is_measured(value):
                raise PlanError(
                    f"the {name} of {block} at {_said(bits)} bits is {value}; it must be {MEASURED}"
                )
    decimals = {
        block: {bits: Decimal(repr(float(v))) for bits, v in row.items()} for block, row in values.items()
    }
    written = max((_places(v) for row in decimals.values() for v in row.values()), default=0)
    total = sum(max(row.values(), default=Decimal(0)) for row in decimals.values())
    affordable = floor(log10(_EXACT / float(total))) if total else written
    divisor = 10 ** max(0, min(written, affordable))
    exact = {
        block: {bits: round(Fraction(v) * divisor) for bits, v in row.items()}
        for block, row in decimals.items()
    }
    of_weights = {b: {k: v for k, v in row.items() if not isinstance(k, tuple)} for b, row in exact.items()}
    of_both = {b: {k: v for k, v in row.items() if isinstance(k, tuple)} for b, row in exact.items()}
    return CostTable(name, unit, of_weights, divisor, of_both if any(of_both.values()) else {})


def is_measured(value: float) -> bool:
    """Whether a figure is one that can be measured, and added up without leaving what a float holds."""
    return value == 0 or 1e-12 <= value <= 1e15


def _said(bits: int | Pair) -> str:
    return "/".join(str(width) for width in bits) if isinstance(bits, tuple) else str(bits)


def _places(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0
