"""The run kind ``lapq_sweep``: one of the curves of `explorer.lapq.diagnostics.sweeps`.

Parameters: ``sweep``, which is ``error``, ``p``, ``distance`` or ``calibration``, and those of
`LapqSweepQuestion`; the seed is the spec's. ``site`` is of ``error``: the tensor, or null for
a normal distribution. ``steps`` is of ``distance``: site to step; null for those of the quadratic phase. ``sizes``,
``seeds`` and ``method`` are of ``calibration``: a method of null stops at the quadratic phase, a size beyond that of
the training split is that size. Series ``points``: one a point.
"""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from explorer.errors import LapqError
from explorer.jobs.journalled import Keeper
from explorer.lapq import METHODS, Levels, Objective, best_p
from explorer.lapq.diagnostics.sweeps import (
    P_RANGE,
    RATIOS,
    along_calibration,
    along_distance,
    along_p,
    error_curves,
    site_tensor,
)
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.network import Array
from explorer.lapq.phases.joint import check_method
from explorer.questions import LapqSweepQuestion
from explorer.randomness import Stream, generator
from explorer.runs.context import RunContext
from explorer.studies import Study

SWEEPS = ("error", "p", "distance", "calibration")
NORMAL = 10_000  # draws from N(0, 1), the paper's Fig. 4


def run(study: Study, question: LapqSweepQuestion, context: RunContext) -> dict[str, Any]:
    """Measure the curve."""
    asked: dict[str, Any] = question.options()
    if asked["sweep"] not in SWEEPS:
        raise LapqError(f"there is no sweep {asked['sweep']!r}; use one of {', '.join(SWEEPS)}")
    sweep = _Sweep(context, study, asked)
    found = getattr(sweep, asked["sweep"])()
    keys = ("sweep", "w_bits", "a_bits", "form", "bias_correction", "site")
    return {"study": study.name, **{key: asked[key] for key in keys}, **found}


class _Sweep:
    def __init__(self, context: RunContext, study: Study, asked: Mapping[str, Any]) -> None:
        self._context, self._study, self._asked = context, study, asked
        self._keeper = Keeper(context)
        self._done = 0

    def error(self) -> dict[str, Any]:
        asked = self._asked
        if asked["site"] is None:
            x = torch.randn(NORMAL, generator=generator(Stream.NORMAL_VALUES, self._context.spec.seed))
            levels = Levels.of(asked["form"], min(asked["w_bits"], asked["a_bits"]), signed=True)
        else:
            objective = self._objective(leave=asked["leave"] or ())
            x = site_tensor(objective, asked["site"])
            levels = objective.sites[objective.index(asked["site"])].levels
        return error_curves(x, levels).to_json()

    def p(self) -> dict[str, Any]:
        return along_p(self._objective(), tell=self._telling(len(P_RANGE)))

    def distance(self) -> dict[str, Any]:
        objective = self._objective()
        given = self._asked["steps"]
        steps = best_p(objective)[1] if given is None else steps_of(objective, given)
        found = along_distance(objective, steps, tell=self._telling(len(RATIOS)))
        return {**found, "steps": dict(zip(objective.names, map(float, steps), strict=True))}

    def calibration(self) -> dict[str, Any]:
        sizes, seeds, method = (self._asked[key] for key in ("sizes", "seeds", "method"))
        most = self._study.data.size("train")
        sizes = list(dict.fromkeys(min(size, most) for size in sizes))
        if method is not None:
            check_method(method)

        def make(size: int, seed: int) -> tuple[Objective, Array]:
            objective = self._objective(calibration=size, seed=seed, journal=None)
            _, steps = best_p(objective)
            if method is not None:
                trail = Trail(objective, steps)
                METHODS[method](trail, seed)
                steps = trail.best.steps
            return objective, steps

        known = self._keeper.state.get("points", [])

        def tell(point: Mapping[str, Any]) -> None:
            self._keeper.state["points"] = [*self._keeper.state.get("points", []), dict(point)]
            self._keeper.tell("points", dict(point))
            self._progress(len(sizes) * len(seeds) - len(known))

        return {**along_calibration(make, sizes=sizes, seeds=seeds, known=known, tell=tell), "method": method}

    def _objective(self, **other: Any) -> Objective:
        keys = ("w_bits", "a_bits", "calibration", "leave", "form", "bias_correction")
        options = {key: self._asked[key] for key in keys}
        usual = {"seed": self._context.spec.seed, "journal": self._keeper.journal}
        return Objective(self._study, **{**options, **usual, **other}, should_stop=self._keeper.should_stop)

    def _telling(self, total: int) -> Any:
        def tell(point: Mapping[str, Any]) -> None:
            if self._keeper.is_new("points"):
                self._keeper.tell("points", dict(point))
            self._progress(total)

        return tell

    def _progress(self, total: int) -> None:
        self._done += 1
        self._context.report(self._done / total, f"{self._done} of {total} points")


def steps_of(objective: Objective, given: Mapping[str, float]) -> Array:
    """The steps by site, float32 (sites,).

    Raises:
        LapqError: one is missing, or not positive and finite.
    """
    for name in objective.names:
        if name not in given:
            raise LapqError(f"there is no step for {name!r}; give one for every site")
        if not 0 < given[name] < math.inf:
            raise LapqError(f"the step of {name!r} is {given[name]:g}; it must be positive and finite")
    return np.array([given[name] for name in objective.names], np.float32)
