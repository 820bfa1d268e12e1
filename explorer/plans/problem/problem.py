"""What is chosen from: groups of blocks, the widths each may have, what they cost and damage, which limits hold.

See ``groups`` for ties and kept widths, and for what an option is. Further costs may be limited beside the one
that is the axis ("at most 300 kB and at most 2 GBOPs").
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from math import floor, prod
from typing import Literal

import numpy as np

from explorer.errors import PlanError
from explorer.plans.costs import words
from explorer.plans.costs.tables import CostTable
from explorer.plans.damage.omega import DamageTable
from explorer.plans.plan.plan import ALLOWED_BITS, allowed_sentence
from explorer.plans.problem.budget import Budget
from explorer.plans.problem.groups import Group, Option, Wishes, monotone_count, tied

_INT64_SAFE = 2**62
_WIDTHS = max(ALLOWED_BITS) + 1
Extreme = Literal["lowest", "highest"]


@dataclass(frozen=True)
class Bound:
    """A cost that must not exceed a limit.

    Attributes:
        cost: what is counted.
        limit: the largest exact cost allowed, in counts of the table.
    """

    cost: CostTable
    limit: int

    @property
    def said(self) -> str:
        """In words: "size of at most 300 kB"."""
        return f"{words.noun(self.cost)} of at most {words.in_words(self.cost, self.limit)}"


@dataclass(frozen=True)
class Problem:
    """Choose widths for every group.

    Attributes:
        blocks: names, in depth order.
        menu: the weight widths that free groups choose from, ascending.
        groups: in order of their first block.
        cost, damage: the tables the groups were made from.
        monotone: only plans of HAWQ-V2's set B, where a more sensitive group's weights have no fewer bits.
        a_menu: the activation widths to choose from, ascending; empty where they are not chosen.
        a_bits: the activations' width where it is not chosen; None: that of the block's weights.
        bounds: further costs that must stay within their limits.
    """

    blocks: tuple[str, ...]
    menu: tuple[int, ...]
    groups: tuple[Group, ...]
    cost: CostTable
    damage: DamageTable
    monotone: bool = False
    a_menu: tuple[int, ...] = ()
    a_bits: int | None = 8
    bounds: tuple[Bound, ...] = ()

    @cached_property
    def free(self) -> tuple[Group, ...]:
        """Groups that are not kept, from the least to the most sensitive; equal ones stay in depth order."""
        return tuple(sorted((group for group in self.groups if not group.kept), key=lambda g: g.sensitivity))

    @cached_property
    def search_space(self) -> int:
        """How many plans there are before any limit: k^G, or |B| = C(G+k−1, k−1) for G free groups in order.

        Where activations are chosen too, each group's widths count as often as its activations have widths.
        """
        if not self.monotone:
            return prod(len(group.options) for group in self.groups)
        return monotone_count(self.free) * prod(len(group.a_widths) for group in self.groups if self.a_menu)

    def extreme(self, which: Extreme, cost: CostTable | None = None) -> int:
        """Exact cost with every group at its lowest or highest widths, kept ones where they are.

        Args:
            cost: another table than the problem's own.
        """
        place = 0 if which == "lowest" else -1
        if cost is None or cost is self.cost:
            return sum(group.counts[place] for group in self.groups)
        return sum(
            cost.at(self.blocks[member], *group.options[place])
            for group in self.groups
            for member in group.members
        )

    def limit(self, budget: Budget, cost: CostTable | None = None) -> int:
        """The largest exact cost that is within a budget, in counts of the cost table.

        Kept blocks count at their kept width in both ends of "between", so every fraction from 0 to 1 can be met.
        Numbers are taken as the decimals they are written as: 0.1 of the way is one tenth, not the nearest double.

        Args:
            cost: what the budget is of; None: of the problem's own cost.

        Raises:
            PlanError: a ratio was asked of a cost that has no FP32 figures.
        """
        table = self.cost if cost is None else cost
        value = Fraction(str(budget.value))
        if budget.kind == "at_most":
            return floor(value * table.divisor)
        if budget.kind == "ratio":
            return floor(table.full_precision(self.blocks) / value)
        lowest, highest = self.extreme("lowest", table), self.extreme("highest", table)
        return floor(lowest + value * (highest - lowest))

    def lookup(self, what: Literal["count", "omega", "variance"]) -> np.ndarray:
        """A figure per block and widths, shape (L, 33, 33), zero where no group may have them."""
        return self._count if what == "count" else self._omega if what == "omega" else self._variance

    @cached_property
    def _count(self) -> np.ndarray:
        return cost_lookup(self, self.cost)

    @cached_property
    def _omega(self) -> np.ndarray:
        table, damage = np.zeros((len(self.blocks), _WIDTHS, _WIDTHS)), self.damage
        for member, name, (w, a) in _choices(self):
            table[member, w, a] = damage.at(name, w) + damage.at_activation(name, a)
        return table

    @cached_property
    def _variance(self) -> np.ndarray:
        table, damage = np.zeros((len(self.blocks), _WIDTHS, _WIDTHS)), self.damage
        for member, name, (w, a) in _choices(self):
            table[member, w, a] = damage.spread(name, w) ** 2 + damage.activation_spread(name, a) ** 2
        return table

    def widths_of(self, picks: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Weight and activation bits, both (P, L) uint8, of the options that P plans pick, (P, G)."""
        bits = np.zeros((len(picks), len(self.blocks)), dtype=np.uint8)
        a_bits = np.zeros_like(bits)
        for column, group in enumerate(self.groups):
            chosen = np.array(group.options, dtype=np.uint8)[picks[:, column]]
            bits[:, group.members] = chosen[:, :1]
            a_bits[:, group.members] = chosen[:, 1:]
        return bits, a_bits


