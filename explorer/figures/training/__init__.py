"""Figures of trainings."""

from explorer.figures.training.curves import figure

__all__ = ["figure"]
