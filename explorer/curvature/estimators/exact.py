r"""The traces without sampling noise: every sample and every direction at the network's outputs.

Where the outputs are piecewise linear in block l (`piecewise`), with eigenpairs (l_k, u_k) of sample n's output
Hessian (`output_hessian.directions`),

    Tr(H_l) = N^-1 sum_n sum_k l_k |J_n^T u_k|^2,

one backward pass a direction, the squared norms of all blocks from each (`sample_gradients`). In float32 the
directions that together hold less than 1e-8 of the output curvature are not taken one by one: each sample's
are added up with random signs, sum_k +-sqrt(l_k) u_k, which has their squared norms in the mean, and what the
signs leave is below rounding. (In float64 only those go that hold less than 1e-15.) Samples are taken in
groups that need about equally many, so a converged network needs about half of the C backward passes.

Samples come in a random order, so that what has been summed so far is an estimate with an error of its own;
nothing is drawn twice, and the sum over all has no error.
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from explorer.curvature.estimators.output_probes import columns
from explorer.curvature.operators.arranging import arranged
from explorer.curvature.operators.output_hessian import LARGEST_EIGEN, directions, roots
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject
from explorer.curvature.operators.weight_forms import check_finite
from explorer.estimates import means
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies.data.samples import samples_in

_ROUND = 512  # samples among which those that need equally many directions are put together
_COLUMNS = 16  # columns of a root at once, where there are too many outputs for eigenpairs


def order(size: int, seed: int) -> Tensor:
    """The order in which the samples are taken."""
    return drawn_rows(size, None, generator(Stream.EXACT_TRACE_ORDER, seed))


def own_traces(
    subject: Subject,
    engine: SampleGradients,
    *,
    chunk: int,
    seed: int,
    done: int,
    keep: Callable[[Tensor, Tensor], None],
    report: Callable[[float], None],
    is_over: Callable[[], bool],
) -> bool:
    """Sum over the output directions for every sample from the ``done``-th in `order` on.

    Args:
        keep: given the positions of some samples and their own traces, (k, blocks) float64 (twice the columns
            for activations of inputs of different sizes), now and then.
        report: told the share of the samples that is done, after each chunk.
        is_over: whether to end here, asked before every chunk; may raise.

    Returns:
        Whether it got to the end.
    """
    source = generator(Stream.EXACT_TRACE_SIGNS, seed)
    signs = torch.randint(0, 2, (subject.size, LARGEST_EIGEN), generator=source) * 2 - 1
    for round_ in order(subject.size, seed)[done:].split(_ROUND):
        ordered = arranged(subject, round_, batch=4 * chunk, negligible=_negligible(subject.dtype))
        found: list[Tensor] = []
        for positions, inputs, targets in subject.chunks(ordered.positions, chunk):
            if is_over():
                return False
            outputs = engine.forward(inputs)
            total = torch.zeros(samples_in(inputs), len(subject.weights), dtype=torch.float64)
            steps = list(_signed_vectors(subject, outputs, targets, ordered.least, signs[positions]))
            for i, (sign, vectors) in enumerate(steps):
                norms = engine.squared_norms(inputs, outputs, vectors, again=i + 1 < len(steps))
                total += sign * norms
            check_finite(subject, total)
            found.append(columns(subject, engine, total))
            report((done + sum(map(len, found))) / subject.size)
        keep(ordered.positions, torch.cat(found))
        done += len(ordered.positions)
    return True


def estimate(values: Tensor, size: int) -> tuple[Tensor, Tensor]:
    """Mean of the own traces of the first k of ``size`` samples in random order, and its standard error.

    The error has the finite-population correction: it is 0 when k = size.
    """
    return means(values, population=size)


def _negligible(dtype: torch.dtype) -> float:
    return 1e-15 if dtype == torch.float64 else 1e-8


def _signed_vectors(
    subject: Subject, outputs: Tensor, targets: Tensor, least: float, signs: Tensor
) -> Iterator[tuple[int, Tensor]]:
    """Sign and vectors (V, N, C) whose squared pullbacks, with their signs, add up to the traces."""
    width = outputs[0].numel()
    if width > LARGEST_EIGEN:
        for root in roots(subject.loss, outputs, targets):
            for columns_ in torch.arange(width, device=outputs.device).split(_COLUMNS):
                units = torch.nn.functional.one_hot(columns_, width).double()
                yield root.sign, torch.stack([root.times(u.expand(len(outputs), width)) for u in units])
        return
    values, vectors = directions(subject.loss, outputs, targets)
    signs = signs[:, :width].to(values)
    for sign in (1, -1):
        sizes = (sign * values).clamp(min=0)
        large = sizes * (sizes >= least)
        chosen = (large > 0).any(0)
        parts = [(vectors * large.sqrt().unsqueeze(1))[:, :, chosen].permute(2, 0, 1)]
        small = sizes - large
        if subject.dtype == torch.float32 and bool((small > 0).any()):
            parts.append((vectors @ (small.sqrt() * signs).unsqueeze(2)).permute(2, 0, 1))
        if sum(map(len, parts)):
            yield sign, torch.cat(parts)
