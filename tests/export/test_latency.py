"""Latencies are told as ratios of one round, so that a slow moment of the computer falls on both."""

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from explorer import studies
from explorer.export import Options, Subject, export
from explorer.export.latency import EXPORTED, FLOAT, TORCH, benchmark, latency
from explorer.plans import Plan
from explorer.watching import Unwatched
from tests import learnable


def test_a_ratio_is_made_within_a_round() -> None:
    """The second round was ten times slower for everything."""
    found = latency("exported", 1, [0.001, 0.010, 0.002], [0.002, 0.015, 0.002])
    assert (found.lowest, found.ratio, found.highest) == pytest.approx((1.0, 1.5, 2.0))
    assert found.milliseconds == pytest.approx(2)


class Interrupted(Unwatched):
    """A watcher of a measurement whose first round, of a second each, was kept."""

    def __init__(self) -> None:
        self.told: list[float] = []
        self.kept: Mapping[str, Any] = {"rounds": [[1.0] * 6]}

    def report(self, fraction: float, message: str = "") -> None:
        self.told.append(fraction)

    def save(self, tensors: Mapping[str, Any], state: Mapping[str, Any]) -> None:
        self.kept = state

    def restore(self) -> Any:
        return SimpleNamespace(state=self.kept)


@pytest.mark.slow
def test_rounds_that_were_kept_are_not_timed_again(tmp_path: Path) -> None:
    study = studies.load_network(str(learnable.write(tmp_path / "learnable")))
    plan = Plan.uniform(study, study.blocks(), 8, 8)
    options = Options("integer", "int8", 2)
    export(Subject.untrained(study, plan, study.blocks(), options), "onnx", tmp_path / "out")
    watcher = Interrupted()
    file = tmp_path / "out" / "model.onnx"
    found = benchmark(file, study, rounds=2, threads=1, seconds=0.01, watcher=watcher)
    first, second = watcher.kept["rounds"]
    assert first == [1.0] * 6
    assert all(0 < each < 1 for each in second)
    assert watcher.told[0] == 0.5
    assert {(each.what, each.batch) for each in found} == {
        (what, batch) for what in (EXPORTED, FLOAT, TORCH) for batch in (1, 64)
    }
    assert all(each.milliseconds == pytest.approx(500, rel=0.9) for each in found), "between both rounds"
