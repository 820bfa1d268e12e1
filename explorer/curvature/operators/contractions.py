r"""Gradients of one use of a weight, sample by sample, contracted with K changes of the weight: <G_n, dW_k>.

G_n is the gradient of sample n's scalar, from the layer's input a_n and the gradient d_n at its output, both with P
positions (pixels, items of a sequence). There are two ways to the same K numbers of each sample:

    <d_n, A(a_n, dW_k)>    the layer applied to each change:  K P |W| multiplications a sample
    <G_n, dW_k>            the gradient itself, once:         (P + K) |W|

so the second is taken where (P - 1)(K - 1) > 1, for plain linear layers and convolutions. Other layers have the first.
The gradients of all samples of a convolution are the gradient of one with a group a sample (Rochette, Manoel and
Tramel, "Efficient per-example gradient computations in convolutional neural networks", 2019, section 3).
"""

import math
from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.func import functional_call
from torch.nn import grad

from explorer.curvature.convolved import has_its_own_forward
from explorer.curvature.operators.per_sample import LINEAR, padding_amounts
from explorer.products import Site, TransposedLinear

_STORED = 16 * 2**20  # floats of gradients held at once

_CONVOLUTIONS: tuple[tuple[type[nn.Module], Callable[..., Tensor]], ...] = (
    (nn.Conv1d, grad.conv1d_weight),
    (nn.Conv2d, grad.conv2d_weight),
    (nn.Conv3d, grad.conv3d_weight),
)


def contracted(module: nn.Module, inputs: Tensor, delta: Tensor, changes: Sequence[Tensor]) -> Tensor:
    """<G_n, dW_k> of every sample n and change k, (N, K), in the dtype of the inputs.

    Args:
        inputs: what the module was given, (N, ...).
        delta: gradient at its output, (N, ...).
        changes: K tensors of the shape of its weight.
    """
    whole = _whole_gradient(module)
    if whole is None or (_positions(module, delta) - 1) * (len(changes) - 1) <= 1:
        flat = delta.flatten(1)
        return torch.stack([(applied(module, each, inputs).flatten(1) * flat).sum(1) for each in changes], 1)
    columns = torch.stack([each.flatten() for each in changes], 1)
    together = max(1, _STORED // len(columns))
    parts = zip(inputs.split(together), delta.split(together), strict=True)
    return torch.cat([whole(module, a, d).flatten(1) @ columns for a, d in parts])


def depthwise_gradients(module: nn.Module, inputs: Tensor, delta: Tensor, *, padded: bool) -> Tensor | None:
    """G_n of every sample, (N, |W|), of a depthwise convolution of 3 × 3; None of another layer.

    PyTorch has a kernel for these, several times faster than the products of unfolded inputs (`per_sample`): on one
    core 4 to 14 times at 7 × 7 to 112 × 112 positions. With 5 × 5 it is slower at some sizes.

    Args:
        padded: ``inputs`` are padded already.
    """
    if not isinstance(module, nn.Conv2d) or module.kernel_size != (3, 3):
        return None
    if not 1 < module.groups == module.in_channels == module.out_channels:
        return None
    return _of_convolution(module, inputs.contiguous(), delta.contiguous(), grad.conv2d_weight, padded=padded)


def applied(module: nn.Module, change: Tensor, inputs: Tensor) -> Tensor:
    """The layer with a change in place of its weight and without its bias."""
    tensors = {"weight": change}
    bias = getattr(module, "bias", None)
    if torch.is_tensor(bias):
        tensors["bias"] = torch.zeros_like(bias)
    if isinstance(module, Site):  # called as a module it would run what its network does around the operator
        inside = {f"layer.{name}": tensor for name, tensor in tensors.items()}
        at_site: Tensor = functional_call(_AsLayer(module), inside, (inputs,))
        return at_site
    moved: Tensor = functional_call(module, tensors, (inputs,))
    return moved


class _AsLayer(nn.Module):
    """A site, computed as its kind of layer is."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, inputs: Tensor) -> Tensor:
        found: Tensor = self.layer.plain(inputs)  # type: ignore[operator]
        return found


def _whole_gradient(module: nn.Module) -> Callable[[Any, Tensor, Tensor], Tensor] | None:
    """G_n of every sample in the order of the weight, where the kind of layer is known."""
    if isinstance(module, TransposedLinear):
        return lambda m, inputs, delta: _of_linear(m, delta, inputs)
    if type(module).forward is nn.Linear.forward or (
        isinstance(module, Site) and isinstance(module, nn.Linear)
    ):
        return _of_linear
    if not has_its_own_forward(module):
        for kind, of_weight in _CONVOLUTIONS:
            if isinstance(module, kind):
                return lambda m, inputs, delta: _of_convolution(m, inputs, delta, of_weight)
    return None


def _positions(module: Any, delta: Tensor) -> int:
    """P, from the gradient at the output."""
    features = module.out_features if isinstance(module, LINEAR) else module.out_channels
    return delta[0].numel() // int(features)


def _of_linear(module: Any, inputs: Tensor, delta: Tensor) -> Tensor:
    rows, columns = (x.reshape(len(x), -1, x.shape[-1]) for x in (delta, inputs))
    return rows.transpose(1, 2) @ columns


def _of_convolution(
    module: Any, inputs: Tensor, delta: Tensor, of_weight: Callable[..., Tensor], *, padded: bool = False
) -> Tensor:
    n, padding = len(inputs), 0 if padded else module.padding
    if not padded and (isinstance(padding, str) or module.padding_mode != "zeros"):
        amounts = padding_amounts(padding, module.kernel_size, module.dilation)
        mode = "constant" if module.padding_mode == "zeros" else module.padding_mode
        inputs, padding = F.pad(inputs, amounts, mode=mode), 0
    shape = module.weight.shape
    found = of_weight(
        inputs.reshape(1, -1, *inputs.shape[2:]),
        (n * shape[0], *shape[1:]),
        delta.reshape(1, -1, *delta.shape[2:]),
        stride=module.stride,
        padding=padding,
        dilation=module.dilation,
        groups=n * module.groups,
    )
    return found.view(n, math.prod(shape))
