"""Diagnostics of step sizes: surfaces, sweeps, second derivatives, interactions, steps tried by hand."""
