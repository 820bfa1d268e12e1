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


@dataclass(frozen=True)
class Tested:
    """A network on the test split.

    Attributes:
        value: loss, metric and costs.
        samples: loss and metric of every sample, in the order of the split.
        agreement: share of the samples where its largest output is the FP32 network's; None where outputs are no
            scores of classes.
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
        self._taught = _classes(study, study.model(), check)

    def __call__(self, network: nn.Module) -> Tested:
        """The network, in eval mode, on every test sample."""
        classes: list[Tensor] = []

        def noted(inputs: Any) -> Any:
            outputs = network(inputs)
            if self._taught is not None:
                classes.append(outputs.argmax(1).cpu())
            return outputs

        samples = measure_samples(self._study, noted, check=self._check)
        value = with_costs(Evaluation.of(samples, "test"), self._plan, self._blocks)
        same = None if self._taught is None else (torch.cat(classes) == self._taught).double().mean().item()
        return Tested(value, samples, same)


def _classes(study: Study, network: nn.Module, check: Check) -> Tensor | None:
    """Class of the largest output of every test sample; None where outputs are no scores of classes."""
    found = []
    with torch.no_grad():
        for inputs, _ in study.data.batches("test", BATCH_SIZE):
            check()
            outputs = network(inputs)
            if not isinstance(outputs, Tensor) or outputs.ndim != 2 or outputs.shape[1] < 2:
                return None
            found.append(outputs.argmax(1).cpu())
    return torch.cat(found)
