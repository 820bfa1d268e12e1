r"""Quadratic forms of the Hessian, block by block, by Hessian-vector products.

For a function F(W) = sum_n w_n phi_n(W) and a vector z with parts z_i, one product Hz = d(g . z)/dW with
g = dF/dW (Pearlmutter 1994) gives z_i . (Hz)_i for every block i at once. phi_n is the loss of sample n, or
its loss linearised in the outputs, phi_n = c_n . f(x_n) with the constant c_n = dl_n/df: the Hessian of the
latter is what the Gauss-Newton matrix leaves out.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.autograd.graph import Node, get_gradient_edge
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.curvature.operators.structured import sample_rows
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.errors import CurvatureError

Phi = Callable[[Any, Tensor], Tensor]


def full_loss(subject: Subject) -> Phi:
    """phi_n: the loss itself."""
    return subject.loss.per_sample


def linearised_loss(subject: Subject) -> Phi:
    """phi_n: the loss linearised in the outputs, whose Hessian is the remainder of Gauss-Newton."""

    def phi(outputs: Any, targets: Tensor) -> Tensor:
        outputs = single_tensor(outputs)
        slope = output_gradient(subject, outputs, targets)
        found: Tensor = sample_rows(outputs * slope).sum(1)
        return found

    return phi


def output_gradient(subject: Subject, outputs: Tensor, targets: Tensor) -> Tensor:
    """dl_n/df_n, shape of the outputs, without a graph."""
    with torch.enable_grad():
        leaf = outputs.detach().requires_grad_(True)
        (slope,) = torch.autograd.grad(subject.loss.per_sample(leaf, targets).sum(), leaf)
    return slope.detach()


def quadratic_forms(
    subject: Subject,
    phi: Phi,
    positions: Tensor,
    sample_weights: Tensor,
    probes: Sequence[Tensor],
    *,
    chunk: int,
    only: Sequence[int] | None = None,
) -> Tensor:
    """z_l . (H z)_l for every weight l, shape (weights,), float64; H is that of sum_n w_n phi_n.

    Args:
        only: differentiate with respect to these weights alone, one probe each.

    Raises:
        CurvatureError: a value is not finite, the loss does not depend on a weight, or an operation of the
            network cannot be differentiated twice.
    """
    indices = range(len(subject.weights)) if only is None else only
    forms = torch.zeros(len(subject.weights), dtype=torch.float64)
    weights = sample_weights.to(subject.device, subject.dtype).split(chunk)
    for (_, inputs, targets), share in zip(subject.chunks(positions, chunk), weights, strict=True):
        products = vector_products(subject, phi, inputs, targets, share, indices, probes)
        for i, probe, product in zip(indices, probes, products, strict=True):
            if product is not None:
                forms[i] += (probe * product).sum(dtype=torch.float64).cpu()
    check_finite(subject, forms)
    return forms


def check_finite(subject: Subject, values: Tensor) -> None:
    """Name the first block whose value is not finite; values end in one dimension over the weights."""
    finite = torch.isfinite(values).reshape(-1, len(subject.weights)).all(0)
    for weight, good in zip(subject.weights, finite.tolist(), strict=True):
        if not good:
            raise CurvatureError(
                f"block {subject.blocks[weight.block].name}: its curvature is not finite; "
                f"check that the loss is finite on every training sample"
            )


def vector_products(
    subject: Subject,
    phi: Phi,
    inputs: Tensor,
    targets: Tensor,
    share: Tensor,
    indices: Sequence[int],
    probes: Sequence[Tensor],
) -> Sequence[Tensor | None]:
    """Hz of every weight in ``indices`` on one chunk; None where the second derivative is zero throughout."""
    gradients = gradient_graph(subject, phi, inputs, targets, share, indices)
    return products_of(subject, gradients, indices, probes)


def gradient_graph(
    subject: Subject, phi: Phi, inputs: Tensor, targets: Tensor, share: Tensor, indices: Sequence[int]
) -> Sequence[Tensor]:
    """dF/dW of the weights in ``indices`` on one chunk, with the graph for its products with vectors."""
    parameters = [subject.weights[i].parameter for i in indices]
    # The fused attention kernels have no second derivative; the plain one has.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        value = (phi(subject.model(inputs), targets) * share).sum()
        if not value.requires_grad:
            raise independent(subject, indices[0])
        _refuse_once_differentiable(subject, value, indices)
        gradients = torch.autograd.grad(value, parameters, create_graph=True, allow_unused=True)
    for i, gradient in zip(indices, gradients, strict=True):
        if gradient is None:
            raise independent(subject, i)
    _refuse_severed(subject, gradients, indices)
    return gradients


def products_of(
    subject: Subject,
    gradients: Sequence[Tensor],
    indices: Sequence[int],
    probes: Sequence[Tensor],
    *,
    again: bool = False,
) -> Sequence[Tensor | None]:
    """Hz from ``gradient_graph``, which is used up unless products are wanted ``again``."""
    parameters = [subject.weights[i].parameter for i in indices]
    with torch.enable_grad():
        slope = torch.stack([(g * z).sum() for g, z in zip(gradients, probes, strict=True)]).sum()
        if not slope.requires_grad:
            return [None] * len(parameters)
        try:
            return torch.autograd.grad(slope, parameters, allow_unused=True, retain_graph=again)
        except RuntimeError as error:
            raise CurvatureError(
                f"block {_without_second_derivative(subject, gradients, indices)}: an operation after "
                f"it cannot be differentiated twice ({str(error).splitlines()[0]}); write it with operations "
                f"that can"
            ) from error


def independent(subject: Subject, index: int) -> CurvatureError:
    """The error for a weight that the loss does not depend on."""
    weight = subject.weights[index]
    return CurvatureError(
        f"block {subject.blocks[weight.block].name}: the loss does not depend on its weight {weight.name}; "
        f"leave the block out, or mend the network's forward"
    )


def _refuse_severed(subject: Subject, gradients: Sequence[Tensor], indices: Sequence[int]) -> None:
    """Name the first block whose gradient leads to an error instead of a second derivative.

    autograd raises it only if it is asked for something beyond; a weight all of whose paths end there would
    silently have second derivatives of zero.
    """
    seen: set[Any] = set()
    for i, gradient in zip(indices, gradients, strict=True):
        waiting = [gradient.grad_fn]
        while waiting:
            node = waiting.pop()
            if node is None or node in seen:
                continue
            seen.add(node)
            if node.name() == "torch::autograd::Error":
                name = subject.blocks[subject.weights[i].block].name
                raise CurvatureError(
                    f"block {name}: an operation after it cannot be differentiated twice (it is marked "
                    f"once_differentiable); write it with operations that can"
                )
            waiting += [child for child, _ in node.next_functions]


def _refuse_once_differentiable(subject: Subject, value: Tensor, indices: Sequence[int]) -> None:
    """Refuse an operation marked as differentiable only once.

    The error that autograd has in store for it lies on no path to a parameter and is never reached: the
    second derivative would come out too small in silence.
    """
    marked = [node for node in _nodes(value.grad_fn) if _once(node)]
    if not marked:
        return
    below = {node for start in marked for node in _nodes(start)}
    for i in indices:
        weight = subject.weights[i]
        if get_gradient_edge(weight.parameter).node in below:
            raise CurvatureError(
                f"block {subject.blocks[weight.block].name}: an operation after it cannot be differentiated "
                f"twice (it is marked once_differentiable); write it with operations that can"
            )


def _once(node: Node) -> bool:
    backward: Any = getattr(getattr(type(node), "_forward_cls", None), "backward", None)
    if not hasattr(backward, "__wrapped__"):
        return False
    return bool(backward.__code__.co_filename == torch.autograd.function.__file__)


def _nodes(start: Node | None) -> set[Node]:
    """Every node of the graph from ``start`` on."""
    stack = [] if start is None else [start]
    seen = set(stack)
    while stack:
        for child, _ in stack.pop().next_functions:
            if child is not None and child not in seen:
                seen.add(child)
                stack.append(child)
    return seen


def _without_second_derivative(
    subject: Subject, gradients: Sequence[Tensor | None], indices: Sequence[int]
) -> str:
    """The first block of whose gradient no further derivative can be taken."""
    for i, gradient in zip(indices, gradients, strict=True):
        weight = subject.weights[i]
        if gradient is None or not gradient.requires_grad:
            continue
        try:
            torch.autograd.grad(gradient.sum(), weight.parameter, allow_unused=True, retain_graph=True)
        except RuntimeError:
            return subject.blocks[weight.block].name
    return subject.blocks[subject.weights[indices[0]].block].name
