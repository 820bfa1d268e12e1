"""Figures of slices of the loss."""

from explorer.figures.landscape.pictures import figure, strip
from explorer.figures.landscape.views import view

__all__ = ["figure", "strip", "view"]
