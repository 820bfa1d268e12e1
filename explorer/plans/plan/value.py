"""Value of a plan: loss and metric of the network quantized after training as it says, and what it costs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from torch import nn

from explorer import evaluation
from explorer.blocks import Block
from explorer.evaluation.per_sample import Check, Progress
from explorer.evaluation.split_value import Evaluation
from explorer.plans.costs.tables import bops, fp32_bytes, size_bytes
from explorer.plans.plan.plan import Plan
from explorer.quantizers.deployed import Deployment
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.studies.study import Study


@dataclass(frozen=True)
class PlanValue(Evaluation):
    """Measured on one split, beside the plan's costs.

    Attributes:
        size_bytes: packed weights of all blocks, biases and batch norm excluded.
        fp32_bytes: the same weights in FP32.
        bops: bit operations for one sample, Σ MACs·w·a.
    """

    size_bytes: int
    fp32_bytes: int
    bops: int

    @property
    def compression(self) -> float:
        """FP32 size over packed size."""
        return self.fp32_bytes / self.size_bytes

    def to_json(self) -> dict[str, Any]:
        """Plain data, compression included."""
        return {**super().to_json(), "compression": self.compression}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "PlanValue":
        """The inverse of ``to_json``."""
        found = {field.name: content[field.name] for field in fields(cls) if field.name in content}
        return cls(**{**found, "remarks": tuple(found.get("remarks", ()))})


def evaluate_plan(
    study: Study,
    plan: Plan | None,
    blocks: Sequence[Block],
    *,
    split: str = "test",
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    deployed: bool = False,
    check: Check | None = None,
    progress: Progress | None = None,
) -> PlanValue:
    """Measure a plan without training; ``plan`` None measures the FP32 network.

    Args:
        blocks: the partition the plan names.
        deployed: measure what integer arithmetic makes of it (`quantizers.deployed`).
        check: called before every batch; it may raise.
        progress: told the share of samples done, in [0, 1].

    Raises:
        PlanError: the plan does not fit the blocks.
        StudyError: there is no such split.
        ExportError: a layer cannot be computed in integers.
    """
    plan = plan or Plan.uniform(study, blocks, 32, 32)
    found = evaluation.evaluate(
        study,
        plan.layer_bits(blocks),
        steps=plan.steps,
        split=split,
        weights=weights,
        activations=activations,
        deployment=Deployment() if deployed else None,
        check=check,
        progress=progress,
    )
    return with_costs(found, plan, blocks)


def measure_plan(
    network: nn.Module,
    study: Study,
    plan: Plan,
    blocks: Sequence[Block],
    *,
    split: str = "test",
    check: Check | None = None,
    progress: Progress | None = None,
) -> PlanValue:
    """Loss and metric of a network that is already quantized as ``plan`` says."""
    found = evaluation.measure(network, study, split=split, check=check, progress=progress)
    return with_costs(found, plan, blocks)


def with_costs(found: Evaluation, plan: Plan, blocks: Sequence[Block]) -> PlanValue:
    """What was measured of a network that is quantized as ``plan`` says, beside the plan's costs."""
    return PlanValue(
        **found.to_json(),
        size_bytes=size_bytes(blocks, plan.w_bits),
        fp32_bytes=fp32_bytes(blocks),
        bops=bops(blocks, plan),
    )
