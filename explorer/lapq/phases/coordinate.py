"""Coordinate descent: the best of each step with all others fixed, from the first site to the last.

A bounded scalar search of log Δ within a factor SPAN of where it stands; a step is moved only where that lowers the
loss (`racing`). Ends after SWEEPS, or when a sweep gains less than one part in a thousand.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.optimize import minimize_scalar

from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.racing import Race

SPAN = 1.5
TOLERANCE = 0.02  # of log Δ
SWEEPS = 3
GAIN = 1e-3


def search(trail: Trail, seed: int) -> None:
    """Walk the trail; the seed plays no part."""
    race = Race(trail)
    for _ in range(SWEEPS):
        before = trail.best.loss
        for i in range(len(trail.start)):
            _along(trail, race, i)
        if before - trail.best.loss < GAIN * before:
            break


def _along(trail: Trail, race: Race, site: int) -> None:
    """Search one step from the best steps so far."""
    base = trail.best.steps.astype(float)

    def loss(by: float) -> float:
        steps = base.copy()
        steps[site] *= math.exp(by)
        return race.loss(steps.astype(np.float32))

    reach = math.log(SPAN)
    minimize_scalar(loss, bounds=(-reach, reach), method="bounded", options={"xatol": TOLERANCE})
