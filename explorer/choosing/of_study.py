"""From a wish to a plan of a study: the smallest plan of a frontier that loses at most so much accuracy.

1. Search: the cheapest of the frontier's plans whose measured drop keeps the wish (`searching`), on training samples.
2. Swaps, if asked for: its bits are moved between blocks at no more cost (`swaps`), on the same samples.
3. Promise: the drop on as many other training samples (`confirming`), climbing where the plan was too small.
4. Report: the drop on the test split, which nothing was chosen by.

The samples are spread evenly over the training split; those that choose and those that are held out take turns.
"""

import math
import time
from collections.abc import Callable, Sequence

from explorer.blocks import Block
from explorer.choosing.comparing import Bits, Comparing, Measure, Notes, work_of
from explorer.choosing.confirming import CONFIDENCE, Attempt, confirm
from explorer.choosing.drops import z_of
from explorer.choosing.result import Choice, Refinement, Tried, points, share
from explorer.choosing.searching import PATIENCE, Rule, Searched, ladder, search
from explorer.choosing.swaps import PATIENCE as SWAPS
from explorer.choosing.swaps import Refined, refine
from explorer.errors import PlanError
from explorer.estimates import share as share_of
from explorer.evaluation import PerSample
from explorer.plans import BlockBits, Frontier, Plan, Point, fp32_bytes, size_bytes
from explorer.proxy import Measurer
from explorer.quantizers import FLOAT_BITS
from explorer.randomness import spread_order
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

SAMPLES = 2000


