"""The grid of a uniform quantizer: which whole numbers a value may become.

A b-bit grid is a run of 2^b neighbouring whole numbers:

    signed    -2^(b-1) ... 2^(b-1) - 1     weights, and activations of either sign
    unsigned         0 ... 2^b - 1         affine quantizers, and activations after a ReLU

One bit has no room for a zero beside a sign, so the signed 1-bit grid is {-1, +1}: sign times scale, as in
XNOR-Net and DoReFa.

32 bits mean "left in FP32" and never reach a grid.
"""

from __future__ import annotations

from dataclasses import dataclass
from operator import index
from typing import Literal

from explorer.errors import QuantizerError

Scheme = Literal["symmetric", "affine"]

WIDTHS: tuple[int, ...] = (1, 2, 3, 4, 5, 6, 7, 8, 16)
FLOAT_BITS = 32


def check_bits(bits: int, *, allow_float: bool = False) -> int:
    """`bits` if there is such a grid (or if it is 32 and that is allowed), else a QuantizerError."""
    if hasattr(bits, "__index__") and type(bits) is not bool:  # whole numbers, NumPy's included
        width = index(bits)
        if width in WIDTHS or (allow_float and width == FLOAT_BITS):
            return width
    raise QuantizerError(
        f"cannot quantize to {bits!r} bits: choose 1 to 8 or 16, or leave the layer in FP32 with {FLOAT_BITS}"
    )


@dataclass(frozen=True)
class Grid:
    """The whole numbers from qmin to qmax; without the zero if `bits` is 1 and the grid is signed."""

    bits: int
    qmin: int
    qmax: int

    @staticmethod
    def signed(bits: int) -> Grid:
        """
        >>> Grid.signed(4)
        Grid(bits=4, qmin=-8, qmax=7)
        >>> Grid.signed(1).levels
        (-1, 1)
        """
        bits = check_bits(bits)
        if bits == 1:
            return Grid(bits=1, qmin=-1, qmax=1)
        return Grid(bits=bits, qmin=-(1 << (bits - 1)), qmax=(1 << (bits - 1)) - 1)

    @staticmethod
    def unsigned(bits: int) -> Grid:
        """
        >>> Grid.unsigned(2).levels
        (0, 1, 2, 3)
        """
        bits = check_bits(bits)
        return Grid(bits=bits, qmin=0, qmax=(1 << bits) - 1)

    @staticmethod
    def of(bits: int, scheme: Scheme) -> Grid:
        """The grid a scheme uses unless told otherwise: signed if symmetric, unsigned if affine."""
        return Grid.signed(bits) if scheme == "symmetric" else Grid.unsigned(bits)

    @property
    def is_sign(self) -> bool:
        """True for {-1, +1}, the one grid without a zero."""
        return self.bits == 1 and self.qmin < 0

    @property
    def levels(self) -> tuple[int, ...]:
        return (-1, 1) if self.is_sign else tuple(range(self.qmin, self.qmax + 1))
