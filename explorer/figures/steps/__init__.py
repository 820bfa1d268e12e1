"""Figures of step sizes."""
