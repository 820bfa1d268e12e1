"""What is chosen from: groups of blocks, the widths each may have, what a width costs and damages.

Blocks that a person ties share one width, so they form one group whose cost and Ω are the sums over its
members. A block that is kept at a width brings its whole group with it. A kept width need not be on the menu.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import comb, prod
from typing import Literal

import numpy as np

from explorer.errors import PlanError
from explorer.plans.costs import CostTable
from explorer.plans.damage import DamageTable
from explorer.plans.plan import ALLOWED_BITS, allowed_sentence, listed

_INT64_SAFE = 2**62


@dataclass(frozen=True)
class Group:
    """Blocks that share one width.

    Attributes:
        members: positions among the problem's blocks, ascending.
        widths: the widths it may have, ascending; one for a kept group.
        counts: exact cost at each of them.
        omegas: Ω at each of them.
        sensitivity: weighted mean of its blocks' mean traces.
        kept: pinned by the person; it takes no part in set B's order.
    """

    members: tuple[int, ...]
    widths: tuple[int, ...]
    counts: tuple[int, ...]
    omegas: tuple[float, ...]
    sensitivity: float
    kept: bool


@dataclass(frozen=True)
class Problem:
    """Choose a width for every group.

    Attributes:
        blocks: names, in depth order.
        menu: the widths that free groups choose from, ascending.
        groups: in order of their first block.
        cost, damage: the tables the groups were made from.
        monotone: only plans of HAWQ-V2's set B, where a more sensitive group has no fewer bits.
    """

    blocks: tuple[str, ...]
    menu: tuple[int, ...]
    groups: tuple[Group, ...]
    cost: CostTable
    damage: DamageTable
    monotone: bool = False

    @cached_property
    def free(self) -> tuple[Group, ...]:
        """Groups that are not kept, from the least to the most sensitive; equal ones stay in depth order."""
        return tuple(sorted((group for group in self.groups if not group.kept), key=lambda g: g.sensitivity))

    @property
    def search_space(self) -> int:
        """How many plans there are: k^G, or |B| = C(G+k−1, k−1) for monotone plans of G free groups."""
        if self.monotone:
            return comb(len(self.free) + len(self.menu) - 1, len(self.menu) - 1)
        return prod(len(group.widths) for group in self.groups)

    def extreme(self, which: Literal["lowest", "highest"]) -> int:
        """Exact cost with every free group at the lowest or highest width, kept ones where they are."""
        position = 0 if which == "lowest" else -1
        return sum(group.counts[position] for group in self.groups)


def build_problem(
    blocks: Sequence[str],
    *,
    menu: Iterable[int],
    cost: CostTable,
    damage: DamageTable,
    weights: Mapping[str, int] | None = None,
    ties: Iterable[Sequence[str]] = (),
    keep: Mapping[str, int] | None = None,
    monotone: bool = False,
) -> Problem:
    """Put the tables, the ties and the kept widths together.

    Args:
        blocks: names, in depth order.
        menu: the widths to choose from.
        weights: block to number of weights, for the mean sensitivity of a tie; equal shares when absent.
        ties: groups of names that share a width; ties with a common block are one.
        keep: block to the width it must have.

    Raises:
        PlanError: the menu is empty or has a width that does not exist, a tie or a kept width names a block
            that is not there, a tie holds two blocks kept at different widths, or a table lacks a figure.
    """
    names = tuple(blocks)
    widths = tuple(sorted(set(menu)))
    kept = dict(keep or {})
    if not names:
        raise PlanError("there is no block to plan for; the network needs at least one")
    if not widths:
        raise PlanError(f"the menu of bit widths is empty; {allowed_sentence()}")
    for bits in widths:
        if bits not in ALLOWED_BITS:
            raise PlanError(f"the menu cannot offer {bits} bits; {allowed_sentence()}")
    for name, bits in kept.items():
        _known(name, names, "kept")
        if bits not in ALLOWED_BITS:
            raise PlanError(f"the block {name} cannot be kept at {bits} bits; {allowed_sentence()}")
    groups = []
    for members in _tied(names, ties):
        pinned = {name: kept[name] for name in members if name in kept}
        if len(set(pinned.values())) > 1:
            said = ", ".join(f"{name} at {bits}" for name, bits in pinned.items())
            raise PlanError(
                f"tied blocks are kept at different widths ({said}); keep them at one width or untie them"
            )
        choice = tuple(set(pinned.values())) or widths
        shares = [float((weights or {}).get(name, 1)) for name in members]
        traces = [damage.sensitivity.get(name, 0.0) for name in members]
        groups.append(
            Group(
                members=tuple(names.index(name) for name in members),
                widths=choice,
                counts=tuple(sum(cost.at(name, bits) for name in members) for bits in choice),
                omegas=tuple(sum(damage.at(name, bits) for name in members) for bits in choice),
                sensitivity=sum(s * t for s, t in zip(shares, traces, strict=True)) / (sum(shares) or 1.0),
                kept=bool(pinned),
            )
        )
    if sum(max(abs(count) for count in group.counts) for group in groups) >= _INT64_SAFE:
        raise PlanError(f"the {cost.name} of these plans is too large to add exactly; use a coarser unit")
    return Problem(names, widths, tuple(groups), cost, damage, monotone)


def lookup(problem: Problem, what: Literal["count", "omega", "variance"]) -> np.ndarray:
    """A figure per block and width, shape (L, 33), zero where no group may have the width."""
    integers = what == "count"
    table = np.zeros((len(problem.blocks), max(ALLOWED_BITS) + 1), dtype=np.int64 if integers else np.float64)
    for group in problem.groups:
        for member in group.members:
            name = problem.blocks[member]
            for bits in group.widths:
                if what == "count":
                    table[member, bits] = problem.cost.at(name, bits)
                elif what == "omega":
                    table[member, bits] = problem.damage.at(name, bits)
                else:
                    table[member, bits] = problem.damage.stderr.get(name, {}).get(bits, 0.0) ** 2
    return table


def total(table: np.ndarray, bits: np.ndarray) -> np.ndarray:
    """Sum a ``lookup`` over the blocks of many plans; ``bits`` has shape (P, L)."""
    result: np.ndarray = np.zeros(len(bits), dtype=table.dtype)
    for block, row in enumerate(table):
        result += row[bits[:, block]]
    return result


def _tied(names: tuple[str, ...], ties: Iterable[Sequence[str]]) -> list[list[str]]:
    group_of = {name: [name] for name in names}
    for tie in ties:
        for name in tie:
            _known(name, names, "tied")
        for name in tie:
            mine, first = group_of[name], group_of[tie[0]]
            if mine is not first:
                first.extend(mine)
                for member in mine:
                    group_of[member] = first
    position = {name: index for index, name in enumerate(names)}
    distinct = {id(group): sorted(group, key=position.__getitem__) for group in group_of.values()}
    return sorted(distinct.values(), key=lambda group: position[group[0]])


def _known(name: str, names: tuple[str, ...], what: str) -> None:
    if name not in names:
        raise PlanError(f"there is no block {name} that could be {what}; the blocks are {listed(names)}")
