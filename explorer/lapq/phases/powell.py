"""Powell's method on the clips, as LAPQ's code runs it (Nahshan et al. 2019, sec. 4.3; Powell 1964).

SciPy's, with its defaults (xtol = ftol = 1e-4, the coordinates as first directions) and one iteration: a line
search along every coordinate. It ends before the search along what they gave together, which the paper's Algorithm
1 makes in every iteration, and SciPy before the next one, if that pays. Variables are the clips c = reach · Δ,
without bounds; a clip that is not positive has the loss ∞. Steps that cannot be better are not evaluated to the end
(`racing`); the code evaluates all on all images.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
from scipy.optimize import minimize

from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.racing import Race

ITERATIONS = 1


def search(trail: Trail, seed: int) -> None:
    """Walk the trail; the seed plays no part."""
    minimise(trail, Race(trail).loss)


def minimise(trail: Trail, loss: Callable[[Array], float]) -> None:
    """The same with any way to evaluate steps, float32 (sites,), that notes them on the trail."""
    reach = np.array([site.levels.reach for site in trail.objective.sites])
    with warnings.catch_warnings():
        # Brent's parabola through a loss of ∞ is not finite; SciPy then takes the golden section.
        warnings.simplefilter("ignore", RuntimeWarning)
        minimize(
            lambda clips: loss((clips / reach).astype(np.float32)),
            trail.start * reach,
            method="Powell",
            options={"maxiter": ITERATIONS},
        )
