"""Sites: the tensors that get one step each, in the order in which a forward pass meets them.

A site is the weight of a layer or the input of a layer. The paper quantizes weights and the outputs of ReLU; the
activation bits of this project are those of a layer's input, which is the same tensor seen by the layer that reads
it (two layers that read one tensor have a step each). An input that was never negative on the calibration samples
gets the unsigned levels. One step a tensor, as in the paper. The first and the last layer stay in FP32 unless told
otherwise (sec. 5.1), or a plan gives every layer its widths; embeddings have no input to quantize.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor, nn

from explorer.blocks import QUANTIZABLE, quantizable_layers
from explorer.errors import LapqError
from explorer.lapq.loss.forms import Levels, check_bits
from explorer.lapq.loss.widths import Widths
from explorer.quantizers.grid import FLOAT_BITS
from explorer.quantizers.layers import Place, places
from explorer.questions.steps import Form


@dataclass(frozen=True)
class Site:
    """One step.

    Attributes:
        name: the layer's name and ``.weight`` or ``.input``.
        layer: dotted name of the module; of the first that is called where several share a weight.
        kind: what of it is quantized.
        levels: the quantizer, but for its step.
        low, high: extremes of the tensor; of an input, over all calibration images.
        axis: where the output channels of a weight are.
    """

    name: str
    layer: str
    kind: Literal["weight", "input"]
    bits: int
    signed: bool
    levels: Levels
    low: float
    high: float
    axis: int

    @property
    def largest(self) -> float:
        """The min-max step, the smallest that clips nothing."""
        return self.levels.covering(self.low, self.high)

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {**vars(self), "levels": [self.levels.low, self.levels.high, self.levels.offset]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Site:
        """What `to_json` wrote."""
        return cls(**{**content, "levels": Levels(*content["levels"])})


def find_sites(
    model: nn.Module,
    inputs: Iterable[Tensor],
    *,
    bits: tuple[int, int] | Widths,
    leave: Collection[str] | None = None,
    form: Form = "integer",
) -> tuple[Site, ...]:
    """The sites of a network in eval mode, which is run on the calibration inputs.

    Args:
        bits: widths of weights and inputs, of all layers or of each by its name.
        leave: layers that stay in FP32 where all have one width; None: the first and the last.

    Raises:
        LapqError: a width or form does not exist, nothing is left to quantize, a layer is unknown or never
            reached, or an input of one is not finite.
    """
    seen = _observe(model, inputs)
    widths = bits if isinstance(bits, Mapping) else _of_all(model, bits, list(seen), leave)
    where = [
        place for place in places(model, widths) if (place.w_bits, place.a_bits) != (FLOAT_BITS, FLOAT_BITS)
    ]
    for place in where:
        if place.name not in seen:
            raise LapqError(
                f"no calibration sample reaches layer {place.name!r}, so its step has no effect; leave that layer "
                "in FP32"
            )
    order = list(seen)
    found, weights = [], set()
    for place in sorted(where, key=lambda each: order.index(each.name)):
        if place.a_bits != FLOAT_BITS:
            found.append(_input(place, seen[place.name], form))
        if place.w_bits != FLOAT_BITS and place.weight not in weights:
            weights.add(place.weight)
            found.append(_weight(place, model, form))
    if not found:
        raise LapqError(
            "there is no step to optimise; give the weights or the activations 2 to 8 bits and leave fewer layers "
            "in FP32"
        )
    return tuple(found)


def _observe(model: nn.Module, inputs: Iterable[Tensor]) -> dict[str, tuple[float, float]]:
    """Every quantizable module that is called, in the order of first calls, with its input's extremes."""
    seen: dict[str, tuple[float, float]] = {}

    def watch(name: str) -> Any:
        def hook(_: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
            x = args[0] if args else kwargs["input"]
            low, high = (float(each) for each in x.aminmax())
            if not low - low == high - high == 0:
                raise LapqError(f"the input of layer {name!r} is not finite on the calibration samples")
            before = seen.get(name, (low, high))
            seen[name] = min(low, before[0]), max(high, before[1])

        return hook

    with ExitStack() as hooks, torch.no_grad():
        for name, module in model.named_modules():
            if isinstance(module, QUANTIZABLE):
                hooks.callback(module.register_forward_pre_hook(watch(name), with_kwargs=True).remove)
        for batch in inputs:
            model(batch)
    return seen


def _of_all(
    model: nn.Module, bits: tuple[int, int], seen: Sequence[str], leave: Collection[str] | None
) -> dict[str, tuple[int, int]]:
    """These widths for every layer that is not left in FP32."""
    check_bits("weights", bits[0])
    check_bits("activations", bits[1])
    by_weight = {id(module.weight): name for name, module in quantizable_layers(model)}
    names = list(by_weight.values())
    left = _left(names, [by_weight[id(model.get_submodule(name).weight)] for name in seen], leave)
    return {name: bits for name in names if name not in left}


def _left(names: Sequence[str], reached: Sequence[str], leave: Collection[str] | None) -> frozenset[str]:
    """The layers that stay in FP32: those named, or the first and the last that are reached."""
    if leave is None:
        return frozenset((*reached[:1], *reached[-1:]))
    for name in leave:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
            raise LapqError(
                f"there is no layer {name!r} to leave in FP32; the nearest names are "
                f"{', '.join(map(repr, near))}"
            )
    return frozenset(leave)


def _input(place: Place, extremes: tuple[float, float], form: Form) -> Site:
    low, high = extremes
    levels = Levels.of(form, place.a_bits, signed=low < 0)
    return Site(
        f"{place.name}.input",
        place.name,
        "input",
        place.a_bits,
        low < 0,
        levels,
        low,
        high,
        place.weight_axis,
    )


def _weight(place: Place, model: nn.Module, form: Form) -> Site:
    low, high = (float(each) for each in model.get_parameter(f"{place.name}.weight").detach().aminmax())
    levels = Levels.of(form, place.w_bits, signed=True)
    return Site(
        f"{place.name}.weight", place.name, "weight", place.w_bits, True, levels, low, high, place.weight_axis
    )
