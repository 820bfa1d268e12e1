"""HAWQ-V2's set B: plans in which a more sensitive block never gets fewer bits.

Blocks are sorted by mean trace (HAWQ-V2, section 2.3: the admissible settings, called B). A plan is
then a non-decreasing sequence of L widths out of k, that is a multiset, and there are

    |B| = C(L + k − 1, k − 1)                     (23,426 for L = 50, k = 4; the paper says 2.3e4)

Such a sequence is k − 1 cuts 0 ≤ c_1 ≤ ... ≤ c_{k−1} ≤ L: positions from c_j to c_{j+1} have the j-th width.
The cost and Ω of a run of equal widths come from a table of run sums, so a plan takes k look-ups whatever L
is. Kept groups stay out of the order, tied blocks are one member of it, with the mean of their traces
weighted by their weights.
"""

from dataclasses import dataclass
from math import comb

import numpy as np

from explorer.errors import PlanError
from explorer.plans.problem import Problem

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
        bits: (M, L) uint8, columns in depth order.
        counts: (M,) int64, exact cost.
        cost: (M,) float64, cost in the table's unit.
        omega: (M,) float64.
        order: names of the free blocks, from the most to the least sensitive.
    """

    blocks: tuple[str, ...]
    bits: np.ndarray
    counts: np.ndarray
    cost: np.ndarray
    omega: np.ndarray
    order: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.omega)

    def bits_of(self, index: int) -> dict[str, int]:
        """Block to bits of one plan."""
        return {block: int(bits) for block, bits in zip(self.blocks, self.bits[index], strict=True)}


def enumerate_set_b(problem: Problem, *, limit: int = LIMIT) -> SetB:
    """Every plan of set B with its exact cost and its Ω.

    Raises:
        PlanError: there are more than ``limit``.
    """
    free, menu = problem.free, problem.menu
    length, plans = len(free), count(len(free), len(menu))
    if plans > limit:
        raise PlanError(
            f"set B of {length} blocks and {len(menu)} widths has {plans:,} plans, more than the "
            f"{limit:,} that are "
            "enumerated; take fewer widths, tie blocks or keep some"
        )
    bounds = _bounds(length, len(menu))  # (M, k+1), first column 0, last column L
    counts = np.full(plans, sum(group.counts[0] for group in problem.groups if group.kept), dtype=np.int64)
    omega = np.full(plans, sum(group.omegas[0] for group in problem.groups if group.kept), dtype=np.float64)
    bits = np.zeros((plans, len(problem.blocks)), dtype=np.uint8)
    for level in range(len(menu)):
        start, stop = bounds[:, level], bounds[:, level + 1]
        counts += _run_sums(np.array([group.counts[level] for group in free], dtype=np.int64))[start, stop]
        omega += _run_sums(np.array([group.omegas[level] for group in free], dtype=np.float64))[start, stop]
    widths = np.array(menu, dtype=np.uint8)
    for position, group in enumerate(free):
        level_here = (bounds[:, 1:-1] <= position).sum(axis=1)
        bits[:, group.members] = widths[level_here][:, None]
    for group in problem.groups:
        if group.kept:
            bits[:, group.members] = group.widths[0]
    order = tuple(problem.blocks[member] for group in reversed(free) for member in group.members)
    return SetB(problem.blocks, bits, counts, counts / problem.cost.divisor, omega, order)


def _bounds(length: int, widths: int) -> np.ndarray:
    rows = np.zeros((1, 1), dtype=np.int32)
    for _ in range(widths - 1):
        last = rows[:, -1]
        options = length + 1 - last
        starts = np.repeat(np.cumsum(options) - options, options)
        cut = np.repeat(last, options) + (np.arange(options.sum()) - starts)
        rows = np.column_stack([np.repeat(rows, options, axis=0), cut.astype(np.int32)])
    return np.column_stack([rows, np.full(len(rows), length, dtype=np.int32)])


def _run_sums(values: np.ndarray) -> np.ndarray:
    """(L+1, L+1): entry (a, b) sums positions a to b−1; no prefixes are subtracted, small sums stay exact."""
    length = len(values)
    sums: np.ndarray = np.zeros((length + 1, length + 1), dtype=values.dtype)
    for start in range(length):
        sums[start, start + 1 :] = np.cumsum(values[start:])
    return sums
