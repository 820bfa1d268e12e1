r"""Quadratic forms of the Hessian with respect to activations, by Hessian-vector products.

A zero e_{l,n} is added to the input of layer l for every sample n; the Hessian with respect to e is the one
with respect to the activation, as that layer alone reads it. Samples do not mix (batch norm is in eval
mode), so one product with a vector for every sample serves the whole batch (HAWQ-V2, section 3.4). A layer
that is used several times has a variable a use, and the traces of its uses are summed.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.curvature.operators.subject import Subject
from explorer.curvature.operators.weight_forms import Phi, check_finite
from explorer.errors import CurvatureError

Probe = Callable[[int, Tensor], Tensor]  # number of the use in the forward pass, its zero -> the vector


def activation_forms(
    subject: Subject,
    phi: Phi,
    positions: Tensor,
    sample_weights: Tensor,
    probe: Probe,
    *,
    chunk: int,
    only: Sequence[int] | None = None,
) -> Tensor:
    """sum_n w_n z_{l,n} . H_{l,n} z_{l,n} of every block, (blocks,) float64.

    With inputs of different sizes (one a chunk), (2 blocks,): the same divided by the block's activations for
    that input comes after, since HAWQ-V2's mean trace is normalised input by input.

    Args:
        only: add zeros to these weights' layers alone.
    """
    wanted = range(len(subject.weights)) if only is None else only
    total = torch.zeros((2 if subject.ragged else 1) * len(subject.blocks), dtype=torch.float64)
    weights = sample_weights.to(subject.device, subject.dtype).split(chunk)
    for (_, inputs, targets), share in zip(subject.chunks(positions, chunk), weights, strict=True):
        forms = torch.zeros(len(subject.weights), dtype=torch.float64)
        sizes = torch.zeros(len(subject.weights), dtype=torch.float64)
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            outputs, added = _with_zeros(subject, inputs, wanted)
            value = (phi(outputs, targets) * share).sum()
            zeros = [zero for _, zero in added]
            gradients = torch.autograd.grad(value, zeros, create_graph=True, materialize_grads=True)
            probes = [probe(use, zero) for use, zero in enumerate(zeros)]
            slope = torch.stack([(g * p).sum() for g, p in zip(gradients, probes, strict=True)]).sum()
            if slope.requires_grad:
                products = _products(slope, zeros)
                for (index, _), p, product in zip(added, probes, products, strict=True):
                    forms[index] += (p * product).sum(dtype=torch.float64).cpu()
        check_finite(subject, forms)
        blocks = subject.per_block(forms)
        if subject.ragged:
            for index, zero in added:
                sizes[index] += zero.numel()
            blocks = torch.cat([blocks, blocks / subject.per_block(sizes).clamp(min=1)])
        total += blocks
    return total


def _products(slope: Tensor, zeros: Sequence[Tensor]) -> Sequence[Tensor]:
    try:
        return torch.autograd.grad(slope, zeros, materialize_grads=True)
    except RuntimeError as error:
        raise CurvatureError(
            f"an operation of the network cannot be differentiated twice ({str(error).splitlines()[0]}); "
            f"write it with operations that can"
        ) from error


def random_probe(generator: torch.Generator, *, gaussian: bool = False) -> Probe:
    """Fresh independent signs, or normal variates, for every use and sample."""

    def probe(_use: int, zero: Tensor) -> Tensor:
        if gaussian:
            return torch.randn(zero.shape, generator=generator, dtype=torch.float64).to(zero)
        return (torch.randint(0, 2, zero.shape, generator=generator) * 2 - 1).to(zero)

    return probe


def exact_activation_forms(
    subject: Subject, phi: Phi, positions: Tensor, wanted: Sequence[int], *, chunk: int
) -> Tensor:
    """Tr of the Hessian of the mean of phi over ``positions``, by unit vectors, as `activation_forms`."""
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    if not _samples_first(subject, positions, wanted):
        chunk = 1
    _, added = _with_zeros(subject, subject.batch(positions[:1])[0], wanted)
    total = torch.zeros((2 if subject.ragged else 1) * len(subject.blocks), dtype=torch.float64)
    for use, (_, example) in enumerate(added):
        for entry in range(example.numel()):
            total += activation_forms(
                subject, phi, positions, shares, _unit(use, entry, chunk), chunk=chunk, only=wanted
            )
    return total


def unit_vectors(subject: Subject, wanted: Sequence[int]) -> int:
    """Number of products that `exact_activation_forms` would take."""
    _, added = _with_zeros(subject, subject.batch(torch.zeros(1, dtype=torch.long))[0], wanted)
    return sum(zero.numel() for _, zero in added)


def _samples_first(subject: Subject, positions: Tensor, wanted: Sequence[int]) -> bool:
    """Whether what every layer reads has one entry a sample along its first dimension."""
    few = positions[: 1 if subject.ragged else 2]
    _, added = _with_zeros(subject, subject.batch(few)[0], wanted)
    return all(len(zero) == len(few) for _, zero in added)


def _unit(use: int, entry: int, chunk: int) -> Probe:
    def probe(number: int, zero: Tensor) -> Tensor:
        vector = torch.zeros_like(zero)
        if number == use:
            vector.view(1 if chunk == 1 else len(vector), -1)[:, entry] = 1
        return vector

    return probe


def _with_zeros(
    subject: Subject, inputs: Tensor, wanted: Sequence[int]
) -> tuple[Any, list[tuple[int, Tensor]]]:
    """The outputs, and the weight index and zero of every use, in the order of the forward pass."""
    added: list[tuple[int, Tensor]] = []
    handles = [
        module.register_forward_pre_hook(_adder(index, added))
        for index in wanted
        for module in subject.weights[index].modules
    ]
    try:
        return subject.model(inputs), added
    finally:
        for handle in handles:
            handle.remove()


def _adder(index: int, added: list[tuple[int, Tensor]]) -> Any:
    def hook(_module: nn.Module, args: tuple[Any, ...]) -> Any:
        if not args or not torch.is_tensor(args[0]) or not args[0].is_floating_point():
            return None
        zero = torch.zeros_like(args[0], requires_grad=True)
        added.append((index, zero))
        return (args[0] + zero, *args[1:])

    return hook
