r"""dW . H dW of given perturbations: of every block, for several sets of them, over the same few samples.

HAWQ-V2 replaces dW . H dW by trace times |dW|^2 (section 2.2, Lemma 1); here the form itself is estimated, by

    dW . H dW = N^-1 sum_n dW . H_n dW  =  E [dW . H_n dW / (N q_n)],     n drawn with probability q_n,

from M independent draws, so that the standard error over them is that of the estimate. q_n is as for the traces
(`output_probes`): at a converged network one sample in a hundred carries most of the curvature.

Where the outputs are piecewise linear in the one weight of a block (`piecewise`), H_n is Gauss-Newton's,

    dW . H_n dW = sum_c l_c (u_c . J_n dW)^2,     u_c . J_n dW = <A(a_n, dW), d(u_c . f_n)/dy>,

with (l_c, u_c) the eigenpairs of the loss's Hessian at the outputs, a_n the input of the layer, y its output and
A the layer with dW in place of its weight. One backward pass for each c carries d/dy of all layers, so M samples
cost one forward pass, at most C backward passes to the activations and one application of each layer for each of
K sets: about 1 + C + K forward passes for all K forms of all blocks, where a Hessian-vector product each takes
about 5 K a block. With more than 64 outputs random signs at the outputs take the place of the sum over c.

Other blocks (several layers, whose mixed derivatives do not vanish; smooth activations; weights used in unusual
ways) have a Hessian-vector product for each of their K forms (`hessian`), over the same samples.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators import output_probes
from explorer.curvature.estimators.choice import chunk_size, decide
from explorer.curvature.operators.hessian import HessianOperator
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject, prepare
from explorer.curvature.operators.tangents import Tangents
from explorer.errors import CurvatureError
from explorer.estimates import means
from explorer.questions import DamageQuestion
from explorer.randomness import Stream, generator
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

Changes = Mapping[str, Tensor]  # dotted parameter name -> dW, for the weight of every layer

_MOST = 16  # samples at once: inputs, and gradients of all directions, of all layers are held


@dataclass(frozen=True)
class Forms:
    """dW . H dW, blocks in depth order.

    Attributes:
        values: (K, blocks) float64.
        stderrs: (K, blocks) float64, over the samples drawn.
        samples: how many were drawn, with repetition.
        products: Hessian-vector products taken, for blocks that are not piecewise linear in one weight.
    """

    blocks: tuple[str, ...]
    values: Tensor
    stderrs: Tensor
    samples: int
    products: int


def perturbation_forms(
    study: Study,
    changes: Sequence[Changes],
    *,
    blocks: tuple[Block, ...] | None = None,
    samples: int = DamageQuestion.default("samples"),
    seed: int = DamageQuestion.default("seed"),
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    watcher: Watcher = UNWATCHED,
) -> Forms:
    """dW_i . H_i dW_i of the mean training loss for the part dW_i that every block has in each of ``changes``.

    Args:
        blocks: the blocks, else one a layer.
        samples: rows drawn, with repetition.
        rows: rows of the training split that count as the data, else all.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: ``samples`` is too small, or a value is not finite.
        Stopped: the watcher asked for it.
    """
    if samples < 2:
        raise CurvatureError(f"samples={samples} gives no standard error; give at least 2")
    subject = prepare(study, blocks=blocks, rows=rows, dtype=dtype)
    work = _Work(subject, [_by_weight(subject, each) for each in changes], watcher)
    return _estimate(work, samples, seed, chunk_size(subject, chunk, most=_MOST))


@dataclass(frozen=True)
class _Work:
    subject: Subject
    changes: Sequence[Sequence[Tensor]]  # K sets of one tensor a weight
    watcher: Watcher

    def is_over(self) -> bool:
        """Whether to end early, which only the watcher decides: by raising."""
        self.watcher.check_stop()
        return False


def _by_weight(subject: Subject, changes: Changes) -> list[Tensor]:
    found = []
    for weight in subject.weights:
        layers = subject.blocks[weight.block].layers
        name = next(layer.parameter for layer in layers if layer.name == weight.name)
        found.append(changes[name].detach().to(weight.parameter))
    return found


def _estimate(work: _Work, samples: int, seed: int, chunk: int) -> Forms:
    subject = work.subject
    work.watcher.report(0.0, "looking at the network")
    simple, copies, known_roots = _gauss_newton_blocks(subject)
    q = _proposal(work, chunk, known_roots=known_roots, curved=len(simple) < len(subject.blocks))
    source = generator(Stream.PERTURBATION_SAMPLES, seed)
    positions = torch.multinomial(q, samples, replacement=True, generator=source)
    forms = torch.zeros(samples, len(work.changes), len(subject.blocks), dtype=torch.float64)
    rest = sorted({weight.block for weight in subject.weights} - simple)
    part = 0.6 / (1 + len(rest) * len(work.changes)) if rest else 0.6
    if simple:
        tangents = Tangents(subject, work.changes, copies=copies)
        try:
            signs = generator(Stream.PERTURBATION_SIGNS, seed)
            done = 0
            for _, inputs, targets in subject.chunks(positions, chunk):
                work.watcher.check_stop()
                found = tangents.forms(inputs, targets, signs)
                for i, weight in enumerate(subject.weights):
                    if weight.block in simple:
                        forms[done : done + len(inputs), :, weight.block] += found[:, :, i]
                done += len(inputs)
                work.watcher.report(0.4 + part * done / samples, f"{done} of {samples} samples")
        finally:
            tangents.close()
    products = _products(work, positions, rest, forms, chunk, start=0.4 + part)
    own = forms / (subject.size * q[positions])[:, None, None]
    _check(subject, own)
    values, stderrs = means(own)
    return Forms(tuple(block.name for block in subject.blocks), values, stderrs, samples, products)


def _gauss_newton_blocks(subject: Subject) -> tuple[set[int], bool, bool]:
    """Blocks whose Hessian is Gauss-Newton's, whether inputs must be copied, whether the loss has roots."""
    engine = SampleGradients(subject, "weights")
    try:
        choice = decide(subject, engine, "auto")
    finally:
        engine.close()
    if choice.method == "hutchinson":
        return set(), False, False
    weights: dict[int, list[int]] = {}
    for i, weight in enumerate(subject.weights):
        weights.setdefault(weight.block, []).append(i)
    unusual = choice.curved | engine.looped
    simple = {block for block, own in weights.items() if len(own) == 1 and own[0] not in unusual}
    return simple, engine.copies, True


