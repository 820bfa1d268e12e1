"""One search for eigenpairs: the operator, the iteration, and the errors of what it found (`eigenresult`)."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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


class Form(NamedTuple):
    """v . Hv over some rows for a unit vector v, its sampling error, and |Hv - (v . Hv) v|."""

    value: float
    stderr: float
    residual: float


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
    check_count(options.k, operator.dim, name)
    found = _search(operator, index, options, step)
    vectors = [signed(v) for v in found.vectors]
    own = [_form(operator, v, subject.size) for v in vectors]
    others, products = [Form(math.nan, math.nan, math.nan)] * options.k, operator.products
    settled = found.converged.tolist()
    if options.method != "power":
        settled = is_settled(own, options.tol, subject.dtype)
    tried = vectors[: search.held_out]
    if len(held_out) > 1 and tried:
        elsewhere = _operator(subject, index, held_out, search.chunk, watcher)
        left = subject.size - len(drawn)
        others[: len(tried)] = [_form(elsewhere, v, left) for v in tried]
        products += elsewhere.products
    return Eigenpairs(
        block=None if index is None else name,
        values=tuple(form.value for form in own),
        residuals=tuple(form.residual for form in own),
        stderrs=tuple(form.stderr for form in own),
        held_out=tuple(form.value for form in others),
        held_out_stderrs=tuple(form.stderr for form in others),
        converged=tuple(settled),
        vectors=tuple({key: part.cpu().clone() for key, part in operator.split(v).items()} for v in vectors),
        n=operator.dim,
        samples=len(drawn),
        products=products,
        seconds=time.monotonic() - started,
        method="power" if options.method == "power" else "lanczos",
    )


def check_count(k: int, weights: int, name: str) -> None:
    """Refuse to look for more eigenvalues than there are.

    Raises:
        CurvatureError: the block has fewer weights.
    """
    if k > weights:
        raise CurvatureError(f"k={k} exceeds the {weights} weights of {name}; ask for fewer")


def start_of(
    subject: Subject, index: int | None, dim: int, options: EigenvaluesQuestion
) -> tuple[Tensor, torch.Generator]:
    """First vector of a search, (dim,), and what further ones come from.

    They are the block's own (None: the whole network's), the same whatever other blocks are asked for.
    """
    draw = len(subject.blocks) if index is None else index
    source = generator(Stream.EIGENVECTOR_STARTS, options.seed, draw)
    return torch.randn(dim, generator=source).to(subject.device, subject.dtype), source


def signed(v: Tensor) -> Tensor:
    """v or -v, so that its entry of largest size is positive."""
    return v if v[v.abs().argmax()] > 0 else -v


def is_settled(own: Sequence[Form], tol: float, dtype: torch.dtype) -> list[bool]:
    """Whether the residual of each value is at most ``tol`` of it, or as small as rounding lets it be."""
    rounding = 10 * torch.finfo(dtype).eps * max(abs(form.value) for form in own)
    return [form.residual <= tol * abs(form.value) + rounding for form in own]


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
    """Ritz pairs from the block's own start."""
    start, source = start_of(operator.subject, index, operator.dim, options)
    return (power_pairs if options.method == "power" else lanczos_pairs)(
        operator.matvec,
        start,
        k=options.k,
        which=options.which,
        tol=options.tol,
        max_products=options.max_products,
        generator=source,
        step=step,
    )


def _form(operator: HessianOperator, v: Tensor, population: int) -> Form:
    """The form over the operator's rows."""
    product, forms = operator.product_and_forms(v)
    value = float((v * product).sum(dtype=torch.float64))
    return Form(value, mean(forms, population).stderr, float((product - value * v).norm()))


def _fraction(values: Tensor, residuals: Tensor, products: int, options: EigenvaluesQuestion) -> float:
    """Share of the way that the worst residual has come from its eigenvalue to ``tol`` of it, on a log scale."""
    worst = float((residuals / values.abs().clamp_min(1e-300)).max()) if len(values) == options.k else 1.0
    come = math.log(max(min(worst, 1.0), 1e-300)) / math.log(min(options.tol, 0.999))
    return min(max(come, products / (options.max_products + 4 * options.k)), 1.0) * 0.9
