"""The store's fixtures, for workers and their bounds."""

from tests.jobs.conftest import heard, hold, home, log_of, spec, store, wait

__all__ = ["heard", "hold", "home", "log_of", "spec", "store", "wait"]
