r"""dW . H dW of given perturbations: of every block, for several sets of them, over the same few samples.

HAWQ-V2 replaces dW . H dW by trace times |dW|^2 (section 2.2, Lemma 1); here the form itself is estimated, by

    dW . H dW = N^-1 sum_n dW . H_n dW  =  E [dW . H_n dW / (N q_n)],     n drawn with probability q_n,

from M independent draws, so that the standard error over them is that of the estimate. q_n is as for the traces
(`output_probes`), and may be handed over from them: at a converged network one sample in a hundred carries most of
the curvature, and finding out which takes a forward pass over all N.

Where the outputs are piecewise linear in the one weight of a block (`piecewise`), H_n is Gauss-Newton's,

    dW . H_n dW = sum_c l_c (u_c . J_n dW)^2,     u_c . J_n dW = <A(a_n, dW), d(u_c . f_n)/dy>,

with (l_c, u_c) the eigenpairs of the loss's Hessian at the outputs, a_n the input of the layer, y its output and
A the layer with dW in place of its weight. Random signs z_c in place of the sum,

    dW . H_n dW = E (v . J_n dW)^2,     v = sum_c z_c sqrt(l_c) u_c,     v . J_n dW = <G_n, dW>,

leave one backward pass, which carries the gradients G_n of the weights of all layers; with them all K forms cost a
product of matrices (`contractions`): about 5 forward passes a draw, whatever C and K are, where the sum takes
1 + 2 C + K and a Hessian-vector product for each form about 5 K a block. Of the variance between samples the signs
add a third (fashion-resnet20: 2.7 for 2.05, relative to the squared form; 4.6 with signs that do not know l_c).
Where the data are so few that the sum over c for each of them costs no more than the draws, there is the sum.

How many draws: as many as are asked for, or as a relative error of every form takes. Rounds double, and end on the
standard errors alone.

All blocks and sets share the draws, so their errors go together: `Forms.draws` has what a standard error of any sum or
difference of forms is made of.

Other blocks (several layers, whose mixed derivatives do not vanish; smooth activations; weights used in unusual
ways) have a Hessian-vector product for each of their K forms (`hessian`), over the same samples.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators import output_probes
from explorer.curvature.estimators.choice import chunk_size, gauss_newton_blocks
from explorer.curvature.operators.hessian import HessianOperator
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject, prepare, single_tensor
from explorer.curvature.operators.tangents import Tangents, can_be_summed
from explorer.errors import CurvatureError
from explorer.estimates import means
from explorer.randomness import Stream, generator
from explorer.studies.data.samples import samples_in
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

Changes = Mapping[str, Tensor]  # dotted parameter name -> dW, for the weight of every layer

_MOST = 32  # samples at once, which the cache holds better than more
_MOST_SUMMED = 16  # the same where gradients of all directions are held
_USUAL, _USUAL_WITH_PRODUCTS = 1024, 512  # draws, where no number is asked for
_LEAST = 256  # draws before an error is believed to be small


@dataclass(frozen=True)
class Forms:
    """dW . H dW, blocks in depth order.

    Attributes:
        values: (K, blocks) float64.
        stderrs: (K, blocks) float64, over the samples drawn.
        samples: how many were drawn, with repetition.
        draws: (samples, K, blocks) float64, unbiased values of the forms; the mean over the draws are the values.
        products: Hessian-vector products taken, for blocks that are not piecewise linear in one weight.
    """

    blocks: tuple[str, ...]
    values: Tensor
    stderrs: Tensor
    samples: int
    products: int
    draws: Tensor = field(repr=False)


def perturbation_forms(
    study: Study,
    changes: Sequence[Changes],
    *,
    blocks: tuple[Block, ...] | None = None,
    samples: int | None = None,
    seed: int = 0,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    rel_se: float | None = None,
    proposal: Tensor | None = None,
    watcher: Watcher = UNWATCHED,
) -> Forms:
    """dW_i . H_i dW_i of the mean training loss for the part dW_i that every block has in each of ``changes``.

    Args:
        blocks: the blocks, else one a layer.
        samples: rows drawn, with repetition; at most, if there is a ``rel_se``. Else 1,024, and 512 where blocks take
            Hessian-vector products.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        rel_se: end when every form has this relative standard error.
        proposal: (N,) as in `Draws`, of the weights' traces over the same rows; saves a forward pass over them where
            every block is piecewise linear, and changes nothing.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: ``samples`` or ``rel_se`` is too small, the proposal is of other rows, or a value is not
            finite.
        Stopped: the watcher asked for it.
    """
    if samples is not None and samples < 2:
        raise CurvatureError(f"samples={samples} gives no standard error; give at least 2")
    if rel_se is not None and not rel_se > 0:
        raise CurvatureError(f"rel_se={rel_se} is no error to reach; give one above 0, such as 0.05")
    subject = prepare(study, blocks=blocks, rows=rows, dtype=dtype)
    if proposal is not None and len(proposal) != subject.size:
        raise CurvatureError(
            f"the proposal is of {len(proposal)} samples and the data are {subject.size}; give that of the same rows"
        )
    work = _Work(
        subject, [by_weight(subject, each) for each in changes], samples, seed, rel_se, chunk, watcher
    )
    return _estimate(work, proposal)


@dataclass(frozen=True)
class _Work:
    subject: Subject
    changes: Sequence[Sequence[Tensor]]  # K sets of one tensor a weight
    samples: int | None
    seed: int
    rel_se: float | None
    chunk: int | None
    watcher: Watcher

    def at_once(self, most: int) -> int:
        """Samples processed at once."""
        return chunk_size(self.subject, self.chunk, most=most)


@dataclass(frozen=True)
class _Ways:
    """How the forms of each block are found.

    Attributes:
        simple: blocks whose Hessian is Gauss-Newton's.
        rest: the others, which take Hessian-vector products.
        known_roots: whether the loss's Hessian at the outputs can be had.
        summed: whether to sum over all directions at the outputs.
        copies: whether the network changes inputs of layers in place.
        samples: draws, at most.
    """

    simple: frozenset[int]
    rest: Sequence[int]
    known_roots: bool
    summed: bool
    copies: bool
    samples: int


def by_weight(subject: Subject, changes: Changes) -> list[Tensor]:
    """The changes in the order of the weights."""
    found = []
    for weight in subject.weights:
        layers = subject.blocks[weight.block].layers
        name = next(layer.parameter for layer in layers if layer.name == weight.name)
        found.append(changes[name].detach().to(weight.parameter))
    return found


def _estimate(work: _Work, proposal: Tensor | None) -> Forms:
    subject, watcher = work.subject, work.watcher
    watcher.report(0.0, "looking at the network")
    ways = _ways(work)
    q = _proposal(work, ways, proposal)
    signs = generator(Stream.PERTURBATION_SIGNS, work.seed)
    found, products = torch.empty(0, len(work.changes), len(subject.blocks), dtype=torch.float64), 0
    for first, count in _rounds(ways.samples, doubling=work.rel_se is not None):
        source = generator(Stream.PERTURBATION_SAMPLES, work.seed, first)
        positions = torch.multinomial(q, count, replacement=True, generator=source)
        part = Part(watcher, 0.4 + 0.6 * first / ways.samples, 0.4 + 0.6 * (first + count) / ways.samples)
        forms, taken = _drawn(work, ways, positions, signs, part)
        own = forms / (subject.size * q[positions])[:, None, None]
        _check(subject, own)
        found, products = torch.cat([found, own]), products + taken
        values, stderrs = means(found)
        if work.rel_se is not None and bool((stderrs <= work.rel_se * values.abs()).all()):
            break
    watcher.report(1.0, f"{len(found)} samples drawn")
    names = tuple(block.name for block in subject.blocks)
    return Forms(names, values, stderrs, len(found), products, found)


def _rounds(samples: int, *, doubling: bool) -> Iterator[tuple[int, int]]:
    """First draw and number of draws of each round: all at once, or doubling all that were drawn."""
    done, more = 0, _LEAST if doubling else samples
    while done < samples:
        count = min(more, samples - done)
        yield done, count
        done += count
        more = done


def _ways(work: _Work) -> _Ways:
    subject = work.subject
    every = {weight.block for weight in subject.weights}
    engine = SampleGradients(subject, "weights")
    try:
        simple, known_roots = gauss_newton_blocks(subject, engine)
    finally:
        engine.close()
    samples = work.samples or (_USUAL if simple == every else _USUAL_WITH_PRODUCTS)
    return _Ways(
        simple,
        sorted(every - simple),
        known_roots,
        bool(simple) and _is_cheap_to_sum(subject, samples),
        engine.copies,
        samples,
    )


def _is_cheap_to_sum(subject: Subject, draws: int) -> bool:
    """Whether a forward and C backward passes of every sample of the data are no more than one of each a draw."""
    inputs, _ = subject.batch(subject.few(1))
    with torch.no_grad():
        width = single_tensor(subject.model(inputs))[0].numel()
    return can_be_summed(width) and subject.size * (1 + width) <= 2 * draws


def _proposal(work: _Work, ways: _Ways, known: Tensor | None) -> Tensor:
    """(N,) with which probability each sample is drawn.

    By the curvature at the outputs; where Gauss-Newton leaves a remainder, which goes with the slope there, half
    of the draws by that.
    """
    subject = work.subject
    if not ways.known_roots:
        return torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
    if known is not None and not ways.rest:
        return known
    batch = 4 * chunk_size(subject, work.chunk)  # as for the traces, to the last digit
    curvature, slope = output_probes.proposals(subject, batch=batch, watcher=work.watcher, share=0.4)
    return (curvature + slope) / 2 if ways.rest else curvature


def _drawn(
    work: _Work, ways: _Ways, positions: Tensor, signs: torch.Generator, watcher: Part
) -> tuple[Tensor, int]:
    """The forms of these samples' own losses, (M, K, blocks) float64, and Hessian-vector products taken."""
    subject = work.subject
    forms = torch.zeros(len(positions), len(work.changes), len(subject.blocks), dtype=torch.float64)
    part = 1 / (1 + len(ways.rest) * len(work.changes))
    if ways.simple:
        told = Part(watcher, 0.0, part)
        if ways.summed:
            distinct, places = positions.unique(return_inverse=True)
            forms += _gauss_newton(work, ways, distinct, signs, told)[places]
        else:
            forms += _gauss_newton(work, ways, positions, signs, told)
    return forms, _products(work, positions, ways.rest, forms, Part(watcher, part, 1.0))


