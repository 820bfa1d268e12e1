r"""Lanczos iteration for extreme eigenpairs of a symmetric operator, with full reorthogonalisation and restarts.

After m steps the orthonormal rows q_1 .. q_m of Q span the Krylov space of the start, T = Q H Q^T is small and
HQ^T = Q^T T + beta q_{m+1} e_m^T (Golub & Van Loan, Matrix Computations, section 10.1). An eigenpair (theta, y)
of T gives the Ritz pair (theta, Q^T y), whose residual has norm beta |y_m|. Every new vector is orthogonalised
twice against all earlier ones. When Q is full it is replaced by its best Ritz vectors and the iteration goes
on from there (thick restart: Wu & Simon 2000, section 2), so memory is bounded. When beta vanishes the space is
invariant; a fresh random vector is put in, which is how copies of a multiple eigenvalue are found.

T is kept whole, in float64, from the coefficients of the orthogonalisation; Q has the operator's dtype.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.questions.spectra import Which

Matvec = Callable[[Tensor], Tensor]
Step = Callable[[Tensor, Tensor], None]  # the wanted Ritz values and their residuals so far

BASIS_BYTES = 2**30
_AFTER_BREAKDOWN = 5  # products before the pairs found are believed


@dataclass(frozen=True)
class RitzPairs:
    """Pairs that an iteration found.

    Attributes:
        values: (k,) float64, the wanted extreme first.
        vectors: (k, dim), orthonormal rows.
        residuals: (k,) float64, |Hv - theta v| as the iteration knows it.
        converged: (k,) bool, whether the method's own rule was met.
    """

    values: Tensor
    vectors: Tensor
    residuals: Tensor
    converged: Tensor


def wanted_first(values: Tensor, which: Which) -> Tensor:
    """Indices that sort eigenvalues, the wanted extreme first."""
    if which == "magnitude":
        return values.abs().argsort(descending=True)
    return values.argsort(descending=which == "largest")


def lanczos_pairs(
    matvec: Matvec,
    start: Tensor,
    *,
    k: int,
    which: Which,
    tol: float,
    max_products: int,
    generator: torch.Generator,
    step: Step | None = None,
    basis_bytes: int = BASIS_BYTES,
) -> RitzPairs:
    """The k extreme eigenpairs, until every residual is at most ``tol`` |theta| or the products are used.

    Args:
        matvec: v -> Hv, both (dim,).
        start: (dim,), not zero.
        generator: for fresh vectors.
        basis_bytes: room for Q.
    """
    dim = start.numel()
    capacity = min(dim, max_products, max(2 * k + 6, basis_bytes // (dim * start.element_size())))
    Q = torch.empty(capacity, dim, dtype=start.dtype, device=start.device)
    T = torch.zeros(capacity, capacity, dtype=torch.float64)
    Q[0] = start / start.norm()
    m, since_fresh, rounding = 0, _AFTER_BREAKDOWN, 10 * torch.finfo(start.dtype).eps
    for spent in range(1, max_products + 1):
        column, rest = orthogonalised(matvec(Q[m]), Q[: m + 1])
        T[: m + 1, m] = T[m, : m + 1] = column
        m += 1
        since_fresh += 1
        beta = float(rest.norm())
        theta, Y = torch.linalg.eigh(T[:m, :m])
        order = wanted_first(theta, which)
        theta, Y = theta[order], Y[:, order]
        residuals = beta * Y[-1].abs()
        small = residuals[:k] <= tol * theta[:k].abs() + rounding * theta.abs().max()
        if step is not None:
            step(theta[:k], residuals[:k])
        believed = m == dim or (m >= k and bool(small.all()) and since_fresh >= _AFTER_BREAKDOWN)
        if believed or spent == max_products:
            break
        if m == capacity:
            m = k + (capacity - k) // 2
            Q[:m] = Y[:, :m].T.to(Q) @ Q
            T.zero_()
            T[range(m), range(m)] = theta[:m]
        if beta <= rounding * float(theta.abs().max()):
            rest = torch.randn(dim, generator=generator).to(Q)
            rest = orthogonalised(rest / rest.norm(), Q[:m])[1]
            since_fresh = 0
        Q[m] = rest / rest.norm()
    vectors = Y[:, :k].T.to(Q) @ Q[:m]
    return RitzPairs(theta[:k], vectors / vectors.norm(dim=1, keepdim=True), residuals[:k], small)


def orthogonalised(w: Tensor, Q: Tensor) -> tuple[Tensor, Tensor]:
    """Qw in float64 (m,), and w without its part in the rows of Q; twice, since once is not enough."""
    column = torch.zeros(len(Q), dtype=torch.float64)
    for _ in range(2):
        h = Q @ w
        w = w - h @ Q
        column += h.double().cpu()
    return column, w


def tridiagonal(
    matvec: Matvec, start: Tensor, steps: int, *, basis_bytes: int = BASIS_BYTES
) -> tuple[Tensor, Tensor]:
    """Diagonal (m,) and off-diagonal (m - 1,) of T after at most ``steps`` steps, float64.

    Where Q does not fit, vectors are orthogonalised against the last two only. Copies of eigenvalues that have
    converged then appear, whose weights add up to what the one would have: quadrature stays right (Golub &
    Strakos 1994), eigenvalues counted would not.
    """
    dim = start.numel()
    steps = min(steps, dim)
    room = max(2, min(steps, basis_bytes // (dim * start.element_size())))
    kept = room if room >= steps else 2
    Q = torch.empty(kept, dim, dtype=start.dtype, device=start.device)
    Q[0] = start / start.norm()
    diagonal: list[float] = []
    off: list[float] = []
    rounding = 10 * torch.finfo(start.dtype).eps
    for m in range(steps):
        column, rest = orthogonalised(matvec(Q[m % kept]), Q[: m + 1])
        diagonal.append(float(column[m % kept]))
        beta = float(rest.norm())
        if m + 1 == steps or beta <= rounding * max(map(abs, [*diagonal, *off])):
            break
        off.append(beta)
        Q[(m + 1) % kept] = rest / beta
    return torch.tensor(diagonal, dtype=torch.float64), torch.tensor(off, dtype=torch.float64)
