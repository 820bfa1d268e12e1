r"""Top eigenvalues of the Hessian with their eigenvectors, block by block and for the whole network.

HAWQ (section 3) ranks blocks by the largest eigenvalue of each block's Hessian, found by power iteration without
forming the matrix. Here the default is Lanczos iteration (`lanczos`), which needs a fraction of the products and
says how far it is from an eigenvector; power iteration as in HAWQ and PyHessian is there too (`power_iteration`).
Values keep their sign. What the errors cover is said in `eigenresult`.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.hessian import block_index
from explorer.curvature.operators.subject import Subject, prepare
from explorer.curvature.spectra.eigenresult import WHOLE, Eigenpairs, Eigenvalues
from explorer.curvature.spectra.eigensolve import Search, solve
from explorer.questions import EigenvaluesQuestion, question_of
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

__all__ = ["WHOLE", "Eigenpairs", "Eigenvalues", "eigenvalues", "every_eigenpairs", "top_eigenpairs"]

KEPT = 2  # eigenvectors of each block that are drawn or followed


def top_eigenpairs(
    study: Study,
    question: EigenvaluesQuestion | None = None,
    *,
    block: str | None = None,
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    held_out: int | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Eigenpairs:
    """The k eigenpairs at one end of the spectrum of a block's Hessian.

    Args:
        question: what is asked; or its options one by one, see `EigenvaluesQuestion`.
        block: its name; None for all blocks together.
        blocks: the blocks, else those of the question's granularity.
        rows: rows of the training split that count as the data, else all.
        held_out: how many of the eigenvectors are tried on rows that were not drawn too; None for all.
        chunk: samples processed at once, else as many as fit comfortably.
        watcher: told a fraction after every product; may stop before every chunk of samples.
        options: of the question.

    Raises:
        CurvatureError: there is no such block, an option is out of range, a value is not finite, or the loss does
            not depend on the block.
        Stopped: the watcher asked for it.
    """
    asked = question_of(EigenvaluesQuestion, question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    search = Search(asked, chunk_size(subject, chunk), held_out)
    return solve(subject, block_index(subject, block), search, watcher)


def every_eigenpairs(
    study: Study,
    question: EigenvaluesQuestion | None = None,
    *,
    skip: Collection[str | None] = (),
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    held_out: int | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Iterator[Eigenpairs]:
    """The eigenpairs of every block in depth order, then of the whole network, each as soon as it is found.

    Each is what `top_eigenpairs` gives for it alone, but for k, which is at most the number of weights. The
    arguments are those of `top_eigenpairs`, and:

    Args:
        skip: names of blocks (None: the whole network) that are known already.
    """
    asked = question_of(EigenvaluesQuestion, question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    search = Search(asked, chunk_size(subject, chunk), held_out)
    done = 0.0
    for index, share in _work(subject, asked.whole).items():
        if (None if index is None else subject.blocks[index].name) not in skip:
            size = sum(w.parameter.numel() for w in subject.weights if index in (None, w.block))
            own = replace(search, question=asked.but(k=min(asked.k, size)))
            yield solve(subject, index, own, Part(watcher, done, done + share))
        done += share


def eigenvalues(
    study: Study,
    question: EigenvaluesQuestion | None = None,
    *,
    kept: int = KEPT,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Eigenvalues:
    """The eigenpairs of every block, and of the whole network where it is wanted.

    The arguments are those of `every_eigenpairs`, and:

    Args:
        kept: how many eigenvectors of each are in the result; the others go, since all together may not fit.
        watcher: told each block's record as series ``found``; keeps what was found, to go on after it. Every
            block's search starts from a seed of its own, so the figures are those of one go.
    """
    saved = watcher.restore()
    begun = Eigenvalues(study.name, ())
    if saved is not None:
        record = {"study": study.name, "eigenvalues": saved.state["found"]}
        begun = Eigenvalues.from_json(record, saved.tensors)
    known = [pairs.block for pairs in begun.found]
    for pairs in every_eigenpairs(study, question, skip=known, watcher=watcher, **options):
        begun = replace(begun, found=(*begun.found, replace(pairs, vectors=pairs.vectors[:kept])))
        watcher.point("found", pairs.to_json())
        watcher.save(begun.tensors(), {"found": [each.to_json() for each in begun.found]})
    return begun


def _work(subject: Subject, whole: bool) -> dict[int | None, float]:
    """Every block with weights of its own, and its share of the time: what comes after it counts."""
    macs = [block.macs for block in subject.blocks]
    owners = {weight.block for weight in subject.weights}
    costs: dict[int | None, float] = {i: 1.0 + sum(macs[i:]) for i in sorted(owners)}
    if whole:
        costs[None] = 3 * (1.0 + sum(macs))  # its spectrum is denser and takes more products
    total = sum(costs.values())
    return {index: cost / total for index, cost in costs.items()}
