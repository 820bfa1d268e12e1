r"""Methods of calibration side by side (Nahshan et al. 2019, Tables 1, 3 and 4): what their steps are worth.

    min-max      nothing is clipped
    mmse         least squared error, tensor by tensor
    aciq         the clip that is best for a Laplace distribution (Banner et al. 2019)
    kl           the clip of least KL divergence (Migacz 2017), as published
    kl-nonzero   the same without the zeros that a ReLU leaves: in a histogram of a few levels their spike outweighs all
                 else and draws the clip to zero. NVIDIA's pytorch-quantization levels that bin, too
    ocs, dual    least squared error, of weights that are stored wider (`wider`); not where weights stay in FP32
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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.estimates import mean, paired
from explorer.evaluation.counting import apart, averaged, counted
from explorer.evaluation.per_sample import PerSample, measure_batches, measure_samples
from explorer.lapq.algorithm import LAYERWISE_P
from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.journal import Journal
from explorer.lapq.loss.keeping import Keeper
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Objective
from explorer.lapq.loss.sites import Site
from explorer.lapq.phases.joint import METHODS
from explorer.lapq.phases.layerwise import layerwise_steps, steps_by
from explorer.lapq.phases.quadratic import best_p
from explorer.lapq.rivals.table import Comparison, Difference, Row
from explorer.lapq.rivals.wider import WIDER, Wider, widened
from explorer.quantizers import steps as rules
from explorer.quantizers.bias_correction import BiasCorrection
from explorer.quantizers.grid import FLOAT_BITS, Grid
from explorer.questions import LapqTableQuestion, StepsLoss, question_of
from explorer.questions.steps import JointMethod, StepsQuestion
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

FLOAT = "fp32"
RULES = {"min-max": "min-max", "aciq": "aciq-laplace", "kl": "kl", "kl-nonzero": "kl"}
TABLE = ("min-max", "mmse", "aciq", "kl", "kl-nonzero", *WIDER, "layerwise", "quadratic", "joint")


def methods(*, of_weights: bool) -> tuple[str, ...]:
    """The methods that there are, in the order of the table; fewer where no weight is quantized."""
    return tuple(name for name in TABLE if of_weights or name not in WIDER)


def compare(
    study: Study,
    question: LapqTableQuestion | None = None,
    *,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Comparison:
    """Measure every method on a study's network.

    Args:
        question: what is asked; or its options one by one, see `LapqTableQuestion`. Where weights stay in FP32 there
            is nothing to correct, and the first of its corrections is all.
        watcher: told every row as series ``rows``; keeps the rows and the evaluations of the correction at work,
            which the same question goes on from.
        options: of the question.

    Raises:
        LapqError: an option is out of range, or nothing is left to quantize.
        Stopped: the watcher wished so.
    """
    asked = question_of(LapqTableQuestion, question, options)
    keeper = Keeper(watcher)
    corrections = tuple(dict.fromkeys(asked.corrections))
    of_weights = asked.weight_widths[0] != FLOAT_BITS
    if not of_weights:
        corrections = corrections[:1]
    source = generator(Stream.LAPQ_TEST_IMAGES, asked.seed)
    rows_of_test = drawn_rows(study.data.size("test"), asked.test_images, source).sort().values
    known = [Row.from_json(row) for row in keeper.state.get("rows", [])]
    rows = {(row.method, row.bias_correction): row for row in known}
    wanted = [
        (FLOAT, corrections[0]),
        *((name, each) for each in corrections for name in methods(of_weights=of_weights)),
    ]
    for correction in corrections:
        if all(key in rows for key in wanted if key[1] == correction):
            continue
        if keeper.state.get("correction") != correction:
            keeper.state["correction"], keeper.journal = correction, Journal()
        objective = Objective(study, _loss_with(asked, correction), journal=keeper.journal, watcher=keeper)
        objective.phase = "comparison"
        for row in _Column(objective, rows_of_test, asked.method, asked.seed).rows():
            key = (row.method, correction)
            if key in wanted and key not in rows:
                rows[key] = row
                keeper.state["rows"] = [*keeper.state.get("rows", []), row.to_json()]
                keeper.tell("rows", row.to_json())
                keeper.report(len(rows) / len(wanted), f"{row.method} measured, bias correction {correction}")
                objective.check()
    return Comparison(
        study=study.name,
        w_bits=asked.one_width[0],
        a_bits=asked.one_width[1],
        calibration=min(asked.calibration, study.data.size("train")),
        test_images=len(rows_of_test),
        method=asked.method,
        seed=asked.seed,
        rows=tuple(rows[key] for key in wanted),
    )


def _loss_with(asked: LapqTableQuestion, correction: BiasCorrection) -> StepsLoss:
    return StepsLoss(
        **{name: getattr(asked, name) for name in StepsQuestion.model_fields}, bias_correction=correction
    )


@dataclass(frozen=True, eq=False)
class _Calibrated:
    """A network to measure: with steps, or wider; FP32 where it has neither."""

    method: str
    loss: float
    cost: float
    steps: Array | None = None
    wider: Wider | None = None


class _Column:
    """All methods with one bias correction."""

    def __init__(self, objective: Objective, test: Tensor, method: JointMethod, seed: int) -> None:
        self._objective, self._test, self._method, self._seed = objective, test, method, seed
        self._of_weights: dict[tuple[str, str], float] = {}  # by rule and site; kl and kl-nonzero share them

    def rows(self) -> Iterator[Row]:
        """FP32 and the rows of the table."""
        found: dict[str, PerSample] = {}
        for each in self._calibrated():
            now = found[each.method] = self._measured(each)
            test_loss, test_loss_stderr = mean(now.losses)
            accuracy, accuracy_stderr = (None, None) if now.metric is None else counted(now.metric)
            steps = (
                () if each.steps is None else zip(self._objective.names, map(float, each.steps), strict=True)
            )
            yield Row(
                method=each.method,
                bias_correction=self._objective.bias_correction,
                calibration_loss=each.loss,
                test_loss=test_loss,
                test_loss_stderr=test_loss_stderr,
                test_accuracy=accuracy,
                test_accuracy_stderr=accuracy_stderr,
                over={other: _over(now, before) for other, before in found.items() if other != each.method},
                forward_equivalents=each.cost,
                steps=dict(steps),
                extra_weights=0.0 if each.wider is None else each.wider.extra,
            )

    def _calibrated(self) -> Iterator[_Calibrated]:
        objective = self._objective
        total = begun = objective.forward_equivalents  # looking for the sites, which every method needs

        def spent() -> float:
            nonlocal total
            before, total = total, objective.forward_equivalents
            return total - before

        yield _Calibrated(FLOAT, self._loss_of(FLOAT, objective.study.model()), 0.0)
        steps = self._by_rule("min-max")
        yield _Calibrated("min-max", objective.loss(steps), begun + spent(), steps)
        first = layerwise_steps(objective, LAYERWISE_P)
        first_loss = objective.loss(first)
        cost = begun + spent()
        yield _Calibrated("mmse", first_loss, cost, first)
        for name in ("aciq", "kl", "kl-nonzero"):
            steps = self._by_rule(name)
            yield _Calibrated(name, objective.loss(steps), begun + spent(), steps)
        for name in WIDER if any(site.kind == "weight" for site in objective.sites) else ():
            wider = widened(objective, name)
            loss = self._loss_of(name, wider.network.model)
            objective.count(("loss", name), 1.0)
            yield _Calibrated(name, loss, begun + spent(), wider=wider)
        yield _Calibrated("layerwise", first_loss, cost, first)
        _, second = best_p(objective)
        cost += spent()
        yield _Calibrated("quadratic", objective.loss(second), cost, second)
        trail = Trail(objective, second)
        METHODS[self._method](trail, self._seed)
        yield _Calibrated("joint", trail.best.loss, cost + spent(), trail.best.steps)

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

    def _loss_of(self, name: str, model: nn.Module) -> float:
        """On the calibration images, of a network that is not the objective's; noted in the journal."""
        objective = self._objective

        def measure() -> Array:
            found = measure_batches(objective.study, model, objective.batches, check=objective.check)
            return found.losses.numpy()

        return float(objective.journal.note(f"calibration {name}", measure).mean())

    def _measured(self, each: _Calibrated) -> PerSample:
        """On the test images; noted in the journal."""
        objective, study = self._objective, self._objective.study
        name = each.method if each.steps is None else hashlib.sha256(each.steps.tobytes()).hexdigest()

        def measure() -> Array:
            if each.steps is not None:
                objective.network.place(each.steps)
                model = objective.network.model
            else:
                model = study.model() if each.wider is None else each.wider.network.model
            return _as_array(measure_samples(study, model, rows=self._test, check=objective.check))

        return _from_array(objective.journal.note(f"test {name}", measure))


def _as_array(found: PerSample) -> Array:
    """(2, samples) for the journal: losses, and the metric or nan where there is none.

    Of records of detections (samples, 1 + entries, 3): the loss before them.
    """
    if found.metric is not None and not averaged(found.metric):
        first = torch.zeros(len(found), 1, found.metric.shape[2], dtype=torch.float64)
        first[:, 0, 0] = found.losses
        return torch.cat([first, found.metric], dim=1).numpy()
    metric = torch.full_like(found.losses, math.nan) if found.metric is None else found.metric
    return torch.stack([found.losses, metric]).numpy()


def _from_array(noted: Array) -> PerSample:
    values = torch.from_numpy(np.asarray(noted, np.float64))
    if values.ndim == 3:
        return PerSample(values[:, 0, 0], values[:, 1:])
    losses, metric = values
    return PerSample(losses, None if metric.isnan().any() else metric)


def _over(found: PerSample, other: PerSample) -> Difference:
    loss = paired(found.losses, other.losses)
    if found.metric is None or other.metric is None:
        return Difference(*loss, None, None)
    return Difference(*loss, *apart(found.metric, other.metric))
