r"""Power iteration with deflation, as HAWQ and PyHessian compute top eigenvalues.

v <- Hv / |Hv|, with v kept orthogonal to the vectors found before; the eigenvalue is the Rayleigh quotient
v . Hv, and the iteration stops when it changes by less than a share ``tol`` from one step to the next (PyHessian
uses 1e-3 and at most 100 steps). It converges to the eigenvalue of largest absolute value, which may be negative.
For the largest in the algebraic sense it is run again on H + cI with c = |lambda| where a negative one came out,
and for the smallest on -H.

The rule says that the value has settled, not that the vector is right: an error e in the vector is an error of
order e^2 in the value, and where the gap is small both can be far off at a small change.
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.spectra.lanczos import Matvec, RitzPairs, Step, orthogonalised
from explorer.questions.spectra import Which


@dataclass(frozen=True)
class _Found:
    value: float
    vector: Tensor
    residual: float
    settled: bool
    spent: int


def power_pairs(
    matvec: Matvec,
    start: Tensor,
    *,
    k: int,
    which: Which,
    tol: float,
    max_products: int,
    generator: torch.Generator,
    step: Step | None = None,
) -> RitzPairs:
    """The k eigenpairs one after another, each with an equal part of the products.

    Args:
        matvec: v -> Hv, both (dim,).
        start: (dim,), not zero.
        generator: for the further starts.
    """
    sign = -1.0 if which == "smallest" else 1.0
    found: list[_Found] = []

    def told(value: float, residual: float) -> None:
        if step is not None:
            values, residuals = [f.value for f in found], [f.residual for f in found]
            step(torch.tensor([*values, value]) * sign, torch.tensor([*residuals, residual]))

    for _ in range(k):
        known = torch.stack([f.vector for f in found]) if found else start.new_empty(0, start.numel())
        shift, budget = 0.0, max(1, max_products // k)
        while True:
            last = _dominant(lambda v: sign * matvec(v), shift, start, known, tol, budget, told)
            start = torch.randn(start.numel(), generator=generator).to(start)
            budget -= last.spent
            if which == "magnitude" or last.value >= 0 or shift > 0 or budget < 1:
                break
            shift = -last.value
        found.append(last)
    return RitzPairs(
        torch.tensor([sign * f.value for f in found], dtype=torch.float64),
        torch.stack([f.vector for f in found]),
        torch.tensor([f.residual for f in found], dtype=torch.float64),
        torch.tensor([f.settled for f in found]),
    )


def _dominant(
    apply: Matvec,
    shift: float,
    start: Tensor,
    known: Tensor,
    tol: float,
    budget: int,
    told: Callable[[float, float], None],
) -> _Found:
    """Iterate on H + shift I outside the span of ``known``; the value and residual are those of H."""
    v = orthogonalised(start / start.norm(), known)[1]
    v = v / v.norm()
    before, rounding = float("nan"), torch.finfo(v.dtype).eps
    for spent in range(1, budget + 1):
        product = orthogonalised(apply(v), known)[1]
        value = float((v * product).sum(dtype=torch.float64))
        residual = float((product - value * v).norm())
        told(value, residual)
        settled = abs(value - before) <= tol * abs(value) + rounding * shift or residual == 0
        ahead = product + shift * v
        if settled or spent == budget:
            break
        before = value
        v = orthogonalised(ahead / ahead.norm(), known)[1]
        v = v / v.norm()
    return _Found(value, v, residual, settled, spent)
