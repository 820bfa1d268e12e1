"""Rivals of LAPQ, measured beside it."""
