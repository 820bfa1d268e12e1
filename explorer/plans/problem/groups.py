"""Groups of blocks that are chosen together, and the widths each may have.

Blocks that a person ties share one width, so they form one group whose cost and Ω are the sums over its
members. A block that is kept at a width, or has a smallest or largest one, brings its whole group with it. A
kept width need not be on the menu.

An *option* of a group is a pair: bits of the weights, bits of the activations that go in. Where activations are
not chosen, each width of the weights comes with one of the activations.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

from explorer.errors import PlanError
from explorer.plans.plan.plan import ALLOWED_BITS, allowed_sentence, listed


class Option(NamedTuple):
    """The widths of a group: of its weights, and of what goes into it."""

    w_bits: int
    a_bits: int


@dataclass(frozen=True)
class Group:
    """Blocks that share one width.

    Attributes:
        members: positions among the problem's blocks, ascending.
        options: the widths it may have, ascending by weights, then by activations.
        counts: exact cost of each option.
        omegas: Ω of each option.
        sensitivity: weighted mean of its blocks' mean traces.
        kept: its weights' width is pinned by the person; it takes no part in set B's order.
        further: for each limit of the problem, the exact cost of each option.
    """

    members: tuple[int, ...]
    options: tuple[Option, ...]
    counts: tuple[int, ...]
    omegas: tuple[float, ...]
    sensitivity: float
    kept: bool
    further: tuple[tuple[int, ...], ...] = ()

    @cached_property
    def widths(self) -> tuple[int, ...]:
        """Weight widths it may have, ascending; one for a kept group."""
        return tuple(sorted({option.w_bits for option in self.options}))

    @cached_property
    def a_widths(self) -> tuple[int, ...]:
        """Activation widths it may have, ascending."""
        return tuple(sorted({option.a_bits for option in self.options}))


@dataclass(frozen=True)
class Wishes:
    """What a person asks of one kind of width, of the weights or of the activations.

    Attributes:
        menu: what to choose from, ascending.
        keep: block to the width it must have, on the menu or not.
        minimum, maximum: block to the smallest and largest width it may have.
        what: "" for weights, "activations of " where that is meant, for error messages.
    """

    menu: tuple[int, ...]
    keep: Mapping[str, int] = field(default_factory=dict)
    minimum: Mapping[str, int] = field(default_factory=dict)
    maximum: Mapping[str, int] = field(default_factory=dict)
    what: str = ""

    def check(self, names: tuple[str, ...]) -> None:
        """Refuse widths that do not exist and blocks that are not there.

        Raises:
            PlanError: it names the block.
        """
        for bits in self.menu:
            if bits not in ALLOWED_BITS:
                raise PlanError(f"the menu cannot offer {bits} bits; {allowed_sentence()}")
        for name, bits in self.keep.items():
            known(name, names, "kept")
            if bits not in ALLOWED_BITS:
                raise PlanError(
                    f"the {self.what or 'block '}{name} cannot be kept at {bits} bits; {allowed_sentence()}"
                )
        for bounds, said in ((self.minimum, "smallest"), (self.maximum, "largest")):
            for name, bits in bounds.items():
                known(name, names, f"given a {said} width")
                if isinstance(bits, bool) or not 1 <= bits <= ALLOWED_BITS[-1]:
                    raise PlanError(
                        f"the {said} width of {self.what}{name} cannot be {bits} bits; it is between 1 and "
                        f"{ALLOWED_BITS[-1]}"
                    )

    def allowed(self, members: Sequence[str]) -> tuple[tuple[int, ...], bool]:
        """The widths that tied blocks may have together, and whether one of them is kept.

        Raises:
            PlanError: the wishes contradict each other.
        """
        pinned = {name: self.keep[name] for name in members if name in self.keep}
        if len(set(pinned.values())) > 1:
            raise PlanError(
                f"tied blocks are kept at different widths ({_said(pinned)}); keep them at one width or "
                "untie them"
            )
        widths = tuple(set(pinned.values())) or self.menu
        least = {name: self.minimum[name] for name in members if name in self.minimum}
        most = {name: self.maximum[name] for name in members if name in self.maximum}
        low, high = max(least.values(), default=0), min(most.values(), default=ALLOWED_BITS[-1])
        fitting = tuple(bits for bits in widths if low <= bits <= high)
        if not fitting:
            asked = [f"at least {_said(least)}"] if least else []
            asked += [f"at most {_said(most)}"] if most else []
            have = f"kept: {_said(pinned)}" if pinned else f"on offer: {', '.join(map(str, widths))}"
            raise PlanError(
                f"no width fits {self.what}{listed(members)} ({'; '.join(asked)}; {have}); change the "
                "bounds or offer more widths"
            )
        return fitting, bool(pinned)


def tied(names: tuple[str, ...], ties: Iterable[Sequence[str]]) -> list[list[str]]:
    """All blocks in groups, in depth order; ties with a common block are one.

    Raises:
        PlanError: a tie names a block that is not there.
    """
    group_of = {name: [name] for name in names}
    for tie in ties:
        for name in tie:
            known(name, names, "tied")
        for name in tie:
            mine, first = group_of[name], group_of[tie[0]]
            if mine is not first:
                first.extend(mine)
                for member in mine:
                    group_of[member] = first
    position = {name: index for index, name in enumerate(names)}
    distinct = {id(group): sorted(group, key=position.__getitem__) for group in group_of.values()}
    return sorted(distinct.values(), key=lambda group: position[group[0]])


def monotone_count(groups: Sequence[Group]) -> int:
    """How many non-decreasing sequences of weight widths the groups allow, in the order given.

    With every width open to every group that is C(G + k − 1, k − 1).
    """
    menu = sorted({bits for group in groups for bits in group.widths}) or [0]
    ending = dict.fromkeys(menu, 0)  # sequences so far, by their last width
    ending[menu[0]] = 1
    for group in groups:
        ways, reached = 0, dict.fromkeys(menu, 0)
        for bits in menu:
            ways += ending[bits]
            reached[bits] = ways if bits in group.widths else 0
        ending = reached
    return sum(ending.values())


def known(name: str, names: tuple[str, ...], what: str) -> None:
    """Refuse a block that is not there.

    Raises:
        PlanError: it says what the block was to be.
    """
    if name not in names:
        raise PlanError(f"there is no block {name} that could be {what}; the blocks are {listed(names)}")


def _said(bits: Mapping[str, int]) -> str:
    return ", ".join(f"{name} at {width}" for name, width in bits.items())
