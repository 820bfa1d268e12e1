"""Lesson 5: the slopes, the mean of an oscillating weight, and trainings that go on where they were interrupted."""

from collections.abc import Mapping
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from explorer.lessons import straight_through
from explorer.lessons.common import material, trainings
from explorer.watching import Unwatched


@pytest.mark.parametrize(
    ("surrogate", "slopes"),
    [("ste", [1, 1, 0]), ("clip", [1, 0, 0]), ("identity", [1, 1, 1]), ("true", [0, 0, 0])],
)
def test_slopes_inside_at_the_last_level_and_beyond(surrogate: str, slopes: list[int]) -> None:
    """3 bits, step 0.5: the outermost level is 1.5, and rounding leaves the grid at 1.75."""
    q = straight_through.grid(3, 0.5)
    value, slope = straight_through.value_and_slope(np.array([0.3, 1.6, 1.8]), q, surrogate)
    assert value.tolist() == [0.5, 1.5, 1.5]
    assert slope.tolist() == slopes


@pytest.mark.parametrize("target", [-0.9, 0.1, 0.4])
def test_an_oscillating_weight_is_right_on_average(target: float) -> None:
    q = straight_through.grid(3, 0.5)
    found = straight_through.descend(q, "ste", start=target, target=target, rate=0.05, count=1000)
    assert found.mean == pytest.approx(target, abs=0.03)
    levels = {0.5 * np.floor(target / 0.5), 0.5 * np.ceil(target / 0.5)}
    assert set(found.quantized.tolist()) == levels
    still = straight_through.descend(q, "true", start=target, target=target, rate=0.05, count=10)
    assert set(still.latent.tolist()) == {target}


def test_training_wins_at_two_bits_what_quantizing_loses() -> None:
    after, full = straight_through.after_training(2), straight_through.full_precision()
    trained = straight_through.train(2, "ste", 40, 0.05)
    assert after.value < full.value - 3 * full.stderr
    assert trained.losses[-1] < trained.losses[0]
    assert trained.accuracy.value > after.value


def test_trainings_go_on_where_they_were_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has ended is not trained again, and the points of the series asked for are kept."""
    began: list[int] = []

    def finetune(study: Any, plan: Any, blocks: Any, *, watcher: Any, **options: Any) -> Any:
        began.append(plan.blocks[blocks[1].name].w_bits)
        watcher.point("test", {"epoch": 1.0})
        watcher.point("other", {})
        value = SimpleNamespace(accuracy=0.5, accuracy_stderr=0.1, size_bytes=1, fp32_bytes=4)
        return SimpleNamespace(before=value, after=value, kept="last")

    class Saving(Unwatched):
        state: Mapping[str, Any] | None = None

        def save(self, tensors: Any, state: Mapping[str, Any]) -> None:
            self.state = {"done": list(state["done"])}

        def restore(self) -> Any:
            return None if self.state is None else SimpleNamespace(state=self.state)

    monkeypatch.setattr(trainings, "finetune", finetune)
    study, watcher = material.study(), Saving()
    whole = straight_through.widths(study, watcher, epochs=1, bits="4,2", method="ste")
    assert began == [4, 2]
    assert [row["points"] for row in whole["rows"]] == [[{"epoch": 1.0}]] * 2
    watcher.state = {"done": whole["rows"][:1]}
    assert straight_through.widths(study, watcher, epochs=1, bits="4,2", method="ste") == whole
    assert began == [4, 2, 2]


def test_the_ends_of_a_plan_keep_their_widths() -> None:
    plan = trainings.inner_plan(material.study(), 2, 2, (8, 8))
    widths = list(plan.w_bits.values())
    assert (widths[0], widths[-1], set(widths[1:-1])) == (8, 8, {2})
