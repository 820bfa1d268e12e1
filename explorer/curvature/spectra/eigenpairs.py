r"""Top eigenvalues of the Hessian with their eigenvectors, block by block and for the whole network.

HAWQ (section 3) ranks blocks by the largest eigenvalue of each block's Hessian, found by power iteration without
forming the matrix. Here the default is Lanczos iteration (`lanczos`), which needs a fraction of the products and
says how far it is from an eigenvector; power iteration as in HAWQ and PyHessian is there too (`power_iteration`).
Values keep their sign. What the errors cover is said in `eigenresult`.
"""

from collections.abc import Callable, Collection, Iterator

import torch
from torch import Tensor

from explorer.blocks import Block, Granularity
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.hessian import block_index
from explorer.curvature.operators.subject import Subject, prepare
from explorer.curvature.spectra.eigenresult import WHOLE, Eigenpairs
from explorer.curvature.spectra.eigensolve import EigenMethod, Interrupted, Options, Progress, solve
from explorer.curvature.spectra.lanczos import Which
from explorer.errors import CurvatureError
from explorer.studies.study import Study

__all__ = ["WHOLE", "Eigenpairs", "every_eigenpairs", "top_eigenpairs"]


def top_eigenpairs(
    study: Study,
    *,
    block: str | None = None,
    k: int = 2,
    which: Which = "largest",
    method: EigenMethod = "lanczos",
    samples: int | None = 512,
    granularity: Granularity = "layer",
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    seed: int = 0,
    tol: float = 1e-3,
    max_products: int = 200,
    held_out: int | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Eigenpairs:
    """The k eigenpairs at one end of the spectrum of a block's Hessian.

    Args:
        block: its name; None for all blocks together.
        which: ``largest`` or ``smallest`` in the algebraic sense, or of largest ``magnitude``.
        samples: rows drawn; None for all.
        rows: rows of the training split that count as the data, else all.
        tol: Lanczos stops when every residual is at most this share of its eigenvalue; power iteration when
            the eigenvalue changes by less than this share.
        max_products: stop after so many products in any case.
        held_out: how many of the eigenvectors are tried on rows that were not drawn too; None for all.
        chunk: samples processed at once, else as many as fit comfortably.
        progress: called after every product with a fraction and a message.
        should_stop: asked before every chunk of samples.

    Raises:
        CurvatureError: there is no such block, an option is out of range, a value is not finite, the loss does
            not depend on the block, or the search was stopped.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, dtype=dtype)
    chunk = chunk_size(subject, chunk)
    options = Options(k, which, method, samples, seed, tol, max_products, chunk, held_out)
    try:
        return solve(subject, block_index(subject, block), options, progress, should_stop)
    except Interrupted:
        raise CurvatureError(
            f"the eigenvalues of {block or WHOLE} were stopped; ask for them again"
        ) from None


def every_eigenpairs(
    study: Study,
    *,
    whole: bool = True,
    skip: Collection[str | None] = (),
    k: int = 2,
    which: Which = "largest",
    method: EigenMethod = "lanczos",
    samples: int | None = 512,
    granularity: Granularity = "layer",
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    seed: int = 0,
    tol: float = 1e-3,
    max_products: int = 200,
    held_out: int | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> Iterator[Eigenpairs]:
    """The eigenpairs of every block in depth order, then of the whole network, each as soon as it is found.

    Each is what `top_eigenpairs` gives for it alone, but for k, which is at most the number of weights. The
    arguments are those of `top_eigenpairs`, and:

    Args:
        whole: whether the whole network is wanted.
        skip: names of blocks (None: the whole network) that are known already.
        should_stop: when true, nothing more comes.
    """
    subject = prepare(study, blocks=blocks, granularity=granularity, rows=rows, dtype=dtype)
    chunk = chunk_size(subject, chunk)
    work = _work(subject, whole)
    done = 0.0
    for index, share in work.items():
        if (None if index is None else subject.blocks[index].name) not in skip:
            size = sum(w.parameter.numel() for w in subject.weights if index in (None, w.block))
            options = Options(min(k, size), which, method, samples, seed, tol, max_products, chunk, held_out)
            try:
                yield solve(subject, index, options, _part(progress, done, share), should_stop)
            except Interrupted:
                return
        done += share


def _work(subject: Subject, whole: bool) -> dict[int | None, float]:
    """Every block with weights of its own, and what share of the time it takes: what comes after it counts."""
    macs = [block.macs for block in subject.blocks]
    owners = {weight.block for weight in subject.weights}
    costs: dict[int | None, float] = {i: 1.0 + sum(macs[i:]) for i in sorted(owners)}
    if whole:
        costs[None] = 3 * (1.0 + sum(macs))  # its spectrum is denser and takes more products
    total = sum(costs.values())
    return {index: cost / total for index, cost in costs.items()}


def _part(progress: Progress | None, done: float, share: float) -> Progress | None:
    """Progress of one block as progress of all."""
    if progress is None:
        return None
    return lambda fraction, message: progress(done + share * fraction, message)
