r"""Eigenvalues of blocks from the Gram matrix of their gradients, and top eigenpairs by products with these.

The Hessian of a block that `gathering` takes is G^T G with a row of G for every sample and direction at the outputs.
Its non-zero eigenvalues are those of G G^T, which has a side of N (C - 1) for N samples and C classes, however many
weights there are; where there are fewer weights than rows, G^T G itself is the smaller. One dense eigenproblem gives
all of them, without iteration. The matrix is formed in the network's dtype and checked: some of its entries against
products of the rows in float64, and the sum of the eigenvalues against the trace. Where that is off by more than
`_OFF`, the matrix is formed again in float64.

An eigenvector u of G G^T with lambda > 0 gives that of G^T G, v = G^T u / sqrt(lambda). For a few pairs of a large
matrix neither matrix is formed: the products G^T (G v) take one application of the layer forwards and one backwards,
whatever comes after it in the network, and Lanczos iteration (`lanczos`) needs few of them.
"""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.gradient_rows import GradientRows
from explorer.curvature.operators.hessian import hessian_rows
from explorer.curvature.operators.subject import prepare
from explorer.curvature.spectra.gathering import Gathering
from explorer.curvature.spectra.lanczos import RitzPairs, lanczos_pairs, wanted_first
from explorer.errors import CurvatureError
from explorer.estimates import relative
from explorer.questions import EigenvaluesQuestion, question_of
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

LARGEST_DENSE = 6144  # side of a matrix all of whose eigenvalues are computed: 150 MB in float32
DENSE_PAIRS = 384  # side up to which eigenvectors come from the dense eigenproblem too
_OFF = 1e-4
_CHECKED = 12  # rows whose products are taken in float64


@dataclass(frozen=True)
class BlockSpectrum:
    """All eigenvalues of one block's Hessian over some samples.

    Attributes:
        values: float64 (r,), largest first, r the number of rows or of weights, whichever is smaller; the remaining
            n - r eigenvalues are 0. None is negative; those below rounding of the largest are rounding.
        n: number of weights.
        samples: rows of the data that the Hessian is a mean over.
    """

    block: str
    values: Tensor
    n: int
    samples: int
    seconds: float

    @property
    def trace(self) -> float:
        """Tr(H)."""
        return float(self.values.sum())


