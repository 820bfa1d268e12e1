"""What a network in training is worth on the test split, and how often it says what the FP32 network says."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.evaluation import Evaluation, PerSample, measure_samples
from explorer.evaluation.per_sample import BATCH_SIZE, Check
from explorer.plans import Plan, PlanValue
from explorer.plans.plan.value import with_costs
from explorer.studies import Study
from explorer.studies.losses import IGNORED


@dataclass(frozen=True)
class Tested:
    """A network on the test split.

    Attributes:
        value: loss, metric and costs.
        samples: loss and metric of every sample, in the order of the split.
        agreement: share of the samples, of sequences of their tokens that count, where its largest output is the FP32
            network's; None where outputs are no scores.
    """

    value: PlanValue
    samples: PerSample
    agreement: float | None

    def point(self, epoch: int) -> dict[str, float | None]:
        """The point of the test curve."""
        found = {"epoch": float(epoch), "loss": self.value.loss, "accuracy": self.value.accuracy}
        return found if self.agreement is None else {**found, "agreement": self.agreement}


class Meter:
    """Measures networks under one plan on the test split."""

    def __init__(self, study: Study, plan: Plan, blocks: Sequence[Block], check: Check) -> None:
        self._study, self._plan, self._blocks, self._check = study, plan, blocks, check
        self._taught = _largest(study, study.model(), check)

    def __call__(self, network: nn.Module) -> Tested:
        """The network, in eval mode, on every test sample."""
        largest: list[Tensor] = []

        def noted(inputs: Any) -> Any:
            outputs = network(inputs)
            found = None if self._taught is None else self._study.metric.largest(outputs)
            if found is not None:
                largest.append(found.cpu().flatten())
            return outputs

        samples = measure_samples(self._study, noted, check=self._check)
        value = with_costs(Evaluation.of(samples, "test"), self._plan, self._blocks)
        if self._taught is None:
            return Tested(value, samples, None)
        counts = self._taught >= 0
        same = (torch.cat(largest)[counts] == self._taught[counts]).double().mean().item()
        return Tested(value, samples, same)


def _largest(study: Study, network: nn.Module, check: Check) -> Tensor | None:
    """Place of the largest output of every test sample or token in a row, IGNORED where it does not count; None without
    scores."""
    found = []
    with torch.no_grad():
        for inputs, targets in study.data.batches("test", BATCH_SIZE):
            check()
            largest = study.metric.largest(network(inputs))
            if largest is None:
                return None
            if largest.ndim > 1 and largest.shape == targets.shape:
                largest = largest.where(targets != IGNORED, IGNORED)
            found.append(largest.cpu().flatten())
    return torch.cat(found)
