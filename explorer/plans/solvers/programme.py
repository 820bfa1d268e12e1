"""The choice of widths as an integer programme for HiGHS, through SciPy's ``milp``.

    minimise    Σ_g Σ_j  f_g(j) x_g(j)
    subject to  Σ_j x_g(j) = 1                          for every group g, x_g(j) ∈ {0, 1}
                Σ_g Σ_j c_g(j) x_g(j) ≤ limit           for every limited cost c

x_g(j) says that group g takes option j (HAWQ-V3, Yao et al. 2021). HAWQ's monotone order adds
Σ_{w ≤ v} x_g(w) ≥ Σ_{w ≤ v} x_h(w) for neighbours g, h in the order, g the less sensitive, and every width v.

HiGHS (Huangfu and Hall 2018) calculates in floating point, with tolerances of about 1e-6. The objective is scaled
so that such a tolerance is far below any difference that matters; costs are counted from the cheapest plan, in
their greatest common divisor, and compared half a unit above the limit. What comes back is added up again in
whole numbers: a plan that broke a limit after all is excluded and the programme solved again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import gcd

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from explorer.errors import PlanError
from explorer.plans.costs.tables import CostTable
from explorer.plans.problem.problem import Bound, Problem

_SPREAD = 1e6  # of the scaled objective: HiGHS stops at an absolute gap of 1e-6
_LARGEST = 1e5  # of a row's coefficients
_ROUNDING = 1e-12  # a gap this small is that of floating-point sums
_TRIES = 20
_OUT_OF_TIME, _IMPOSSIBLE = 1, 2  # of SciPy's milp


@dataclass(frozen=True)
class _Row:
    """A bound as a row of the programme.

    Attributes:
        coefficients: of every option: what it costs above its group's cheapest, in a unit of the row's own.
        room: how much more than the cheapest plan is allowed, in counts of the table.
        unit: greatest common divisor of what can be added to the cheapest plan, in counts.
        scale: of one ``unit`` in the row.
    """

    coefficients: np.ndarray
    room: int
    unit: int
    scale: float

    @property
    def between(self) -> float:
        """Half a unit above the largest sum allowed: no sum of costs lies there."""
        return (self.room // self.unit + 0.5) * self.scale

    @property
    def exact(self) -> float:
        """The limit itself, in the row's unit."""
        return self.room / self.unit * self.scale


@dataclass(frozen=True)
class Best:
    """The least sum of a figure.

    Attributes:
        picks: which option each group takes.
        bound: no choice has less.
        gap: how far the sum is above the bound, as a share of it.
        nodes: of the search.
    """

    picks: tuple[int, ...]
    bound: float
    gap: float
    nodes: int


