r"""Methods of calibration side by side (Nahshan et al. 2019, Tables 1, 3 and 4): what their steps are worth.

    min-max      nothing is clipped
    mmse         least squared error, tensor by tensor
    aciq         the clip that is best for a Laplace distribution (Banner et al. 2019)
    kl           the clip of least KL divergence (Migacz 2017), as published
    kl-nonzero   the same without the zeros that a ReLU leaves: in a histogram of a few levels their spike outweighs all
                 else and draws the clip to zero. NVIDIA's pytorch-quantization levels that bin, too
    layerwise    LAPQ's first phase: least squared error again, so mmse by the name that the paper's Table 3 gives it
    quadratic    and the second, the best p
    joint        and the third, all steps together

All have the same sites and grids, and see the same images in the same way: weights first, then the inputs on the first
calibration batch, layer by layer, behind layers that are already quantized (`layerwise`). Each is measured with and
without bias correction of the weights (Banner et al. 2019), which the joint phase knows of while it searches.

Differences between methods are paired: both are measured on the same test images, so what makes an image hard for
both is no part of the error.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.errors import LapqError
from explorer.lapq.joint import METHODS, Method, check_method
from explorer.lapq.journal import Journal
from explorer.lapq.layerwise import layerwise_steps, steps_by
from explorer.lapq.network import Array
from explorer.lapq.objective import Objective
from explorer.lapq.optimise import LAYERWISE_P
from explorer.lapq.quadratic import best_p
from explorer.lapq.sites import Site
from explorer.lapq.table import Comparison, Difference, Row
from explorer.lapq.trail import Trail
from explorer.quantizers import steps as rules
from explorer.quantizers.bias_correction import BiasCorrection
from explorer.quantizers.grid import FLOAT_BITS, Grid
from explorer.studies.study import Study

FLOAT = "fp32"
RULES = {"min-max": "min-max", "aciq": "aciq-laplace", "kl": "kl", "kl-nonzero": "kl"}
TABLE = ("min-max", "mmse", "aciq", "kl", "kl-nonzero", "layerwise", "quadratic", "joint")
_BATCH = 250

Progress = Callable[[float, str], None]


def compare(
    study: Study,
    *,
    w_bits: int = 4,
    a_bits: int = 4,
    calibration: int = 512,
    test_images: int | None = None,
    corrections: Sequence[BiasCorrection] = ("none", "mean"),
    method: Method = "gradient",
    leave: Collection[str] | None = None,
    seed: int = 0,
    known: Sequence[Row] = (),
    journal: Callable[[BiasCorrection], Journal] | None = None,
    on_row: Callable[[Row], None] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Comparison:
    """Measure every method on a study's network.

    Args:
        w_bits, a_bits, calibration, leave: as of `Objective`.
        test_images: how many, a seeded draw; None: all.
        corrections: of the weights; where these stay in FP32 there is nothing to correct, and the first is all.
        method: of the joint phase.
        seed: of the draws of images and of the gradient method.
        known: rows of an earlier attempt; corrections that have all of theirs are not gone through again.
        journal: of each correction; one that an earlier attempt left is gone through for free.
        on_row: told each row that is not known.
        progress: told the share of the rows done, and what is being done.
        should_stop: asked before every batch, as of `Objective`.

    Raises:
        LapqError: an option is out of range, or nothing is left to quantize.
        QuantizerError: there is no such bias correction.
    """
    check_method(method)
    _check(corrections, test_images)
    if w_bits == FLOAT_BITS:
        corrections = corrections[:1]
    rows_of_test = torch.arange(study.data.size("test"))
    if test_images is not None:
        drawn = torch.randperm(len(rows_of_test), generator=torch.Generator().manual_seed(seed))
        rows_of_test = drawn[:test_images].sort().values
    rows = {(row.method, row.bias_correction): row for row in known}
    wanted = [(FLOAT, corrections[0]), *((name, each) for each in corrections for name in TABLE)]
    for correction in corrections:
        if all(key in rows for key in wanted if key[1] == correction):
            continue
        objective = Objective(
            study,
            w_bits=w_bits,
            a_bits=a_bits,
            calibration=calibration,
            leave=leave,
            bias_correction=correction,
            seed=seed,
            journal=None if journal is None else journal(correction),
            should_stop=should_stop,
        )
        objective.phase = "comparison"
        for row in _Column(objective, rows_of_test, method, seed).rows():
            key = (row.method, correction)
            if key in wanted and key not in rows:
                rows[key] = row
                if on_row is not None:
                    on_row(row)
                if progress is not None:
                    progress(len(rows) / len(wanted), f"{row.method} measured, bias correction {correction}")
                objective.check()
    return Comparison(
        study=study.name,
        w_bits=w_bits,
        a_bits=a_bits,
        calibration=min(calibration, study.data.size("train")),
        test_images=len(rows_of_test),
        method=method,
        seed=seed,
        rows=tuple(rows[key] for key in wanted),
    )


def _check(corrections: Sequence[BiasCorrection], test_images: int | None) -> None:
    if not corrections:
        raise LapqError('there is no bias correction to compare with; give "none" for none')
    if test_images is not None and test_images < 1:
        raise LapqError(f"there are {test_images} test images; give at least 1")


@dataclass(frozen=True, eq=False)
class _Measured:
    """Of every test image, float64 (images,): its loss, and whether it is right; nan where there are no classes."""

    losses: Array
    rights: Array

    def over(self, other: _Measured) -> Difference:
        return Difference(*_mean(self.losses - other.losses), *_share(self.rights - other.rights))


class _Column:
    """All methods with one bias correction."""

    def __init__(self, objective: Objective, test: Tensor, method: Method, seed: int) -> None:
        self._objective, self._test, self._method, self._seed = objective, test, method, seed
        self._of_weights: dict[tuple[str, str], float] = {}  # by rule and site; kl and kl-nonzero share them

    def rows(self) -> Iterator[Row]:
        """FP32 and the rows of the table."""
        found: dict[str, _Measured] = {}
        for name, loss, steps, cost in self._calibrated():
            now = found[name] = self._measured(steps)
            test_loss, test_loss_stderr = _mean(now.losses)
            accuracy, accuracy_stderr = _share(now.rights)
            named = () if steps is None else zip(self._objective.names, map(float, steps), strict=True)
            yield Row(
                method=name,
                bias_correction=self._objective.bias_correction,
                calibration_loss=loss,
                test_loss=test_loss,
                test_loss_stderr=test_loss_stderr,
                test_accuracy=accuracy,
                test_accuracy_stderr=accuracy_stderr,
                over={other: now.over(before) for other, before in found.items() if other != name},
                forward_equivalents=cost,
                steps=dict(named),
            )

    def _calibrated(self) -> Iterator[tuple[str, float, Array | None, float]]:
        """Method, calibration loss, steps and what they cost."""
        objective = self._objective
        total = begun = objective.forward_equivalents  # looking for the sites, which every method needs

        def spent() -> float:
            nonlocal total
            before, total = total, objective.forward_equivalents
            return total - before

        yield FLOAT, self._float_loss(), None, 0.0
        steps = self._by_rule("min-max")
        yield "min-max", objective.loss(steps), steps, begun + spent()
        first = layerwise_steps(objective, LAYERWISE_P)
        first_loss = objective.loss(first)
        cost = begun + spent()
        yield "mmse", first_loss, first, cost
        for name in ("aciq", "kl", "kl-nonzero"):
            steps = self._by_rule(name)
            yield name, objective.loss(steps), steps, begun + spent()
        yield "layerwise", first_loss, first, cost
        _, second = best_p(objective)
        cost += spent()
        yield "quadratic", objective.loss(second), second, cost
        trail = Trail(objective, second)
        METHODS[self._method](trail, self._seed)
        yield "joint", trail.best.loss, trail.best.steps, cost + spent()

    def _by_rule(self, name: str) -> Array:
        def chosen(x: Tensor, site: Site) -> float:
            grid = Grid.signed(site.bits) if site.signed else Grid.unsigned(site.bits)
            if not site.signed:
                positive = x[x > 0]
                x = positive if name == "kl-nonzero" and len(positive) else x.clamp(min=0)
            if site.kind == "input":
                return float(rules.choose(RULES[name], x, grid).step)
            key = RULES[name], site.name
            if key not in self._of_weights:
                self._of_weights[key] = float(rules.choose(RULES[name], x, grid).step)
            return self._of_weights[key]

        return steps_by(self._objective, name, chosen)

    def _float_loss(self) -> float:
        study = self._objective.study
        found, _ = _each(study, study.model(), self._objective.batches, self._objective.check)
        return float(found.mean())

    def _measured(self, steps: Array | None) -> _Measured:
        """On the test images; noted in the journal. None: of the FP32 network."""
        objective, study = self._objective, self._objective.study
        name = "float" if steps is None else hashlib.sha256(steps.tobytes()).hexdigest()

        def measure() -> Array:
            model = study.model() if steps is None else objective.network.model
            if steps is not None:
                objective.network.place(steps)
            batches = study.data.batches("test", 1 if study.data.ragged else _BATCH, self._test)
            return np.stack(_each(study, model, batches, objective.check))

        return _Measured(*objective.journal.note(f"test {name}", measure))


@torch.no_grad()
def _each(
    study: Study, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], check: Callable[[], None]
) -> tuple[Array, Array]:
    """Loss and rightness of every image."""
    losses, rights = [], []
    for inputs, targets in batches:
        check()
        outputs = model(inputs)
        found = study.loss.per_sample(outputs, targets).double()
        right = study.loss.correct(outputs, targets)
        losses.append(found)
        rights.append(torch.full_like(found, math.nan) if right is None else right.double())
    return torch.cat(losses).numpy(), torch.cat(rights).numpy()


def _mean(values: Array) -> tuple[float, float]:
    """With its standard error."""
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return float(values.mean()), error


def _share(rights: Array) -> tuple[float | None, float | None]:
    """As `_mean`; None where there are no classes."""
    return (None, None) if np.isnan(rights).any() else _mean(rights)
