"""The greedy baseline: start wide, always give up where a unit of cost saved adds the least damage.

AIMET's automatic mixed precision starts every quantizer at its highest candidate and lowers one after the other
in the order of their sensitivity until the budget is met (Qualcomm's AI Model Efficiency Toolkit, "Automatic
mixed precision"). Here a step is: of every cheaper option of every group the one with the least

    (ω_g(new) − ω_g(old)) / (c_g(old) − c_g(new)),

ties going to the larger saving, then to the earlier group; an option that costs the same and does less damage comes
before all. The plans on the way are a curve. It is Dantzig's rule for the knapsack: for independent groups whose
highest width costs most and damages least, each of its plans is the best within its own cost; what it loses is
the plans in between.
"""

from collections.abc import Sequence
from math import inf

import numpy as np

from explorer.plans.problem.problem import Problem, total
from explorer.plans.solvers.curve import Curve


def greedy(problem: Problem) -> Curve:
    """Every plan on the way from the highest widths down, cheapest first.

    A monotone problem's order holds on the way; plans that break a limit of the problem are on the way and not on
    the curve, which may thus be empty.
    """
    path = np.array(_path(problem), dtype=np.uint8)[::-1]
    for place, bound in enumerate(problem.bounds):
        spent = sum(
            np.array(group.further[place])[path[:, column]] for column, group in enumerate(problem.groups)
        )
        path = path[spent <= bound.limit]
    bits, a_bits = problem.widths_of(path)
    counts = total(problem.lookup("count"), bits, a_bits)
    omega = total(problem.lookup("omega"), bits, a_bits)
    return Curve(problem, bits, a_bits, counts, counts / problem.cost.divisor, omega)


def _path(problem: Problem) -> list[list[int]]:
    groups = problem.groups
    order = [groups.index(group) for group in problem.free] if problem.monotone else []
    held = [len(group.options) - 1 for group in groups]
    path = [list(held)]
    best = [_step(problem, order, held, group) for group in range(len(groups))]
    while steps := [step for step in best if step is not None]:
        *_, group, option = min(steps)
        held[group] = option
        path.append(list(held))
        # Without an order a step of one group changes nothing for the others.
        for changed in range(len(groups)) if order else (group,):
            best[changed] = _step(problem, order, held, changed)
    return path


def _step(
    problem: Problem, order: Sequence[int], held: Sequence[int], group: int
) -> tuple[float, int, int, int] | None:
    """The best step of one group: damage by unit of cost saved, minus the saving, the group, the option."""
    chosen, now = problem.groups[group], held[group]
    steps = []
    for option, count in enumerate(chosen.counts):
        saved, added = chosen.counts[now] - count, chosen.omegas[option] - chosen.omegas[now]
        if (saved > 0 or (saved == 0 and added < 0)) and _keeps_order(problem, order, held, group, option):
            steps.append((added / saved if saved else -inf, -saved, group, option))
    return min(steps, default=None)


def _keeps_order(
    problem: Problem, order: Sequence[int], held: Sequence[int], group: int, option: int
) -> bool:
    """Whether the groups in order would still have no fewer bits than those before them."""
    if group not in order:
        return True
    place = order.index(group)
    width = problem.groups[group].options[option].w_bits
    below = [problem.groups[g].options[held[g]].w_bits for g in order[:place]]
    above = [problem.groups[g].options[held[g]].w_bits for g in order[place + 1 :]]
    return all(bits <= width for bits in below) and all(bits >= width for bits in above)
