"""HAWQ-V2's set B: plans in which a more sensitive block never gets fewer bits.

Blocks are sorted by mean trace (HAWQ-V2, section 2.3: the admissible settings, called B). A plan is
then a non-decreasing sequence of L widths out of k, that is a multiset, and there are

    |B| = C(L + k − 1, k − 1)                     (23,426 for L = 50, k = 4; the paper says 2.3e4)

Such a sequence is k − 1 cuts 0 ≤ c_1 ≤ ... ≤ c_{k−1} ≤ L: positions from c_j to c_{j+1} have the j-th width.
The cost and Ω of a run of equal widths come from a table of run sums, so a plan takes k look-ups whatever L
is. Kept groups stay out of the order, tied blocks are one member of it, with the mean of their traces
weighted by their weights. Plans in which a block would leave its smallest or largest width, or that break a
limit of the problem, are left out. Where activations are chosen too, every plan comes once for each of their
widths, the same in all blocks (or the nearest that a block may have).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import comb

import numpy as np

from explorer.errors import PlanError
from explorer.plans.problem.groups import Group
from explorer.plans.problem.problem import Problem

LIMIT = 2_000_000


def count(length: int, widths: int) -> int:
    """|B| for ``length`` blocks and ``widths`` widths, exactly.

    >>> count(50, 4)
    23426
    """
    return comb(length + widths - 1, widths - 1)


@dataclass(frozen=True)
class SetB:
    """Every plan of set B.

    Attributes:
        blocks: names, in depth order.
        bits: (M, L) uint8, weight bits, columns in depth order.
        a_bits: (M, L) uint8, activation bits.
        counts: (M,) int64, exact cost.
        cost: (M,) float64, cost in the table's unit.
        omega: (M,) float64.
        order: names of the free blocks, from the most to the least sensitive.
    """

    blocks: tuple[str, ...]
    bits: np.ndarray
    a_bits: np.ndarray
    counts: np.ndarray
    cost: np.ndarray
    omega: np.ndarray
    order: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.omega)

    def bits_of(self, index: int) -> dict[str, int]:
        """Block to weight bits of one plan."""
        return {block: int(bits) for block, bits in zip(self.blocks, self.bits[index], strict=True)}

    def a_bits_of(self, index: int) -> dict[str, int]:
        """Block to activation bits of one plan."""
        return {block: int(bits) for block, bits in zip(self.blocks, self.a_bits[index], strict=True)}


def enumerate_set_b(problem: Problem, *, limit: int = LIMIT) -> SetB:
    """Every plan of set B with its exact cost and its Ω.

    Raises:
        PlanError: there are more than ``limit``.
    """
    free, menu = problem.free, problem.menu
    length = len(free)
    plans = count(length, len(menu)) * max(len(problem.a_menu), 1)
    if plans > limit:
        raise PlanError(
            f"set B of {length} blocks and {len(menu)} widths has {plans:,} plans, more than the "
            f"{limit:,} that are "
            "enumerated; take fewer widths, tie blocks or keep some"
        )
    cuts = _cuts(length, len(menu))  # (M, k+1), first column 0, last column L
    parts = [_of_activations(problem, cuts, a_bits) for a_bits in problem.a_menu or (None,)]
    bits, a_bits, counts, omega = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    order = tuple(problem.blocks[member] for group in reversed(free) for member in group.members)
    return SetB(problem.blocks, bits, a_bits, counts, counts / problem.cost.divisor, omega, order)


def _of_activations(
    problem: Problem, cuts: np.ndarray, a_bits: int | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Bits, activation bits, counts and Ω of the plans of set B whose activations have one width."""
    place_of = {id(group): place for place, group in enumerate(problem.groups)}
    free = [place_of[id(group)] for group in problem.free]
    kept = [place for place, group in enumerate(problem.groups) if group.kept]
    # For each group in order and each width of the menu: which of its options that is, or -1 for none.
    picks = np.array(
        [[_option(problem.groups[place], w, a_bits) for w in problem.menu] for place in free], dtype=np.int64
    ).reshape(len(free), len(problem.menu))
    pinned = [_option(group, group.widths[0], a_bits) for group in problem.groups]

    def sums(figures: Sequence[Sequence[float]], kind: type) -> np.ndarray:
        """(M,) what each of the plans sums to, of figures by group and option."""
        rows = [[figures[place][option] for option in row] for place, row in zip(free, picks, strict=True)]
        fixed = sum(figures[place][pinned[place]] for place in kept)
        return fixed + _over_runs(np.array(rows, dtype=kind).reshape(picks.shape), cuts)

    cuts = cuts[_over_runs(np.where(picks < 0, 1, 0), cuts) == 0]
    for number, bound in enumerate(problem.bounds):
        cuts = cuts[sums([group.further[number] for group in problem.groups], np.int64) <= bound.limit]
    chosen = np.tile(np.array(pinned, dtype=np.uint8), (len(cuts), 1))
    for position, place in enumerate(free):
        level = (cuts[:, 1:-1] <= position).sum(axis=1)
        chosen[:, place] = picks[position][level]
    bits, inputs = problem.widths_of(chosen)
    counts = sums([group.counts for group in problem.groups], np.int64)
    return bits, inputs, counts, sums([group.omegas for group in problem.groups], np.float64)


def _option(group: Group, w_bits: int, a_bits: int | None) -> int:
    """Which option has this width, and of the activations' the nearest to the one asked for; -1: none."""
    fitting = [place for place, option in enumerate(group.options) if option.w_bits == w_bits]
    if not fitting or a_bits is None:
        return fitting[0] if fitting else -1
    return min(fitting, key=lambda place: abs(group.options[place].a_bits - a_bits))


def _cuts(length: int, widths: int) -> np.ndarray:
    rows = np.zeros((1, 1), dtype=np.int32)
    for _ in range(widths - 1):
        last = rows[:, -1]
        options = length + 1 - last
        starts = np.repeat(np.cumsum(options) - options, options)
        cut = np.repeat(last, options) + (np.arange(options.sum()) - starts)
        rows = np.column_stack([np.repeat(rows, options, axis=0), cut.astype(np.int32)])
    return np.column_stack([rows, np.full(len(rows), length, dtype=np.int32)])


def _over_runs(figures: np.ndarray, cuts: np.ndarray) -> np.ndarray:
    """(M,) sums of an (L, k) figure over the runs that the cuts make; invalid entries must not matter."""
    result: np.ndarray = np.zeros(len(cuts), dtype=figures.dtype)
    for level, column in enumerate(figures.T):
        result += _run_sums(column)[cuts[:, level], cuts[:, level + 1]]
    return result


def _run_sums(values: np.ndarray) -> np.ndarray:
    """(L+1, L+1): entry (a, b) sums positions a to b−1; no prefixes are subtracted, small sums stay exact."""
    length = len(values)
    sums: np.ndarray = np.zeros((length + 1, length + 1), dtype=values.dtype)
    for start in range(length):
        sums[start, start + 1 :] = np.cumsum(values[start:])
    return sums