def choose(
    study: Study,
    blocks: Sequence[Block],
    frontier: Frontier,
    *,
    max_drop: float = 0.01,
    samples: int = SAMPLES,
    refined: bool = False,
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
        notes: of an interrupted attempt with the same arguments; new ones are added.
        on_note: called after each new one.
        watcher: told how far it is; may stop before every batch.

    Raises:
        PlanError: no plan keeps the wish, with the smallest drop that can be promised; or there is no accuracy, there
            are too few samples, or the wish is none.
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
    told = _Told(len(candidates), refined, on_note, watcher)
    test, testing = report_set(study, blocks, notes=noted, on_note=told, watcher=watcher)
    choosing, held_out = training_sets(study, blocks, samples, notes=noted, on_note=told, watcher=watcher)
    rule = Rule(max_drop)
    searched = search(plans, [float(point.cost) for point in candidates], choosing, rule)
    if searched.place is None:
        raise _none_holds(study, max_drop, plans[-1], choosing, held_out)
    swapped = refine(frontier.problem, plans[searched.place], choosing, rule) if refined else None
    chosen = plans[searched.place] if swapped is None else swapped.bits
    attempts = confirm(plans, searched.place, held_out, max_drop, chosen=chosen)
    promised = attempts[-1]
    if promised.at_most > max_drop:
        raise _none_holds(study, max_drop, plans[-1], choosing, held_out)
    bits = chosen if len(attempts) == 1 else plans[promised.place]
    refinement = None
    if swapped is not None:
        gain = held_out.gain(swapped.bits, plans[searched.place])
        refinement = Refinement(len(swapped.swaps), swapped.taken, *gain)
    measured = test.drop(bits)
    full = _metric(testing.measure(dict.fromkeys(bits, BlockBits(FLOAT_BITS, FLOAT_BITS))))
    accuracy = _metric(testing.measure(bits))
    w_bits = {name: each.w_bits for name, each in bits.items()}
    a_bits = {name: each.a_bits for name, each in bits.items()}
    table = frontier.problem.cost
    return Choice(
        study=study.name,
        blocks=tuple(bits),
        max_drop=max_drop,
        confidence=CONFIDENCE,
        cost_name=table.name,
        unit=table.unit,
        candidates=len(candidates),
        plan=Plan(study.name, study.weights_sha256, bits).to_json(),
        cost=float(table.in_unit(table.count(w_bits, a_bits))),
        size_bytes=size_bytes(blocks, w_bits),
        fp32_bytes=fp32_bytes(blocks),
        chosen=choosing.drop(bits),
        promised=promised.drop,
        at_most=promised.at_most,
        attempts=len(attempts),
        measured=measured,
        fp32_accuracy=full[0],
        accuracy=accuracy[0],
        accuracy_stderr=accuracy[1],
        refinement=refinement,
        work=work_of(choosing, held_out),
        tried=_tried(frontier, candidates, searched, swapped, chosen, attempts, max_drop),
        seconds=time.monotonic() - started,
    )


def training_sets(
    study: Study,
    blocks: Sequence[Block],
    samples: int,
    *,
    notes: Notes | None = None,
    on_note: Callable[[], None] = lambda: None,
    watcher: Watcher = UNWATCHED,
) -> tuple[Comparing, Comparing]:
    """Comparisons on the training samples that choose, and on those that are held out.

    Args:
        samples: of each; of a smaller split half each.

    Raises:
        PlanError: there are too few.
    """
    half = min(samples, study.data.size("train") // 2)
    if half < 2:
        raise PlanError(
            "there are too few training samples to choose by and to hold some out; give at least 4"
        )
    measurer = Measurer(study, blocks, samples=2 * half, split="train", watcher=watcher)
    return (
        Comparing("chosen", _first(measurer), half, notes=notes, on_note=on_note),
        Comparing("held out", _last(measurer, half), half, notes=notes, on_note=on_note),
    )


def report_set(
    study: Study,
    blocks: Sequence[Block],
    *,
    notes: Notes | None = None,
    on_note: Callable[[], None] = lambda: None,
    watcher: Watcher = UNWATCHED,
) -> tuple[Comparing, Measurer]:
    """Comparisons on the test split, and what measures it."""
    measurer = Measurer(study, blocks, split="test", watcher=watcher)
    return Comparing("test", _first(measurer), measurer.samples, notes=notes, on_note=on_note), measurer


class _Told:
    """Tells how far a choice is, which is a guess, since every answer decides what is asked next."""

    def __init__(self, candidates: int, refined: bool, on_note: Callable[[], None], watcher: Watcher) -> None:
        decisions = math.ceil(math.log2(candidates + 1)) + 2 * PATIENCE + 4 + (2 * SWAPS if refined else 0)
        self._expected, self._on_note, self._watcher = 3 * decisions, on_note, watcher
        self._made = 0

    def __call__(self) -> None:
        self._made += 1
        self._watcher.report(min(self._made / self._expected, 0.95), f"{self._made} comparisons measured")
        self._on_note()


def _bits(point: Point) -> Bits:
    return {name: BlockBits(point.bits[name], point.a_bits[name]) for name in point.bits}


def _first(measurer: Measurer) -> Measure:
    return lambda bits, samples: measurer.measure(bits, samples=samples)


def _last(measurer: Measurer, count: int) -> Measure:
    """The samples of a measurer that come last in its order of measuring; always all of them."""
    rows = spread_order(measurer.samples)[-count:]

    def measure(bits: Bits, _: int) -> PerSample:
        found = measurer.measure(bits)
        return PerSample(found.losses[rows], None if found.metric is None else found.metric[rows])

    return measure


def _metric(found: PerSample) -> tuple[float, float]:
    assert found.metric is not None, "the drop was measured before"
    return share_of(found.metric)


def _none_holds(
    study: Study, max_drop: float, dearest: Bits, choosing: Comparing, held_out: Comparing
) -> PlanError:
    """That no plan keeps the wish, and the smallest that can be kept."""
    drops = [comparing.drop(dearest) for comparing in (choosing, held_out)]
    least = max(drop.upper(z_of((1 - CONFIDENCE) / 2)) for drop in drops)
    worst = max(drops, key=lambda drop: drop.upper())
    return PlanError(
        f"no plan is sure to lose at most {share(max_drop)} points: the largest loses {points(worst)} on "
        f"{worst.samples:,} training {study.noun.many}, so that the smallest drop that can be promised is "
        f"{math.ceil(1000 * least) / 10:g} %; allow that, wider bits, or more samples"
    )


def _tried(
    frontier: Frontier,
    candidates: Sequence[Point],
    searched: Searched,
    swapped: Refined | None,
    chosen: Bits,
    attempts: Sequence[Attempt],
    max_drop: float,
) -> tuple[Tried, ...]:
    table = frontier.problem.cost

    def tried(stage: str, bits: Bits, value: float, stderr: float, samples: int, verdict: str) -> Tried:
        w_bits = {name: each.w_bits for name, each in bits.items()}
        a_bits = {name: each.a_bits for name, each in bits.items()}
        cost = float(table.in_unit(table.count(w_bits, a_bits)))
        widths = tuple(w_bits.values()), tuple(a_bits.values())
        return Tried(stage, *widths, cost, value, stderr, samples, verdict)

    found = [
        tried(
            "search",
            _bits(candidates[each.place]),
            each.drop.value,
            each.drop.stderr,
            each.drop.samples,
            each.verdict,
        )
        for each in searched.looked
    ]
    for swap in swapped.swaps if swapped is not None else ():
        found.append(tried("swap", swap.bits, *swap.gain, swap.samples, "taken" if swap.taken else "left"))
    for number, attempt in enumerate(attempts):
        bits = _bits(candidates[attempt.place]) if number else chosen
        drop = attempt.drop
        verdict = "holds" if attempt.at_most <= max_drop else "open"
        found.append(tried("held out", bits, drop.value, drop.stderr, drop.samples, verdict))
    return tuple(found)
