r"""Top eigenvalues of the Hessian with their eigenvectors, block by block and for the whole network.

HAWQ (section 3) ranks blocks by the largest eigenvalue of each block's Hessian, found by power iteration without
forming the matrix. Where the outputs are piecewise linear in the one weight of a block, its Hessian is a product of
gradients, and all blocks have their eigenpairs from a few backward passes (`gram`). Elsewhere, and for the whole
network, the default is Lanczos iteration on Hessian-vector products (`lanczos`), which needs a fraction of the products
and says how far it is from an eigenvector; power iteration as in HAWQ and PyHessian is there too (`power_iteration`).
Values keep their sign. What the errors cover is said in `eigenresult`.
"""

from collections.abc import Collection, Iterator
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.hessian import block_index, hessian_rows
from explorer.curvature.operators.subject import Subject, prepare
from explorer.curvature.spectra.eigenresult import WHOLE, Eigenpairs, Eigenvalues
from explorer.curvature.spectra.eigensolve import Search, check_count, solve
from explorer.curvature.spectra.gathering import Gathering
from explorer.curvature.spectra.gram_pairs import solve_by_gram
from explorer.questions import EigenvaluesQuestion, question_of
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

__all__ = ["WHOLE", "Eigenpairs", "Eigenvalues", "eigenvalues", "every_eigenpairs", "top_eigenpairs"]

_BY_GRAM = 0.1  # of the time that Lanczos iteration on Hessian-vector products takes
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
    search, index = Search(asked, chunk_size(subject, chunk), held_out), block_index(subject, block)
    if index is None:
        return solve(subject, None, search, watcher)
    gathering = _gathering(subject, search, [index], watcher)
    group = gathering.group_of(index)
    if not group:
        return solve(subject, index, search, watcher)
    check_count(asked.k, gathering.weight(index).numel(), subject.blocks[index].name)
    return solve_by_gram(gathering, group, search, watcher)[index]


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
    names = [block.name for block in subject.blocks]
    work = _work(subject, asked.whole)
    known = {index for index in work if (None if index is None else names[index]) in skip}
    gathering = _gathering(subject, search, [i for i in work if i is not None and i not in known], watcher)
    quick = {index for index in work if gathering.group_of(index)}
    costs = {index: cost * (_BY_GRAM if index in quick | known else 1) for index, cost in work.items()}
    total, done = sum(costs.values()), 0.0
    found: dict[int, Eigenpairs] = {}
    for index in work:
        if index is not None and index in found:
            watcher.check_stop()
            yield found[index]
            continue
        group = gathering.group_of(index)
        share = sum(costs[each] for each in group or (index,)) / total
        part = Part(watcher, done, min(done + share, 1.0))
        done += share
        if index in known:
            continue
        if group:
            found = solve_by_gram(gathering, group, search, part)
            yield found[group[0]]
            continue
        size = sum(w.parameter.numel() for w in subject.weights if index in (None, w.block))
        yield solve(subject, index, replace(search, question=asked.but(k=min(asked.k, size))), part)


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


def _gathering(subject: Subject, search: Search, only: Collection[int], watcher: Watcher) -> Gathering:
    """Those of some blocks whose eigenpairs come from the gradients; none where another method is asked for."""
    asked = search.question
    return Gathering(
        subject,
        hessian_rows(subject.size, asked.samples, asked.seed),
        chunk=search.chunk,
        watch=watcher.check_stop,
        only=only if asked.method == "auto" else (),
        vectors=asked.k,
    )


def _work(subject: Subject, whole: bool) -> dict[int | None, float]:
    """Every block with weights of its own, and its time by Lanczos iteration: what comes after it counts."""
    macs = [block.macs for block in subject.blocks]
    owners = {weight.block for weight in subject.weights}
    costs: dict[int | None, float] = {i: 1.0 + sum(macs[i:]) for i in sorted(owners)}
    if whole:
        costs[None] = 3 * (1.0 + sum(macs))  # its spectrum is denser and takes more products
    return costs