def block_spectra(
    study: Study,
    question: EigenvaluesQuestion | None = None,
    *,
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Iterator[BlockSpectrum]:
    """All eigenvalues of every block to which that applies, in depth order; `spectrum` has the density of any.

    A block has them where it is piecewise linear in one weight and its matrix is no larger than `LARGEST_DENSE`.

    Args:
        question: the options, or one by one; of these ``samples``, ``seed`` and ``granularity`` count.
        blocks: the blocks, else those of the question's granularity.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        watcher: told a fraction after every few samples and every block; may stop before each.

    Raises:
        CurvatureError: an option is out of range, or a value is not finite.
        Stopped: the watcher asked for it.
    """
    asked = question_of(EigenvaluesQuestion, question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    drawn = hessian_rows(subject.size, asked.samples, asked.seed)
    everything = range(len(subject.blocks))
    gathering = Gathering(
        subject, drawn, chunk=chunk_size(subject, chunk), watch=watcher.check_stop, only=everything
    )
    total = sum(map(len, gathering.groups))
    done = 0
    for group in gathering.groups:
        started = time.monotonic()
        found = gathering.gather(group, drawn, lambda _: None)
        gathered = (time.monotonic() - started) / len(group)
        for block in group:
            watcher.check_stop()
            started, own = time.monotonic(), found.pop(block)
            done += 1
            if own.side > LARGEST_DENSE:
                continue
            values = all_eigenvalues(own)
            name = subject.blocks[block].name
            watcher.report(done / total, f"{name}: all eigenvalues")
            seconds = gathered + time.monotonic() - started
            yield BlockSpectrum(name, values, own.shape.weights, len(drawn), seconds)


def all_eigenvalues(rows: GradientRows) -> Tensor:
    """Eigenvalues of G^T G, but for zeros that are there for want of rows, float64 (side,), largest first."""
    return _dense(rows, vectors=False)[0].flip(0)


def top_pairs(
    rows: GradientRows,
    options: EigenvaluesQuestion,
    start: Tensor,
    source: torch.Generator,
) -> RitzPairs:
    """The k extreme eigenpairs of G^T G; vectors (k, n) in the order of the factors (`weight_order`).

    Args:
        start: (groups, O, K), not zero, where an iteration begins.
        source: of its further vectors.
    """
    k = options.k
    most = LARGEST_DENSE if 8 * k >= rows.side else DENSE_PAIRS
    if 0 < rows.side <= most:
        found = _dense_pairs(rows, options)
        if found is not None:
            return found
    form = (rows.shape.groups, rows.shape.outputs, rows.shape.inputs)
    return lanczos_pairs(
        lambda v: rows.product(v.view(form)).flatten(),
        start.flatten(),
        k=k,
        which=options.which,
        tol=min(options.tol, 1e-5),  # products are cheap here
        max_products=options.max_products,
        generator=source,
    )


def _dense_pairs(rows: GradientRows, options: EigenvaluesQuestion) -> RitzPairs | None:
    """Eigenpairs of the whole matrix; None where the k-th has no eigenvector that comes from the rows."""
    values, vectors = _dense(rows, vectors=True)
    order = wanted_first(values, options.which)[: options.k]
    rounding = 10 * torch.finfo(vectors.dtype).eps * len(values) * values.abs().max()
    if len(order) < options.k:
        return None
    chosen = vectors[:, order.to(vectors.device)].T
    if not rows.few_weights:
        if not bool((values[order] > rounding).all()) or options.which == "smallest":
            return None
        chosen = torch.stack([rows.pulled(u).flatten() for u in chosen.to(rows.dtype)])
    found = chosen.double()
    found = (found / found.norm(dim=1, keepdim=True)).to(rows.dtype)
    return RitzPairs(values[order], found, torch.zeros(options.k), torch.ones(options.k, dtype=torch.bool))


def _dense(rows: GradientRows, *, vectors: bool) -> tuple[Tensor, Tensor]:
    """Eigenvalues of the smaller of G G^T and G^T G, ascending and float64, and its eigenvectors in columns.

    Raises:
        CurvatureError: the matrix is not right in float64 either.
    """
    nothing = torch.empty(0, 0)
    if rows.side == 0:
        return torch.empty(0, dtype=torch.float64), nothing
    for dtype in (rows.dtype, torch.float64):
        matrix = rows.matrix(dtype) if rows.few_weights else rows.gram(dtype)
        values, found = torch.linalg.eigh(matrix) if vectors else (torch.linalg.eigvalsh(matrix), nothing)
        values = values.double().clamp(min=0).cpu()
        if _off_in_part(rows, matrix) <= _OFF and _off_in_sum(values, matrix) <= _OFF:
            return values, found
    raise CurvatureError(
        f"block {rows.block}: the products of its gradients do not come out alike twice; use the method lanczos"
    )


def _off_in_part(rows: GradientRows, matrix: Tensor) -> float:
    """Largest error of some of the entries, as a share of |g| |g'|, beside their products in float64."""
    chosen = torch.linspace(0, rows.side - 1, min(rows.side, _CHECKED)).long()
    vectors = rows.some_columns(chosen) if rows.few_weights else rows.some_rows(chosen)
    expected = vectors @ vectors.T
    sizes = expected.diagonal().sqrt()
    entries = matrix[chosen.to(matrix.device)][:, chosen.to(matrix.device)].double()
    off = (
        (entries - expected).abs() / (sizes[:, None] * sizes).clamp_min(torch.finfo(torch.float64).tiny)
    ).tril()
    return float(off.max())


def _off_in_sum(values: Tensor, matrix: Tensor) -> float:
    """How far the eigenvalues are from adding up to the trace, as a share of it."""
    trace = float(matrix.diagonal().sum(dtype=torch.float64))
    return relative(abs(float(values.sum()) - trace), trace)
