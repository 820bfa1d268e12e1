"""One sweep as it is asked for: which curve, of which loss, and what came out (`sweeps` has the curves)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from explorer.lapq.diagnostics.given import steps_of
from explorer.lapq.diagnostics.sweeps import (
    AlongCalibration,
    AlongDistance,
    AlongP,
    ErrorCurves,
    along_calibration,
    along_distance,
    along_p,
    error_curves,
    site_tensor,
)
from explorer.lapq.loss.forms import Levels
from explorer.lapq.loss.keeping import Keeper
from explorer.lapq.loss.objective import Objective
from explorer.questions import LapqSweepQuestion, question_of
from explorer.questions.steps import Correction, Form, Sweep
from explorer.randomness import Stream, generator
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

NORMAL = 10_000  # draws from N(0, 1), the paper's Fig. 4

Found = ErrorCurves | AlongP | AlongDistance | AlongCalibration
_TYPES: Mapping[Sweep, type[Found]] = {
    "error": ErrorCurves,
    "p": AlongP,
    "distance": AlongDistance,
    "calibration": AlongCalibration,
}


@dataclass(frozen=True, eq=False)
class SweepResult:
    """Outcome of `measure_sweep`.

    Attributes:
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        site: tensor of an error curve; None for a normal distribution, and for every other sweep.
        found: the curve; its type is that of the sweep.
    """

    study: str
    sweep: Sweep
    w_bits: int | None
    a_bits: int | None
    form: Form
    bias_correction: Correction
    site: str | None
    found: Found

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        asked = {key: value for key, value in vars(self).items() if key != "found"}
        return {**asked, **self.found.to_json()}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> SweepResult:
        """What `to_json` wrote."""
        asked = {key: content[key] for key in cls.__annotations__ if key != "found"}
        return cls(**asked, found=_TYPES[content["sweep"]].from_json(content))


def measure_sweep(
    study: Study,
    question: LapqSweepQuestion | None = None,
    *,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> SweepResult:
    """Measure one curve.

    Args:
        question: what is asked; or its options one by one, see `LapqSweepQuestion`.
        watcher: told every point as series ``points``; keeps what was evaluated, which the same question goes on
            from.
        options: of the question.

    Raises:
        LapqError: an option is out of range, there is no such site, or nothing is left to quantize.
        Stopped: the watcher wished so.
    """
    asked = question_of(LapqSweepQuestion, question, options)
    return SweepResult(
        study=study.name,
        sweep=asked.sweep,
        w_bits=asked.one_width[0],
        a_bits=asked.one_width[1],
        form=asked.form,
        bias_correction=asked.bias_correction,
        site=asked.site,
        found=_found(study, asked, Keeper(watcher)),
    )


def _found(study: Study, asked: LapqSweepQuestion, keeper: Keeper) -> Found:
    if asked.sweep == "calibration":
        return along_calibration(study, asked, journal=keeper.journal, watcher=keeper)
    if asked.sweep == "error" and asked.site is None:
        x = torch.randn(NORMAL, generator=generator(Stream.NORMAL_VALUES, asked.seed))
        fewest = min(asked.weight_widths[0], asked.activation_widths[0])
        return error_curves(x, Levels.of(asked.form, fewest, signed=True))
    every = asked.of_every_layer() if asked.sweep == "error" else asked
    objective = Objective(study, every, journal=keeper.journal, watcher=keeper)
    if asked.site is not None and asked.sweep == "error":
        levels = objective.sites[objective.index(asked.site)].levels
        return error_curves(site_tensor(objective, asked.site), levels)
    if asked.sweep == "p":
        return along_p(objective, watcher=keeper)
    return along_distance(objective, steps_of(objective, asked.steps), watcher=keeper)
