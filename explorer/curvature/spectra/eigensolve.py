"""One search for eigenpairs: the operator, the iteration, and the errors of what it found (`eigenresult`)."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from explorer.curvature.operators.hessian import HessianOperator, held_out_rows, hessian_rows
from explorer.curvature.operators.subject import Subject
from explorer.curvature.spectra.eigenresult import WHOLE, Eigenpairs
from explorer.curvature.spectra.lanczos import RitzPairs, Which, lanczos_pairs
from explorer.curvature.spectra.power_iteration import power_pairs
from explorer.errors import CurvatureError
from explorer.estimates import mean
from explorer.randomness import Stream, generator

EigenMethod = Literal["lanczos", "power"]
WHICH = ("largest", "magnitude", "smallest")
EIGEN_METHODS = ("lanczos", "power")
Progress = Callable[[float, str], None]


class Interrupted(Exception):
    """The caller asked to stop."""


@dataclass(frozen=True)
class Options:
    """What to search for, and how; see `eigenpairs.top_eigenpairs`."""

    k: int
    which: Which
    method: EigenMethod
    samples: int | None
    seed: int
    tol: float
    max_products: int
    chunk: int
    held_out: int | None

    def __post_init__(self) -> None:
        if self.which not in WHICH:
            raise CurvatureError(
                f"there is no end {self.which!r} of a spectrum; use one of {', '.join(WHICH)}"
            )
        if self.method not in EIGEN_METHODS:
            raise CurvatureError(f"there is no method {self.method!r}; use one of {', '.join(EIGEN_METHODS)}")
        if self.k < 1:
            raise CurvatureError(f"k={self.k} asks for no eigenvalue; give at least 1")
        if self.samples is not None and self.samples < 2:
            raise CurvatureError(f"samples={self.samples} gives no standard error; give at least 2")
        if not self.tol > 0:
            raise CurvatureError(
                f"tol={self.tol} is no residual to reach; give a number above 0, such as 1e-3"
            )
        if self.max_products <= self.k:
            raise CurvatureError(
                f"max_products={self.max_products} is too few for k={self.k}; give at least {self.k + 1}"
            )


def solve(
    subject: Subject,
    index: int | None,
    options: Options,
    progress: Progress | None,
    should_stop: Callable[[], bool] | None,
) -> Eigenpairs:
    """The eigenpairs of one block's Hessian, or the whole network's (None).

    Raises:
        Interrupted: ``should_stop`` said so.
    """
    started = time.monotonic()
    name = WHOLE if index is None else subject.blocks[index].name
    drawn = hessian_rows(subject.size, options.samples, options.seed)
    held_out = held_out_rows(subject.size, options.samples, options.seed)

    def watch() -> None:
        if should_stop is not None and should_stop():
            raise Interrupted

    def step(values: Tensor, residuals: Tensor) -> None:
        if progress is not None:
            words = f"{name}: λ = {float(values[0]):.3g} after {operator.products} products"
            progress(_fraction(values, residuals, operator.products, options), words)

    operator = _operator(subject, index, drawn, options.chunk, watch)
    if options.k > operator.dim:
        raise CurvatureError(f"k={options.k} exceeds the {operator.dim} weights of {name}; ask for fewer")
    found = _search(operator, index, options, step)
    vectors = [_signed(v) for v in found.vectors]
    own = [_form(operator, v, subject.size) for v in vectors]
    others, products = [(math.nan, math.nan, math.nan)] * options.k, operator.products
    settled = found.converged.tolist()
    if options.method == "lanczos":
        settled = [r <= options.tol * abs(value) + _rounding(subject, own) for value, _, r in own]
    tried = vectors[: options.held_out]
    if len(held_out) > 1 and tried:
        elsewhere = _operator(subject, index, held_out, options.chunk, watch)
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
    subject: Subject, index: int | None, positions: Tensor, chunk: int, watch: Callable[[], None]
) -> HessianOperator:
    """The Hessian of the mean loss over ``positions``."""
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    return HessianOperator(subject, block=index, positions=positions, shares=shares, chunk=chunk, watch=watch)


def _search(
    operator: HessianOperator, index: int | None, options: Options, step: Callable[[Tensor, Tensor], None]
) -> RitzPairs:
    """Each block has a start of its own, the same whatever other blocks are asked for."""
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
    """What a residual is at best, in this dtype."""
    return 10 * torch.finfo(subject.dtype).eps * max(abs(value) for value, _, _ in own)


def _fraction(values: Tensor, residuals: Tensor, products: int, options: Options) -> float:
    """How far the worst residual has come from its eigenvalue to ``tol`` of it, on a log scale."""
    worst = float((residuals / values.abs().clamp_min(1e-300)).max()) if len(values) == options.k else 1.0
    come = math.log(max(min(worst, 1.0), 1e-300)) / math.log(min(options.tol, 0.999))
    return min(max(come, products / (options.max_products + 4 * options.k)), 1.0) * 0.9
