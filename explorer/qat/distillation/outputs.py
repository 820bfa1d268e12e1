r"""Distillation on outputs (Hinton, Vinyals and Dean 2015).

With the share lambda and the temperature T, z the network's outputs and z' the FP32 network's, the loss of a batch is

    (1 - lambda) L + lambda D

where L is the study's own loss and D, averaged over samples,

    cross-entropy              T^2 KL(softmax(z' / T) || softmax(z / T))
    binary cross-entropy       T^2 sum_k KL(Bernoulli(sigma(z'_k / T)) || Bernoulli(sigma(z_k / T))) / K
    squared error, any other   mean over k of (z'_k - z_k)^2

T^2 keeps gradients of one size at every temperature. D is 0 where the outputs agree.
"""

from typing import Any

import torch.nn.functional as F
from torch import Tensor

from explorer.errors import RunError
from explorer.studies.losses import Loss


def outputs_apart(loss: Loss, outputs: Any, taught: Any, temperature: float) -> Tensor:
    """D of a batch of outputs (N, ...), a scalar.

    Raises:
        RunError: the network does not give one tensor.
    """
    if not isinstance(outputs, Tensor) or not isinstance(taught, Tensor):
        raise RunError("the network does not give one tensor, so its outputs cannot teach; set logits to 0")
    if loss.function is None and loss.kind == "cross_entropy" and outputs.ndim > 1:
        apart = F.kl_div(
            (outputs / temperature).log_softmax(1),
            (taught / temperature).log_softmax(1),
            reduction="none",
            log_target=True,
        ).sum(1)
        return apart.mean() * temperature**2
    if loss.function is None and loss.kind == "bce_with_logits":
        target = (taught / temperature).sigmoid()
        soft = outputs / temperature
        least = F.binary_cross_entropy_with_logits(taught / temperature, target)
        return (F.binary_cross_entropy_with_logits(soft, target) - least) * temperature**2
    return F.mse_loss(outputs, taught)