def build_problem(
    blocks: Sequence[str],
    *,
    menu: Iterable[int],
    cost: CostTable,
    damage: DamageTable,
    weights: Mapping[str, int] | None = None,
    ties: Iterable[Sequence[str]] = (),
    keep: Mapping[str, int] | None = None,
    minimum: Mapping[str, int] | None = None,
    maximum: Mapping[str, int] | None = None,
    monotone: bool = False,
    a_bits: int | None = 8,
    a_menu: Iterable[int] = (),
    a_keep: Mapping[str, int] | None = None,
    a_minimum: Mapping[str, int] | None = None,
    a_maximum: Mapping[str, int] | None = None,
    constraints: Sequence[tuple[CostTable, Budget]] = (),
) -> Problem:
    """Put the tables and the wishes together.

    Args:
        blocks: names, in depth order.
        menu: the weight widths to choose from.
        weights: block to number of weights, for the mean sensitivity of a tie; equal shares when absent.
        ties: groups of names that share a width; ties with a common block are one.
        keep: block to the width its weights must have.
        minimum, maximum: block to the smallest and largest width its weights may have.
        a_bits: the activations' width where it is not chosen; None: that of the block's weights.
        a_menu: the activation widths to choose from; empty: they are not chosen.
        a_keep, a_minimum, a_maximum: as for the weights.
        constraints: further costs that must stay within a budget.

    Raises:
        PlanError: the menu is empty or has a width that does not exist, a wish names a block that is not
            there, wishes contradict each other, or a table lacks a figure.
    """
    names = tuple(blocks)
    wishes = Wishes(tuple(sorted(set(menu))), keep or {}, minimum or {}, maximum or {})
    inputs = Wishes(
        tuple(sorted(set(a_menu))), a_keep or {}, a_minimum or {}, a_maximum or {}, "activations of "
    )
    if not names:
        raise PlanError("there is no block to plan for; the network needs at least one")
    if not wishes.menu:
        raise PlanError(f"the menu of bit widths is empty; {allowed_sentence()}")
    for asked in (wishes, inputs):
        asked.check(names)
    if not inputs.menu and (inputs.keep or inputs.minimum or inputs.maximum):
        raise PlanError(
            "widths of single blocks' activations are set and activations are not chosen; give a menu of "
            "activation widths"
        )
    if a_bits is not None and a_bits not in ALLOWED_BITS:
        raise PlanError(f"activations cannot have {a_bits} bits; {allowed_sentence()}")
    if inputs.menu and not damage.has_activations:
        raise PlanError(
            "no damage of the activations is known, so the fewest bits would always seem best; give their "
            "traces, or do not choose their widths"
        )
    groups = []
    for members in tied(names, ties):
        widths, kept = wishes.allowed(members)
        if inputs.menu:
            options = [Option(w, a) for w in widths for a in inputs.allowed(members)[0]]
        else:
            options = [Option(w, a_bits or w) for w in widths]
        shares = [float((weights or {}).get(name, 1)) for name in members]
        traces = [damage.sensitivity.get(name, 0.0) for name in members]
        groups.append(
            Group(
                members=tuple(names.index(name) for name in members),
                options=tuple(options),
                counts=_counts(cost, members, options),
                omegas=tuple(
                    sum(damage.at(name, w) + damage.at_activation(name, a) for name in members)
                    for w, a in options
                ),
                sensitivity=sum(s * t for s, t in zip(shares, traces, strict=True)) / (sum(shares) or 1.0),
                kept=kept,
                further=tuple(_counts(table, members, options) for table, _ in constraints),
            )
        )
    for place, table in enumerate((cost, *(table for table, _ in constraints))):
        rows = [group.counts if place == 0 else group.further[place - 1] for group in groups]
        if sum(max(abs(count) for count in row) for row in rows) >= _INT64_SAFE:
            raise PlanError(
                f"the {table.name} of these plans is too large to add exactly; use a coarser unit"
            )
    problem = Problem(
        names,
        wishes.menu,
        tuple(groups),
        cost,
        damage,
        monotone,
        inputs.menu,
        None if inputs.menu else a_bits,
    )
    return replace(
        problem, bounds=tuple(Bound(table, problem.limit(budget, table)) for table, budget in constraints)
    )


def cost_lookup(problem: Problem, cost: CostTable) -> np.ndarray:
    """Exact costs by any table, shape (L, 33, 33) int64."""
    table = np.zeros((len(problem.blocks), _WIDTHS, _WIDTHS), dtype=np.int64)
    for member, name, (w, a) in _choices(problem):
        table[member, w, a] = cost.at(name, w, a)
    return table


def total(table: np.ndarray, bits: np.ndarray, a_bits: np.ndarray) -> np.ndarray:
    """Sum a ``lookup`` over the blocks of many plans; the bits have shape (P, L)."""
    result: np.ndarray = np.zeros(len(bits), dtype=table.dtype)
    for block, figures in enumerate(table):
        result += figures[bits[:, block], a_bits[:, block]]
    return result


def _choices(problem: Problem) -> Iterator[tuple[int, str, Option]]:
    for group in problem.groups:
        for member in group.members:
            for option in group.options:
                yield member, problem.blocks[member], option


def _counts(cost: CostTable, members: Sequence[str], options: Sequence[Option]) -> tuple[int, ...]:
    return tuple(sum(cost.at(name, w, a) for name in members) for w, a in options)
