"""Evaluations that end early: nothing below the best is missed, and nothing that is not is taken for it."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from explorer.lapq import Objective
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.racing import Race
from explorer.studies import Study
from tests.lapq.coupled import Coupled

AWAY = st.lists(st.lists(st.floats(0.1, 3), min_size=3, max_size=3), min_size=1, max_size=12)


@given(AWAY)
def test_what_is_below_the_best_is_the_loss_and_what_is_not_is_said_to_be_not(
    tried: list[list[float]],
) -> None:
    known, coupled = Coupled(), Coupled()
    trail = Trail(coupled, np.ones(3, np.float32))  # type: ignore[arg-type]
    race = Race(trail)
    for steps in tried:
        best, loss = trail.best.loss, known.loss(np.array(steps, np.float32))
        found = race.loss(np.array(steps, np.float32))
        if loss < best * (1 - 1e-9):
            assert found == pytest.approx(loss)
            assert trail.best.loss == pytest.approx(loss)
        elif loss > best * (1 + 1e-9):
            assert found >= best
            assert trail.best.loss == best


def test_steps_that_are_far_off_are_given_up_after_the_hardest_images() -> None:
    coupled = Coupled()
    trail = Trail(coupled, np.ones(3, np.float32))  # type: ignore[arg-type]
    race = Race(trail)
    before = coupled.forward_equivalents
    race.loss(np.full(3, 3, np.float32))
    assert coupled.forward_equivalents - before == pytest.approx(1 / 20), "one image of twenty"


def test_a_loss_that_can_be_negative_is_seen_to_the_end() -> None:
    """Some of the images then bound nothing."""
    parts = (11.0, 11.0, *[-1 / 9] * 18)
    coupled = Coupled(parts)
    trail = Trail(coupled, np.ones(3, np.float32))  # type: ignore[arg-type]
    assert trail.best.loss > 0
    before = coupled.forward_equivalents
    Race(trail).loss(np.full(3, 3, np.float32))
    assert coupled.forward_equivalents - before >= 1


def test_on_a_network(study: Study) -> None:
    asked: dict[str, Any] = {"w_bits": 3, "a_bits": 3, "calibration": 48}
    whole, objective = Objective(study, **asked), Objective(study, **asked)
    start = np.array([site.largest / 2 for site in objective.sites], np.float32)
    trail = Trail(objective, start)
    race = Race(trail)
    draw = np.random.default_rng(0)
    better, least = 0, 1.0
    for _ in range(60):
        steps = (trail.best.steps * np.exp(draw.normal(0, 0.15, len(start)))).astype(np.float32)
        best, before = trail.best.loss, objective.forward_equivalents
        loss, found = whole.loss(steps), race.loss(steps)
        least = min(least, objective.forward_equivalents - before)
        if found < best:
            better += 1
            assert found == pytest.approx(loss, rel=1e-6)
            assert objective.loss(steps) == found, "and the journal knows it"
        else:
            assert loss > best * (1 - 1e-6)
    assert better >= 3
    assert least < 0.3
    assert race.loss(-start) == np.inf
