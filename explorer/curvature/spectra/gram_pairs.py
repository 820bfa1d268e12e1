"""Top eigenpairs of blocks by their gradients (`gram`), with the errors that `eigenresult` describes.

The forms of the samples, v . H_n v, and the product H v come from the gradients too, here over the rows drawn and for
the held-out form over the others: no Hessian-vector product is taken.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from torch import Tensor

from explorer.curvature.operators.gradient_rows import GradientRows
from explorer.curvature.operators.hessian import held_out_rows, hessian_rows
from explorer.curvature.operators.weight_order import in_factors, in_weight
from explorer.curvature.spectra.eigenresult import Eigenpairs
from explorer.curvature.spectra.eigensolve import Form, Search, is_settled, signed, start_of
from explorer.curvature.spectra.gathering import Gathering
from explorer.curvature.spectra.gram import top_pairs
from explorer.estimates import mean
from explorer.questions import EigenvaluesQuestion
from explorer.watching import Part, Watcher


@dataclass(frozen=True)
class _Found:
    """Pairs of one block: unit vectors (groups, O, K) in the order of the factors, and their forms."""

    vectors: tuple[Tensor, ...]
    own: list[Form]
    converged: list[bool]
    samples: int
    seconds: float


def solve_by_gram(
    gathering: Gathering, group: Sequence[int], search: Search, watcher: Watcher
) -> dict[int, Eigenpairs]:
    """Eigenpairs of the blocks of one group, by index; of a block with fewer than k weights as many as there are.

    Raises:
        CurvatureError: a value is not finite.
        Stopped: the watcher asked for it.
    """
    subject, options, began = gathering.subject, search.question, time.monotonic()
    drawn = hessian_rows(subject.size, options.samples, options.seed)
    rows = gathering.gather(group, drawn, Part(watcher, 0.0, 0.4).report)
    found: dict[int, _Found] = {}
    for number, block in enumerate(group, 1):
        watcher.check_stop()
        found[block] = _search(gathering, block, rows.pop(block), options)
        words = f"{subject.blocks[block].name}: λ = {found[block].own[0].value:.3g}"
        watcher.report(0.4 + 0.3 * number / len(group), words)
    others = _held_out(gathering, found, search, subject.size - len(drawn), Part(watcher, 0.7, 1.0))
    shared = (time.monotonic() - began - sum(each.seconds for each in found.values())) / len(group)
    return {block: _result(gathering, block, each, others[block], shared) for block, each in found.items()}


def _search(gathering: Gathering, block: int, rows: GradientRows, options: EigenvaluesQuestion) -> _Found:
    started = time.monotonic()
    subject, n = gathering.subject, rows.shape.weights
    start, source = start_of(subject, block, n, options)
    begin = in_factors(gathering.orders[block], start.view_as(gathering.weight(block)))
    pairs = top_pairs(rows, options.but(k=min(options.k, n)), begin, source)
    vectors = tuple(signed(v).view_as(begin) for v in pairs.vectors)
    own = [_form(rows, v, subject.size) for v in vectors]
    settled = is_settled(own, options.tol, subject.dtype)
    converged = [a or b for a, b in zip(settled, pairs.converged.tolist(), strict=True)]
    return _Found(vectors, own, converged, rows.samples, time.monotonic() - started)


def _held_out(
    gathering: Gathering, found: Mapping[int, _Found], search: Search, left: int, watcher: Watcher
) -> dict[int, list[Form]]:
    """Forms of the first vectors over rows that were not drawn, of which there are ``left``."""
    options = search.question
    positions = held_out_rows(gathering.subject.size, options.samples, options.seed)
    nothing = Form(math.nan, math.nan, math.nan)
    result = {block: [nothing] * len(each.vectors) for block, each in found.items()}
    if len(positions) < 2 or search.held_out == 0:
        return result
    rows = gathering.gather(list(found), positions, watcher.report)
    for block, each in found.items():
        own, tried = rows.pop(block), each.vectors[: search.held_out]
        result[block][: len(tried)] = [_form(own, v, left) for v in tried]
    return result


def _form(rows: GradientRows, v: Tensor, population: int) -> Form:
    forms = rows.forms(v)
    value = float(forms.sum())
    residual = float((rows.product(v) - value * v).norm())
    return Form(value, mean(len(forms) * forms, population).stderr, residual)


def _result(
    gathering: Gathering,
    block: int,
    found: _Found,
    others: Sequence[Form],
    shared: float,
) -> Eigenpairs:
    weight, order, name = gathering.weight(block), gathering.orders[block], gathering.name(block)
    return Eigenpairs(
        block=gathering.subject.blocks[block].name,
        values=tuple(form.value for form in found.own),
        residuals=tuple(form.residual for form in found.own),
        stderrs=tuple(form.stderr for form in found.own),
        held_out=tuple(form.value for form in others),
        held_out_stderrs=tuple(form.stderr for form in others),
        converged=tuple(found.converged),
        vectors=tuple({name: in_weight(order, v, weight).cpu().clone()} for v in found.vectors),
        n=weight.numel(),
        samples=found.samples,
        products=0,
        seconds=found.seconds + shared,
        method="gram",
    )
