r"""Squared norms of per-sample gradients of one layer, from its input and the gradient at its output.

For every kind of layer the gradient of sample n's scalar with respect to the weight is a sum over positions p
(pixels, sequence items; one for a plain linear layer), separately in every group g:

    G_n[g] = D_n[g] A_n[g]^T,    D: (O, P) output gradients,  A: (K, P) inputs of each position,

where for a convolution A is the unfolded input. A weight used several times has its uses side by side along
P, so its gradient is summed *before* the norm. Then |G_n|^2 comes from the product itself or, where P is
small, from the Gram matrices, |D A^T|^2 = <A^T A, D^T D>, whichever costs fewer multiplications. Norms of
several gradients, one a direction v at the outputs, share A: sum_v |D_v A^T|^2 = <A^T A, sum_v D_v^T D_v>, and
the input is unfolded once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from explorer.blocks import CONVOLUTIONS, TRANSPOSED
from explorer.products import TransposedLinear

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.LayerNorm)
LINEAR = (nn.Linear, TransposedLinear)
SUPPORTED = (*LINEAR, nn.Embedding, *CONVOLUTIONS, *TRANSPOSED, *NORMS)


class Unlike(RuntimeError):
    """The input of a layer and the gradient at its output do not belong to the same positions."""


@dataclass(frozen=True)
class Factors:
    """The two factors of the per-sample gradient of one use of a weight.

    Attributes:
        inputs: A, (N, groups, K, P); for an embedding its indices, (N, P).
        deltas: D of every direction, each (N, groups, O, P). (For a transposed convolution, whose weight is
            stored with its inputs first, A and D are each other's.)
    """

    inputs: Tensor
    deltas: tuple[Tensor, ...]

    def __post_init__(self) -> None:
        positions = {each.shape[-1] for each in (self.inputs, *self.deltas)}
        if len(positions) > 1:
            raise Unlike(f"a layer's input and output have {sorted(positions)} positions")


def factors(module: nn.Module, inputs: Tensor, deltas: Sequence[Tensor], *, padded: bool = False) -> Factors:
    """Factors of one use of ``module`` on ``inputs`` (N, ...).

    Args:
        deltas: gradients at its output, each (N, ...), one a direction.
        padded: ``inputs`` of a convolution are padded already.

    Raises:
        Unlike: the module does not compute its output as its kind of layer does.
    """
    if isinstance(module, nn.Embedding):
        return Factors(inputs.flatten(1), tuple(_embedding(module, inputs, delta) for delta in deltas))
    if isinstance(module, LINEAR):
        return Factors(
            _positions_last(inputs).unsqueeze(1), tuple(_positions_last(d).unsqueeze(1) for d in deltas)
        )
    if isinstance(module, CONVOLUTIONS):
        inputs = inputs if padded else _padded(module, inputs)
        return Factors(_unfolded(module, inputs), tuple(_grouped(delta, module.groups) for delta in deltas))
    if isinstance(module, TRANSPOSED):
        # weight[in, out, k] meets input position p and output patch p.
        extent: tuple[Any, ...] = (..., *(slice(0, size) for size in inputs.shape[2:]))
        padding = padding_amounts(module.padding, module.kernel_size, module.dilation)
        patches = [_patches(F.pad(delta, padding), module)[extent] for delta in deltas]
        return Factors(
            _grouped(inputs, module.groups), tuple(_flat_patches(patch, module.groups) for patch in patches)
        )
    if isinstance(module, NORMS):
        # One group a feature: its weight meets the normalised input, position by position.
        return Factors(
            _by_feature(module, _normalised(module, inputs)),
            tuple(_by_feature(module, delta) for delta in deltas),
        )
    raise TypeError(f"no per-sample gradient for {type(module).__name__}")


def folded(made: Factors, samples: int) -> Factors:
    """Factors for each of fewer samples, of which each was several entries of a batch, one after the other."""
    if len(made.inputs) == samples:
        return made
    return Factors(_together(made.inputs, samples), tuple(_together(delta, samples) for delta in made.deltas))


def _together(x: Tensor, samples: int) -> Tensor:
    """(samples * m, ..., P) -> (samples, ..., m * P)."""
    found: Tensor = x.unflatten(0, (samples, -1)).movedim(1, -2).flatten(-2)
    return found


def squared_norms(uses: Sequence[Factors]) -> Tensor:
    """sum_v |sum over uses of D_v A^T|^2 for every sample, (N,).

    Uses of one weight by different kinds of layer must hold one direction each.
    """
    a, deltas = _side_by_side(uses)
    if a.ndim == 2:
        same = (a.unsqueeze(2) == a.unsqueeze(1)).to(deltas[0].dtype)
        return sum((same * _gram(d[:, 0])).sum((1, 2)) for d in deltas)  # type: ignore[return-value]
    n, groups, k, positions = a.shape
    o = deltas[0].shape[2] * len(deltas)
    if positions == 1:
        squares = sum(d.square().sum(2) for d in deltas)
        return (a.square().sum(2) * squares).sum((1, 2))
    a = a.reshape(n * groups, k, positions)
    deltas = tuple(d.reshape(n * groups, -1, positions) for d in deltas)
    if groups > 1:  # channels last in memory, each of many small products would copy its own rows
        a, deltas = a.contiguous(), tuple(d.contiguous() for d in deltas)
    if positions * (k + o) < k * o:
        found = (_gram(a) * sum(_gram(d) for d in deltas)).sum((1, 2))
    else:
        rows = a.transpose(1, 2)
        # vector_norm makes no temporary, as square() would.
        found = sum(torch.linalg.vector_norm(d @ rows, dim=(1, 2)).square() for d in deltas)
    return found.view(n, groups).sum(1)


def _gram(x: Tensor) -> Tensor:
    """(N, rows, P) -> (N, P, P)."""
    return x.transpose(1, 2) @ x


def _side_by_side(uses: Sequence[Factors]) -> tuple[Tensor, tuple[Tensor, ...]]:
    """A and the D_v of all uses of a weight, next to each other along P."""
    if len(uses) == 1:
        return uses[0].inputs, uses[0].deltas
    if len({use.inputs.ndim for use in uses}) == 1:
        directions = zip(*(use.deltas for use in uses), strict=True)
        return torch.cat([use.inputs for use in uses], -1), tuple(torch.cat(d, -1) for d in directions)
    a, d = _with_embedding(uses)
    return a, (d,)


def _embedding(module: nn.Embedding, inputs: Tensor, delta: Tensor) -> Tensor:
    delta = delta.reshape(len(inputs), -1, module.embedding_dim).transpose(1, 2)
    if module.padding_idx is not None:  # that row is held constant
        delta = delta * (inputs.flatten(1) != module.padding_idx).unsqueeze(1)
    return delta.unsqueeze(1)


def _normalised(module: Any, inputs: Tensor) -> Tensor:
    """Normalised input, which the weight of a batch norm (in eval mode) or layer norm multiplies."""
    if isinstance(module, nn.LayerNorm):
        return F.layer_norm(inputs, module.normalized_shape, eps=module.eps)
    return F.batch_norm(inputs, module.running_mean, module.running_var, eps=module.eps)


def _by_feature(module: Any, x: Tensor) -> Tensor:
    """(N, features, 1, P): positions last, one group a feature."""
    if isinstance(module, nn.LayerNorm):
        features = int(torch.Size(module.normalized_shape).numel())
        return x.reshape(len(x), -1, features).transpose(1, 2).unsqueeze(2)
    return x.reshape(len(x), x.shape[1], 1, -1)


def _with_embedding(uses: Sequence[Factors]) -> tuple[Tensor, Tensor]:
    """A and D of a weight that may serve as embedding too: there D is the one-hot index, A the gradient."""
    rows = max((use.deltas[0].shape[2] for use in uses if use.inputs.ndim == 4), default=0)
    a, d = [], []
    for use in uses:
        if use.inputs.ndim == 4:
            a.append(use.inputs)
            d.append(use.deltas[0])
        else:
            a.append(use.deltas[0])
            d.append(F.one_hot(use.inputs, rows).to(use.deltas[0].dtype).transpose(1, 2).unsqueeze(1))
    return torch.cat(a, -1), torch.cat(d, -1)


def _positions_last(x: Tensor) -> Tensor:
    """(N, ..., features) -> (N, features, P)."""
    return x.reshape(len(x), -1, x.shape[-1]).transpose(1, 2)


def _grouped(x: Tensor, groups: int) -> Tensor:
    """(N, C, *positions) -> (N, groups, C / groups, P)."""
    return x.reshape(len(x), groups, x.shape[1] // groups, -1)


def _padded(module: Any, inputs: Tensor) -> Tensor:
    """Padded input, which a convolution convolves."""
    amounts = padding_amounts(module.padding, module.kernel_size, module.dilation)
    mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
    return F.pad(inputs, amounts, mode=mode) if any(amounts) else inputs


def _unfolded(module: Any, inputs: Tensor) -> Tensor:
    """A of a convolution, (N, groups, K, P), from its padded input."""
    if _pointwise(module):
        return _grouped(inputs, module.groups)
    if module.groups == 1:
        return _rows_of_patches(inputs, module).transpose(1, 2).unsqueeze(1)
    return _flat_patches(_patches(inputs, module), module.groups)


def _rows_of_patches(x: Tensor, module: Any) -> Tensor:
    """(N, P, K) in this order in memory, which makes the product D A^T several times faster than (N, K, P)."""
    x = x.movedim(1, -1).contiguous()
    strides, positions = x.stride(), _positions(x.shape[1:-1], module)
    windows = x.as_strided(
        (len(x), *positions, *module.kernel_size, x.shape[-1]),
        (
            strides[0],
            *(step * s for step, s in zip(strides[1:-1], module.stride, strict=True)),
            *(step * d for step, d in zip(strides[1:-1], module.dilation, strict=True)),
            1,
        ),
    )
    return windows.reshape(len(x), int(torch.Size(positions).numel()), -1)


def _pointwise(module: Any) -> bool:
    return all(k == 1 for k in module.kernel_size) and all(s == 1 for s in module.stride)


def padding_amounts(
    padding: str | int | Sequence[int], kernel: Sequence[int], dilation: int | Sequence[int]
) -> list[int]:
    """A convolution's padding in the order of ``F.pad``: last dimension first, both sides."""
    if padding == "valid":
        return [0] * (2 * len(kernel))
    if isinstance(padding, str):
        totals = [d * (k - 1) for k, d in zip(kernel, _each(dilation, kernel), strict=True)]
        return [amount for total in reversed(totals) for amount in (total // 2, total - total // 2)]
    return [amount for amount in reversed(_each(padding, kernel)) for _ in range(2)]


def _each(value: int | Sequence[int], kernel: Sequence[int]) -> list[int]:
    """One number a dimension."""
    numbers = [value] if isinstance(value, int) else list(value)
    return numbers * len(kernel) if len(numbers) == 1 else numbers


def _patches(x: Tensor, module: Any) -> Tensor:
    """A view (N, C, *kernel, *positions) of the padded input."""
    x = x.contiguous()
    strides, positions = x.stride(), _positions(x.shape[2:], module)
    return x.as_strided(
        (*x.shape[:2], *module.kernel_size, *positions),
        (
            *strides[:2],
            *(step * d for step, d in zip(strides[2:], module.dilation, strict=True)),
            *(step * s for step, s in zip(strides[2:], module.stride, strict=True)),
        ),
    )


def _positions(sizes: Sequence[int], module: Any) -> list[int]:
    """Positions at which the kernel fits along each dimension of the padded input."""
    return [
        (size - d * (k - 1) - 1) // s + 1
        for size, k, d, s in zip(sizes, module.kernel_size, module.dilation, module.stride, strict=True)
    ]


def _flat_patches(patches: Tensor, groups: int) -> Tensor:
    """(N, C, *kernel, *positions) -> (N, groups, C / groups * kernel, P); this copies."""
    n, channels = patches.shape[:2]
    dims = (patches.ndim - 2) // 2
    taps = int(torch.Size(patches.shape[2 : 2 + dims]).numel())
    return patches.reshape(n, groups, channels // groups * taps, -1)
