r"""Outlier channel splitting (OCS; Zhao et al. 2019): smaller weights for more channels.

⌈r C⌉ times, of C input channels, the one with the largest max |w| is written twice and its input with it; its weights
above half that maximum m are shared between the copies, smaller ones stay in the first (0 in the other):

    plain         w -> w/2, w/2
    grid-aware    w -> (w - δ/2)/2, (w + δ/2)/2        for the step δ, since then Q(w₁) + Q(w₂) = Q(w)

so the range is narrower and the step smaller. The step is chosen by the settings' rule for the plainly split weight,
and serves both. Here the copies are added up again after quantization, which is what the wider layer computes: a
weight of the original shape to put in its place, and how many weights more it stands for.

Rebuilt from the description of the paper and of its code (cornell-zhang/dnn-quant-ocs), for weights.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.errors import QuantizerError
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.quantizers.uniform import Affine, fake_quantize
from explorer.quantizers.weights import weight_affine


@dataclass(frozen=True, eq=False)
class Split:
    """A weight quantized after its input channels were split.

    Attributes:
        value: the copies added up, of the weight's shape.
        affine: the step all copies share.
        sources: which input channel each channel of the wider weight is a copy of, C + ⌈r C⌉ of them.
        extra: how many weights more than the original's are stored.
    """

    value: Tensor
    affine: Affine
    sources: tuple[int, ...]
    extra: int


def ocs(
    weight: Tensor,
    bits: int,
    *,
    ratio: float,
    grid_aware: bool = True,
    settings: QuantizerSettings = WEIGHTS,
    axis: int = 0,
) -> Split:
    """Split and quantize a weight.

    Args:
        ratio: r, the share of channels added.
        axis: the output channels, 0 or 1; the input channels are the other of the two.

    Raises:
        QuantizerError: the ratio is not between 0 and 1, the settings are affine, or the weight has one input
            channel, as that of a depthwise convolution.
    """
    if not 0 <= ratio <= 1:
        raise QuantizerError(f"cannot split {ratio:g} of the channels: choose a ratio from 0 to 1")
    if settings.scheme != "symmetric":
        raise QuantizerError("channels are split for symmetric quantizers: choose the symmetric scheme")
    w = weight.detach() if axis == 0 else weight.detach().transpose(0, 1)  # (outputs, inputs, ...)
    if w.ndim < 2 or w.shape[1] == 1:
        raise QuantizerError(
            f"a weight of shape {tuple(weight.shape)} has no input channels to split: choose another layer"
        )
    count = math.ceil(ratio * w.shape[1])
    wide, sources = _split(w, count, torch.zeros(()))
    q = weight_affine(wide, bits, settings)
    if grid_aware:
        wide, sources = _split(w, count, q.step)
    value = torch.zeros_like(w).index_add_(1, torch.tensor(sources), fake_quantize(wide, q))
    extra = count * w[:, 0].numel()
    if axis == 0:
        return Split(value, q, sources, extra)
    return Split(value.transpose(0, 1), replace(q, axis=None if q.axis is None else axis), sources, extra)


def _split(w: Tensor, count: int, step: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """The wider weight, and which input channel each of its channels is a copy of."""
    columns, sources = list(w.unbind(1)), list(range(w.shape[1]))
    lean = step.reshape(-1, *[1] * (w.ndim - 2)) / 2
    for _ in range(count):
        largest = [float(column.abs().max()) for column in columns]
        at = max(range(len(columns)), key=largest.__getitem__)
        column = columns[at]
        shared = column.abs() > largest[at] / 2
        columns[at] = torch.where(shared, (column - lean) / 2, column)
        columns.append(torch.where(shared, (column + lean) / 2, 0))
        sources.append(sources[at])
    return torch.stack(columns, dim=1), tuple(sources)
