"""From a wish to a plan of a study: the smallest plan of a frontier that loses at most so much accuracy.

1. Search: the cheapest of the frontier's plans whose measured drop keeps the wish (`searching`), on training samples.
2. Swaps, if asked for: its bits are moved between blocks at no more cost (`swaps`), on the same samples.
3. Steps, if asked for: LAPQ's step sizes, and smaller plans that hold with theirs (`stepping`).
4. Promise: the drop on as many other training samples (`confirming`), climbing where the plan was too small.
5. Report: the drop on the test split, which nothing was chosen by; with LAPQ's steps, also that of the plan without.

Which samples these are: `sets`.
"""

import math
import time
from collections.abc import Callable, Iterator, Sequence

from explorer.blocks import Block
from explorer.choosing.comparing import Bits, Notes, work_of
from explorer.choosing.confirming import CONFIDENCE, Attempt
from explorer.choosing.drops import Drop, z_of
from explorer.choosing.result import Choice, Refinement, Steps, Tried, Without, points, share
from explorer.choosing.searching import PATIENCE, Rule, Searched, ladder, search
from explorer.choosing.sets import Sets
from explorer.choosing.settling import Settled, Stepping, by_lapq, by_rules
from explorer.choosing.stepping import MOST, LapqSteps
from explorer.choosing.swaps import PATIENCE as SWAPS
from explorer.choosing.swaps import Refined, refine
from explorer.errors import PlanError
from explorer.plans import BlockBits, CostTable, Frontier, Plan, Point, fp32_bytes, size_bytes
from explorer.studies import Study
from explorer.watching import UNWATCHED, Unwatched, Watcher

SAMPLES = 2000


def choose(
    study: Study,
    blocks: Sequence[Block],
    frontier: Frontier,
    *,
    max_drop: float = 0.01,
    samples: int = SAMPLES,
    refined: bool = False,
    lapq: bool = False,
    seed: int = 0,
    notes: Notes | None = None,
    on_note: Callable[[], None] = lambda: None,
    watcher: Watcher = UNWATCHED,
) -> Choice:
    """The smallest plan of a frontier that loses at most ``max_drop`` of the accuracy.

    Args:
        blocks: that the frontier is of.
        max_drop: a share in (0, 1); 0.01 is one percentage point.
        samples: training samples to choose by; as many more are held out. Of a smaller split half each.
        refined: whether bits are swapped between blocks afterwards.
        lapq: whether LAPQ's steps are computed for the plan and, where it holds with them, for smaller ones.
        seed: of LAPQ's draws.
        notes: of an interrupted attempt with the same arguments; new ones are added.
        on_note: called after each new one.
        watcher: told how far it is; may stop before every batch.

    Raises:
        PlanError: no plan keeps the wish, with the smallest drop that can be promised; or there is no accuracy, there
            are too few samples, or the wish is none.
        LapqError: LAPQ has no steps of a width.
        Stopped: the watcher asked for it.
    """
    if not 0 < max_drop < 1:
        raise PlanError(
            f"a drop of {max_drop:g} means nothing; give a share between 0 and 1, such as 0.01 for 1 %"
        )
    started = time.monotonic()
    candidates = ladder(frontier)
    plans = [_bits(point) for point in candidates]
    noted: Notes = {} if notes is None else notes
    told = _Told(len(candidates), refined, lapq, on_note, watcher)
    sets = Sets.of(study, blocks, samples, notes=noted, on_note=told, watcher=told)
    rule = Rule(max_drop)
    searched = search(plans, [float(point.cost) for point in candidates], sets.choosing, rule)
    if searched.place is None:
        raise _none_holds(study, max_drop, plans[-1], sets)
    swapped = refine(frontier.problem, plans[searched.place], sets.choosing, rule) if refined else None
    chosen = plans[searched.place] if swapped is None else swapped.bits
    costs = _Costs(blocks, frontier.problem.cost)
    settled, attempts = by_rules(plans, searched.place, chosen, sets, max_drop)
    tried = _tried(costs, plans, searched, swapped)
    tried += [costs.held_out(bits, attempt, max_drop) for bits, attempt in attempts]
    spent, steps = [sets.choosing, sets.held_out], None
    if lapq:
        own = LapqSteps(study, blocks, samples, seed=seed, notes=noted, on_note=told, watcher=told)
        stepped = sets.with_steps(own, notes=noted, on_note=told)
        smaller = [bits for bits in plans[: searched.place] if costs.of(bits) < costs.of(chosen)]
        found = by_lapq(plans, searched.place, chosen, smaller, sets, stepped, rule)
        without, settled = settled, found.settled
        taken = settled.sets is stepped
        steps = Steps(
            taken, len(found.looked), own.calibration, own.images, *found.gain, costs.without(without)
        )
        tried += _tried_with_steps(costs, found, max_drop)
        spent += [stepped.choosing, stepped.held_out]
    if settled.at_most > max_drop:
        raise _none_holds(study, max_drop, plans[-1], sets)
    refinement = None
    if swapped is not None:
        gain = sets.held_out.gain(swapped.bits, plans[searched.place])
        refinement = Refinement(len(swapped.swaps), swapped.taken, *gain)
    bits, used = settled.bits, settled.sets
    measured = used.test.drop(bits)
    accuracy = used.accuracy(bits)
    return Choice(
        study=study.name,
        blocks=tuple(bits),
        max_drop=max_drop,
        confidence=CONFIDENCE,
        cost_name=costs.table.name,
        unit=costs.table.unit,
        candidates=len(candidates),
        plan=Plan(study.name, study.weights_sha256, bits, steps=used.steps(bits)).to_json(),
        cost=costs.of(bits),
        size_bytes=costs.size(bits),
        fp32_bytes=fp32_bytes(blocks),
        chosen=used.choosing.drop(bits),
        promised=used.held_out.drop(bits),
        at_most=settled.at_most,
        attempts=settled.attempts,
        measured=measured,
        fp32_accuracy=used.full_accuracy(bits),
        accuracy=accuracy.value,
        accuracy_stderr=accuracy.stderr,
        refinement=refinement,
        work=work_of(*spent),
        tried=tuple(tried),
        seconds=time.monotonic() - started,
        steps=steps,
    )


