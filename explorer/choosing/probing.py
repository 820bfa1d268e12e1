"""The greedy baseline by accuracy probes: lower one block after another for as long as the accuracy holds.

AIMET's automatic mixed precision (Qualcomm's AI Model Efficiency Toolkit, "Automatic mixed precision", phases 1 and 2)
and Sony's Model Compression Toolkit measure each block by itself at each lower width once, all others at the highest;
then, from the highest widths down, the step is taken whose own drop for each unit of cost saved is the least, and the
whole plan is measured after it. AIMET ends at the first step that breaks the wish. Going on with the other blocks makes
the plan smaller at the price of more evaluations; both are noted.
"""

from dataclasses import dataclass

import numpy as np

from explorer.choosing.comparing import Bits, Comparing, Work
from explorer.choosing.drops import Drop
from explorer.choosing.picks import plan_of
from explorer.choosing.searching import Rule, decide
from explorer.plans import Problem


@dataclass(frozen=True)
class Stop:
    """Where the baseline was when it could have stopped.

    Attributes:
        bits: the last plan that held; None where none did.
        count: its exact cost.
        drop: measured.
        work: evaluations until then.
    """

    bits: Bits | None
    count: int
    drop: Drop | None
    work: Work


@dataclass(frozen=True)
class Greedy:
    """The end at the first step that broke the wish, and the end of all steps."""

    first: Stop
    last: Stop


def greedy(problem: Problem, comparing: Comparing, rule: Rule, *, probes: int | None = None) -> Greedy:
    """Lower blocks of a problem; whether a plan holds is decided as a search does.

    Args:
        probes: samples on which each block is probed by itself; None: all. AIMET takes fewer for them, too.
    """
    groups = problem.groups
    order = [[int(option) for option in np.argsort(group.counts, kind="stable")] for group in groups]
    held = [each[-1] for each in order]
    alone = {
        (g, option): comparing.drop(plan_of(problem, [*held[:g], option, *held[g + 1 :]]), probes).value
        for g, options in enumerate(order)
        for option in options[:-1]
    }
    alone |= {(g, options[-1]): 0.0 for g, options in enumerate(order)}
    best: tuple[Bits | None, Drop | None, list[int]] = (None, None, held)
    first: Stop | None = None
    free = {g for g, options in enumerate(order) if len(options) > 1}

    def stop() -> Stop:
        bits, drop, picks = best
        count = sum(group.counts[pick] for group, pick in zip(groups, picks, strict=True))
        return Stop(bits, count, drop, comparing.work)

    while free:
        steps = []
        for g in free:
            now = held[g]
            to = order[g][order[g].index(now) - 1]
            saved = groups[g].counts[now] - groups[g].counts[to]
            steps.append(((alone[g, to] - alone[g, now]) / max(saved, 1), -saved, g, to))
        *_, g, to = min(steps)
        picks = [*held[:g], to, *held[g + 1 :]]
        bits = plan_of(problem, picks)
        drop, verdict = decide(bits, comparing, rule)
        if verdict == "holds":
            held, best = picks, (bits, drop, picks)
            if to == order[g][0]:
                free.remove(g)
        else:
            first = first or stop()
            free.remove(g)
    return Greedy(first or stop(), stop())
