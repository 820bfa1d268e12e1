"""One search for eigenpairs: the operator, the iteration, and the errors of what it found (`eigenresult`)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.operators.hessian import HessianOperator, held_out_rows, hessian_rows
from explorer.curvature.operators.subject import Subject
from explorer.curvature.spectra.eigenresult import WHOLE, Eigenpairs
from explorer.curvature.spectra.lanczos import RitzPairs, lanczos_pairs
from explorer.curvature.spectra.power_iteration import power_pairs
from explorer.errors import CurvatureError
from explorer.estimates import mean
from explorer.questions import EigenvaluesQuestion
from explorer.randomness import Stream, generator
from explorer.watching import Watcher


@dataclass(frozen=True)
class Search:
    """One search: its question, and how it is carried out.

    Attributes:
        chunk: samples processed at once.
        held_out: how many of the eigenvectors are tried on rows that were not drawn too; None for all.
    """

    question: EigenvaluesQuestion
    chunk: int
    held_out: int | None


def solve(subject: Subject, index: int | None, search: Search, watcher: Watcher) -> Eigenpairs:
    """Eigenpairs of one block's Hessian, or the whole network's (None).

    Raises:
        CurvatureError: the block has fewer weights than eigenvalues are asked for, or a value is not finite.
        Stopped: the watcher asked for it.
    """
    options = search.question
    started = time.monotonic()
    name = WHOLE if index is None else subject.blocks[index].name
    drawn = hessian_rows(subject.size, options.samples, options.seed)
    held_out = held_out_rows(subject.size, options.samples, options.seed)

    def step(values: Tensor, residuals: Tensor) -> None:
        words = f"{name}: λ = {float(values[0]):.3g} after {operator.products} products"
        watcher.report(_fraction(values, residuals, operator.products, options), words)

    operator = _operator(subject, index, drawn, search.chunk, watcher)
    if options.k > operator.dim:
        raise CurvatureError(f"k={options.k} exceeds the {operator.dim} weights of {name}; ask for fewer")
    found = _search(operator, index, options, step)
    vectors = [_signed(v) for v in found.vectors]
    own = [_form(operator, v, subject.size) for v in vectors]
    others, products = [(math.nan, math.nan, math.nan)] * options.k, operator.products
    settled = found.converged.tolist()
    if options.method == "lanczos":
        settled = [r <= options.tol * abs(value) + _rounding(subject, own) for value, _, r in own]
    tried = vectors[: search.held_out]
    if len(held_out) > 1 and tried:
        elsewhere = _operator(subject, index, held_out, search.chunk, watcher)
        left = subject.size - len(drawn)
        others[: len(tried)] = [_form(elsewhere, v, left) for v in tried]
        products += elsewhere.products
    return Eigenpairs(
        block=None if index is None else name,
        values=tuple(value for value, _, _ in own),
        residuals=tuple(residual for _, _, residual in own),
        stderrs=tuple(stderr for _, stderr, _ in own),
        held_out=tuple(value for value, _, _ in others),
        held_out_stderrs=tuple(stderr for _, stderr, _ in others),
        converged=tuple(settled),
        vectors=tuple({key: part.cpu().clone() for key, part in operator.split(v).items()} for v in vectors),
        n=operator.dim,
        samples=len(drawn),
        products=products,
        seconds=time.monotonic() - started,
    )


def _operator(
    subject: Subject, index: int | None, positions: Tensor, chunk: int, watcher: Watcher
) -> HessianOperator:
    """Hessian of the mean loss over ``positions``."""
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    return HessianOperator(
        subject, block=index, positions=positions, shares=shares, chunk=chunk, watch=watcher.check_stop
    )


def _search(
    operator: HessianOperator,
    index: int | None,
    options: EigenvaluesQuestion,
    step: Callable[[Tensor, Tensor], None],
) -> RitzPairs:
    """Ritz pairs from a start of the block's own, the same whatever other blocks are asked for."""
    subject = operator.subject
    draw = len(subject.blocks) if index is None else index
    source = generator(Stream.EIGENVECTOR_STARTS, options.seed, draw)
    start = torch.randn(operator.dim, generator=source).to(subject.device, subject.dtype)
    return (lanczos_pairs if options.method == "lanczos" else power_pairs)(
        operator.matvec,
        start,
        k=options.k,
        which=options.which,
        tol=options.tol,
        max_products=options.max_products,
        generator=source,
        step=step,
    )


def _form(operator: HessianOperator, v: Tensor, population: int) -> tuple[float, float, float]:
    """v . Hv over the operator's rows, its sampling error, and |Hv - (v . Hv) v|."""
    product, forms = operator.product_and_forms(v)
    value = float((v * product).sum(dtype=torch.float64))
    return value, mean(forms, population).stderr, float((product - value * v).norm())


def _signed(v: Tensor) -> Tensor:
    """v or -v, so that its entry of largest size is positive."""
    return v if v[v.abs().argmax()] > 0 else -v


def _rounding(subject: Subject, own: list[tuple[float, float, float]]) -> float:
    """Residual at best, in this dtype."""
    return 10 * torch.finfo(subject.dtype).eps * max(abs(value) for value, _, _ in own)


def _fraction(values: Tensor, residuals: Tensor, products: int, options: EigenvaluesQuestion) -> float:
    """Share of the way that the worst residual has come from its eigenvalue to ``tol`` of it, on a log scale."""
    worst = float((residuals / values.abs().clamp_min(1e-300)).max()) if len(values) == options.k else 1.0
    come = math.log(max(min(worst, 1.0), 1e-300)) / math.log(min(options.tol, 0.999))
    return min(max(come, products / (options.max_products + 4 * options.k)), 1.0) * 0.9
