"""Whole numbers at their own width: a stream of bits, the lowest bit of the first number first, without gaps.

q - qmin is written (for the grid {-1, +1}: 0 or 1), in ⌈n·bits/8⌉ bytes. The words of compressed-tensors'
``pack_to_int32`` for one row are this stream, but for their padding.
"""

from __future__ import annotations

import numpy as np

from explorer.quantizers.grid import Grid


def packed_size(numbers: int, bits: int) -> int:
    """Bytes of a stream.

    >>> packed_size(11, 3)
    5
    """
    return -(-numbers * bits // 8)


def pack(integers: np.ndarray, grid: Grid) -> np.ndarray:
    """Integers of any shape on a grid as a stream, uint8 of `packed_size`.

    >>> pack(np.array([-4, 3, 0]), Grid.signed(3)).tolist()
    [56, 1]
    """
    whole = integers.reshape(-1).astype(np.int64)
    numbers = (whole > 0) if grid.is_sign else (whole - grid.qmin)
    bits = (numbers.astype(np.uint16)[:, None] >> np.arange(grid.bits, dtype=np.uint16)) & 1
    return np.packbits(bits.astype(np.uint8).reshape(-1), bitorder="little")
