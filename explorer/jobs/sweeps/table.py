r"""A sweep of trainings in one table: each plan by each recipe, mean and standard deviation over seeds, and how much it
differs from one of them.

The difference is that of the mean metrics after training. Where every run recorded what each test image is worth, the
images are the same and it is paired: over the seeds that both have, image by image, with the standard error of
`estimates.paired_over_runs`, which holds the error of other seeds (where there are several) and of other images. Else
the errors of both are added as if the images were others,

    sqrt(e^2 + s^2 / R + e'^2 + s'^2 / R'),

e the mean error that the images leave of one network, s the deviation over the R seeds: at least the true error.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import fmean, stdev
from typing import Any

import numpy as np

from explorer.estimates import Estimate, paired_over_runs, within_noise
from explorer.evaluation import PerSample
from explorer.evaluation.counting import averaged
from explorer.evaluation.per_sample import unstacked
from explorer.jobs.kinds.finetune import TESTED
from explorer.jobs.sweeps.asking import Place
from explorer.runs.run import Run
from explorer.runs.store import Store

Samples = Callable[[Run], PerSample | None]


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation of values, with n - 1 in its denominator; NaN for a single one."""

    mean: float
    deviation: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Spread":
        """Of at least one value."""
        return cls(fmean(values), stdev(values) if len(values) > 1 else math.nan)

    def words(self, digits: int, scale: float = 1.0) -> str:
        """``90.10 ± 0.32``; a single value by itself."""
        mean, spread = f"{self.mean * scale:.{digits}f}", f"{self.deviation * scale:.{digits}f}"
        return mean if math.isnan(self.deviation) else f"{mean} ± {spread}"


@dataclass(frozen=True)
class Apart:
    """How much a row differs from another one.

    Attributes:
        value, stderr: difference of the mean metrics after training, in [-1, 1], and its standard error.
        seeds: that it is taken over.
        paired: image by image; else the errors are added.
    """

    value: float
    stderr: float
    seeds: int
    paired: bool

    @property
    def verdict(self) -> str:
        """``higher``, ``lower``, or ``within noise`` up to two standard errors."""
        if within_noise(self.value, self.stderr):
            return "within noise"
        return "higher" if self.value > 0 else "lower"

    def words(self) -> str:
        """In points, ``+1.20 ± 0.31``; what is not paired says so."""
        said = f"{self.value * 100:+.2f} ± {self.stderr * 100:.2f}"
        return said if self.paired else f"{said}, not paired"


@dataclass(frozen=True)
class Row:
    """One plan by one recipe.

    Attributes:
        runs: how many seeds are done.
        size_bytes: packed weights.
        before, after: the metric on the test split without training and after it, in [0, 1]; None where there is none.
        loss: test loss after training.
        apart: from the row that all are compared with; None for that one, and where there is no metric.
    """

    plan: str
    method: str
    runs: int
    size_bytes: int
    before: Spread | None
    after: Spread | None
    loss: Spread
    apart: Apart | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data, the verdict included."""
        content = asdict(self)
        if self.apart is not None:
            content["apart"]["verdict"] = self.apart.verdict
        return content

    def words(self) -> tuple[str, ...]:
        """Size, both accuracies in percent, the loss, and the difference with what is to be said of it."""
        shares = ("" if each is None else each.words(2, 100) for each in (self.before, self.after))
        apart = ("", "") if self.apart is None else (self.apart.words(), self.apart.verdict)
        return (f"{self.size_bytes:,}", *shares, self.loss.words(4), *apart)


def summarised(
    runs: Mapping[Place, Run], samples: Samples, *, against: tuple[str, str] | None = None
) -> list[Row]:
    """A row a plan and recipe that has a finished run, in the order in which they come.

    Args:
        runs: of the sweep; those that are not done are left out.
        samples: of a run; see `recorded`.
        against: plan and recipe that the others are compared with; the first row where it is none of them.
    """
    grouped: dict[tuple[str, str], dict[int, Run]] = {}
    for (plan, recipe, seed), run in runs.items():
        if run.result is not None:
            grouped.setdefault((plan, recipe), {})[seed] = run
    rows = {place: _row(*place, list(found.values())) for place, found in grouped.items()}
    if not rows:
        return []
    first = against if against in rows else next(iter(rows))
    return [
        row if place == first else replace(row, apart=_apart(grouped[place], grouped[first], samples))
        for place, row in rows.items()
    ]


def recorded(store: Store) -> Samples:
    """What every test image was worth after a training; None where the run did not record it."""

    def of(run: Run) -> PerSample | None:
        name = run.artifacts.get(TESTED)
        return None if name is None else unstacked(store.artifacts.get_tensors(name))[1]

    return of


def _row(plan: str, recipe: str, found: Sequence[Run]) -> Row:
    results = [run.result or {} for run in found]
    return Row(
        plan=plan,
        method=recipe,
        runs=len(found),
        size_bytes=results[0]["after"]["size_bytes"],
        before=_shares(results, "before"),
        after=_shares(results, "after"),
        loss=Spread.of([each["after"]["loss"] for each in results]),
    )


def _shares(found: Sequence[Mapping[str, Any]], when: str) -> Spread | None:
    values = [each[when]["accuracy"] for each in found]
    return None if None in values else Spread.of(values)


def _apart(of: Mapping[int, Run], than: Mapping[int, Run], samples: Samples) -> Apart | None:
    """The difference of two rows by the runs of each seed."""
    shared = [seed for seed in of if seed in than]
    values = [[_metric(samples(runs[seed])) for seed in shared] for runs in (of, than)]
    known = [[each for each in row if each is not None] for row in values]
    sizes = {len(each) for row in known for each in row}
    if shared and len(sizes) == 1 and all(len(row) == len(shared) for row in known):
        found = paired_over_runs(np.stack(known[0]), np.stack(known[1]))
        return Apart(*found, len(shared), True)
    one, other = (_mean([(run.result or {})["after"] for run in runs.values()]) for runs in (of, than))
    if one is None or other is None:
        return None
    error = math.hypot(one.stderr, other.stderr)
    return Apart(one.value - other.value, error, min(len(of), len(than)), False)


def _metric(found: PerSample | None) -> np.ndarray | None:
    """(samples,); None where it was not recorded, or what was recorded of each sample is no value of its own."""
    if found is None or found.metric is None or not averaged(found.metric):
        return None
    return found.metric.numpy()


def _mean(found: Sequence[Mapping[str, Any]]) -> Estimate | None:
    """Mean metric, and the error that images and seeds leave, as if each were seen once."""
    values = [each["accuracy"] for each in found]
    errors = [each["accuracy_stderr"] for each in found]
    if None in values or None in errors:
        return None
    seeds = stdev(values) ** 2 / len(values) if len(values) > 1 else 0.0
    return Estimate(fmean(values), math.sqrt(fmean(errors) ** 2 + seeds))
