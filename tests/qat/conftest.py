"""A study that learns in a second, and an observer that can stop a training and hand back its checkpoints."""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

import pytest
import torch
from torch import Tensor

from explorer import studies
from explorer.blocks import Block, study_blocks
from explorer.studies import Study
from tests import learnable


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Such small tensors are slower on several threads, and the sums depend on how many there are."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    return studies.load_network(learnable.write(tmp_path_factory.mktemp("qat") / "learnable"))


@pytest.fixture(scope="session")
def blocks(study: Study) -> tuple[Block, ...]:
    return study_blocks(study)


class Interrupted(Exception):
    """What this observer raises to stop a training, as a cancelled run's context does."""


class Recorder:
    """Keeps the points and the last checkpoint; stops at a given call of ``check_stop`` once training began.

    ``resumed`` gives what a store would give the next attempt: the checkpoint, and the points up to it.
    """

    def __init__(self, *, stop_at: int | None = None, before: "Recorder | None" = None) -> None:
        self.points: dict[str, list[dict[str, Any]]] = {"train": [], "test": []}
        self.fractions: list[float] = []
        self.saves = 0
        self._stop_at, self._calls, self._training = stop_at, 0, False
        self._saved: tuple[dict[str, Tensor], dict[str, Any]] | None = None
        self._lengths: dict[str, int] = {"train": 0, "test": 0}
        if before is not None:
            self._saved, self._lengths = deepcopy(before._saved), dict(before._lengths)
            self.points = {name: before.points[name][: self._lengths[name]] for name in before.points}

    def point(self, series: str, values: Mapping[str, Any]) -> None:
        self.points[series].append(dict(values))

    def report(self, fraction: float, message: str) -> None:
        self.fractions.append(fraction)
        self._training = self._training or message.startswith("epoch")

    def check_stop(self) -> None:
        self._calls += self._training
        if self._stop_at is not None and self._calls >= self._stop_at:
            raise Interrupted

    def save(self, tensors: Mapping[str, Tensor], state: Mapping[str, Any]) -> None:
        self.saves += 1
        self._saved = {name: value.clone() for name, value in tensors.items()}, dict(state)
        self._lengths = {name: len(points) for name, points in self.points.items()}

    def restore(self) -> tuple[Mapping[str, Tensor], Mapping[str, Any]] | None:
        return self._saved


@pytest.fixture
def recorder() -> type[Recorder]:
    return Recorder


@pytest.fixture
def interrupted() -> type[Interrupted]:
    return Interrupted
