"""Figures of trainings."""

from explorer.figures.training.curves import Kept, figure, of_method

__all__ = ["Kept", "figure", "of_method"]