def _proposal(work: _Work, chunk: int, *, known_roots: bool, curved: bool) -> Tensor:
    """(N,) with which probability each sample is drawn.

    By the curvature at the outputs; where Gauss-Newton leaves a remainder, which goes with the slope there, half
    of the draws by that.
    """
    subject = work.subject
    if not known_roots:
        return torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
    scored = output_probes.scores(
        subject,
        batch=4 * chunk,
        report=lambda done: work.watcher.report(0.4 * done, f"scoring {subject.size} samples"),
        is_over=work.is_over,
    )
    assert scored is not None
    curvature, slope = map(output_probes.proposal, scored)
    return (curvature + slope) / 2 if curved else curvature


def _products(
    work: _Work, positions: Tensor, blocks: Sequence[int], forms: Tensor, chunk: int, *, start: float
) -> int:
    """Fill in the forms of these blocks by Hessian-vector products; how many were taken."""
    subject, taken = work.subject, 0
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    for block in blocks:
        operator = HessianOperator(
            subject,
            block=block,
            positions=positions,
            shares=shares,
            chunk=chunk,
            watch=work.watcher.check_stop,
        )
        own = [i for i, weight in enumerate(subject.weights) if weight.block == block]
        for k, change in enumerate(work.changes):
            vector = torch.cat([change[i].flatten() for i in own])
            if bool(vector.any()):
                forms[:, k, block] = operator.per_sample_forms(vector)
            taken += 1
            done = taken / (len(blocks) * len(work.changes))
            work.watcher.report(start + (1 - start) * done, f"{taken} Hessian-vector products")
    return taken


def _check(subject: Subject, values: Tensor) -> None:
    finite = torch.isfinite(values).flatten(0, 1).all(0)
    for block, good in zip(subject.blocks, finite.tolist(), strict=True):
        if not good:
            raise CurvatureError(
                f"block {block.name}: its curvature is not finite; check that the loss is finite on every "
                "training sample"
            )
