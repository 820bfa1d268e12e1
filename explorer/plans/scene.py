"""The scene of a frontier: everything a picture of it shows, as plain data, and the plan behind each dot.

The frontier, HAWQ-V2's set B and the greedy path where they are wanted, and plans that have a name: uniform,
published and saved ones. Page, command line, notebook and report draw or print the same scene.

A plan behind a dot has the activations that its cost and its Ω were counted with: those of the problem's rule (one
width, or that of the block's weights), or those that were chosen. Plans with a name keep their own.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.plans.plan.plan import BlockBits, Plan, StudyIdentity
from explorer.plans.plan.published import published_plans
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Bound, Problem
from explorer.plans.solvers.curve import Curve
from explorer.plans.solvers.frontier import Frontier
from explorer.plans.solvers.set_b import SetB, count
from explorer.plans.trust.uncertainty import within_noise
from explorer.questions.frontier import FrontierQuestion
from explorer.randomness import Stream, numpy_generator
from explorer.studies.study import AnyStudy

DOTS = 50_000  # of set B, which a browser draws fluidly
POINTS = 4_000  # of the frontier
SET_B_LIMIT = 2_000_000  # plans, which are enumerated in seconds


@dataclass(frozen=True, eq=False)
class Scene:
    """What is shown, so that a click can be looked up in it.

    Attributes:
        question: that was asked.
        frontier: its answer.
        points: (P,) which points of the frontier are shown.
        set_b: HAWQ-V2's set; None where it is not shown.
        dots: (M,) which of its plans are shown.
        greedy: path of the baseline; None where it is not shown.
        named: uniform, published, saved: the plans of that kind whose cost and Ω are known.
    """

    question: FrontierQuestion
    frontier: Frontier
    points: np.ndarray
    set_b: SetB | None
    dots: np.ndarray
    greedy: Curve | None
    named: Mapping[str, tuple[Plan, ...]]

    def place(self, plan: Plan) -> tuple[float, float]:
        """Cost of a plan, in the unit of the cost's table, and its Ω; both with the activations it has.

        Raises:
            PlanError: one of its widths has no known cost or damage, as in a table of measured latencies.
        """
        return _place(self.frontier.problem, plan)

    def broken(self, plan: Plan) -> tuple[Bound, ...]:
        """The limits that a plan exceeds.

        Raises:
            PlanError: one of its widths has no known cost.
        """
        return _broken(self.frontier.problem, plan)

    def find(self, plan: Plan) -> int | None:
        """Point of the frontier that a plan is, if it is one."""
        return self.frontier.find(plan.w_bits, plan.a_bits)

    def shown(self, point: int) -> int | None:
        """Number of a point of the frontier among those that are shown, if it is."""
        found = int(np.searchsorted(self.points, point))
        return found if found < len(self.points) and self.points[found] == point else None

    def noise(self, point: int) -> tuple[int, int]:
        """First and last of the shown points whose Ω is within one standard error of a point's."""
        ends = np.searchsorted(self.points, within_noise(self.frontier, point)[[0, -1]])
        low, high = np.clip(ends, 0, len(self.points) - 1).tolist()
        return low, high

    def under(self, most: float) -> Point:
        """Best point of the frontier that costs no more, in the table's unit; the cheapest where none does."""
        place = int(np.searchsorted(self.frontier.cost, most * (1 + 1e-12), side="right")) - 1
        return self.frontier.point(max(place, 0))

    def plan(self, study: StudyIdentity, blocks: Sequence[Block], kind: str, index: int) -> Plan | None:
        """The plan behind a dot.

        Args:
            kind: frontier, greedy, set B, uniform, published or saved.
            index: its number among the dots of that kind.
        """
        if kind in self.named:
            return self.named[kind][index]
        if kind == "set B" and self.set_b is not None:
            dot = int(self.dots[index])
            weights, inputs = self.set_b.bits_of(dot), self.set_b.a_bits_of(dot)
            bits = {block.name: BlockBits(weights[block.name], inputs[block.name]) for block in blocks}
            return Plan(study.name, study.weights_sha256, bits)
        if kind == "greedy" and self.greedy is not None:
            return self.greedy.point(index).plan(study, blocks)
        if kind == "frontier":
            return self.frontier.point(int(self.points[index])).plan(study, blocks)
        return None


def compose(
    study: AnyStudy,
    blocks: Sequence[Block],
    question: FrontierQuestion,
    frontier: Frontier,
    *,
    set_b: SetB | None = None,
    greedy: Curve | None = None,
    saved: Iterable[Plan] = (),
) -> Scene:
    """The scene of a solved frontier.

    Args:
        blocks: that the frontier is of.
        set_b, greedy: shown where they are given.
        saved: plans that a person saved.
    """
    problem = frontier.problem
    named = {
        "uniform": [
            Plan.uniform(study, blocks, bits, input_bits(problem, bits), name=f"{bits} bits")
            for bits in problem.menu
        ],
        "published": [found.plan for found in published_plans(study, blocks)],
        "saved": list(saved),
    }
    fitting = {kind: tuple(p for p in found if _fits(problem, p)) for kind, found in named.items()}
    dots = _sample(0 if set_b is None else len(set_b))
    return Scene(question, frontier, frontier.thinned(POINTS), set_b, dots, greedy, fitting)


def has_set_b(problem: Problem, question: FrontierQuestion) -> bool:
    """Whether HAWQ-V2's set B can be enumerated: of weights alone, and not too many plans."""
    return not question.a_menu and count(len(problem.free), len(problem.menu)) <= SET_B_LIMIT


def input_bits(problem: Problem, bits: int) -> int:
    """Width of the activations where all weights have some bits: by the problem's rule, or the nearest to choose."""
    if problem.a_menu:
        return min(problem.a_menu, key=lambda a: abs(a - bits))
    return problem.a_bits or bits


def _place(problem: Problem, plan: Plan) -> tuple[float, float]:
    cost = problem.cost.count(plan.w_bits, plan.a_bits) / problem.cost.divisor
    return cost, problem.damage.omega(plan.w_bits, plan.a_bits)


def _broken(problem: Problem, plan: Plan) -> tuple[Bound, ...]:
    return tuple(b for b in problem.bounds if b.cost.count(plan.w_bits, plan.a_bits) > b.limit)


def _fits(problem: Problem, plan: Plan) -> bool:
    """Whether a plan with a name is shown: its widths are allowed, its cost and Ω known, and it keeps the limits."""
    inputs = set(plan.a_bits.values()) <= set(problem.a_menu) if problem.a_menu else True
    if not inputs or not set(plan.w_bits.values()) <= set(problem.menu):
        return False
    try:
        _place(problem, plan)
        return not _broken(problem, plan)
    except PlanError:  # measured latencies and damages are of some widths only
        return False


def _sample(size: int) -> np.ndarray:
    """All of set B, or a fixed random choice of it."""
    if size <= DOTS:
        return np.arange(size)
    return np.sort(numpy_generator(Stream.SHOWN_PLANS, 0).choice(size, DOTS, replace=False))
