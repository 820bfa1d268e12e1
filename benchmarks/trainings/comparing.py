"""From finished trainings to tables: mean and deviation over seeds, and differences to the reference row.

A difference is paired: with h(m, s, i) whether image i is right after training m with seed s, it is the mean over
images and common seeds of h(m, s, i) − h(reference, s, i). Its standard error is the root of the sum of two squares: of
the mean over images, each image's difference averaged over the seeds, and of the mean over seeds. The first holds some
of the second, so it is rather too large. With one seed there is the first alone. A difference of at most two of them is
said to be equal.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

import numpy as np

from benchmarks.tables import Column, Table
from benchmarks.trainings.experiments import Group
from explorer.estimates import Estimate, means, within_noise
from explorer.evaluation import measure_samples
from explorer.evaluation.per_sample import unstacked
from explorer.jobs.kinds.finetune import TESTED, TRAINED
from explorer.jobs.sweeps.table import Spread
from explorer.jobs.telling.trained import trained_plan
from explorer.runs import Run, Store
from explorer.studies import Study

Key = tuple[str, int]  # label of a row, seed

COLUMNS = (
    Column("label", ""),
    Column("bytes", "bytes", "count"),
    Column("seeds", "seeds", "count"),
    Column("before", "without training, %"),
    Column("after", "after it, %"),
    Column("loss", "test loss"),
    Column("difference", "points more than the reference ± s.e."),
    Column("verdict", ""),
)


@dataclass(frozen=True)
class Trained:
    """A finished training.

    Attributes:
        size_bytes: packed weights.
        before, after: accuracy on the test split, in [0, 1].
        loss: after training.
        right: (N,) 1 where a test image is right after training, else 0.
        losses: (N,) of the test images.
        kept: which candidate.
        traces: epoch to the Hessian trace with its standard error, where it was asked for.
    """

    size_bytes: int
    before: float
    after: float
    loss: float
    right: np.ndarray
    losses: np.ndarray
    kept: str
    traces: Mapping[int, Estimate]


def measured(store: Store, study: Study, run: Run) -> Trained:
    """A finished run with what it kept of every test image, measured again where a version before kept nothing."""
    result: Mapping[str, Any] = run.result or {}
    if TESTED in run.artifacts:
        found = unstacked(store.tensors(run.id, TESTED))[-1]
    else:
        found = measure_samples(study, trained_plan(study, run).network(store.tensors(run.id, TRAINED)))
    assert found.metric is not None
    traces = {int(p["epoch"]): Estimate(p["trace"], p["stderr"]) for p in store.points(run.id, "trace")}
    before, after = result["before"], result["after"]
    return Trained(
        after["size_bytes"],
        before["accuracy"],
        after["accuracy"],
        after["loss"],
        found.metric.numpy(),
        found.losses.numpy(),
        result["kept"],
        traces,
    )


def difference(of: Sequence[np.ndarray], than: Sequence[np.ndarray]) -> Estimate:
    """Paired difference of two trainings, each (seeds, N) in the same order of the seeds; see the module."""
    apart = np.asarray(of, np.float64) - np.asarray(than, np.float64)
    value, of_images = means(apart.mean(0))
    of_seeds = float(means(apart.mean(1))[1]) if len(apart) > 1 else 0.0
    return Estimate(float(value), math.hypot(float(of_images), of_seeds))


def verdict(found: Estimate) -> str:
    """Whether a difference is more than noise."""
    if within_noise(*found):
        return "equal within noise"
    return "better" if found.value > 0 else "worse"


def table(group: Group, found: Mapping[Key, Trained]) -> Table:
    """A row for each of the group's rows that was trained at all."""
    rows = []
    for row in group.rows:
        done = _seeds(found, row.label)
        if not done:
            continue
        line: dict[str, Any] = {
            "label": row.label,
            "bytes": done[0].size_bytes,
            "seeds": len(done),
            "before": Spread.of([each.before for each in done]).words(2, 100),
            "after": Spread.of([each.after for each in done]).words(2, 100),
            "loss": Spread.of([each.loss for each in done]).words(4),
        }
        reference = group.reference_of(row.label)
        common = [s for label, s in found if label == row.label and (reference, s) in found]
        if row.label != reference and common:
            apart = difference(*([found[label, s].right for s in common] for label in (row.label, reference)))
            words = f"{100 * apart.value:+.2f} ± {100 * apart.stderr:.2f}"
            line |= {"difference": words, "verdict": verdict(apart)}
            if len(common) < len(done):
                line["verdict"] += f" ({len(common)} seeds in common)"
        rows.append(line)
    missing = []
    for row in group.rows:
        seeds = [str(seed) for seed in group.seeds if (row.label, seed) not in found]
        if seeds:
            missing.append(f"{row.label} (seed{'s' if len(seeds) > 1 else ''} {', '.join(seeds)})")
    notes = [*group.notes]
    if missing:
        notes.append(f"Not run: {'; '.join(missing)}.")
    return Table(group.key, group.title, COLUMNS, tuple(rows), tuple(notes))


def traces_table(group: Group, found: Mapping[Key, Trained]) -> Table:
    """The Hessian trace after each epoch, mean over seeds with its standard error."""
    epochs = sorted({epoch for done in found.values() for epoch in done.traces})
    rows = []
    for row in group.rows:
        done = [each for each in _seeds(found, row.label) if each.traces]
        if not done:
            continue
        line: dict[str, Any] = {"label": row.label, "seeds": len(done)}
        for epoch in epochs:
            values = [each.traces[epoch] for each in done if epoch in each.traces]
            if values:
                error = math.hypot(*(each.stderr for each in values)) / len(values)
                line[str(epoch)] = f"{fmean(each.value for each in values):,.0f} ± {error:,.0f}"
        rows.append(line)
    columns = [Column("label", ""), Column("seeds", "seeds", "count")]
    columns += [
        Column(str(epoch), f"after {epoch} epochs" if epoch else "without training") for epoch in epochs
    ]
    title = f"{group.title}: Hessian trace ± s.e. of its samples"
    return Table(f"{group.key}-traces", title, tuple(columns), tuple(rows))


def _seeds(found: Mapping[Key, Trained], label: str) -> list[Trained]:
    return [done for (each, _), done in sorted(found.items()) if each == label]
