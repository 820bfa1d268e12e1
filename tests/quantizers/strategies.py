"""What the property tests of the quantizers draw from."""

from __future__ import annotations

import torch
from hypothesis import strategies as st
from torch import Tensor

from explorer.quantizers import WIDTHS, Scheme

SCHEMES: tuple[Scheme, ...] = ("symmetric", "affine")
bits = st.sampled_from(WIDTHS)
bits_with_zero = st.sampled_from(WIDTHS[1:])
schemes = st.sampled_from(SCHEMES)
axes = st.sampled_from([None, 0, 1])


@st.composite
def matrices(draw: st.DrawFn) -> Tensor:
    """Small matrices of many magnitudes, some with heavy tails, one sign or rows of zeros."""
    rows, columns = draw(st.integers(1, 5)), draw(st.integers(1, 12))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**31)))
    x = torch.randn(rows, columns, generator=generator)
    x = x ** draw(st.sampled_from([1, 3])) * 10.0 ** draw(st.integers(-12, 12))
    if draw(st.booleans()):
        x = x.abs() * draw(st.sampled_from([-1, 1]))
    if draw(st.booleans()):
        x[0] = 0
    return x
