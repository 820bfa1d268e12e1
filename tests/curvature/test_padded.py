"""Convolutions with a ``forward`` of their own: by every method their traces are those of the dense Hessian."""

from collections.abc import Callable
from functools import cache

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.curvature import activation_traces, top_eigenpairs, weight_traces
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import prepare
from explorer.curvature.perturbations import perturbation_forms
from explorer.errors import CurvatureError
from tests.curvature.dense import dense_hessian
from tests.curvature.networks import dense_activation_trace, dense_weight_trace, seeded, study_of
from tests.padded import DynamicPadding, Padded, StaticPadding

METHODS = ("exact", "output-probes", "hutchinson", "auto")


@cache
def _once(dense: Callable[[str], float], name: str) -> float:
    """The trace of a layer of the one network, which takes longest."""
    return dense(name)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("estimate", "dense"),
    [
        (weight_traces, lambda name: dense_weight_trace(study_of(seeded(Padded)), f"{name}.weight")),
        (activation_traces, lambda name: dense_activation_trace(study_of(seeded(Padded)), name)[1]),
    ],
    ids=["weights", "activations"],
)
def test_traces_of_convolutions_that_pad_themselves(estimate: Callable, dense: Callable, method: str) -> None:
    study = study_of(seeded(Padded))
    found = estimate(study, method=method, rel_se=0.1, samples=1500, dtype=torch.float64)
    assert [block.name for block in found.blocks] == ["stem", "depthwise", "standardised", "leave"]
    for block in found.blocks:
        expected = _once(dense, block.name)
        allowed = 1e-9 * abs(expected) + 1e-13 if method == "exact" else 4 * block.stderr
        assert abs(block.trace - expected) <= allowed, block.name


def test_only_a_convolution_with_another_weight_is_done_sample_by_sample() -> None:
    """What is padded by the layer itself is seen where it is convolved, and as quick as in other layers."""
    subject = prepare(study_of(seeded(Padded)), dtype=torch.float64)
    engine = SampleGradients(subject, "weights")
    inputs, _ = subject.batch(torch.arange(3))
    engine.check(inputs, torch.ones(3, 3, dtype=torch.float64))
    assert [subject.weights[i].name for i in engine.looped] == ["standardised"]


def test_a_layer_may_change_its_input_in_place_before_it_convolves() -> None:
    class Rectifying(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            return F.conv2d(F.relu_(input), self.weight, self.bias)

    network = seeded(
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3), Rectifying(3, 3, 3), nn.Flatten(), nn.Linear(12, 3))
    )
    study = study_of(network)
    for block in weight_traces(study, method="exact", dtype=torch.float64).blocks:
        assert block.trace == pytest.approx(dense_weight_trace(study, f"{block.name}.weight"), rel=1e-9)


def test_eigenvalues_and_perturbations_of_convolutions_that_pad_themselves() -> None:
    study = study_of(
        seeded(
            lambda: nn.Sequential(
                StaticPadding(2, 3, 3, stride=2),
                nn.ReLU(),
                DynamicPadding(3, 3, 3),
                nn.Flatten(),
                nn.Linear(27, 3),
            )
        )
    )
    hessian = dense_hessian(study, ["0.weight"])
    found = top_eigenpairs(study, block="0", k=1, samples=None, dtype=torch.float64)
    assert found.values[0] == pytest.approx(float(torch.linalg.eigvalsh(hessian)[-1]), rel=1e-2)
    changes = {
        f"{n}.weight": 0.1 * torch.ones_like(study.network.get_parameter(f"{n}.weight")) for n in (0, 2, 4)
    }
    forms = perturbation_forms(study, [changes], samples=64, dtype=torch.float64)
    assert abs(forms.values[0, 0] - 0.01 * hessian.sum()) <= 4 * forms.stderrs[0, 0]


def test_a_layer_that_treats_later_samples_otherwise_is_told_by_name() -> None:
    """The few samples on which gradients are compared were padded in another way."""

    class Fickle(nn.Conv2d):
        def forward(self, input: Tensor) -> Tensor:
            padded = F.pad(input, (1, 1, 1, 1)) if len(input) > 3 else input
            return F.conv2d(padded, self.weight * 1.0, self.bias)

    network = seeded(
        lambda: nn.Sequential(Fickle(2, 3, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(3, 3))
    )
    with pytest.raises(CurvatureError, match="block 0: its Fickle computes some samples in another way"):
        weight_traces(study_of(network), method="output-probes")
