r"""Squared norms of per-sample gradients of one layer, from its input and the gradient at its output.

For every kind of layer the gradient of sample n's scalar with respect to the weight is a sum over positions p
(pixels, sequence items; one for a plain linear layer), separately in every group g:

    G_n[g] = D_n[g] A_n[g]^T,    D: (O, P) output gradients,  A: (K, P) inputs of each position,

where for a convolution A is the unfolded input. A weight used several times has its uses side by side along
P, so its gradient is summed *before* the norm. Then |G_n|^2 comes from the product itself or, where P is
small, from the Gram matrices, |D A^T|^2 = <A^T A, D^T D>, whichever costs fewer multiplications.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
TRANSPOSED = (nn.ConvTranspose1d, nn.ConvTranspose2d, nn.ConvTranspose3d)
SUPPORTED = (nn.Linear, nn.Embedding, *CONVOLUTIONS, *TRANSPOSED)


@dataclass(frozen=True)
class Factors:
    """The two factors of the per-sample gradient of one use of a weight.

    Attributes:
        inputs: A, (N, groups, K, P); for an embedding its indices, (N, P).
        deltas: D, (N, groups, O, P).
    """

    inputs: Tensor
    deltas: Tensor


def factors(module: nn.Module, inputs: Tensor, deltas: Tensor) -> Factors:
    """Factors of one use of ``module`` on ``inputs`` (N, ...) with output gradient ``deltas`` (N, ...)."""
    if isinstance(module, nn.Embedding):
        return _embedding(module, inputs, deltas)
    if isinstance(module, nn.Linear):
        return Factors(_positions_last(inputs).unsqueeze(1), _positions_last(deltas).unsqueeze(1))
    if isinstance(module, CONVOLUTIONS):
        return Factors(_unfolded(module, inputs), _grouped(deltas, module.groups))
    if isinstance(module, TRANSPOSED):
        # The roles are exchanged: weight[in, out, k] meets input position p and output patch p.
        extent: tuple[Any, ...] = (..., *(slice(0, size) for size in inputs.shape[2:]))
        patches = _patches(deltas, module, _plain_padding(module))
        patches = patches[extent]
        return Factors(_flat_patches(patches, module.groups), _grouped(inputs, module.groups))
    raise TypeError(f"no per-sample gradient for {type(module).__name__}")


def squared_norms(uses: Sequence[Factors]) -> Tensor:
    """|sum over uses of D A^T|^2 for every sample, (N,)."""
    if len(uses) == 1:
        a, d = uses[0].inputs, uses[0].deltas
    elif all(use.inputs.ndim == 2 for use in uses):
        a, d = torch.cat([u.inputs for u in uses], -1), torch.cat([u.deltas for u in uses], -1)
    else:
        a, d = _with_embedding(uses)
    if a.ndim == 2:
        same = (a.unsqueeze(2) == a.unsqueeze(1)).to(d.dtype)
        return (same * (d[:, 0].transpose(1, 2) @ d[:, 0])).sum((1, 2))
    n, groups, k, positions = a.shape
    o = d.shape[2]
    if positions == 1:
        return (a.square().sum(2) * d.square().sum(2)).sum((1, 2))
    a, d = a.reshape(n * groups, k, positions), d.reshape(n * groups, o, positions)
    if positions * (k + o) < k * o:
        grams = (a.transpose(1, 2) @ a) * (d.transpose(1, 2) @ d)
        return grams.sum((1, 2)).view(n, groups).sum(1)
    return (d @ a.transpose(1, 2)).square().sum((1, 2)).view(n, groups).sum(1)


def _embedding(module: nn.Embedding, inputs: Tensor, deltas: Tensor) -> Factors:
    indices = inputs.flatten(1)
    deltas = deltas.reshape(len(inputs), -1, module.embedding_dim).transpose(1, 2)
    if module.padding_idx is not None:  # that row is held constant
        deltas = deltas * (indices != module.padding_idx).unsqueeze(1)
    return Factors(indices, deltas.unsqueeze(1))


def _with_embedding(uses: Sequence[Factors]) -> tuple[Tensor, Tensor]:
    """A and D of a weight that may serve as embedding too: there D is the one-hot index, A the gradient."""
    rows = max((use.deltas.shape[2] for use in uses if use.inputs.ndim == 4), default=0)
    a, d = [], []
    for use in uses:
        if use.inputs.ndim == 4:
            a.append(use.inputs)
            d.append(use.deltas)
        else:
            a.append(use.deltas)
            d.append(F.one_hot(use.inputs, rows).to(use.deltas.dtype).transpose(1, 2).unsqueeze(1))
    return torch.cat(a, -1), torch.cat(d, -1)


def _positions_last(x: Tensor) -> Tensor:
    """(N, ..., features) -> (N, features, P)."""
    return x.reshape(len(x), -1, x.shape[-1]).transpose(1, 2)


def _grouped(x: Tensor, groups: int) -> Tensor:
    """(N, C, *positions) -> (N, groups, C / groups, P)."""
    return x.reshape(len(x), groups, x.shape[1] // groups, -1)


def _unfolded(module: Any, inputs: Tensor) -> Tensor:
    if isinstance(module.padding, str):
        padding = _same_padding(module) if module.padding == "same" else [0] * (2 * len(module.kernel_size))
    else:
        padding = _plain_padding(module)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    if _pointwise(module) and not any(padding):
        return _grouped(inputs, module.groups)
    return _flat_patches(_patches(inputs, module, padding, mode), module.groups)


def _pointwise(module: Any) -> bool:
    return all(k == 1 for k in module.kernel_size) and all(s == 1 for s in module.stride)


def _plain_padding(module: Any) -> list[int]:
    """In the order of ``F.pad``: last dimension first, both sides."""
    return [amount for amount in reversed(module.padding) for _ in range(2)]


def _same_padding(module: Any) -> list[int]:
    amounts: list[int] = []
    for kernel, dilation in zip(reversed(module.kernel_size), reversed(module.dilation), strict=True):
        total = dilation * (kernel - 1)
        amounts += [total // 2, total - total // 2]
    return amounts


def _patches(x: Tensor, module: Any, padding: list[int], mode: str = "constant") -> Tensor:
    """A view (N, C, *kernel, *positions) of the padded input: no value is copied but by the padding."""
    if any(padding):
        x = F.pad(x, padding, mode=mode)
    x = x.contiguous()
    strides = x.stride()
    kernel, dilation, stride = module.kernel_size, module.dilation, module.stride
    positions = [
        (size - d * (k - 1) - 1) // s + 1
        for size, k, d, s in zip(x.shape[2:], kernel, dilation, stride, strict=True)
    ]
    return x.as_strided(
        (*x.shape[:2], *kernel, *positions),
        (
            *strides[:2],
            *(step * d for step, d in zip(strides[2:], dilation, strict=True)),
            *(step * s for step, s in zip(strides[2:], stride, strict=True)),
        ),
    )


def _flat_patches(patches: Tensor, groups: int) -> Tensor:
    """(N, C, *kernel, *positions) -> (N, groups, C / groups * kernel, P); this copies."""
    n, channels = patches.shape[:2]
    dims = (patches.ndim - 2) // 2
    taps = int(torch.Size(patches.shape[2 : 2 + dims]).numel())
    return patches.reshape(n, groups, channels // groups * taps, -1)
