"""Fixtures of the store, shared with the tests of `explorer.runs`."""

from tests.runs.conftest import home, log_of, spec, store, wait

__all__ = ["home", "log_of", "spec", "store", "wait"]
