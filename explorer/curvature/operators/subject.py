"""Subject of differentiation: a private copy of a study's network, made fit for it, with its blocks and its data.

Curvature is measured on FP32 (or FP64) weights with no quantizer active, batch norm in eval mode, and every
in-place activation made out-of-place, since a hook would otherwise see the value after it.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from explorer.blocks import QUANTIZABLE, Block, Granularity, quantizable_layers
from explorer.curvature.operators.structured import SideBySide, flattened_loss
from explorer.curvature.twice import TwiceDifferentiable, twice_differentiable
from explorer.errors import CurvatureError
from explorer.quantizers.simulated import assert_no_quantizer
from explorer.studies.data.samples import mapped
from explorer.studies.losses import Loss
from explorer.studies.study import Study, require_network


@dataclass(frozen=True)
class Weight:
    """One weight tensor of the copy.

    Attributes:
        name: dotted name of its layer.
        parameter: the tensor.
        modules: every module that holds it (several where it is tied).
        block: index of its block.
    """

    name: str
    parameter: nn.Parameter
    modules: tuple[nn.Module, ...]
    block: int


@dataclass(frozen=True)
class Subject:
    """A network under differentiation.

    Attributes:
        model: the copy.
        blocks: depth order.
        weights: the weights of all blocks, each once.
        loss: the study's loss; where the network's outputs are a structure, of the tensor that holds them.
        rows: rows of the training split that count as the data, int64.
    """

    study: Study
    model: nn.Module
    blocks: tuple[Block, ...]
    weights: tuple[Weight, ...]
    loss: Loss
    rows: Tensor
    dtype: torch.dtype

    @property
    def network(self) -> nn.Module:
        """The copy without what is put around it, so that its names are the study's."""
        found = self.model
        while isinstance(found, SideBySide | TwiceDifferentiable):
            found = found.network
        return found

    @property
    def device(self) -> torch.device:
        """Where the copy and its data lie: the study's device."""
        return self.study.device

    @property
    def ragged(self) -> bool:
        """Whether inputs differ in size, so that they go through the network one at a time."""
        return self.study.data.ragged

    @property
    def size(self) -> int:
        """Number of data samples, N."""
        return len(self.rows)

    def few(self, count: int) -> Tensor:
        """Positions of the first samples that can be stacked, at most ``count``."""
        return torch.arange(1 if self.ragged else min(count, self.size))

    def batch(self, positions: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs and targets of samples 0 .. N-1; positions may repeat."""
        rows = self.rows[positions]
        inputs = _cast(self.study.data.inputs("train", rows), self.dtype)
        return inputs, self.study.data.targets("train", rows)

    def chunks(self, positions: Tensor, size: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
        """Positions, inputs and targets, at most ``size`` samples at a time, one where they differ in size."""
        for chunk in positions.split(1 if self.ragged else size):
            yield chunk, *self.batch(chunk)

    def per_block(self, values: Tensor) -> Tensor:
        """Sum values of weights, (..., weights), into values of blocks, (..., blocks)."""
        owners = torch.tensor([weight.block for weight in self.weights], device=values.device)
        summed = values.new_zeros(*values.shape[:-1], len(self.blocks))
        return summed.index_add_(-1, owners, values)


def prepare(
    study: Study,
    *,
    blocks: tuple[Block, ...] | None = None,
    granularity: Granularity = "layer",
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
) -> Subject:
    """Copy a study's network and find the blocks' weights in the copy.

    Raises:
        CurvatureError: a weight is not finite or missing.
        StudyError: the study has no network.
        QuantizerError: a quantizer is active.
    """
    model = require_network(study).model()
    assert_no_quantizer(model)  # rounding has derivative zero: every curvature would be silent nonsense
    model = without_inplace(model).eval().to(dtype).requires_grad_(True)
    rows = torch.arange(study.data.size("train")) if rows is None else rows
    if len(rows) == 0:
        raise CurvatureError("there are no rows to measure the curvature on; give at least one")
    example = _cast(study.data.inputs("train", rows[:1]), dtype)
    if blocks is None:
        blocks = study.blocks(granularity)
    weights, loss = _weights(model, blocks), study.loss
    model = twice_differentiable(model, example)
    with torch.no_grad():
        outputs = model(example)
    if not torch.is_tensor(outputs):
        model, loss = SideBySide(model), flattened_loss(loss, outputs)
    return Subject(study, model, blocks, weights, loss, rows, dtype)


def without_inplace(model: nn.Module) -> nn.Module:
    """Turn every in-place activation of ``model`` into its out-of-place form."""
    for module in model.modules():
        if getattr(module, "inplace", False) is True:
            module.inplace = False  # type: ignore[assignment]
    return model


def single_tensor(outputs: Any) -> Tensor:
    """The outputs as one tensor (N, ...).

    Raises:
        CurvatureError: they are something else.
    """
    if torch.is_tensor(outputs) and outputs.ndim >= 1:
        return outputs
    raise CurvatureError("the network gives one number for all samples; it must give outputs for each sample")


def _cast(inputs: Any, dtype: torch.dtype) -> Any:
    """Inputs in the dtype where they are numbers to compute with; indices (tokens) stay integers."""
    return mapped(lambda each: each.to(dtype) if each.is_floating_point() else each, inputs)


def _layers(holders: list[nn.Module]) -> tuple[nn.Module, ...]:
    """Of the modules that hold a weight those that are layers, if any: another only passes it on to one."""
    return tuple(each for each in holders if isinstance(each, QUANTIZABLE)) or tuple(holders)


def _weights(model: nn.Module, blocks: tuple[Block, ...]) -> tuple[Weight, ...]:
    holders: dict[int, list[nn.Module]] = {}
    for module in model.modules():
        if isinstance(getattr(module, "weight", None), nn.Parameter):
            holders.setdefault(id(module.weight), []).append(module)
    canonical = {id(module.weight): name for name, module in quantizable_layers(model)}
    parameters = dict(model.named_parameters(remove_duplicate=False))
    found: list[Weight] = []
    seen: set[int] = set()
    for index, block in enumerate(blocks):
        for dotted in block.parameters:
            parameter = parameters.get(dotted)
            if parameter is None:
                raise CurvatureError(f"block {block.name} has no weight {dotted} in this network")
            if not torch.isfinite(parameter).all():
                raise CurvatureError(
                    f"block {block.name}: the weight {dotted} is not finite; mend the weights file"
                )
            if id(parameter) in seen:
                continue
            seen.add(id(parameter))
            name = canonical.get(id(parameter), dotted.rpartition(".")[0])
            found.append(Weight(name, parameter, _layers(holders.get(id(parameter), [])), index))
    return tuple(found)
