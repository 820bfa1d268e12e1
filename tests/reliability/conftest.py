"""The study that is attacked, a store of its own for every test, and an end to whatever a test leaves at work."""

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from explorer.runs import Store
from explorer.studies import Study
from tests.reliability import asking
from tests.reliability.killing import no_worker_left

SEED = 12  # of every random moment: CI attacks at the same ones each time; `make soak` draws others


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return asking.write_study(tmp_path_factory.mktemp("attacked") / "learnable")


@pytest.fixture
def store(explorer_home: Path) -> Iterator[Store]:
    with no_worker_left(explorer_home):
        opened = Store.open()
        yield opened
        opened.close()


@pytest.fixture
def draw(request: pytest.FixtureRequest) -> random.Random:
    """Random moments of this test."""
    return random.Random(f"{SEED} {request.node.name}")
