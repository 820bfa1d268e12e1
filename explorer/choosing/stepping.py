"""LAPQ's steps for the plan that a search found, and the smaller plans that they allow.

The search measures plans whose steps the rules choose, by squared error. LAPQ (`explorer.lapq`) finds the steps of a
plan by the loss on calibration images, one a tensor, with the means of the weights corrected channel by channel (Banner
et al. 2019). They are found for the plan in hand; where it holds with them, for smaller ones too: the next smaller, the
second below that, the fourth and so on, and after the first that does not hold halfway between. The steps of
one plan take more than a whole search does, so they are computed for ``MOST`` plans at most.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from explorer import lapq
from explorer.blocks import Block
from explorer.choosing.comparing import Bits, Comparing, Notes
from explorer.choosing.searching import Looked, Rule, decide
from explorer.choosing.sets import calibration_rows
from explorer.plans import Plan
from explorer.plans.plan.plan import spelled
from explorer.quantizers import FLOAT_BITS, GivenSteps
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

CALIBRATION = 512
MOST = 6  # plans whose steps are computed
_KEY = "steps "  # of notes: images that went through the network for them, and the steps


@dataclass(frozen=True)
class Descended:
    """How far steps allow to go.

    Attributes:
        place: of the smallest candidate that was found to hold with its steps; None: the dearest does not.
        looked: every decision, in order; the first is about the dearest.
    """

    place: int | None
    looked: tuple[Looked, ...]


def descend(candidates: Sequence[Bits], comparing: Comparing, rule: Rule, *, most: int = MOST) -> Descended:
    """From the dearest of the candidates, cheapest first, to a smaller one that holds.

    Args:
        comparing: of plans with their steps.
        most: decisions that are made.
    """
    looked: list[Looked] = []

    def holds(place: int) -> bool:
        looked.append(Looked(place, *decide(candidates[place], comparing, rule)))
        return looked[-1].verdict == "holds"

    best = len(candidates) - 1
    if not holds(best):
        return Descended(None, tuple(looked))
    below, step = -1, 1
    while len(looked) < most and best - below > 1:
        place = max(best - step, 0) if below < 0 else (best + below) // 2
        if holds(place):
            best, step = place, 2 * step
        else:
            below = place
    return Descended(best, tuple(looked))


class LapqSteps:
    """LAPQ's steps of plans, each computed when it is asked for first.

    A search that is interrupted begins anew; one that has ended is noted.

    Args:
        samples: of each set of the choice, none of whose samples held out is calibrated on.
        seed: of the search's draws.
        notes: of an interrupted attempt; new ones are added.
        on_note: called after each new one.
        watcher: told how far the steps of a plan are; may stop before every batch.
    """

    def __init__(
        self,
        study: Study,
        blocks: Sequence[Block],
        samples: int,
        *,
        seed: int = 0,
        notes: Notes | None = None,
        on_note: Callable[[], None] = lambda: None,
        watcher: Watcher = UNWATCHED,
    ) -> None:
        self._study, self._blocks, self._seed = study, blocks, seed
        self._rows = calibration_rows(study.data.size("train"), samples, CALIBRATION)
        self._notes: Notes = {} if notes is None else notes
        self._on_note, self._watcher = on_note, watcher
        self._known: dict[str, GivenSteps] = {}

    @property
    def calibration(self) -> int:
        """How many images the steps are fitted to."""
        return len(self._rows)

    @property
    def images(self) -> int:
        """That went through the network for all steps so far, a backward pass counting as two."""
        return round(sum(spent for key, (spent, *_) in self._notes.items() if key.startswith(_KEY)))

    def __call__(self, bits: Bits) -> GivenSteps | None:
        """Steps of a plan; None where it has nothing to quantize.

        Raises:
            LapqError: a width has no steps.
            Stopped: the watcher asked for it.
        """
        if all(each.w_bits == each.a_bits == FLOAT_BITS for each in bits.values()):
            return None
        words = spelled(bits)
        if words not in self._known:
            self._known[words] = self._found(bits, words)
        return self._known[words]

    def _found(self, bits: Bits, words: str) -> GivenSteps:
        plan = Plan(self._study.name, self._study.weights_sha256, bits)
        objective = lapq.Objective(
            self._study,
            plan=plan.to_json(),
            bias_correction="mean",
            rows=self._rows,
            watcher=self._watcher,
        )
        key = f"{_KEY}{words}"
        if key not in self._notes:
            found = lapq.best_steps(objective, seed=self._seed, watcher=self._watcher)
            spent = objective.forward_equivalents * len(self._rows)
            self._notes[key] = [spent, *map(float, found)]
            self._on_note()
        steps = self._notes[key][1:]
        sized = lapq.plan_of(
            objective.sites,
            dict(zip(objective.names, steps, strict=True)),
            self._study,
            self._blocks,
            "mean",
            widths=objective.widths,
        )
        assert sized.steps is not None
        return sized.steps
