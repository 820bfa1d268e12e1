r"""Channel-wise standardization distillation (FPQ, arXiv 2503.11159, eq. 15 to 17), in closed form.

A layer's output x of the network that trains and t of the FP32 network, each channel standardized over samples and
places:

    z = (x - mean x) / sqrt(var x + eps),    L = mean over channels, samples and places of (z_t - z_x)^2

The paper sums over everything, which would drown the cross-entropy; the mean over elements of a layer, summed over
layers, is of its size. With r = 1 / sqrt(var + eps), v = mean z^2 = 1 - eps r^2 and rho = mean z_t z_x of a channel,

    mean (z_t - z_x)^2 = v_t + v_x - 2 rho,    which is 2 (1 - rho) without eps, rho Pearson's correlation
    d / dx = 2 r_x / n ((1 - v_x + rho) z_x - z_t)

n being the number of samples and places: neither graph nor intermediate values are kept but the two z. L does not
change where a channel is scaled by a > 0 and shifted, up to eps.
"""

from typing import Any

import torch
from torch import Tensor

EPSILON = 1e-5


def standardized_apart(x: Tensor, t: Tensor, *, axis: int = 1, epsilon: float = EPSILON) -> Tensor:
    """L of one layer, a scalar; gradients reach x alone.

    Args:
        x, t: outputs of one shape.
        axis: of the channels: 1, or -1.
    """
    if axis == -1:
        x, t = x.reshape(-1, x.shape[-1]), t.reshape(-1, t.shape[-1])
    found: Tensor = _Apart.apply(x, t, epsilon)  # type: ignore[no-untyped-call]
    return found


class _Apart(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, t: Tensor, epsilon: float) -> Tensor:
        z_x, v_x, r_x = _standardized(x, epsilon)
        z_t, v_t, _ = _standardized(t, epsilon)
        others = [axis for axis in range(x.ndim) if axis != 1]
        rho = (z_x * z_t).mean(others)
        ctx.save_for_backward(z_x, z_t, 1 - v_x + rho, r_x)
        return (v_t + v_x - 2 * rho).mean()

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor, None, None]:
        z_x, z_t, own, r_x = ctx.saved_tensors
        # The mean over channels and n places each is one over all elements.
        scale = (grads[0] * 2 / z_x.numel()) * r_x
        shape = [1, -1] + [1] * (z_x.ndim - 2)
        dx = z_x * (scale * own).view(shape)
        return dx.addcmul_(z_t, -scale.view(shape)), None, None


def _standardized(x: Tensor, epsilon: float) -> tuple[Tensor, Tensor, Tensor]:
    """z, and v and r of each channel."""
    z, _, r = torch.native_batch_norm(x, None, None, None, None, True, 0.0, epsilon)
    return z, 1 - epsilon * r.square(), r
