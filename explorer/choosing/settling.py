"""The plan that is promised in the end: by the rules' steps, or a smaller one by LAPQ's.

With LAPQ's steps the plan is the smallest that held with them on the images that choose (`stepping`). Where that is no
smaller than the plan found without, they are taken only if its loss there falls by more than two standard errors. Then
they count as attempts of the promise like others: on the images held out, the plans that held with steps are tried from
the smallest up, and after them those without, each with the probability of error that is left (`confirming`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from explorer.choosing.comparing import Bits
from explorer.choosing.confirming import Attempt, confirm
from explorer.choosing.searching import Looked, Rule
from explorer.choosing.sets import Sets
from explorer.choosing.stepping import descend
from explorer.estimates import NOISE, Estimate


@dataclass(frozen=True, eq=False)
class Settled:
    """A plan, and what can be promised of it.

    Attributes:
        bits: of the plan.
        sets: comparisons of plans with its kind of steps.
        at_most: the drop that can be promised; above the wish where no plan passed.
        attempts: plans that were measured on the images held out.
    """

    bits: Bits
    sets: Sets
    at_most: float
    attempts: int


@dataclass(frozen=True, eq=False)
class Stepping:
    """How LAPQ's steps fared.

    Attributes:
        settled: the plan in the end, with steps or without.
        gain: fall of the loss of the plan found without, by its steps, on the images that choose.
        looked: decisions about plans with steps, each with its plan.
        attempts: on the images held out, each with its plan and whether it has steps.
    """

    settled: Settled
    gain: Estimate
    looked: tuple[tuple[Bits, Looked], ...]
    attempts: tuple[tuple[Bits, Attempt, bool], ...]


def by_rules(
    plans: Sequence[Bits], place: int, chosen: Bits, sets: Sets, most: float, *, before: int = 0
) -> tuple[Settled, tuple[tuple[Bits, Attempt], ...]]:
    """The plan by the rules' steps, and every attempt to promise it.

    Args:
        plans: candidates, cheapest first.
        place: of the one that the search found.
        chosen: that one, or what swaps made of it.
        before: attempts that were made already.
    """
    attempts = confirm(plans, place, sets.held_out, most, chosen=chosen, before=before)
    tried = tuple((plans[each.place] if n else chosen, each) for n, each in enumerate(attempts))
    bits, last = tried[-1]
    return Settled(bits, sets, last.at_most, before + len(attempts)), tried


def by_lapq(
    plans: Sequence[Bits],
    place: int,
    chosen: Bits,
    smaller: Sequence[Bits],
    sets: Sets,
    stepped: Sets,
    rule: Rule,
) -> Stepping:
    """The plan with LAPQ's steps where they help, else that without.

    Args:
        plans, place, chosen: as of `by_rules`.
        smaller: candidates that cost less than ``chosen``, cheapest first.
        sets, stepped: comparisons of plans without LAPQ's steps, and with them.
    """
    ways = [*smaller, chosen]
    descended = descend(ways, stepped.choosing, rule)
    gain = stepped.choosing.gain_over(sets.choosing, chosen)
    looked = tuple((ways[each.place], each) for each in descended.looked)
    held = sorted(each.place for each in descended.looked if each.verdict == "holds")
    if held == [len(smaller)] and gain.value <= NOISE * gain.stderr:
        held = []
    tried: list[tuple[Bits, Attempt, bool]] = []
    for place_held in held:
        bits = ways[place_held]
        (attempt,) = confirm([bits], 0, stepped.held_out, rule.most, before=len(tried))
        tried.append((bits, attempt, True))
        if attempt.at_most <= rule.most:
            settled = Settled(bits, stepped, attempt.at_most, len(tried))
            return Stepping(settled, gain, looked, tuple(tried))
    settled, further = by_rules(plans, place, chosen, sets, rule.most, before=len(tried))
    tried += [(bits, attempt, False) for bits, attempt in further]
    return Stepping(settled, gain, looked, tuple(tried))
