"""What a plan is worth without training: loss and accuracy of the network quantized after training (PTQ).

Weights are quantized once with steps chosen from the weights, activations with steps chosen from calibration
images of the training split; steps that the plan carries go before both. Loss and accuracy are means over samples,
each with the standard error that a finite number of test images leaves: s/√N for the loss, √(p(1−p)/N) for an
accuracy p.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.plans import Plan, bops, fp32_bytes, size_bytes
from explorer.quantizers.settings import ACTIVATIONS, WEIGHTS, QuantizerSettings
from explorer.quantizers.simulated import simulate
from explorer.studies import Study
from explorer.studies.calibration import calibration_batches

BATCH_SIZE = 500


@dataclass(frozen=True)
class Evaluation:
    """Measured on one split.

    Attributes:
        split: ``train`` or ``test``.
        samples: how many images.
        loss, loss_stderr: mean over the images and its standard error.
        accuracy, accuracy_stderr: share of images right, in [0, 1]; None where the targets are no classes.
        size_bytes: packed weights of all blocks, biases and batch norm excluded.
        fp32_bytes: the same weights in FP32.
        bops: bit operations for one image, Σ MACs·w·a.
    """

    split: str
    samples: int
    loss: float
    loss_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None
    size_bytes: int
    fp32_bytes: int
    bops: int

    @property
    def compression(self) -> float:
        """FP32 size over packed size."""
        return self.fp32_bytes / self.size_bytes

    def to_json(self) -> dict[str, Any]:
        """Plain data, compression included."""
        return {**self.__dict__, "compression": self.compression}


def evaluate(
    study: Study,
    plan: Plan | None,
    blocks: Sequence[Block],
    *,
    split: str = "test",
    weights: QuantizerSettings = WEIGHTS,
    activations: QuantizerSettings = ACTIVATIONS,
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Measure a plan without training; ``plan`` None measures the FP32 network.

    Args:
        blocks: the partition the plan names.
        progress: told the share of images done, in [0, 1].

    Raises:
        PlanError: the plan does not fit the blocks.
        StudyError: there is no such split.
    """
    plan = plan or Plan.uniform(study, blocks, 32, 32)
    network = simulate(
        study.model(),
        plan.layer_bits(blocks),
        calibration_batches(study),
        weights=weights,
        activations=activations,
        steps=plan.steps,
    )
    return measure(network, study, plan, blocks, split=split, progress=progress)


@torch.inference_mode()
def measure(
    network: nn.Module,
    study: Study,
    plan: Plan,
    blocks: Sequence[Block],
    *,
    split: str = "test",
    progress: Callable[[float], None] | None = None,
) -> Evaluation:
    """Loss and accuracy of a network that is already quantized as ``plan`` says."""
    losses: list[Tensor] = []
    rights: list[Tensor] = []
    done, total = 0, study.data.size(split)
    for inputs, targets in study.data.batches(split, BATCH_SIZE):
        outputs = network(inputs)
        losses.append(study.loss.per_sample(outputs, targets).double())
        right = study.loss.correct(outputs, targets)
        if right is not None:
            rights.append(right)
        done += len(inputs)
        if progress is not None:
            progress(done / total)
    values = torch.cat(losses)
    accuracy = torch.cat(rights).double().mean().item() if rights else None
    return Evaluation(
        split=split,
        samples=total,
        loss=values.mean().item(),
        loss_stderr=values.std().item() / math.sqrt(total) if total > 1 else math.inf,
        accuracy=accuracy,
        accuracy_stderr=math.sqrt(accuracy * (1 - accuracy) / total) if accuracy is not None else None,
        size_bytes=size_bytes(blocks, plan.w_bits),
        fp32_bytes=fp32_bytes(blocks),
        bops=bops(blocks, plan),
    )
