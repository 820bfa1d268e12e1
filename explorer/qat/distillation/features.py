r"""What the layers of a network give, channel by channel: the features that FPQ (arXiv 2503.11159, Figures 1, 3 and 4)
draws of the FP32 and of the quantized network, before and after training and standardization.

Layers are those whose outputs teach (`layers.teaching_layers`). Over N samples and the P places of a channel its mean
mu and variance sigma^2 are those of all N P values. Values of one image depend on each other, so that their standard
errors come from how images scatter: with m_n and q_n the mean and the mean square of image n,

    e(mu) = s(m_n) / sqrt(N),    e(sigma^2) = s(q_n - 2 mu m_n) / sqrt(N)

the second by linearising q - m^2. The variance of a layer is the mean of that of its channels, its error that of the
means over channels of the same terms. Standardized values are (x - mu) / sqrt(sigma^2 + eps) of each channel, as
distillation compares them.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.estimates import mean, means
from explorer.qat.distillation.layers import CONVOLVING, teaching_layers
from explorer.qat.distillation.standardized import EPSILON

BINS = 60
WIDEST = 4.0  # of standardized values that are counted by themselves
TAILS = (0.05, 0.95)
_MOST_VALUES = 4_096  # of a channel, that its quantiles are found from


@dataclass(frozen=True, eq=False)
class LayerFeatures:
    """One layer with C channels.

    Attributes:
        mean, mean_stderr, variance, variance_stderr: (C,) each.
        low, high: (C,), the 5 % and the 95 % quantile.
        total, total_stderr: mean variance of the channels, and its standard error.
        edges: (BINS + 1,), of the values; what lies beyond is counted at the ends.
        raw: (BINS,), share of the values in each bin.
        standardized: (BINS,), share of the standardized values between -4 and 4.
    """

    mean: np.ndarray
    mean_stderr: np.ndarray
    variance: np.ndarray
    variance_stderr: np.ndarray
    low: np.ndarray
    high: np.ndarray
    total: float
    total_stderr: float
    edges: np.ndarray
    raw: np.ndarray
    standardized: np.ndarray


Features = Mapping[str, LayerFeatures]  # by layer, from input to output


@torch.no_grad()
def features(network: nn.Module, inputs: Any, *, like: Features | None = None) -> Features:
    """Features of a network on some samples.

    Args:
        network: in any form; it is run in eval mode and left as it was.
        inputs: of the samples, as one batch; at least two.
        like: of another network, whose edges are taken, so that both can be drawn over one another.

    Raises:
        RunError: it has neither convolutions nor linear layers.
    """
    names = teaching_layers(network)
    if not names:
        raise RunError(
            "the network has neither convolutions nor linear layers, whose outputs would be its features"
        )
    outputs = _outputs(network, names, inputs)
    return {
        name: _layer(
            torch.cat(found),
            isinstance(network.get_submodule(name), CONVOLVING),
            None if like is None else like[name],
        )
        for name, found in outputs.items()
        if found
    }


def _outputs(network: nn.Module, names: Sequence[str], inputs: Any) -> dict[str, list[Tensor]]:
    """Outputs of the layers, one a call; copies, since what follows may overwrite them."""
    found: dict[str, list[Tensor]] = {name: [] for name in names}
    training = [module for module in network.modules() if module.training]
    handles = [
        network.get_submodule(name).register_forward_hook(
            lambda layer, args, output, name=name: found[name].append(output.detach().clone())
        )
        for name in names
    ]
    try:
        network.eval()
        network(inputs)
    finally:
        for handle in handles:
            handle.remove()
        for module in training:
            module.training = True
    return found


def _layer(output: Tensor, convolves: bool, like: LayerFeatures | None) -> LayerFeatures:
    """Statistics of outputs (N, C, ...) of a convolution, (N, ..., C) of a linear layer."""
    values = output.double().cpu() if convolves else output.double().cpu().movedim(-1, 1)
    values = values.flatten(2) if values.ndim > 2 else values.unsqueeze(2)  # (N, C, P)
    by_image, squares = values.mean(2), values.square().mean(2)
    mu = by_image.mean(0)
    variance = (squares.mean(0) - mu.square()).clamp_min(0)
    terms = squares - 2 * mu * by_image
    channels = values.transpose(0, 1).flatten(1)  # (C, N P)
    stride = -(-channels.shape[1] // _MOST_VALUES)
    low, high = torch.quantile(channels[:, ::stride], torch.tensor(TAILS, dtype=torch.float64), dim=1)
    edges = _edges(channels) if like is None else like.edges
    standardized = (channels - mu[:, None]) / (variance[:, None] + EPSILON).sqrt()
    return LayerFeatures(
        mean=mu.numpy(),
        mean_stderr=means(by_image)[1].numpy(),
        variance=variance.numpy(),
        variance_stderr=means(terms)[1].numpy(),
        low=low.numpy(),
        high=high.numpy(),
        total=variance.mean().item(),
        total_stderr=mean(terms.mean(1)).stderr,
        edges=edges,
        raw=_shares(channels, edges[0], edges[-1]),
        standardized=_shares(standardized, -WIDEST, WIDEST),
    )


def _edges(values: Tensor) -> np.ndarray:
    """From the least to the largest value, with room at both ends for what quantization moves."""
    low, high = values.min().item(), values.max().item()
    room = 0.1 * (high - low) or 1.0
    return np.linspace(low - room, high + room, BINS + 1)


def _shares(values: Tensor, low: float, high: float) -> np.ndarray:
    counts = torch.histc(values.clamp(low, high), BINS, low, high)
    found: np.ndarray = (counts / values.numel()).numpy()
    return found
