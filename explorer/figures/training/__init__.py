"""Figures of trainings."""

from explorer.figures.training.curves import figure, of_method

__all__ = ["figure", "of_method"]