def _gauss_newton(
    work: _Work, ways: _Ways, positions: Tensor, signs: torch.Generator, watcher: Part
) -> Tensor:
    """Forms of the blocks whose Hessian is Gauss-Newton's, (M, K, blocks); 0 for the others."""
    subject = work.subject
    forms = torch.zeros(len(positions), len(work.changes), len(subject.blocks), dtype=torch.float64)
    others = {i for i, weight in enumerate(subject.weights) if weight.block not in ways.simple}
    tangents = Tangents(subject, work.changes, copies=ways.copies, skipped=others)
    compute = tangents.forms if ways.summed else tangents.probed
    done = 0
    try:
        for _, inputs, targets in subject.chunks(
            positions, work.at_once(_MOST_SUMMED if ways.summed else _MOST)
        ):
            watcher.check_stop()
            found = compute(inputs, targets, signs)
            for i, weight in enumerate(subject.weights):
                if weight.block in ways.simple:
                    forms[done : done + samples_in(inputs), :, weight.block] += found[:, :, i]
            done += samples_in(inputs)
            watcher.report(done / len(positions), f"{done} of {len(positions)} samples")
    finally:
        tangents.close()
    return forms


def _products(work: _Work, positions: Tensor, blocks: Sequence[int], forms: Tensor, watcher: Part) -> int:
    """Fill in the forms of these blocks by Hessian-vector products; how many were taken."""
    subject, taken = work.subject, 0
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    for block in blocks:
        operator = HessianOperator(
            subject,
            block=block,
            positions=positions,
            shares=shares,
            chunk=work.at_once(_MOST_SUMMED),
            watch=watcher.check_stop,
        )
        own = [i for i, weight in enumerate(subject.weights) if weight.block == block]
        for k, change in enumerate(work.changes):
            vector = torch.cat([change[i].flatten() for i in own])
            if bool(vector.any()):
                forms[:, k, block] = operator.per_sample_forms(vector)
            taken += 1
            watcher.report(taken / (len(blocks) * len(work.changes)), f"{taken} Hessian-vector products")
    return taken


def _check(subject: Subject, values: Tensor) -> None:
    finite = torch.isfinite(values).flatten(0, 1).all(0)
    for block, good in zip(subject.blocks, finite.tolist(), strict=True):
        if not good:
            raise CurvatureError(
                f"block {block.name}: its curvature is not finite; check that the loss is finite on every "
                "training sample"
            )
