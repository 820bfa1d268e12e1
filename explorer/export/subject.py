"""What is exported: a plan's quantized network with the study it is of, and what a format made of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.plans.plan.plan import Plan
from explorer.quantizers.simulated import simulate
from explorer.questions.exports import Carrying, Flavour
from explorer.randomness import spread_rows
from explorer.studies.calibration import calibration_batches
from explorer.studies.study import Study

TRIED = 200


@dataclass(frozen=True)
class Options:
    """What a person chooses; a format takes no notice of what it does not know.

    Attributes:
        flavour: of ONNX: ``integer`` (int32 biases, 8-bit residual sums) or ``faithful`` (the plan, no more).
        carrier: of ONNX: ``int8`` (a byte a weight) or ``packed`` (its own width).
        tried: test samples that the file is tried on.
    """

    flavour: Flavour = "integer"
    carrier: Carrying = "int8"
    tried: int = TRIED


@dataclass(frozen=True, eq=False)
class Subject:
    """A quantized network to export.

    Attributes:
        network: as `simulate` or `freeze` made it, or `qat.rebuilding.rebuilt` of what a training kept.
        run: id of the training that its weights are from; "": quantized without training.
    """

    study: Study
    plan: Plan
    blocks: Sequence[Block]
    network: nn.Module
    options: Options = Options()
    run: str = ""

    @classmethod
    def untrained(
        cls, study: Study, plan: Plan, blocks: Sequence[Block], options: Options = Options()
    ) -> Subject:
        """A plan's network without training."""
        bits = plan.layer_bits(blocks)
        network = simulate(study.model(), bits, calibration_batches(study), steps=plan.steps)
        return cls(study, plan, blocks, network, options)

    @cached_property
    def rows(self) -> Tensor:
        """Test samples to try a file on, spread evenly."""
        return spread_rows(self.study.data.size("test"), self.options.tried)

    @torch.no_grad()
    def outputs(self, network: nn.Module) -> list[Any]:
        """What a network says of those samples, a batch at a time."""
        return [network(inputs) for inputs, _ in self.batches()]

    def batches(self) -> list[tuple[Any, Tensor]]:
        """Those samples with their targets."""
        return list(self.study.data.batches("test", 64, self.rows))


@dataclass(frozen=True)
class Check:
    """Something that was looked at after writing.

    Attributes:
        name: what.
        found: plain data, the figures.
    """

    name: str
    found: Mapping[str, Any]


@dataclass(frozen=True)
class Written:
    """What a format wrote.

    Attributes:
        weight_bytes: of the quantized weights in the file.
        checks: made by reading it back.
        remarks: sentences, what the format could not say.
        versions: of the libraries that wrote it.
    """

    weight_bytes: int
    checks: tuple[Check, ...]
    remarks: tuple[str, ...] = ()
    versions: Mapping[str, str] = field(default_factory=dict)
