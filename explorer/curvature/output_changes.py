r"""How the outputs change when one block alone is changed, and the terms between blocks that follow.

With dW_i(k) the k-th change of block i and u_i(k) the change that it makes to the outputs of a sample, a choice of one
change for every block moves the outputs by about sum_i u_i(k_i), and the mean loss by about half of

    q(k) = E[(sum_i u_i)^T H_L (sum_i u_i)]  =  E[w_n sum_c l_c (sum_i u_c . u_i)^2],      w_n = 1 / (N q_n),

(l_c, u_c) being the eigenpairs of the loss's Hessian H_L at the outputs. The products between blocks are LAPQ's
interaction (Nahshan et al. 2019, section 3.1), which a sum over blocks leaves out. It needs one vector for each sample,
block and change, so L blocks with K changes each have the form of all K^L choices. Two kinds of u_i:

    "tangents"      J_n dW_i, exactly, by one backward pass for each c (`tangents`): q is then dW . G dW with G the
                    Gauss-Newton matrix of all blocks together, cross blocks included. 1 + C + K forward passes or so;
                    by forward mode, one pass each, for a weight that is used in an unusual way.
    "differences"   f(W + dW_i) - f(W), by a forward pass for each block and change, whose unchanged beginning is
                    replayed (`replay`): with all of what one block alone does beyond first order.

Samples are drawn with q_n proportional to the curvature at the outputs, as for `perturbations`, where the sum of the
squares alone, without the products between blocks, is estimated. One sample in a hundred carries most of it, so few
samples are distinct among those drawn, and only those are computed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.blocks import Block
from explorer.curvature.estimators import output_probes
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.output_hessian import LARGEST_EIGEN
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.structured import sample_rows
from explorer.curvature.operators.subject import Subject, prepare, single_tensor
from explorer.curvature.operators.tangents import Tangents, output_directions
from explorer.curvature.perturbations import Changes, by_weight
from explorer.errors import CurvatureError
from explorer.randomness import Stream, generator
from explorer.replay import Replay
from explorer.studies.data.samples import samples_in
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

How = Literal["tangents", "differences"]

DRAWS = 512
_MOST = 16  # samples at once: inputs, and gradients of all directions, of all layers are held
_SCORING = 0.3  # of the time


@dataclass(frozen=True)
class OutputChanges:
    """The changes of the outputs, each times a root of H_L.

    Attributes:
        blocks: names, in depth order.
        parts: (M, blocks, K, C) float64, sqrt(w_n |l_c|) u_c . u_i for each draw, block, change and direction.
        signs: (M, C) float64, the signs of l_c; all 1 for a loss that is convex in the outputs.
        distinct: how many of the M samples drawn are different ones.
        passes: forward passes of one sample taken, replayed ones at their share; backward passes count two.
    """

    blocks: tuple[str, ...]
    parts: Tensor
    signs: Tensor
    distinct: int
    passes: float


def output_changes(
    study: Study,
    changes: Sequence[Changes],
    *,
    how: How = "tangents",
    blocks: tuple[Block, ...] | None = None,
    samples: int = DRAWS,
    seed: int = 0,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    watcher: Watcher = UNWATCHED,
) -> OutputChanges:
    """What every block's part of each of ``changes`` alone does to the outputs.

    Args:
        blocks: the blocks, else one a layer.
        samples: rows drawn, with repetition.
        rows: rows of the training split that count as the data, else all.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: ``samples`` is too small, a value is not finite, or the loss's Hessian at the outputs is
            too large.
        Stopped: the watcher asked for it.
    """
    if samples < 2:
        raise CurvatureError(f"samples={samples} gives no standard error; give at least 2")
    subject = prepare(study, blocks=blocks, rows=rows, dtype=dtype)
    chunk = chunk_size(subject, most=_MOST)
    watcher.report(0.0, "scoring samples")
    q, _ = output_probes.proposals(subject, batch=4 * chunk, watcher=watcher, share=_SCORING)
    drawn = torch.multinomial(
        q, samples, replacement=True, generator=generator(Stream.OUTPUT_CHANGE_SAMPLES, seed)
    )
    inputs, _ = subject.batch(drawn[:1])
    with torch.no_grad():
        exact = single_tensor(subject.model(inputs))[0].numel() <= LARGEST_EIGEN
    # Random signs in place of the directions are drawn for every draw anew, so that draws are independent.
    positions, places = torch.unique(drawn, return_inverse=True) if exact else (drawn, torch.arange(samples))
    deltas = [by_weight(subject, each) for each in changes]
    signs_from = generator(Stream.OUTPUT_CHANGE_SIGNS, seed)
    part = Part(watcher, _SCORING, 1.0)
    find = _tangents if how == "tangents" else _differences
    parts, signs, passes = find(subject, deltas, positions, chunk, signs_from, part)
    weights = (1 / (subject.size * q[positions])).sqrt()
    parts = parts * weights[:, None, None, None]
    _check_finite(subject, parts)
    names = tuple(block.name for block in subject.blocks)
    return OutputChanges(names, parts[places], signs[places], len(torch.unique(drawn)), subject.size + passes)


def _tangents(
    subject: Subject,
    deltas: Sequence[Sequence[Tensor]],
    positions: Tensor,
    chunk: int,
    signs_from: torch.Generator,
    watcher: Watcher,
) -> tuple[Tensor, Tensor, float]:
    """Parts (n, blocks, K, C) without the samples' weights, signs (n, C), and passes."""
    found: list[Tensor] = []
    signs: list[Tensor] = []
    backward = again = done = 0
    engine = SampleGradients(subject, "weights")
    try:
        output_probes.check(subject, engine)
    finally:
        engine.close()
    tangents = Tangents(subject, deltas, copies=engine.copies, skipped=engine.looped)
    try:
        for _, inputs, targets in subject.chunks(positions, chunk):
            watcher.check_stop()
            factors, vectors, slopes = tangents.slopes(inputs, targets, signs_from)
            for i in sorted(engine.looped):
                for k, change in enumerate(deltas):
                    moved = _forward_mode(subject, i, change[i], inputs)
                    slopes[:, k, :, i] = torch.stack([(u * moved).sum(1) for u in vectors], 1).cpu()
                    again += samples_in(inputs)
            backward += slopes.shape[2] * samples_in(inputs)
            owned = subject.per_block(slopes)  # (n, K, C, blocks)
            owned = owned * factors.abs().sqrt().T[:, None, :, None]
            found.append(owned.permute(0, 3, 1, 2))
            signs.append(torch.where(factors < 0, -1.0, 1.0).double().T)
            done += samples_in(inputs)
            watcher.report(done / len(positions), f"{done} of {len(positions)} samples")
    finally:
        tangents.close()
    width = max(each.shape[-1] for each in found)
    parts = torch.cat([_padded(each, width, 0.0) for each in found])
    passes = (1 + len(deltas)) * len(positions) + 2 * (backward + again)
    return parts, torch.cat([_padded(each, width, 1.0) for each in signs]), passes


