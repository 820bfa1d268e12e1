r"""What the plans along a frontier are worth, measured without training, coarse to fine.

The plans stand in the order of their cost, evenly spread along it; place and cost are the same up to a scale. Both ends
are measured first, the largest before the smallest. Accuracy rises with cost but for noise, so between two measured
plans i < j the curve lies in a rectangle, and the next plan is the one in the middle of the largest:

    area = (|d| + s)(j - i),        d, s: paired difference of the two accuracies and its standard error

A rectangle whose two plans equal each other and FP32 within noise comes after all others: whatever lies between them
is as good as FP32. Whoever stops early has the coarse picture. Where targets are no classes, the loss takes the place
of the accuracy.

Every plan is compared with FP32, and with its smaller neighbour among those that were measured, image by image.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from torch import Tensor

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.estimates import Estimate, mean, paired, within_noise
from explorer.evaluation import PerSample
from explorer.evaluation.counting import apart, averaged, counted
from explorer.plans import BlockBits, Frontier, Plan, bops, size_bytes
from explorer.plans.plan.plan import check_names
from explorer.proxy.measuring import Measurer
from explorer.quantizers import FLOAT_BITS
from explorer.questions.along import Ladder
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

CANDIDATES = 129  # 2⁷ + 1: seven bisections deep
FULL = -1  # place of FP32
SERIES = "measured"  # of a run's points, each a plan as it was measured


@dataclass(frozen=True)
class MeasuredPlan:
    """One plan without training.

    Attributes:
        place: among the plans that could be measured, the cheapest being 0; -1: FP32.
        bits, a_bits: of weights and of inputs, blocks in the order of the result's.
        size_bytes: packed weights.
        bops: bit operations for one sample.
        samples: images.
        loss, loss_stderr: mean and its standard error.
        accuracy, accuracy_stderr: the study's metric; None where there is none for the targets.
        rise, rise_stderr: of the loss over FP32, paired.
        change, change_stderr: of the metric, less FP32's, paired; None where there is none.
        gain, gain_stderr: the metric, less that of the next smaller plan that was measured, paired; where there is no
            metric, that of the loss with its sign turned; None for the smallest.
    """

    place: int
    bits: tuple[int, ...]
    a_bits: tuple[int, ...]
    size_bytes: int
    bops: int
    samples: int
    loss: float
    loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None
    rise: float
    rise_stderr: float
    change: float | None
    change_stderr: float | None
    gain: float | None = None
    gain_stderr: float | None = None

    @property
    def equals_full(self) -> bool:
        """Whether its difference from FP32 is within noise."""
        if self.change is None:
            return bool(within_noise(self.rise, self.rise_stderr))
        return bool(within_noise(self.change, self.change_stderr))

    @property
    def equals_smaller(self) -> bool:
        """Whether its difference from the next smaller plan that was measured is within noise."""
        return self.gain is not None and bool(within_noise(self.gain, self.gain_stderr))

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MeasuredPlan":
        """From plain data, as ``asdict`` gives it."""
        return cls(**{**content, "bits": tuple(content["bits"]), "a_bits": tuple(content["a_bits"])})


@dataclass(frozen=True)
class MeasuredFrontier:
    """What was measured.

    Attributes:
        study: its name.
        blocks: names.
        split: the images.
        candidates: how many plans could have been measured.
        full: FP32.
        plans: those that were measured, the cheapest first.
        order: their places, in the order in which they were measured.
        seconds: of measuring.
    """

    study: str
    blocks: tuple[str, ...]
    split: str
    candidates: int
    full: MeasuredPlan
    plans: tuple[MeasuredPlan, ...]
    order: tuple[int, ...]
    seconds: float

    @property
    def enough(self) -> MeasuredPlan | None:
        """The smallest plan from which on every measured one equals FP32 within noise; None: the largest does not."""
        found = None
        for plan in reversed(self.plans):
            if not plan.equals_full:
                break
            found = plan
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "MeasuredFrontier":
        """The inverse of ``to_json``."""
        return cls(
            **{
                **content,
                "blocks": tuple(content["blocks"]),
                "full": MeasuredPlan.from_json(content["full"]),
                "plans": tuple(MeasuredPlan.from_json(each) for each in content["plans"]),
                "order": tuple(content["order"]),
            }
        )


def ladder_of(frontier: Frontier, most: int = CANDIDATES) -> Ladder:
    """At most ``most`` plans of a frontier, evenly spread along its cost, both ends among them.

    Raises:
        PlanError: the frontier is a single plan.
    """
    places = spread_along(frontier.cost, most)
    if len(places) < 2:
        raise PlanError("the frontier is a single plan; offer more widths, or fewer constraints")
    return Ladder.of(frontier.blocks, frontier.bits[places].tolist(), frontier.a_bits[places].tolist())


def spread_along(cost: np.ndarray, most: int) -> np.ndarray:
    """Places of at most ``most`` of the ascending costs (P,), the nearest to evenly spaced ones, without repetition."""
    wanted = np.linspace(cost[0], cost[-1], most)
    above = np.searchsorted(cost, wanted).clip(1, max(len(cost) - 1, 1)).clip(max=len(cost) - 1)
    below = np.maximum(above - 1, 0)
    return np.unique(np.where(wanted - cost[below] < cost[above] - wanted, below, above))


def measure_along(
    study: Study,
    blocks: Sequence[Block],
    ladder: Ladder,
    *,
    points: int = 16,
    samples: int = 2000,
    split: str = "test",
    known: Mapping[int, PerSample] | None = None,
    on_plan: Callable[[MeasuredPlan, Mapping[int, PerSample]], None] | None = None,
    watcher: Watcher = UNWATCHED,
) -> MeasuredFrontier:
    """Measure plans of a ladder, coarse to fine.

    Args:
        points: how many, at most.
        samples: images, evenly spread; all where there are no more.
        known: place to what an earlier attempt measured on the same images, in that order, FP32 first.
        on_plan: told each, FP32 included, with all that is known so far.
        watcher: told how far it is; may stop before every batch.

    Raises:
        PlanError: the plans are of other blocks.
        QuantizerError: a layer's input has no step at some width.
        Stopped: the watcher asked for it.
    """
    started = time.monotonic()
    check_names(dict.fromkeys(ladder.blocks), blocks, study.name)
    if samples < 2:
        raise PlanError(f"{samples} samples give no standard error; take at least 2")
    measurer = Measurer(study, blocks, samples=samples, split=split, watcher=watcher)
    points = min(points, len(ladder))
    found = dict(known or {})
    while len(found) <= points:
        place = FULL if FULL not in found else next_place(found, len(ladder))
        said = "FP32" if place == FULL else f"plan {len(found)} of {points}"
        watcher.report(len(found) / (points + 1), said)
        plan = _plan(study, ladder, place)
        found[place] = measurer.measure(plan.blocks)
        if on_plan is not None:
            on_plan(_measured(place, plan, blocks, ladder, found), found)
    ascending = sorted(found)[1:]
    measured = [
        _measured(
            place,
            _plan(study, ladder, place),
            blocks,
            ladder,
            found,
            than=ascending[i - 1] if i else None,
        )
        for i, place in enumerate(ascending)
    ]
    return MeasuredFrontier(
        study=study.name,
        blocks=ladder.blocks,
        split=split,
        candidates=len(ladder),
        full=_measured(FULL, _plan(study, ladder, FULL), blocks, ladder, found),
        plans=tuple(measured),
        order=tuple(place for place in found if place != FULL),
        seconds=time.monotonic() - started,
    )


def next_place(found: Mapping[int, PerSample], count: int) -> int:
    """The place of 0 … ``count`` − 1 to measure next, from what was measured, FP32 among it.

    Some place must be left.
    """
    for end in (count - 1, 0):
        if end not in found:
            return end
    full = _worth(found[FULL])
    places = sorted(set(found) - {FULL})

    def weight(left: int, right: int) -> tuple[bool, float, int, int]:
        low, high = _worth(found[left]), _worth(found[right])
        pairs = [paired(high, low), paired(low, full), paired(high, full)]
        settled = all(bool(within_noise(*each)) for each in pairs)
        difference, stderr = pairs[0]
        return not settled, (abs(difference) + stderr) * (right - left), right - left, -left

    open_ = [(left, right) for left, right in pairwise(places) if right - left > 1]
    left, right = max(open_, key=lambda ends: weight(*ends))
    return (left + right) // 2


def _worth(found: PerSample) -> Tensor:
    """(N,) what is better the larger it is: the losses' negative where the metric is no mean over samples."""
    if found.metric is None or not averaged(found.metric):
        return -found.losses
    return found.metric


