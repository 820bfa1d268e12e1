r"""L(Δ) for a search that keeps the best: an evaluation ends as soon as it cannot be better.

    N L(Δ) = Σ_n loss_n(Δ) >= Σ of some of them,    for a loss that is never negative; another is seen to the end

so steps whose first images alone lose as much as all do at the best steps so far are not better, whatever the other
images say. A few images hold nearly all of the loss (`descent`), and most evaluations of a line search are not
better. So the images come in three parts, the hardest first: one in 16, one in 4, the rest. What is given for steps
that were not seen to the end are the images seen, and for the others what they lose at the best steps: not below the
best, and near enough to L for a parabola.

Every value below the best so far is L itself, over all images.
"""

from __future__ import annotations

import numpy as np

from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.network import Array
from explorer.lapq.phases.descent import FEWEST, MOST


class Race:
    """Evaluations of a trail that end early. Which images are hard is taken from the trail's start."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        losses = trail.losses(trail.start)
        hardest = np.argsort(-losses, kind="stable")
        bounds = [round(share * len(losses)) for share in (FEWEST, MOST)]
        groups = [np.sort(group) for group in np.split(hardest, bounds) if len(group)]
        self._parts = [trail.objective.part(group) for group in groups]
        self._shares = [len(group) / len(losses) for group in groups]
        self._at_best = [float(losses[group].sum()) / len(losses) for group in groups]
        self._ends_early = trail.objective.never_negative

    def loss(self, steps: Array) -> float:
        """L(Δ), noted, if it is below the best so far; otherwise an estimate that is not."""
        best, seen = self._trail.best.loss, []
        for part, share in zip(self._parts, self._shares, strict=True):
            seen.append(share * self._trail.loss_of(steps, part))
            if self._ends_early and sum(seen) >= best:
                return sum(seen) + sum(self._at_best[len(seen) :])
        loss = sum(seen)
        self._trail.objective.enter(steps, loss)
        self._trail.loss(steps)
        if loss < best:
            self._at_best = seen
        return loss
