"""Figures of plans and frontiers."""
