"""Fixtures of the store, shared with the tests of `explorer.runs`, and ways to keep a worker at a step."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import select

from explorer.runs import Store
from explorer.runs.schema import runs
from tests.jobs.holding import Hold
from tests.runs.conftest import database, home, log_of, postgresql, spec, store, wait

__all__ = ["database", "home", "log_of", "postgresql", "spec", "store", "wait"]


@pytest.fixture
def hold(tmp_path: Path) -> Hold:
    return Hold(tmp_path / "hold")


@pytest.fixture
def heard(store: Store, wait: Callable[..., None]) -> Callable[[str], None]:
    """Wait until the worker of a held run has heard what was recorded before: it renews its lease by a heartbeat.

    The second heartbeat from now on comes after the first one's news was taken in.
    """

    def expires(run_id: str) -> object:
        with store._database.reading() as connection:
            return connection.scalar(select(runs.c.expires).where(runs.c.id == run_id))

    def until(run_id: str) -> None:
        for _ in "ab":
            before = expires(run_id)
            wait(lambda before=before: expires(run_id) != before)

    return until
