"""Holding a run: how long, by which clock, and through a database that cannot be used for a while."""
