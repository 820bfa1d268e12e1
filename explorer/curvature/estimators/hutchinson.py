r"""Hutchinson's estimator, for all blocks jointly or block by block.

Tr(H_i) = E[z_i . (H z)_i] with z of independent entries of mean 0 and variance 1 (Hutchinson 1989; HAWQ-V2,
section 3.2). Signs (Rademacher) have variance 2 (|H|_F^2 - sum_j h_jj^2) a draw, normal variates 2 |H|_F^2.
Jointly, one Hessian-vector product a draw serves every block, at the price of sum_{j != i} |H_ij|_F^2 more
variance; block by block, as the papers do, every block has a product of its own.

Every draw t takes a fresh random batch of the training split and a fresh probe, both from a generator seeded
with (seed, t), so draws are independent and the standard error over them covers the probe *and* the choice of
data. A batch has all its samples different, and all of them when the split is small.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.operators.activation_forms import activation_forms, random_probe
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject
from explorer.curvature.operators.weight_forms import Phi, quadratic_forms
from explorer.questions.traces import Probes
from explorer.randomness import Stream, drawn_rows, generator

BATCH = 64
DEFAULT_SAMPLES = 16_384
LEAST_DRAWS = 16


@dataclass(frozen=True)
class Products:
    """Way in which Hessian-vector products are made.

    Attributes:
        phi: what is differentiated twice.
        batch: samples a draw.
        chunk: samples at once.
        probes: distribution of the entries of z.
        jointly: one product for all blocks; else one a block.
    """

    phi: Phi
    batch: int
    chunk: int
    probes: Probes = "rademacher"
    jointly: bool = True


def uniform_draws(
    subject: Subject, engine: SampleGradients, how: Products, *, seed: int, first: int, count: int
) -> Tensor:
    """Draws of every block's trace from uniformly chosen batches, shape (count, blocks)."""
    size = min(how.batch, subject.size)
    rows = []
    for t in range(first, first + count):
        source = generator(Stream.TRACE_BATCHES, seed, t)
        positions = drawn_rows(subject.size, size, source)
        shares = torch.full((size,), 1 / size, dtype=torch.float64)
        rows.append(_forms(subject, engine, how, positions, shares, source))
    return torch.stack(rows)


def weighted_draws(
    subject: Subject,
    engine: SampleGradients,
    how: Products,
    proposal: Tensor,
    *,
    seed: int,
    first: int,
    count: int,
) -> Tensor:
    """Draws from samples taken with probability ``proposal`` (N,), each weighed by 1 / (N q_n)."""
    rows = []
    for t in range(first, first + count):
        source = generator(Stream.TRACE_WEIGHTED_SAMPLES, seed, t)
        positions = torch.multinomial(proposal, how.batch, replacement=True, generator=source)
        shares = 1 / (proposal[positions] * subject.size * how.batch)
        rows.append(_forms(subject, engine, how, positions, shares, source))
    return torch.stack(rows)


def _forms(
    subject: Subject,
    engine: SampleGradients,
    how: Products,
    positions: Tensor,
    shares: Tensor,
    source: torch.Generator,
) -> Tensor:
    groups: list[list[int] | None] = [None]
    if not how.jointly:
        groups = [
            [i for i, weight in enumerate(subject.weights) if weight.block == block]
            for block in range(len(subject.blocks))
        ]
    total: Tensor | None = None
    for only in groups:
        if engine.of == "activations":
            probe = random_probe(source, gaussian=how.probes == "gaussian")
            found = activation_forms(subject, how.phi, positions, shares, probe, chunk=how.chunk, only=only)
        else:
            vectors = _vectors(subject, only, source, how.probes)
            found = subject.per_block(
                quadratic_forms(subject, how.phi, positions, shares, vectors, chunk=how.chunk, only=only)
            )
        total = found if total is None else total + found
    assert total is not None
    return total


def _vectors(
    subject: Subject, only: Sequence[int] | None, source: torch.Generator, probes: Probes
) -> list[Tensor]:
    """Independent entries of the shape of every weight."""
    probe = random_probe(source, gaussian=probes == "gaussian")
    wanted = range(len(subject.weights)) if only is None else only
    return [probe(i, subject.weights[i].parameter.detach()) for i in wanted]


def exact_forms(
    subject: Subject, phi: Phi, positions: Tensor, wanted: Sequence[int], *, chunk: int
) -> Tensor:
    """Tr(H_l) of the mean of phi over ``positions`` for the ``wanted`` weights, by unit vectors.

    Returns:
        (weights,) float64, zero for weights that were not wanted.
    """
    shares = torch.full((len(positions),), 1 / len(positions), dtype=torch.float64)
    traces = torch.zeros(len(subject.weights), dtype=torch.float64)
    for i in wanted:
        probe = torch.zeros_like(subject.weights[i].parameter)
        flat = probe.view(-1)
        for entry in range(flat.numel()):
            flat[entry] = 1
            traces[i] += quadratic_forms(subject, phi, positions, shares, [probe], chunk=chunk, only=[i])[i]
            flat[entry] = 0
    return traces
