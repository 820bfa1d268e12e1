"""Weights that a slice moves: those of one block, or of all blocks; biases and batch norm stay as they are."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from explorer.blocks import Block
from explorer.curvature.operators.hessian import block_index
from explorer.curvature.operators.subject import Subject
from explorer.errors import CurvatureError
from explorer.quantizers.weights import quantize_weight, squared_errors
from explorer.studies.study import Study

Vector = dict[str, Tensor]  # one tensor a weight, by dotted parameter name


@dataclass(frozen=True, eq=False)
class Target:
    """The weights that move, in the subject's copy of the network.

    Attributes:
        block: its name; None for all blocks.
        index: its place among the subject's blocks; None for all.
        parameters: by dotted name.
        channels: the dimension of the output channels of each.
        centre: a copy of the trained weights.
    """

    subject: Subject
    block: str | None
    index: int | None
    parameters: dict[str, nn.Parameter]
    channels: dict[str, int]
    centre: Vector

    @property
    def weights(self) -> int:
        """Number of weights that move."""
        return sum(parameter.numel() for parameter in self.parameters.values())

    @torch.no_grad()
    def place(self, values: Vector) -> None:
        """Give the weights these values."""
        for name, parameter in self.parameters.items():
            parameter.copy_(values[name])

    def shifted(self, steps: tuple[float, ...], directions: tuple[Vector, ...]) -> Vector:
        """The centre plus ``steps[k]`` times direction k."""
        moved = self.centre
        for step, direction in zip(steps, directions, strict=True):
            moved = {name: torch.add(value, direction[name], alpha=step) for name, value in moved.items()}
        return moved

    def quantized(self, bits: int) -> Vector:
        """Quantized weights Q_b(W), with the quantizer that plans use unless told otherwise."""
        return {
            name: quantize_weight(value, bits, axis=self.channels[name])
            for name, value in self.centre.items()
        }

    def perturbation(self, bits: int) -> Vector:
        """Perturbation Q_b(W) - W."""
        return {name: value - self.centre[name] for name, value in self.quantized(bits).items()}


def target_of(subject: Subject, block: str | None) -> Target:
    """The weights of a block of the subject, or of all.

    Raises:
        CurvatureError: there is no such block, or it has no weight of its own.
    """
    index = block_index(subject, block)
    everywhere = dict(subject.network.named_parameters(remove_duplicate=False))
    mine = {id(weight.parameter) for weight in subject.weights if index in (None, weight.block)}
    parameters: dict[str, nn.Parameter] = {}
    channels: dict[str, int] = {}
    for number, each in enumerate(subject.blocks):
        for layer in each.layers if index in (None, number) else ():
            parameter = everywhere[layer.parameter]
            if id(parameter) in mine:
                mine.remove(id(parameter))
                parameters[layer.parameter] = parameter
                channels[layer.parameter] = layer.output_axis
    if not parameters:
        raise CurvatureError(f"block {block} has no weights of its own; they belong to an earlier block")
    centre = {name: parameter.detach().clone() for name, parameter in parameters.items()}
    return Target(subject, block, index, parameters, channels, centre)


def blocks_with(study: Study, block: str | None) -> tuple[Block, ...]:
    """The partition that has the block: the layers, or the modules.

    Raises:
        CurvatureError: neither has it.
    """
    layers = study.blocks()
    if block is None or any(each.name == block for each in layers):
        return layers
    modules = study.blocks("module")
    if any(each.name == block for each in modules):
        return modules
    names = ", ".join(each.name for each in layers)
    raise CurvatureError(f"{study.name} has no block {block!r}; use one of {names}, or a module of them")


def perturbation_norm(study: Study, block: str | None, bits: int) -> float:
    """Length |Q_b(W) - W| over a block's weights, or all blocks' (None)."""
    model = study.model()
    squared = {
        layer.parameter: squared_errors(
            model.get_parameter(layer.parameter).detach(), (bits,), axis=layer.output_axis
        )[bits]
        for each in blocks_with(study, block)
        for layer in each.layers
        if block in (None, each.name)
    }
    found: float = sum(squared.values()) ** 0.5
    return found


def norm(vector: Vector) -> float:
    """Euclidean length over all weights, summed in float64."""
    found: float = sum(float(part.double().square().sum()) for part in vector.values()) ** 0.5
    return found


def inner(one: Vector, other: Vector) -> float:
    """Inner product over all weights, summed in float64."""
    return sum(float((part.double() * other[name].double()).sum()) for name, part in one.items())
