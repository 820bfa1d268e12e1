r"""Roots of the Hessian of the loss with respect to the network's outputs.

For sample n with outputs f in R^C, H_L = d^2 l / df^2 = S S^T - R R^T; R is zero for a loss convex in f.

- cross-entropy: H_L = w (diag(p) - p p^T), S = sqrt(w) (diag(sqrt p) - p sqrt(p)^T). With class weights v and
  label smoothing e, w = (1 - e) v_y + e / C sum_c v_c; without, w = 1. Where the label says to ignore the sample,
  w = 0.
- cross-entropy of T tokens, mean over those that count: H_L is block diagonal, with the block of cross-entropy for each
  token and w = 1 / (number of tokens that count), 0 for a token that does not.
- squared error, mean over K outputs: S = sqrt(2 / K) I.
- binary cross-entropy with logits, mean over K outputs: S = diag(sqrt(p (1 - p) / K)).
- any other loss: H_L by differentiating the loss twice, S and R from its eigenvectors.

Everything is float64: near p = 1 the entries are small differences.

`directions` gives S and R column by column as sqrt|l_k| u_k from the eigenpairs of H_L, largest first. A
trained network's H_L has few eigenvalues that matter, so an exact sum over them takes fewer backward passes
than one over the C columns of S.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.operators.structured import sample_rows
from explorer.errors import TooManyOutputs
from explorer.studies.losses import IGNORED, Loss

LARGEST_GENERAL = 2048
LARGEST_EIGEN = 64  # outputs, above which eigenvalues of every sample's H_L cost more than they save


@dataclass(frozen=True)
class Root:
    """A root of one signed part of H_L.

    Attributes:
        sign: 1 for S, -1 for R.
        times: (N, C) -> (N, C) float64, the root times a vector of each sample.
        trace: Tr(S S^T) of each sample, (N,) float64.
        transposed: (C, K) matrix and n -> (C, K) float64, the transposed root of sample n times the matrix; None where
            nothing needs it.
    """

    sign: int
    times: Callable[[Tensor], Tensor]
    trace: Tensor
    transposed: Callable[[Tensor, int], Tensor] | None = None


def roots(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[Root, ...]:
    """The roots for outputs (N, ...), which are flattened to (N, C)."""
    flat = sample_rows(outputs.detach().double())
    width = flat.shape[1]
    if loss.function is None and loss.kind == "cross_entropy" and outputs.ndim == 2:
        p = flat.softmax(1)
        root_p, w = p.sqrt(), _cross_entropy_weight(loss, flat, targets)
        scale = w.sqrt().unsqueeze(1)

        def times(z: Tensor) -> Tensor:
            return scale * (root_p * z - p * (root_p * z).sum(1, keepdim=True))

        def transposed(x: Tensor, n: int) -> Tensor:
            return (scale[n] * root_p[n]).unsqueeze(1) * (x - p[n] @ x)

        return (Root(1, times, w * (p * (1 - p)).sum(1), transposed),)
    if loss.function is None and loss.kind == "token_cross_entropy" and outputs.ndim == 3:
        return (_of_tokens(outputs, targets),)
    if loss.function is None and loss.kind == "mse":
        constant = (2 / width) ** 0.5
        return (Root(1, lambda z: constant * z, torch.full_like(flat[:, 0], 2.0)),)
    if loss.function is None and loss.kind == "bce_with_logits":
        p = flat.sigmoid()
        diagonal = p * (1 - p) / width
        return (Root(1, lambda z: diagonal.sqrt() * z, diagonal.sum(1)),)
    return _general(loss, outputs, targets)


def known(loss: Loss, outputs: Tensor) -> bool:
    """Whether the roots for outputs (N, ...) are known, so that no loss is differentiated twice."""
    axes = {"cross_entropy": 2, "token_cross_entropy": 3}
    return loss.function is None and axes.get(loss.kind, outputs.ndim) == outputs.ndim


def output_hessians(loss: Loss, outputs: Tensor, targets: Tensor) -> Tensor:
    """H_L of every sample, (N, C, C) float64, by differentiating the loss twice."""
    leaf = outputs.detach().double().requires_grad_(True)
    width = leaf[0].numel()
    with torch.enable_grad():
        (slope,) = torch.autograd.grad(loss.per_sample(leaf, targets).sum(), leaf, create_graph=True)
        columns = []
        for c in range(width):
            column = sample_rows(slope)[:, c].sum()
            if column.requires_grad:
                (row,) = torch.autograd.grad(column, leaf, retain_graph=True, allow_unused=True)
            else:
                row = None
            columns.append(sample_rows(torch.zeros_like(leaf) if row is None else row))
    return torch.stack(columns, dim=1).detach()


def directions(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
    """Eigenvalues l (N, C) of H_L, largest size first, and eigenvectors u (N, C, C), u[n, :, k] for l[n, k]."""
    flat = sample_rows(outputs.detach().double())
    if loss.function is None and loss.kind == "cross_entropy" and outputs.ndim == 2:
        p = flat.softmax(1)
        hessian = torch.diag_embed(p) - p.unsqueeze(2) * p.unsqueeze(1)
        hessian = hessian * _cross_entropy_weight(loss, flat, targets).view(-1, 1, 1)
    elif loss.function is None and loss.kind in ("mse", "bce_with_logits"):
        (root,) = roots(loss, outputs, targets)
        hessian = torch.diag_embed(root.times(torch.ones_like(flat)).square())
    else:
        hessian = output_hessians(loss, outputs, targets)
    values, vectors = torch.linalg.eigh(hessian)
    order = values.abs().argsort(1, descending=True)
    return values.gather(1, order), vectors.gather(2, order.unsqueeze(1).expand_as(vectors))


def _of_tokens(outputs: Tensor, targets: Tensor) -> Root:
    """The root for logits (N, T, V), token by token."""
    p = outputs.detach().double().softmax(2)
    counted = (targets != IGNORED).to(p.dtype)
    w = (counted / counted.sum(1, keepdim=True).clamp(min=1)).unsqueeze(2)
    root_p, scale = p.sqrt(), w.sqrt()

    def times(z: Tensor) -> Tensor:
        z = z.view_as(p)
        return (scale * (root_p * z - p * (root_p * z).sum(2, keepdim=True))).flatten(1)

    return Root(1, times, (w * p * (1 - p)).flatten(1).sum(1))


def _cross_entropy_weight(loss: Loss, flat: Tensor, targets: Tensor) -> Tensor:
    counted = (targets != IGNORED).to(flat.dtype)
    if loss.class_weights is None:
        return counted
    v = torch.tensor(loss.class_weights, dtype=torch.float64, device=flat.device)
    own = v[targets.clamp(min=0)]
    return counted * ((1 - loss.label_smoothing) * own + loss.label_smoothing * v.mean())


def _general(loss: Loss, outputs: Tensor, targets: Tensor) -> tuple[Root, ...]:
    width = outputs[0].numel()
    if width > LARGEST_GENERAL:
        raise TooManyOutputs(
            f"the loss {loss.kind} has no known output Hessian and the network has {width} outputs "
            f"(at most {LARGEST_GENERAL})"
        )
    values, vectors = torch.linalg.eigh(output_hessians(loss, outputs, targets))
    found = []
    for sign in (1, -1):
        part = (sign * values).clamp(min=0)
        if sign == 1 or bool((part > 1e-12 * values.abs().amax(1, keepdim=True)).any()):
            found.append(Root(sign, _scaled(vectors, part.sqrt()), part.sum(1)))
    return tuple(found)


def _scaled(vectors: Tensor, scales: Tensor) -> Callable[[Tensor], Tensor]:
    return lambda z: (vectors @ (scales * z).unsqueeze(2)).squeeze(2)
