"""Squared norms of per-sample gradients by torch.func, for weights whose use has no faster form.

A gradient of each sample's own scalar v_n . f(x_n), mapped over the samples: no assumption about what the network does
with the weight, and for a batch the price of a few passes instead of one pass a sample. The network must let itself be
mapped: not everything that torch runs does (values that steer what is computed, operations in place).
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call, grad, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils import _pytree as pytree

from explorer.curvature.operators.subject import Subject, single_tensor

_STORED = 16 * 2**20  # floats of gradients held at once


def squared_norms(subject: Subject, chosen: Sequence[int], inputs: Any, vectors: Tensor) -> Tensor:
    """sum_v |d(v_n . f_n)/dW_l|^2 of every sample n and chosen weight l, (N, chosen) float64.

    Args:
        vectors: the v, (V, N, C).

    Raises:
        RuntimeError: or any other error, where the network cannot be mapped.
    """
    model, own = subject.model, [subject.weights[i].parameter for i in chosen]
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    weights = {names[id(parameter)]: parameter.detach() for parameter in own}
    together = max(1, _STORED // sum(parameter.numel() for parameter in own))

    def scalar(weights: dict[str, Tensor], sample: Any, vector: Tensor) -> Tensor:
        one = pytree.tree_map_only(Tensor, lambda each: each.unsqueeze(0), sample)
        outputs = single_tensor(functional_call(model, weights, (one,)))
        return (outputs.flatten() * vector.to(outputs.dtype)).sum()

    gradients = vmap(grad(scalar), in_dims=(None, 0, 0), chunk_size=together)
    found = torch.zeros(vectors.shape[1], len(own), dtype=torch.float64)
    model.requires_grad_(False)
    try:
        with sdpa_kernel(SDPBackend.MATH):  # the fused kernels are mapped one sample at a time
            for vector in vectors:
                parts = gradients(weights, inputs, vector.flatten(1))
                norms = [part.flatten(1).double().square().sum(1) for part in parts.values()]
                found += torch.stack(norms, 1).cpu()
    finally:
        model.requires_grad_(True)
    return found
