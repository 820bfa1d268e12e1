r"""Distillation on outputs (Hinton, Vinyals and Dean 2015).

With the share lambda and the temperature T, z the network's outputs and z' the FP32 network's, the loss of a batch is

    (1 - lambda) L + lambda D

where L is the study's own loss and D, averaged over samples,

    cross-entropy              T^2 KL(softmax(z' / T) || softmax(z / T))
    of tokens                  the same, averaged over the tokens of a sample that count
    binary cross-entropy       T^2 sum_k KL(Bernoulli(sigma(z'_k / T)) || Bernoulli(sigma(z_k / T))) / K
    squared error              mean over k of (z'_k - z_k)^2

T^2 keeps gradients of one size at every temperature. D is 0 where the outputs agree. A loss that a study brings along
does not say how far two outputs are apart (a detector's hold scores beside pixels), so under it lambda is 0.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from explorer.errors import RunError
from explorer.questions import FinetuneQuestion
from explorer.studies.losses import IGNORED, Loss


def outputs_teach(loss: Loss) -> bool:
    """Whether the loss says how far outputs are apart, so that the FP32 network's can teach."""
    return loss.function is None


def under(loss: Loss, question: FinetuneQuestion) -> FinetuneQuestion:
    """The training as it is done under a loss: without ``logits`` where the loss does not let outputs teach."""
    return question if outputs_teach(loss) else question.but(logits=0.0)


def outputs_apart(loss: Loss, outputs: Any, taught: Any, targets: Tensor, temperature: float) -> Tensor:
    """D of a batch of outputs (N, ...), a scalar; targets (N, ...) say which tokens count.

    Raises:
        RunError: the network does not give one tensor, or the loss does not say how far outputs are apart.
    """
    if not isinstance(outputs, Tensor) or not isinstance(taught, Tensor):
        raise RunError("the network does not give one tensor, so its outputs cannot teach; set logits to 0")
    if not outputs_teach(loss):
        raise RunError(f"the loss {loss.kind} does not say how far outputs are apart; set logits to 0")
    if loss.kind == "token_cross_entropy":
        counts = (targets != IGNORED).to(outputs.dtype)
        each = _divergence(outputs, taught, temperature, -1) * counts
        return (each.sum(1) / counts.sum(1).clamp(min=1)).mean()
    if loss.kind == "cross_entropy" and outputs.ndim > 1:
        return _divergence(outputs, taught, temperature, 1).mean()
    if loss.kind == "bce_with_logits":
        target = (taught / temperature).sigmoid()
        soft = outputs / temperature
        least = F.binary_cross_entropy_with_logits(taught / temperature, target)
        return (F.binary_cross_entropy_with_logits(soft, target) - least) * temperature**2
    return F.mse_loss(outputs, taught)


def _divergence(outputs: Tensor, taught: Tensor, temperature: float, classes: int) -> Tensor:
    """T^2 KL over the dimension of the classes."""
    soft, target = ((each / temperature).log_softmax(classes) for each in (outputs, taught))
    apart = F.kl_div(soft, target, reduction="none", log_target=True).sum(classes)
    return apart * temperature**2
