"""Batch norm while a quantized network trains.

trained         statistics of the batches, and running ones beside them, as in any training
frozen          those of the FP32 network; scales and shifts train. Weights of 2 bits move what a layer gives so far
                that this ends at chance, so it is refused there
re-estimated    trained; at the end the running ones are estimated again as the plain mean over some batches, with
                the training's own augmentation: without it they fit other inputs than the network knows, and 3 to 4
                points were lost on CIFAR-10
"""

import copy
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm

from explorer.errors import RunError

BATCHES = 12  # that statistics are estimated on again
_NARROW = 2


def check(batch_norm: str, bits: Mapping[str, tuple[int, int]]) -> None:
    """Refuse what is known to fail.

    Args:
        bits: of the weight and of the input of each layer.

    Raises:
        RunError: batch norm is to be frozen under weights of 2 bits or fewer.
    """
    narrow = [name for name, (weight, _) in bits.items() if weight <= _NARROW]
    if batch_norm == "frozen" and narrow:
        raise RunError(
            f"batch norm cannot be frozen while {narrow[0]} has weights of {bits[narrow[0]][0]} bits: the network "
            "would end at chance; train batch norm, or give the weights at least 3 bits"
        )


def freeze_statistics(network: nn.Module) -> None:
    """Let a network that trains use its running statistics."""
    for norm in _norms(network):
        norm.eval()


@torch.no_grad()
def re_estimated(network: nn.Module, batches: Iterable[Any]) -> nn.Module | None:
    """A copy whose running statistics are means over batches of inputs; None without any batch norm.

    All else is as in an evaluation, so that nothing is drawn at random.
    """
    found = copy.deepcopy(network).eval()
    norms = list(_norms(found))
    if not norms:
        return None
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a plain mean
        norm.train()
    for inputs in batches:
        found(inputs)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return found.eval()


def _norms(network: nn.Module) -> Iterator[_BatchNorm]:
    for module in network.modules():
        if isinstance(module, _BatchNorm) and module.track_running_stats:
            yield module
