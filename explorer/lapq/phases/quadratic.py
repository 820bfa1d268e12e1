r"""Phase 2 of LAPQ: the best p (Nahshan et al. 2019, sec. 4.2).

The loss L(Δ_p) is measured at POINTS values of p from 2 to 4, a parabola is fitted by least squares, and its vertex
p* is tried too. The parabola is not trusted where it opens downwards, or has its vertex outside the p that were
tried: then the best of those serves, as it does when the loss at p* turns out to be higher.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.layerwise import layerwise_steps

POINTS: tuple[float, ...] = tuple(float(p) for p in np.linspace(2, 4, 10))


@dataclass(frozen=True)
class PCurve:
    """The loss along p.

    Attributes:
        p: what was tried, ascending.
        losses: L(Δ_p) of each.
        coefficients: of the parabola, highest power first; () with fewer than three points.
        vertex: p* of the parabola; None where it is not trusted.
        vertex_loss: L(Δ_p*).
        best_p, best_loss: of all that were tried, p* included.
    """

    p: tuple[float, ...]
    losses: tuple[float, ...]
    coefficients: tuple[float, ...]
    vertex: float | None
    vertex_loss: float | None
    best_p: float
    best_loss: float

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {key: list(value) if isinstance(value, tuple) else value for key, value in vars(self).items()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> PCurve:
        """What `to_json` wrote."""
        plain: dict[str, Any] = {k: tuple(v) if isinstance(v, list) else v for k, v in content.items()}
        return cls(**plain)


def best_p(
    objective: Objective,
    points: Sequence[float] = POINTS,
    *,
    on_point: Callable[[float, float], None] | None = None,
) -> tuple[PCurve, Array]:
    """The curve of p and the best steps on it, float32 (sites,)."""
    say = on_point or (lambda p, loss: None)
    tried: dict[float, float] = {}

    def measure(p: float) -> float:
        steps = layerwise_steps(objective, p)
        objective.losses(steps)  # for the gradient method, which wants to know which images are hard
        tried[p] = objective.loss(steps)
        say(p, tried[p])
        return tried[p]

    losses = tuple(measure(p) for p in points)
    coefficients = parabola(points, losses)
    vertex = vertex_within(coefficients, min(points), max(points))
    vertex_loss = None if vertex is None else measure(vertex)
    best = min(tried, key=lambda p: tried[p])
    curve = PCurve(tuple(points), losses, coefficients, vertex, vertex_loss, best, tried[best])
    return curve, layerwise_steps(objective, best)


def parabola(x: Sequence[float], y: Sequence[float]) -> tuple[float, ...]:
    """Coefficients of the least-squares parabola through the finite points; () with fewer than three."""
    finite = np.isfinite(y)
    if finite.sum() < 3:
        return ()
    return tuple(float(c) for c in np.polyfit(np.array(x)[finite], np.array(y)[finite], 2))


def vertex_within(coefficients: Sequence[float], low: float, high: float) -> float | None:
    """Where the parabola is lowest, if it has a lowest point and that lies between low and high.

    >>> vertex_within((1.0, -6.0, 0.0), 2, 4)
    3.0
    """
    if not coefficients or coefficients[0] <= 0:
        return None
    vertex = -coefficients[1] / (2 * coefficients[0])
    return vertex if low <= vertex <= high else None
