"""Plans compared on the samples of one set: with FP32 by their accuracy, with one another by their loss.

What measures is handed in: ``measure(bits, n)`` gives loss and metric of the first n samples of a fixed order, for a
network or for any function of the widths. Every comparison is made once and noted as plain data, so that an
interrupted choice asks again in the same order and is answered from its notes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from explorer.choosing.drops import Drop
from explorer.errors import PlanError
from explorer.estimates import Estimate, paired
from explorer.evaluation import PerSample
from explorer.evaluation.counting import apart
from explorer.plans import BlockBits
from explorer.plans.plan.plan import spelled
from explorer.quantizers import FLOAT_BITS

Bits = Mapping[str, BlockBits]  # block to its widths
Measure = Callable[[Bits, int], PerSample]
Notes = dict[str, list[float]]  # comparison to mean and standard error


@dataclass(frozen=True)
class Work:
    """Evaluations that were needed, FP32 left out.

    Attributes:
        plans: different ones that were measured.
        samples: that went through the network for them, all plans together.
    """

    plans: int
    samples: int


class Comparing:
    """Comparisons on one set of samples.

    Args:
        name: of the set, unique among those that share notes.
        measure: of the widths of every block and a number of samples.
        samples: how many there are.
        notes: of an earlier attempt; new ones are added.
        on_note: called after each new one.
    """

    def __init__(
        self,
        name: str,
        measure: Measure,
        samples: int,
        *,
        notes: Notes | None = None,
        on_note: Callable[[], None] = lambda: None,
    ) -> None:
        self.name, self.samples = name, samples
        self._measure, self._on_note = measure, on_note
        self._notes: Notes = {} if notes is None else notes
        self._asked: dict[str, int] = {}
        self._full: set[str] = set()

    def counting_anew(self) -> "Comparing":
        """The same comparisons, of which none was asked for yet."""
        return Comparing(self.name, self._measure, self.samples, notes=self._notes, on_note=self._on_note)

    @property
    def work(self) -> Work:
        """What was asked for so far."""
        return work_of(self)

    @property
    def evaluations(self) -> Mapping[str, int]:
        """Plan, as `spelled`, to how many samples of it were asked for so far, FP32 left out."""
        return {words: count for words, count in self._asked.items() if words not in self._full}

    def drop(self, bits: Bits, samples: int | None = None) -> Drop:
        """Drop of a plan against FP32 on the first samples; None: all.

        Raises:
            PlanError: there is no accuracy for the targets.
        """
        count = self.samples if samples is None else samples
        full = {block: BlockBits(FLOAT_BITS, FLOAT_BITS) for block in bits}
        self._full.add(spelled(full))

        def compare() -> Estimate:
            reference, plan = self._measure(full, count).metric, self._measure(bits, count).metric
            if reference is None or plan is None:
                raise PlanError(
                    "this study counts nothing beside its loss on the samples that choose, which could be kept; choose "
                    "a plan on the frontier by its budget"
                )
            return apart(reference, plan)

        return Drop(*self._noted("drop", bits, full, count, compare), count)

    def gain(self, bits: Bits, than: Bits, samples: int | None = None) -> Estimate:
        """Loss of the plan ``than`` less that of the plan ``bits``, paired, on the first samples; None: all."""
        count = self.samples if samples is None else samples

        def compare() -> Estimate:
            return paired(self._measure(than, count).losses, self._measure(bits, count).losses)

        return self._noted("gain", bits, than, count, compare)

    def gain_over(self, other: "Comparing", bits: Bits) -> Estimate:
        """Loss of a plan as the other comparisons measure it less that as these do, paired, on all samples."""
        words = spelled(bits)

        def compare() -> Estimate:
            before, after = (each._measure(bits, self.samples).losses for each in (other, self))
            return paired(before, after)

        for each in (self, other):
            each._asked[words] = self.samples
        return self._kept(f"{self.name} gain over {other.name} {self.samples} {words}", compare)

    def _noted(
        self, what: str, bits: Bits, than: Bits, count: int, compare: Callable[[], Estimate]
    ) -> Estimate:
        words, others = spelled(bits), spelled(than)
        for asked in (words, others):
            self._asked[asked] = max(count, self._asked.get(asked, 0))
        return self._kept(f"{self.name} {what} {count} {words} {others}", compare)

    def _kept(self, key: str, compare: Callable[[], Estimate]) -> Estimate:
        if key not in self._notes:
            self._notes[key] = list(compare())
            self._on_note()
        value, stderr = self._notes[key]
        return Estimate(value, stderr)


def work_of(*comparings: Comparing) -> Work:
    """What was asked of several sets together; a plan counts once, its samples in every set."""
    found = [each.evaluations for each in comparings]
    return Work(len(set().union(*found)), sum(sum(each.values()) for each in found))