def _change(of: PerSample, than: PerSample) -> Estimate:
    """The metric of one plan less that of another; the loss of the other less its own where there is no metric."""
    if of.metric is None or than.metric is None:
        return paired(-of.losses, -than.losses)
    return apart(of.metric, than.metric)


def _plan(study: Study, ladder: Ladder, place: int) -> Plan:
    float_ = (FLOAT_BITS,) * len(ladder.blocks)
    weights, inputs = (float_, float_) if place == FULL else ladder.bits(place)
    rows = zip(ladder.blocks, weights, inputs, strict=True)
    return Plan(study.name, study.weights_sha256, {name: BlockBits(w, a) for name, w, a in rows})


def _measured(
    place: int,
    plan: Plan,
    blocks: Sequence[Block],
    ladder: Ladder,
    found: Mapping[int, PerSample],
    *,
    than: int | None = None,
) -> MeasuredPlan:
    own, full = found[place], found[FULL]
    loss = mean(own.losses)
    both = own.metric is not None and full.metric is not None
    metric = counted(own.metric) if own.metric is not None else None
    change = _change(own, full) if both else None
    gain = None if than is None else _change(own, found[than])
    bits = [plan.blocks[name] for name in ladder.blocks]
    return MeasuredPlan(
        place=place,
        bits=tuple(each.w_bits for each in bits),
        a_bits=tuple(each.a_bits for each in bits),
        size_bytes=size_bytes(blocks, plan.w_bits),
        bops=bops(blocks, plan),
        samples=len(own),
        loss=loss.value,
        loss_stderr=loss.stderr,
        accuracy=None if metric is None else metric.value,
        accuracy_stderr=None if metric is None else metric.stderr,
        rise=paired(own.losses, full.losses).value,
        rise_stderr=paired(own.losses, full.losses).stderr,
        change=None if change is None else change.value,
        change_stderr=None if change is None else change.stderr,
        gain=None if gain is None else gain.value,
        gain_stderr=None if gain is None else gain.stderr,
    )
