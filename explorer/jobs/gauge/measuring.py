"""Measuring several plans of one study side by side, each a few samples at a time.

Samples are taken in an order of which every beginning is evenly spread, so that the first of them stand for all, and
those measured already count on (`explorer.proxy.Measurer`). Whoever has the fewest samples is next: everybody gets a
first estimate before anybody gets the last digit. A plan is compared with FP32 on the same samples, which are measured
once. After `SECONDS` of a core's work on one plan its estimate is left as it is, since a large network on a large test
set would take hours.
"""

import time
from collections.abc import Callable, Sequence

from explorer.blocks import Block
from explorer.jobs.gauge.reading import Reading
from explorer.plans import BlockBits, Plan, read_plan
from explorer.proxy import Measurer
from explorer.quantizers import FLOAT_BITS
from explorer.studies import Study

SECONDS = 60.0
SPLIT = "test"
_FIRST, _USUAL = 32, 128  # samples a step

_Blocks = tuple[Block, ...]


class Measuring:
    """A study, and the plans that are measured on it.

    Args:
        seconds: of a core's work on one plan.
        clock: tells the seconds worked so far.
    """

    def __init__(
        self, study: Study, *, seconds: float = SECONDS, clock: Callable[[], float] = time.process_time
    ) -> None:
        self._study, self._seconds, self._clock = study, seconds, clock
        self._partitions: Sequence[_Blocks] = (study.blocks(), study.blocks("module"))
        self._measurers: dict[_Blocks, Measurer] = {}
        self._plans: dict[str, _Gauged] = {}

    def begin(self, key: str, content: dict[str, object]) -> None:
        """Add a plan, plan.json's content, under a name.

        Raises:
            PlanError: it does not fit the study.
        """
        if key not in self._plans:
            plan, blocks = read_plan(content, study=self._study, partitions=self._partitions)
            if blocks not in self._measurers:
                self._measurers[blocks] = Measurer(self._study, blocks, split=SPLIT)
            self._plans[key] = _Gauged(plan, self._measurers[blocks])

    def keep(self, keys: set[str]) -> None:
        """Give up every other plan."""
        self._plans = {key: plan for key, plan in self._plans.items() if key in keys}

    def __bool__(self) -> bool:
        return bool(self._plans)

    def step(self) -> tuple[str, Reading]:
        """Measure some samples more of the plan that has the fewest, and what is known of it then."""
        key, gauged = min(self._plans.items(), key=lambda item: item[1].samples)
        before = self._clock()
        reading = gauged.more()
        gauged.seconds += self._clock() - before
        if reading.complete or gauged.seconds >= self._seconds:
            del self._plans[key]
            reading = reading.as_last()
        return key, reading


class _Gauged:
    """One plan on its way."""

    def __init__(self, plan: Plan, measurer: Measurer) -> None:
        self._plan, self._measurer = plan, measurer
        self._fp32 = dict.fromkeys(plan.blocks, BlockBits(FLOAT_BITS, FLOAT_BITS))
        self.samples = 0
        self.seconds = 0.0

    def more(self) -> Reading:
        wanted = _FIRST if self.samples == 0 else (self.samples // _USUAL + 1) * _USUAL
        if self._plan.steps is not None:  # each time, such a plan is set up anew
            wanted = max(wanted, 2 * self.samples)
        plan = self._measurer.measure(self._plan.blocks, samples=wanted, steps=self._plan.steps)
        fp32 = self._measurer.measure(self._fp32, samples=wanted)
        self.samples = len(plan)
        return Reading.of_samples(plan, fp32, of=self._measurer.samples)
