"""Measuring several plans of one study side by side, each a few samples at a time.

Samples are taken in one random order, so that the first of them stand for all, and those measured already count on.
Whoever has the fewest samples is next: everybody gets a first estimate before anybody gets the last digit. A plan is
compared with FP32 on the same samples, which are measured once. After `SECONDS` of work on one plan its estimate is
left as it is, since a large network on a large test set would take hours.
"""

import time
from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.evaluation.per_sample import PerSample, joined, measure_samples
from explorer.jobs.gauge.reading import Reading
from explorer.plans import Plan, read_plan
from explorer.quantizers.simulated import simulate
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

SECONDS = 20.0
SPLIT = "test"
_FIRST, _USUAL = 32, 128  # samples a step


class Measuring:
    """A study, and the plans that are measured on it.

    Args:
        seconds: of work on one plan.
        clock: tells seconds.
    """

    def __init__(
        self, study: Study, *, seconds: float = SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._study, self._seconds, self._clock = study, seconds, clock
        size = study.data.size(SPLIT)
        order = drawn_rows(size, None, generator(Stream.GAUGED_SAMPLES, 0))
        self._steps = [order[:_FIRST], *order[_FIRST:].split(_USUAL)] if size > _FIRST else [order]
        self._size = size
        self._fp32: list[PerSample] = []
        self._reference = study.model()
        self._plans: dict[str, _Gauged] = {}

    def begin(self, key: str, content: object) -> None:
        """Add a plan, plan.json's content, under a name.

        Raises:
            PlanError: it does not fit the study.
        """
        if key not in self._plans:
            partitions: Sequence[tuple[Block, ...]] = (self._study.blocks(), self._study.blocks("module"))
            plan, blocks = read_plan(content, study=self._study, partitions=partitions)
            self._plans[key] = _Gauged(plan, blocks)

    def keep(self, keys: set[str]) -> None:
        """Give up every other plan."""
        self._plans = {key: plan for key, plan in self._plans.items() if key in keys}

    def __bool__(self) -> bool:
        return bool(self._plans)

    def step(self) -> tuple[str, Reading]:
        """Measure some samples more of the plan that has the fewest, and what is known of it then."""
        key, gauged = min(self._plans.items(), key=lambda item: len(item[1].found))
        before = self._clock()
        place = len(gauged.found)
        if place == len(self._fp32):
            self._fp32.append(self._measured(self._reference, place))
        if gauged.network is None:
            gauged.network = self._quantized(gauged)
        gauged.found.append(self._measured(gauged.network, place))
        gauged.seconds += self._clock() - before
        ended = place + 1 == len(self._steps) or gauged.seconds >= self._seconds
        if ended:
            del self._plans[key]
        found, fp32 = joined(gauged.found), joined(self._fp32[: place + 1])
        return key, Reading.of_samples(found, fp32, of=self._size, ended=ended)

    def _measured(self, network: nn.Module, place: int) -> PerSample:
        return measure_samples(self._study, network, SPLIT, rows=self._steps[place])

    def _quantized(self, gauged: "_Gauged") -> nn.Module:
        study, plan = self._study, gauged.plan
        return simulate(
            study.model(), plan.layer_bits(gauged.blocks), calibration_batches(study), steps=plan.steps
        )


class _Gauged:
    """One plan, and what was measured of it."""

    def __init__(self, plan: Plan, blocks: Sequence[Block]) -> None:
        self.plan, self.blocks = plan, blocks
        self.network: nn.Module | None = None
        self.found: list[PerSample] = []
        self.seconds = 0.0
