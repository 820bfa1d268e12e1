"""Fixtures of a small study, shared with the tests of `explorer.qat`."""

from tests.qat.conftest import blocks, one_thread, study

__all__ = ["blocks", "one_thread", "study"]
