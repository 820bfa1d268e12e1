r"""Quadratic forms of the Hessian with respect to activations, by Hessian-vector products.

A zero e_{l,n} is added to the input of layer l for every sample n; the Hessian with respect to e is the one
with respect to the activation, as that layer alone reads it. Samples do not mix (batch norm is in eval
mode), so one product with independent signs for every sample serves the whole batch (HAWQ-V2, section 3.4).
"""

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.curvature.operators import Phi, check_finite
from explorer.curvature.subject import Subject


def activation_forms(
    subject: Subject,
    phi: Phi,
    positions: Tensor,
    sample_weights: Tensor,
    generator: torch.Generator,
    *,
    chunk: int,
) -> Tensor:
    """sum_n w_n z_{l,n} . H_{l,n} z_{l,n} for every layer l, shape (weights,), float64, fresh signs z."""
    forms = torch.zeros(len(subject.weights), dtype=torch.float64)
    weights = sample_weights.to(subject.device, subject.dtype).split(chunk)
    for (_, inputs, targets), share in zip(subject.chunks(positions, chunk), weights, strict=True):
        added: list[tuple[int, Tensor]] = []
        handles = [
            module.register_forward_pre_hook(_adder(index, added))
            for index, weight in enumerate(subject.weights)
            for module in weight.modules
        ]
        try:
            with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
                value = (phi(subject.model(inputs), targets) * share).sum()
        finally:
            for handle in handles:
                handle.remove()
        zeros = [zero for _, zero in added]
        with sdpa_kernel(SDPBackend.MATH):
            gradients = torch.autograd.grad(value, zeros, create_graph=True, materialize_grads=True)
            probes = [torch.randint(0, 2, z.shape, generator=generator).to(z) * 2 - 1 for z in zeros]
            slope = torch.stack([(g * p).sum() for g, p in zip(gradients, probes, strict=True)]).sum()
            if not slope.requires_grad:
                continue
            products = torch.autograd.grad(slope, zeros, materialize_grads=True)
        for (index, _), probe, product in zip(added, probes, products, strict=True):
            forms[index] += (probe * product).sum(dtype=torch.float64).cpu()
    check_finite(subject, forms)
    return forms


def _adder(index: int, added: list[tuple[int, Tensor]]) -> Any:
    def hook(_module: nn.Module, args: tuple[Any, ...]) -> Any:
        if not args or not torch.is_tensor(args[0]) or not args[0].is_floating_point():
            return None
        zero = torch.zeros_like(args[0], requires_grad=True)
        added.append((index, zero))
        return (args[0] + zero, *args[1:])

    return hook
