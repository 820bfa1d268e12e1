"""Plans of a problem as the options that its groups pick, and back."""

from collections.abc import Sequence

from explorer.choosing.comparing import Bits
from explorer.errors import PlanError
from explorer.plans import BlockBits, Problem


def plan_of(problem: Problem, picks: Sequence[int]) -> Bits:
    """The widths of every block, in depth order, where each group has one of its options."""
    chosen = {
        member: group.options[pick]
        for group, pick in zip(problem.groups, picks, strict=True)
        for member in group.members
    }
    return {name: BlockBits(*chosen[member]) for member, name in enumerate(problem.blocks)}


def picks_of(problem: Problem, bits: Bits) -> list[int]:
    """The option of every group that a plan has.

    Raises:
        PlanError: the plan is none of the problem.
    """
    found = []
    for group in problem.groups:
        name = problem.blocks[group.members[0]]
        widths = bits[name].w_bits, bits[name].a_bits
        if widths not in group.options:
            raise PlanError(
                f"the block {name} has widths in this plan that are not on offer; choose from the menu"
            )
        found.append(group.options.index(widths))
    return found
