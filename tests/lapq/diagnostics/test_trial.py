"""Steps tried by hand: the same losses as the search sees, with paired differences."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from explorer.lapq import Objective
from explorer.lapq.diagnostics.trial import Trial
from explorer.studies import Study


def test_a_try_has_the_loss_that_the_search_sees(study: Study) -> None:
    """On the same images with the same steps."""
    trial = Trial(study, images=64)
    steps = trial.layerwise(2.0)
    tried = trial.measure(steps)
    objective = Objective(study, calibration=64)
    asked = np.array([steps[name] for name in objective.names], np.float32)
    assert tried.loss == pytest.approx(objective.loss(asked), rel=1e-6)
    assert tried.above(tried) == (0.0, 0.0)
    assert tried.loss_stderr == pytest.approx(np.std(objective.losses(asked), ddof=1) / 8, rel=1e-6)


def test_differences_are_paired_over_images(study: Study) -> None:
    trial = Trial(study, images=64)
    steps = trial.layerwise(2.0)
    name = trial.sites[1].name
    one, other = trial.measure({**steps, name: 1.1 * steps[name]}), trial.measure(steps)
    change, error = one.above(other)
    assert change == pytest.approx(one.loss - other.loss)
    assert error < min(one.loss_stderr, other.loss_stderr), (
        "what makes an image hard for both is no part of it"
    )


def test_values_are_those_of_the_tensor(study: Study) -> None:
    trial = Trial(study, images=64, leave=())
    weight = next(site for site in trial.sites if site.kind == "weight")
    values = trial.values(weight.name)
    assert (values.min(), values.max()) == (pytest.approx(weight.low), pytest.approx(weight.high))


def test_the_sites_are_those_of_the_search_though_fewer_images_are_tried(study: Study) -> None:
    """An input that only a later image makes negative has signed levels, and the plan is to say so."""
    [first] = [x for x, _ in study.data.batches("train", 1, Objective(study, calibration=1).rows)]

    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used = study.model()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.used(x - first.min())

    shifted = replace(study, network=Shifted().eval())
    searched = Objective(shifted, calibration=60, leave=()).sites
    trial = Trial(shifted, images=1, calibration=60, leave=())
    assert trial.sites == searched != Trial(shifted, images=1, leave=()).sites
    assert searched[0].signed
    assert trial.images == 1
    assert len(trial.measure(trial.layerwise(2.0)).losses) == 1
