"""Steps that a diagnostic looks at: the given ones, or those of the quadratic phase."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from explorer.errors import LapqError
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.quadratic import best_p


def steps_of(objective: Objective, given: Mapping[str, float] | None) -> Array:
    """Steps by site, float32 (sites,); of the best p where none are given.

    Raises:
        LapqError: one is missing, or not positive and finite.
    """
    if given is None:
        return best_p(objective)[1]
    for name in objective.names:
        if name not in given:
            raise LapqError(f"there is no step for {name!r}; give one for every site")
        if not 0 < given[name] < math.inf:
            raise LapqError(f"the step of {name!r} is {given[name]:g}; it must be positive and finite")
    return np.array([given[name] for name in objective.names], np.float32)
