"""The samples of a choice: those of the training split that choose, those that are held out, and the test split.

The training samples are spread evenly over their split; those that choose and those that are held out take turns. What
step sizes are fitted to is in neither set where the split has samples left, and never among those held out.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.choosing.comparing import Bits, Comparing, Measure, Notes
from explorer.errors import PlanError
from explorer.estimates import Estimate
from explorer.evaluation import PerSample
from explorer.evaluation.counting import counted
from explorer.plans import BlockBits
from explorer.proxy import Measurer
from explorer.quantizers import FLOAT_BITS, GivenSteps
from explorer.randomness import spread_order, spread_rows
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

StepsOf = Callable[[Bits], GivenSteps | None]


def by_the_rules(_: Bits) -> None:
    """No steps of a plan's own: the usual rules choose."""


@dataclass(frozen=True, eq=False)
class Sets:
    """Comparisons of plans on the three sets.

    Attributes:
        choosing, held_out, test: on the training samples that choose, on those held out, and on the test split.
        steps: of the plans that are compared.
        measurers: of the training samples and of the test split.
    """

    choosing: Comparing
    held_out: Comparing
    test: Comparing
    steps: StepsOf
    measurers: tuple[Measurer, Measurer]

    @classmethod
    def of(
        cls,
        study: Study,
        blocks: Sequence[Block],
        samples: int,
        *,
        notes: Notes | None = None,
        on_note: Callable[[], None] = lambda: None,
        watcher: Watcher = UNWATCHED,
    ) -> "Sets":
        """Of a study, for plans whose steps the rules choose; see `training_sets`."""
        half = _half(study, samples)
        training = Measurer(study, blocks, samples=2 * half, split="train", watcher=watcher)
        testing = Measurer(study, blocks, split="test", watcher=watcher)
        return cls._named("", (training, testing), by_the_rules, notes, on_note)

    def with_steps(
        self, steps: StepsOf, *, notes: Notes | None = None, on_note: Callable[[], None] = lambda: None
    ) -> "Sets":
        """The same samples, for plans with steps of their own, computed when a plan is measured first."""
        return self._named(" with steps", self.measurers, steps, notes, on_note)

    @classmethod
    def _named(
        cls,
        words: str,
        measurers: tuple[Measurer, Measurer],
        steps: StepsOf,
        notes: Notes | None,
        on_note: Callable[[], None],
    ) -> "Sets":
        training, testing = measurers
        half = training.samples // 2

        def comparing(name: str, measure: Measure, samples: int) -> Comparing:
            return Comparing(f"{name}{words}", measure, samples, notes=notes, on_note=on_note)

        return cls(
            comparing("chosen", _first(training, steps), half),
            comparing("held out", _last(training, steps), half),
            comparing("test", _first(testing, steps), testing.samples),
            steps,
            measurers,
        )

    def accuracy(self, bits: Bits) -> Estimate:
        """Of a plan on the test split, after its drop was measured there."""
        found = self.measurers[1].measure(bits, steps=self.steps(bits)).metric
        assert found is not None, "the drop was measured before"
        return counted(found)

    def full_accuracy(self, bits: Bits) -> float:
        """Of FP32 on the test split; ``bits`` name the blocks."""
        found = self.measurers[1].measure(dict.fromkeys(bits, BlockBits(FLOAT_BITS, FLOAT_BITS))).metric
        assert found is not None, "the drop was measured before"
        return counted(found).value


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
    found = Sets.of(study, blocks, samples, notes=notes, on_note=on_note, watcher=watcher)
    return found.choosing, found.held_out


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
    test = Comparing("test", _first(measurer, by_the_rules), measurer.samples, notes=notes, on_note=on_note)
    return test, measurer


def calibration_rows(size: int, samples: int, count: int) -> Tensor:
    """Rows of a training split of this size that steps are fitted to, int64 (at most count,).

    Those that are in neither set first, evenly spread; where they are too few, those that choose fill up.

    Args:
        samples: of each set, as `training_sets` takes them.

    >>> calibration_rows(10, 2, 4).tolist()  # 0 and 5 choose, 2 and 7 are held out
    [1, 3, 6, 8]
    >>> sorted(calibration_rows(10, 5, 4).tolist())
    [0, 2, 4, 8]
    """
    used = spread_rows(size, 2 * min(samples, size // 2))
    left = torch.ones(size, dtype=torch.bool)
    left[used] = False
    rest = left.nonzero().flatten()
    chosen = used[spread_order(len(used))[: len(used) // 2]]
    return torch.cat([rest[spread_rows(len(rest), count)], chosen])[:count]


def _half(study: Study, samples: int) -> int:
    half = min(samples, study.data.size("train") // 2)
    if half < 2:
        raise PlanError(
            "there are too few training samples to choose by and to hold some out; give at least 4"
        )
    return half


def _first(measurer: Measurer, steps: StepsOf) -> Measure:
    return lambda bits, samples: measurer.measure(bits, samples=samples, steps=steps(bits))


def _last(measurer: Measurer, steps: StepsOf) -> Measure:
    """The samples of a measurer that come last in its order of measuring, half of them; always all of these."""
    order = spread_order(measurer.samples)
    rows = order[len(order) - len(order) // 2 :]

    def measure(bits: Bits, _: int) -> PerSample:
        found = measurer.measure(bits, steps=steps(bits))
        return PerSample(found.losses[rows], None if found.metric is None else found.metric[rows])

    return measure
