"""Slices of the loss through the trained weights: directions, grids, and where bit widths land."""

from explorer.landscape.result import KINDS, Axis, Mark, Slice, SliceProgress
from explorer.landscape.slices import MARKED, Resume, measure_slice
from explorer.landscape.target import perturbation_norm

__all__ = [
    "KINDS",
    "MARKED",
    "Axis",
    "Mark",
    "Resume",
    "Slice",
    "SliceProgress",
    "measure_slice",
    "perturbation_norm",
]
