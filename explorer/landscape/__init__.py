"""Slices of the loss through the trained weights: directions, grids, and where bit widths land."""

from explorer.landscape.radius import REFERENCE_BITS, shared_radii
from explorer.landscape.result import Axis, Mark, Slice
from explorer.landscape.slices import MARKED, measure_slice
from explorer.landscape.target import perturbation_norm

__all__ = [
    "MARKED",
    "REFERENCE_BITS",
    "Axis",
    "Mark",
    "Slice",
    "measure_slice",
    "perturbation_norm",
    "shared_radii",
]