def _forward_mode(subject: Subject, index: int, change: Tensor, inputs: Any) -> Tensor:
    """J_n dW of one weight that is used in an unusual way, (n, C) float64."""
    weight = subject.weights[index].parameter
    name = next(name for name, each in subject.model.named_parameters() if each is weight)

    def outputs(moved: Tensor) -> Tensor:
        return sample_rows(single_tensor(functional_call(subject.model, {name: moved}, (inputs,))))

    # The fused attention kernels have no forward mode; the plain one has.
    with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
        found: Tensor = torch.func.jvp(outputs, (weight.detach(),), (change,))[1]
    return found.detach().double()


def _differences(
    subject: Subject,
    deltas: Sequence[Sequence[Tensor]],
    positions: Tensor,
    chunk: int,
    signs_from: torch.Generator,
    watcher: Watcher,
) -> tuple[Tensor, Tensor, float]:
    """As `_tangents`."""
    subject.model.requires_grad_(False)
    before: list[Tensor] = []  # outputs of each chunk as they are
    vectors: list[Tensor] = []  # (n, directions, C)
    factors: list[Tensor] = []  # (n, directions)
    for _, inputs, targets in subject.chunks(positions, chunk):
        watcher.check_stop()
        with torch.no_grad():
            outputs = single_tensor(subject.model(inputs))
        l, u = output_directions(subject, outputs, targets, signs_from)
        before.append(sample_rows(outputs))
        vectors.append(torch.stack(u, 1))
        factors.append(l.T.expand(len(outputs), -1))
    width = max(each.shape[1] for each in vectors)
    parts = torch.zeros(len(positions), len(subject.blocks), len(deltas), width, dtype=torch.float64)
    passes = float(len(positions))
    for block in range(len(subject.blocks)):
        own = [i for i, weight in enumerate(subject.weights) if weight.block == block]
        replay = Replay(subject.model, [subject.weights[i].parameter for i in own])
        kept = [subject.weights[i].parameter.detach().clone() for i in own]
        done = 0
        for place, (_, inputs, _) in enumerate(subject.chunks(positions, chunk)):
            watcher.check_stop()
            scale = factors[place].abs().sqrt()
            batch = None
            for k, change in enumerate(deltas):
                _shift(subject, own, kept, [change[i] for i in own])
                try:
                    # What comes before the block does not depend on its change: the first pass records it.
                    batch = replay.batch(inputs) if batch is None else batch
                    found = batch.recorded if k == 0 else batch.outputs()
                finally:
                    _shift(subject, own, kept, None)
                moved = sample_rows(single_tensor(found)) - before[place]
                along = (vectors[place] @ moved.double().unsqueeze(2)).squeeze(2) * scale
                parts[done : done + len(moved), block, k, : along.shape[1]] = along.cpu()
            if batch is not None:
                batch.forget()
            done += len(before[place])
        passes += replay.samples_computed
        watcher.report((block + 1) / len(subject.blocks), f"{block + 1} of {len(subject.blocks)} blocks")
    signs = torch.cat(
        [_padded(torch.where(each < 0, -1.0, 1.0).double().cpu(), width, 1.0) for each in factors]
    )
    return parts, signs, passes


def _shift(
    subject: Subject, own: Sequence[int], kept: Sequence[Tensor], change: Sequence[Tensor] | None
) -> None:
    """Give weights the change, or their own values back."""
    with torch.no_grad():
        for place, i in enumerate(own):
            value = kept[place] if change is None else kept[place] + change[place]
            subject.weights[i].parameter.copy_(value)


def _padded(values: Tensor, width: int, filler: float) -> Tensor:
    """Values (..., c) with more of the last dimension, up to ``width``."""
    return torch.nn.functional.pad(values, (0, width - values.shape[-1]), value=filler)


def _check_finite(subject: Subject, parts: Tensor) -> None:
    finite = torch.isfinite(parts).transpose(0, 1).flatten(1).all(1)
    for block, good in zip(subject.blocks, finite.tolist(), strict=True):
        if not good:
            raise CurvatureError(
                f"block {block.name}: the change of the outputs is not finite; check the weights and the data"
            )
