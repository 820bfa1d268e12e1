"""Measurements against peers, made in one run on one machine. Not part of the package that is installed."""