class _Told(Unwatched):
    """Tells how far a choice is, which is a guess, since every answer decides what is asked next."""

    def __init__(
        self, candidates: int, refined: bool, lapq: bool, on_note: Callable[[], None], watcher: Watcher
    ) -> None:
        decisions = math.ceil(math.log2(candidates + 1)) + 2 * PATIENCE + 4
        decisions += (2 * SWAPS if refined else 0) + (2 * MOST if lapq else 0)
        self._expected, self._on_note, self._watcher = 3 * decisions, on_note, watcher
        self._made = 0

    def __call__(self) -> None:
        self._made += 1
        self._watcher.report(self._done, f"{self._made} comparisons measured")
        self._on_note()

    def report(self, fraction: float, message: str = "") -> None:
        """Of the steps of one plan, which are computed between two comparisons."""
        self._watcher.report(self._done, f"LAPQ's steps of a plan, {fraction:.0%}: {message}")

    def check_stop(self) -> None:
        self._watcher.check_stop()

    @property
    def _done(self) -> float:
        return min(self._made / self._expected, 0.95)


class _Costs:
    """What plans cost, and what is told of them, as a result holds it."""

    def __init__(self, blocks: Sequence[Block], table: CostTable) -> None:
        self._blocks, self.table = blocks, table

    def of(self, bits: Bits) -> float:
        """By the axis, in its unit."""
        w_bits = {name: each.w_bits for name, each in bits.items()}
        a_bits = {name: each.a_bits for name, each in bits.items()}
        return float(self.table.in_unit(self.table.count(w_bits, a_bits)))

    def size(self, bits: Bits) -> int:
        """Packed weights, in bytes."""
        return size_bytes(self._blocks, {name: each.w_bits for name, each in bits.items()})

    def without(self, settled: Settled) -> Without:
        """The plan without LAPQ's steps."""
        bits, sets = settled.bits, settled.sets
        return Without(
            cost=self.of(bits),
            size_bytes=self.size(bits),
            promised=sets.held_out.drop(bits),
            at_most=settled.at_most,
            attempts=settled.attempts,
            measured=sets.test.drop(bits),
            **dict(zip(("accuracy", "accuracy_stderr"), sets.accuracy(bits), strict=True)),
        )

    def tried(self, stage: str, bits: Bits, drop: Drop, verdict: str) -> Tried:
        """A decision by the drop of the accuracy."""
        widths = (tuple(each.w_bits for each in bits.values()), tuple(each.a_bits for each in bits.values()))
        return Tried(stage, *widths, self.of(bits), drop.value, drop.stderr, drop.samples, verdict)

    def held_out(self, bits: Bits, attempt: Attempt, most: float, words: str = "held out") -> Tried:
        """An attempt of the promise."""
        return self.tried(words, bits, attempt.drop, "holds" if attempt.at_most <= most else "open")


def _bits(point: Point) -> Bits:
    return {name: BlockBits(point.bits[name], point.a_bits[name]) for name in point.bits}


def _none_holds(study: Study, max_drop: float, dearest: Bits, sets: Sets) -> PlanError:
    """That no plan keeps the wish, and the smallest that can be kept."""
    drops = [comparing.drop(dearest) for comparing in (sets.choosing, sets.held_out)]
    least = max(drop.upper(z_of((1 - CONFIDENCE) / 2)) for drop in drops)
    worst = max(drops, key=lambda drop: drop.upper())
    return PlanError(
        f"no plan is sure to lose at most {share(max_drop)} points: the largest loses {points(worst)} on "
        f"{worst.samples:,} training {study.noun.many}, so that the smallest drop that can be promised is "
        f"{math.ceil(1000 * least) / 10:g} %; allow that, wider bits, or more samples"
    )


def _tried(costs: _Costs, plans: Sequence[Bits], searched: Searched, swapped: Refined | None) -> list[Tried]:
    found = [costs.tried("search", plans[each.place], each.drop, each.verdict) for each in searched.looked]
    for swap in swapped.swaps if swapped is not None else ():
        gain = Drop(*swap.gain, swap.samples)
        found.append(costs.tried("swap", swap.bits, gain, "taken" if swap.taken else "left"))
    return found


def _tried_with_steps(costs: _Costs, found: Stepping, most: float) -> Iterator[Tried]:
    for bits, each in found.looked:
        yield costs.tried("steps", bits, each.drop, each.verdict)
    for bits, attempt, stepped in found.attempts:
        if stepped or found.settled.attempts > 1:
            yield costs.held_out(bits, attempt, most, "held out with steps" if stepped else "held out")
