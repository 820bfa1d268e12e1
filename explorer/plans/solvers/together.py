r"""One budget where damage has terms between blocks: the least quadratic form, with a bound on what any plan can have.

    minimise    f(x) = xᵀ A x,     x_g(j) ∈ {0, 1},  Σ_j x_g(j) = 1,  costs within their limits

A is the matrix of `damage.interactions` over the options of all groups, tied blocks added up. Whole x have x_j² = x_j,
so f(x) = xᵀ(A − μS)x + μ s·x on all of them, with S = diag(s), s_j = |A_jj| and μ the smallest eigenvalue of
S^-½ A S^-½: convex whatever A is, and the closest to the plans of those that shift by a multiple of S (Hammer and
Rubin 1970). It follows for every y and every plan x, by convexity,

    f(x)  ≥  f(y) + ∇f(y)·(x − y),

and the least right side over all plans is a linear choice of widths, which the integer programme of ``programme`` makes
exactly. As Frank and Wolfe (1956) do, that choice joins the plans known, and y becomes the least point of their convex
hull (von Hohenbalken 1977); the largest of the least right sides is a lower bound over the hull of all plans within the
limits. Every choice met on the way is a plan, from which a local search goes on: the best single move or pair of moves
until none is better. It begins with the plan of least damage block by block.

What is left between bound and best plan is closed by branch and bound (Land and Doig 1960), the lowest bound first: a
group either takes the option that the relaxed y favours, or it does not. After ``nodes`` nodes the best plan is taken
with the gap that is left.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from heapq import heappop, heappush
from itertools import count

import numpy as np

from explorer.errors import PlanError
from explorer.estimates import Estimate
from explorer.plans.damage.interactions import Interactions
from explorer.plans.problem.groups import Group
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Bound, Problem
from explorer.plans.solvers.curve import point_of
from explorer.plans.solvers.exact_one import Asked, Certificate, bound_of, infeasible
from explorer.plans.solvers.programme import Programme

NODES = 30
_STEPS = 25  # of Frank and Wolfe's method, a node
_CLOSED = 1e-9  # a gap this small, as a share, is that of floating-point sums
_SETTLED = 1e-3  # of a node's gap: a step that gains less ends it
_INNER = 500  # moves of weight within a hull


@dataclass(frozen=True)
class Together:
    """The plan with the least damage, terms between blocks included.

    Attributes:
        point: the plan; its omega is the form's value.
        damage: the same with its standard error over the samples drawn.
        gap: how far the damage is above the certificate's bound, as a share of it; 0 where it is proved best.
        certificate: what was proved. Of the form as it was estimated: the samples' error is not part of it.
        picks: which option each group of the problem takes.
    """

    point: Point
    damage: Estimate
    gap: float
    certificate: Certificate
    picks: tuple[int, ...]


def least_together(
    problem: Problem, form: Interactions, budgets: Sequence[Asked] = (), *, nodes: int = NODES
) -> Together:
    """The plan of least damage by ``form`` within these budgets and the problem's own limits.

    Args:
        problem: whose groups, widths and costs are chosen from; its own damage is not looked at.
        budgets: each a table and a budget; a bare number is "at most", in the table's unit.
        nodes: of the search; with 1 the bound is that of the relaxation.

    Raises:
        InfeasibleError: no plan keeps all of them; it says which are in the way and what comes nearest.
        PlanError: the form lacks a block or a width, or the problem chooses the widths of activations too.
    """
    if problem.a_menu:
        raise PlanError(
            "terms between blocks are known for weights alone; do not choose the activations' widths"
        )
    if nodes < 1:
        raise PlanError(f"a search of {nodes} nodes finds nothing; allow at least 1")
    bounds = (*problem.bounds, *(bound_of(problem, budget) for budget in budgets))
    search = _Search(problem, _matrix(problem, form), bounds)
    if not search.run(nodes):
        raise infeasible(Programme(problem), bounds)
    picks = search.best
    bits, a_bits = problem.widths_of(np.array([picks], dtype=np.uint8))
    point = point_of(problem, bits[0], a_bits[0])
    damage = form.value_of(point.bits)
    value, bound = search.value, min(search.bound, search.value)
    gap = (value - bound) / abs(value) if value - bound > _CLOSED * abs(value) else 0.0
    text = (
        f"no plan within the limits has damage below {bound:.6g}, its terms between blocks included "
        f"(gap {gap:.2g}, nodes searched: {search.nodes:,}, plans met: {len(search.met):,})"
    )
    certificate = Certificate(bound, search.nodes, text)
    return Together(replace(point, omega=damage.value), damage, gap, certificate, picks)


Allowed = tuple[tuple[int, ...], ...]  # for each group the options that it may take


class _Search:
    """Branch and bound over one form.

    Attributes:
        best, value: the best plan so far, as picks, and its form.
        bound: no plan is below it.
        nodes: relaxed so far.
        met: every plan that a linear choice or the local search came to.
    """

    def __init__(self, problem: Problem, form: np.ndarray, bounds: Sequence[Bound]) -> None:
        self._problem, self._bounds, self._form = problem, bounds, form
        self._starts = np.cumsum([0, *(len(group.options) for group in problem.groups)])
        self._owner = np.repeat(np.arange(len(problem.groups)), np.diff(self._starts))
        scale = np.abs(np.diag(form))
        root = np.sqrt(np.where(scale > 0, scale, 1.0))
        least = float(np.linalg.eigvalsh(form / root[:, None] / root)[0])
        self._linear = (least - 1e-12 * len(form)) * root**2
        self._convex = form - np.diag(self._linear)
        costs = Programme(problem).costs
        self._costs = [np.concatenate(costs(bound.cost)) for bound in bounds]
        self.best: tuple[int, ...] = ()
        self.value, self.bound = np.inf, -np.inf
        self.nodes = 0
        self.met: dict[tuple[int, ...], None] = {}

    def run(self, nodes: int) -> bool:
        """Search; False where no plan keeps the limits."""
        number = count()
        every = tuple(tuple(range(len(group.options))) for group in self._problem.groups)
        waiting = [(-np.inf, next(number), every)]
        while waiting and self.nodes < nodes and self._open(waiting[0][0]):
            above, _, allowed = heappop(waiting)
            found = self._relaxed(allowed, above)
            if found is not None and self._open(found[0]):
                for half in self._halves(allowed, found[1]):
                    heappush(waiting, (found[0], next(number), half))
        self.bound = min([self.value, *(bound for bound, _, _ in waiting)])
        return bool(self.best)

    def _open(self, bound: float) -> bool:
        """Whether a plan above this bound may still be better than the best by more than rounding."""
        return not np.isfinite(self.value) or self.value - bound > _CLOSED * abs(self.value)

    def _relaxed(self, allowed: Allowed, above: float) -> tuple[float, np.ndarray] | None:
        """A lower bound over the plans allowed, no lower than ``above``, and the y it is from; None for no plan."""
        self.nodes += 1
        programme = Programme(self._restricted(allowed))
        places = [self._starts[group] + np.array(options) for group, options in enumerate(allowed)]

        def least(figures: np.ndarray) -> tuple[np.ndarray, float] | None:
            found = programme.least([figures[row] for row in places], self._bounds)
            if found is None:
                return None
            picks = tuple(options[pick] for options, pick in zip(allowed, found.picks, strict=True))
            self._improve(picks)
            return self._indicator(picks), found.bound

        known = [picks for picks in self.met if all(p in a for p, a in zip(picks, allowed, strict=True))]
        hull = [self._indicator(picks) for picks in known]
        if not hull:
            first = least(np.diag(self._form))
            if first is None:
                return None
            hull = [first[0]]
        weights = np.full(len(hull), 1 / len(hull))
        lower = above
        for _ in range(_STEPS):
            vertices = np.array(hull)
            weights = self._least_of_hull(vertices, weights)
            y = weights @ vertices
            slope = 2 * self._convex @ y + self._linear
            chosen = least(slope)
            assert chosen is not None  # the restricted programme had a plan
            reached = float(chosen[1] - y @ self._convex @ y)
            lower = max(lower, reached)
            value = float(y @ self._convex @ y + self._linear @ y)
            if not self._open(lower) or value - lower <= _SETTLED * (self.value - lower):
                break
            if any(np.array_equal(chosen[0], vertex) for vertex in hull):
                break
            hull.append(chosen[0])
            weights = np.append(weights, 0.0)
        return lower, y

    def _least_of_hull(self, vertices: np.ndarray, weights: np.ndarray) -> np.ndarray:
        """Weights of the least convex combination: from the worst vertex that has any to the best, move by move."""
        inner = vertices @ self._convex @ vertices.T
        slope = 2 * inner @ weights + vertices @ self._linear
        weights = weights.copy()
        for _ in range(_INNER):
            to = int(np.argmin(slope))
            off = int(np.argmax(np.where(weights > 0, slope, -np.inf)))
            fall = slope[off] - slope[to]
            bend = inner[to, to] - 2 * inner[to, off] + inner[off, off]
            if fall <= _CLOSED * np.abs(slope).max():
                break
            step = weights[off] if bend <= 0 else min(weights[off], fall / (2 * bend))
            weights[off] = weights[off] - step if step < weights[off] else 0.0
            weights[to] += step
            slope += 2 * step * (inner[:, to] - inner[:, off])
        whole: np.ndarray = weights / weights.sum()
        return whole

    def _halves(self, allowed: Allowed, y: np.ndarray) -> list[Allowed]:
        """The plans where the group that y is least sure of takes the option that y favours, and all others."""
        sure = [
            max(y[self._starts[group] + option] for option in options) if len(options) > 1 else np.inf
            for group, options in enumerate(allowed)
        ]
        group = int(np.argmin(sure))
        options = allowed[group]
        if len(options) == 1:
            return []
        favoured = max(options, key=lambda option: y[self._starts[group] + option])
        others = tuple(option for option in options if option != favoured)
        return [(*allowed[:group], part, *allowed[group + 1 :]) for part in ((favoured,), others)]

    def _restricted(self, allowed: Allowed) -> Problem:
        return replace(
            self._problem,
            groups=tuple(
                _part(group, options) for group, options in zip(self._problem.groups, allowed, strict=True)
            ),
        )

    def _indicator(self, picks: Sequence[int]) -> np.ndarray:
        x = np.zeros(len(self._form))
        x[self._starts[:-1] + np.array(picks)] = 1
        return x

    def _improve(self, picks: tuple[int, ...]) -> None:
        """Local search from a plan; the best of all is kept."""
        if picks in self.met:
            return
        self.met[picks] = None
        while (better := self._better(picks)) is not None:
            picks = better
        self.met[picks] = None
        x = self._indicator(picks)
        value = float(x @ self._form @ x)
        if value < self.value:
            self.best, self.value = picks, value

    def _better(self, picks: tuple[int, ...]) -> tuple[int, ...] | None:
        """The plan within the limits that one or two groups' moves better by most; None: there is none."""
        now = self._starts[:-1] + np.array(picks)
        own = now[self._owner]  # for each option, the one that its group has
        slope = self._form[:, now].sum(1)
        change = self._form - self._form[:, own] - self._form[own] + self._form[np.ix_(own, own)]
        alone = 2 * (slope - slope[own]) + np.diag(change)
        together = alone[:, None] + alone + 2 * change
        # On the diagonal stand single moves; two options of one group cannot both be had.
        together[self._owner[:, None] == self._owner] = np.inf
        np.fill_diagonal(together, alone)
        for cost, bound in zip(self._costs, self._bounds, strict=True):
            more = cost - cost[own]
            both = more[:, None] + more
            np.fill_diagonal(both, more)
            together[both > bound.limit - int(cost[now].sum())] = np.inf
        gain = -_CLOSED * max(float(slope[now].sum()), 0.0)
        for place in np.argsort(together, axis=None):
            first, second = np.unravel_index(place, together.shape)
            if not together[first, second] < gain:
                return None
            moved = list(picks)
            for option in (first, second):
                moved[self._owner[option]] = int(option - self._starts[self._owner[option]])
            if self._in_order(moved):
                return tuple(moved)
        return None

    def _in_order(self, picks: Sequence[int]) -> bool:
        """Whether the plan keeps HAWQ's monotone order, where the problem asks for it."""
        if not self._problem.monotone:
            return True
        width = {id(g): g.options[pick].w_bits for g, pick in zip(self._problem.groups, picks, strict=True)}
        free = [width[id(group)] for group in self._problem.free]
        return free == sorted(free)


def _matrix(problem: Problem, form: Interactions) -> np.ndarray:
    """The form over the options of all groups, group after group."""
    size = len(form.bits)
    rows = []
    for group in problem.groups:
        for option in group.options:
            row = np.zeros(len(form.blocks) * size)
            for member in group.members:
                place = form.place(problem.blocks[member], option.w_bits)
                if place is not None:
                    row[place[0] * size + place[1]] = 1
            rows.append(row)
    chosen = np.array(rows)
    found: np.ndarray = chosen @ form.matrix @ chosen.T
    return found


def _part(group: Group, options: Sequence[int]) -> Group:
    """The group with some of its options."""
    return replace(
        group,
        options=tuple(group.options[option] for option in options),
        counts=tuple(group.counts[option] for option in options),
        omegas=tuple(group.omegas[option] for option in options),
        further=tuple(tuple(row[option] for option in options) for row in group.further),
    )
