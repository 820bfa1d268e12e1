"""Value of a network on a split: mean loss and mean metric, each with its standard error.

    loss      s/√N, s the standard deviation with N - 1 in its denominator
    metric    √(⟨v²⟩ - ⟨v⟩²)/√N, which for the accuracy p is √(p(1−p)/N); of what is no mean, see `counting`

These errors are those that a finite number of samples leaves. A network quantized after training (PTQ) has its
weights quantized once, with steps chosen from the weights, and its activations with steps chosen from calibration
samples of the training split; steps that are given go before both.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from explorer.estimates import mean
from explorer.evaluation.counting import counted
from explorer.evaluation.per_sample import Check, Network, PerSample, Progress, measure_samples
from explorer.quantizers.deployed import Deployment, deploy
from explorer.quantizers.given import GivenSteps
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.simulated import simulate
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study


@dataclass(frozen=True)
class Evaluation:
    """Means over the samples of one split.

    Attributes:
        split: ``train`` or ``test``.
        samples: how many.
        loss, loss_stderr: mean and its standard error.
        accuracy, accuracy_stderr: mean of the study's metric, and its standard error: of an accuracy, the share of
            samples that are right, in [0, 1]; None where there is none for the targets.
        remarks: what a person should know of the network that was measured.
    """

    split: str
    samples: int
    loss: float
    loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None
    remarks: tuple[str, ...] = field(default=(), kw_only=True)

    @classmethod
    def of(cls, found: PerSample, split: str) -> "Evaluation":
        """The means of what was measured."""
        loss, metric = mean(found.losses), None if found.metric is None else counted(found.metric)
        return cls(
            split=split,
            samples=len(found),
            loss=loss.value,
            loss_stderr=loss.stderr,
            accuracy=None if metric is None else metric.value,
            accuracy_stderr=None if metric is None else metric.stderr,
        )

    def to_json(self) -> dict[str, Any]:
        """Plain data, remarks where there are any."""
        content = {name: value for name, value in self.__dict__.items() if name != "remarks"}
        return {**content, "remarks": list(self.remarks)} if self.remarks else content


def measure(
    network: Network,
    study: Study,
    *,
    split: str = "test",
    check: Check | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a network that takes and gives what the study's does.

    Raises:
        StudyError: there is no such split.
    """
    return Evaluation.of(measure_samples(study, network, split, check=check, progress=progress), split)


def evaluate(
    study: Study,
    layer_bits: Mapping[str, tuple[int, int]] | None = None,
    *,
    steps: GivenSteps | None = None,
    split: str = "test",
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    deployment: Deployment | None = None,
    check: Check | None = None,
    progress: Progress | None = None,
) -> Evaluation:
    """Measure a study's network without training.

    Args:
        layer_bits: layer to bits of its weight and of its input; a layer that is not named stays in FP32.
        steps: go before the rules.
        weights, activations: the rules.
        deployment: measure the network that integer arithmetic makes of it.

    Raises:
        QuantizerError: a layer or a width is not there.
        StudyError: there is no such split.
        ExportError: a layer cannot be computed in integers.
    """
    calibration = calibration_batches(study)
    network = simulate(
        study.model(),
        layer_bits or {},
        calibration,
        weights=weights,
        activations=activations,
        steps=steps,
    )
    if deployment is None:
        return measure(network, study, split=split, check=check, progress=progress)
    ready = deploy(network, calibration, deployment)
    found = measure(ready.network, study, split=split, check=check, progress=progress)
    return replace(found, remarks=ready.remarks)