class Programme:
    """What does not change: the groups, their options and their order."""

    def __init__(self, problem: Problem, seconds: float | None = None) -> None:
        self.problem = problem
        self.omegas = [np.array(group.omegas) for group in problem.groups]
        self._seconds = seconds
        self._starts = np.cumsum([0, *(len(group.options) for group in problem.groups)])
        one = np.zeros((len(problem.groups), self._starts[-1]))
        for row, (start, stop) in zip(one, self._runs, strict=True):
            row[start:stop] = 1
        self._fixed = [LinearConstraint(one, 1, 1)]
        if problem.monotone and len(problem.free) > 1 and len(problem.menu) > 1:
            self._fixed.append(LinearConstraint(self._order(), 0, np.inf))

    def costs(self, table: CostTable) -> list[np.ndarray]:
        """Exact cost of every option of every group."""
        names = self.problem.blocks
        return [
            np.array([sum(table.at(names[m], *option) for m in group.members) for option in group.options])
            for group in self.problem.groups
        ]

    def count(self, table: CostTable, picks: Sequence[int]) -> int:
        """Exact cost of the picked options."""
        return sum(int(row[option]) for row, option in zip(self.costs(table), picks, strict=True))

    def least(self, figures: Sequence[np.ndarray], bounds: Sequence[Bound]) -> Best | None:
        """The least sum of a figure within the bounds; None where nothing keeps them."""
        if not bounds and len(self._fixed) == 1:  # then the groups have nothing to do with one another
            picks = tuple(int(np.argmin(row)) for row in figures)
            return Best(picks, sum(float(row.min()) for row in figures), 0.0, 0)
        rows = [self._row(bound) for bound in bounds]
        if any(row.room < 0 for row in rows):
            return None
        lowest = sum(float(row.min()) for row in figures)
        scale = _SPREAD / (sum(float(np.ptp(row)) for row in figures) or 1.0)
        objective = np.concatenate([(row - row.min()) * scale for row in figures])
        constraints = [
            *self._fixed,
            *(LinearConstraint(row.coefficients[None], -np.inf, row.between) for row in rows),
        ]
        for _ in range(_TRIES):
            result = self._solved(objective, constraints)
            if result is None:
                return None
            picks = self._picks(result.x)
            if all(self.count(bound.cost, picks) <= bound.limit for bound in bounds):
                proved = float(result.mip_dual_bound) / scale + lowest
                gap = float(result.mip_gap) if result.mip_gap > _ROUNDING else 0.0
                return Best(picks, proved, gap, int(result.mip_node_count or 0))
            broken = np.zeros((1, len(objective)))
            broken[0, self._starts[:-1] + picks] = 1
            constraints.append(LinearConstraint(broken, -np.inf, len(picks) - 1))
        raise PlanError(
            "HiGHS keeps naming plans that break a limit by a rounding error; use a coarser unit for the cost"
        )

    def nearest(self, bounds: Sequence[Bound]) -> tuple[int, ...] | None:
        """Picks that break the bounds least, each by a share of its limit, summed; None: order forbids all."""
        rows = [self._row(bound) for bound in bounds]
        # One more variable a bound: by how much it is broken.
        constraints = [
            LinearConstraint(np.hstack([fixed.A, np.zeros((len(fixed.A), len(bounds)))]), fixed.lb, fixed.ub)
            for fixed in self._fixed
        ]
        prices = []
        for place, (bound, row) in enumerate(zip(bounds, rows, strict=True)):
            excess = np.zeros(len(bounds))
            excess[place] = -1
            padded = np.concatenate([row.coefficients, excess])
            constraints.append(LinearConstraint(padded[None], -np.inf, row.exact))
            lowest = self.problem.extreme("lowest", bound.cost)
            prices.append(_SPREAD * row.unit / (row.scale * max(bound.limit, abs(lowest), 1)))
        objective = np.concatenate([np.zeros(self._starts[-1]), prices])
        result = self._solved(objective, constraints, further=len(bounds))
        return None if result is None else self._picks(result.x)

    @property
    def _runs(self) -> list[tuple[int, int]]:
        """Where each group's variables begin and end."""
        ends = self._starts.tolist()
        return list(pairwise(ends))

    def _solved(
        self, objective: np.ndarray, constraints: Sequence[LinearConstraint], further: int = 0
    ) -> "milp.OptimizeResult | None":
        """What ``milp`` found; None where nothing is feasible. ``further`` variables need not be whole."""
        whole = np.ones(len(objective))
        most = np.ones(len(objective))
        if further:
            whole[-further:], most[-further:] = 0, np.inf
        options = {"mip_rel_gap": 0.0} | ({} if self._seconds is None else {"time_limit": self._seconds})
        result = milp(
            objective, integrality=whole, bounds=Bounds(0, most), constraints=constraints, options=options
        )
        if result.status == _IMPOSSIBLE:
            return None
        if result.x is None:
            reason = "in the time it was given" if result.status == _OUT_OF_TIME else str(result.message)
            raise PlanError(f"HiGHS found no plan ({reason}); allow more seconds, or fewer widths")
        return result

    def _row(self, bound: Bound) -> _Row:
        costs = self.costs(bound.cost)
        extra = np.concatenate([row - row.min() for row in costs])
        unit = gcd(*(int(value) for value in extra)) or 1
        scale = min(1.0, _LARGEST / max(float(extra.max()) / unit, 1.0))
        room = bound.limit - sum(int(row.min()) for row in costs)
        return _Row(extra / unit * scale, room, unit, scale)

    def _picks(self, x: np.ndarray) -> tuple[int, ...]:
        return tuple(int(np.argmax(x[start:stop])) for start, stop in self._runs)

    def _order(self) -> np.ndarray:
        """Rows of the monotone order, each at least 0."""
        place = {id(group): index for index, group in enumerate(self.problem.groups)}
        free = [place[id(group)] for group in self.problem.free]
        rows = []
        for low, high in pairwise(free):
            for width in self.problem.menu[:-1]:
                row = np.zeros(self._starts[-1])
                for group, sign in ((low, 1.0), (high, -1.0)):
                    for option, (w, _) in enumerate(self.problem.groups[group].options):
                        row[self._starts[group] + option] = sign if w <= width else 0.0
                rows.append(row)
        return np.array(rows)
