"""Local refinement: bits move between two blocks at equal or smaller cost, judged by measured loss.

The prediction proposes. Of all changes of one or two groups that keep the cost within that of the first plan, and every
limit of the problem, the one with the smallest predicted rise ΔΩ comes first; on a frontier every ΔΩ is 0 or more, and
the prediction is wrong somewhere. Each is measured against the plan in hand, loss for loss on the same samples, few at
first and twice as many each time. It is dropped at the first look at which its mean gain is not positive, and taken
where the gain exceeds z standard errors.

The refinement ends when so many proposals in a row were not taken (``patience``). z is such that, if none of these
gains anything, all their looks together take one with probability at most ``error`` (Bonferroni). A gain on the samples
that chose is optimistic all the same: what the result reports was measured on others.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from explorer.choosing.comparing import Bits, Comparing
from explorer.choosing.drops import z_of
from explorer.choosing.picks import picks_of, plan_of
from explorer.choosing.searching import Rule
from explorer.errors import PlanError
from explorer.estimates import Estimate
from explorer.plans import Problem

PATIENCE = 20
ERROR = 0.05
_Move = tuple[int, int]  # group and option


@dataclass(frozen=True)
class Swap:
    """A proposal that was measured.

    Attributes:
        bits: of the plan proposed.
        predicted: rise of Ω against the plan in hand.
        gain: fall of the loss against it, on as many samples as the decision took.
        samples: of these.
        taken: whether it became the plan in hand.
    """

    bits: Bits
    predicted: float
    gain: Estimate
    samples: int
    taken: bool


@dataclass(frozen=True)
class Refined:
    """The plan at the end, and every proposal on the way."""

    bits: Bits
    swaps: tuple[Swap, ...]

    @property
    def taken(self) -> int:
        """How many proposals were taken."""
        return sum(swap.taken for swap in self.swaps)


def refine(
    problem: Problem,
    bits: Bits,
    comparing: Comparing,
    rule: Rule,
    *,
    patience: int = PATIENCE,
    error: float = ERROR,
) -> Refined:
    """Swap until ``patience`` proposals in a row gained nothing that can be told from noise, or none is left.

    Args:
        rule: whose looks are made.

    Raises:
        PlanError: the plan is none of the problem; or the problem is monotone, and a swap may break its order.
    """
    if problem.monotone:
        raise PlanError(
            "a swap of bits may leave HAWQ-V2's set B; refine without the monotone order, or not at all"
        )
    looks = rule.looks(comparing.samples)
    z = z_of(error / patience / len(looks))
    held = picks_of(problem, bits)
    costs = _costs(problem)
    limits = [sum(row[pick] for row, pick in zip(cost, held, strict=True)) for cost in costs[:1]]
    limits += [bound.limit for bound in problem.bounds]
    swaps: list[Swap] = []
    tried: set[tuple[_Move, ...]] = set()
    failed = 0
    while failed < patience:
        found = next(
            (each for each in _proposals(problem, held, costs, limits) if each[1] not in tried), None
        )
        if found is None:
            break
        predicted, moves = found
        tried.add(moves)
        picks = list(held)
        for group, option in moves:
            picks[group] = option
        swap = _measured(problem, held, picks, predicted, comparing, looks, z)
        swaps.append(swap)
        held, failed = (picks, 0) if swap.taken else (held, failed + 1)
    return Refined(plan_of(problem, held), tuple(swaps))


def _measured(
    problem: Problem,
    held: list[int],
    picks: list[int],
    predicted: float,
    comparing: Comparing,
    looks: list[int],
    z: float,
) -> Swap:
    new, old = plan_of(problem, picks), plan_of(problem, held)
    gain, look = Estimate(0.0, 0.0), 0
    for look in looks:
        gain = comparing.gain(new, old, look)
        if gain.value <= 0 or gain.value > z * gain.stderr:
            break
    return Swap(new, predicted, gain, look, gain.value > max(0.0, z * gain.stderr))


def _costs(problem: Problem) -> list[list[tuple[int, ...]]]:
    """Exact costs by every table that is limited, the axis first: table, group, option."""
    further = [[group.further[place] for group in problem.groups] for place in range(len(problem.bounds))]
    return [[group.counts for group in problem.groups], *further]


def _proposals(
    problem: Problem, held: list[int], costs: list[list[tuple[int, ...]]], limits: list[int]
) -> Iterator[tuple[float, tuple[_Move, ...]]]:
    """Changes of one or two groups that keep the limits, the smallest predicted rise first."""
    moves = [
        (g, option)
        for g, group in enumerate(problem.groups)
        for option in range(len(group.options))
        if option != held[g]
    ]
    if not moves:
        return
    groups = np.array([g for g, _ in moves])
    omegas = [group.omegas for group in problem.groups]
    rise = np.array([omegas[g][option] - omegas[g][held[g]] for g, option in moves])
    pairs = rise[:, None] + rise
    pairs[np.diag_indices(len(moves))] = rise  # a move paired with itself stands for the move alone
    allowed = (groups[:, None] < groups) | np.eye(len(moves), dtype=bool)
    for cost, limit in zip(costs, limits, strict=True):
        slack = limit - sum(row[pick] for row, pick in zip(cost, held, strict=True))
        more = np.array([cost[g][option] - cost[g][held[g]] for g, option in moves], dtype=np.int64)
        added = more[:, None] + more
        added[np.diag_indices(len(moves))] = more
        allowed &= added <= slack
    first, second = np.nonzero(allowed)
    for place in np.argsort(pairs[first, second], kind="stable"):
        a, b = int(first[place]), int(second[place])
        yield float(pairs[a, b]), (moves[a],) if a == b else (moves[a], moves[b])
