r"""Hutchinson's estimator for all blocks jointly.

Tr(H_i) = E[z_i . (Hz)_i] with z of independent signs (Hutchinson 1989; HAWQ-V2, section 3.2): one
Hessian-vector product a draw serves every block. Rademacher signs have variance 2(||H||_F^2 - sum h_ii^2),
less than Gaussian ones. Every draw t takes a fresh random batch of the training split and a fresh probe,
both from a generator seeded with (seed, t), so draws are independent and the standard error over them covers
the probe *and* the choice of data. A batch has all its samples different, and all of them when the split is
small.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer.curvature.activations import activation_forms
from explorer.curvature.operators import Phi, quadratic_forms
from explorer.curvature.sample_gradients import SampleGradients
from explorer.curvature.subject import Subject

BATCH = 64
DEFAULT_SAMPLES = 16_384
LEAST_DRAWS = 16


def draw_generator(seed: int, stream: int, draw: int) -> torch.Generator:
    """A generator for one draw of one stream; independent of every other draw's."""
    generator = torch.Generator()
    mixed = (seed * 0x9E3779B97F4A7C15 + stream * 0xBF58476D1CE4E5B9 + draw * 0x94D049BB133111EB) % 2**63
    generator.manual_seed(mixed)
    return generator


def rademacher(subject: Subject, generator: torch.Generator) -> list[Tensor]:
    """Independent signs of the shape of every weight."""
    return [
        (torch.randint(0, 2, weight.parameter.shape, generator=generator) * 2 - 1).to(
            subject.device, subject.dtype
        )
        for weight in subject.weights
    ]


def uniform_draws(
    subject: Subject,
    engine: SampleGradients,
    phi: Phi,
    *,
    seed: int,
    first: int,
    count: int,
    batch: int,
    chunk: int,
) -> Tensor:
    """Draws of every block's trace from uniformly chosen batches, shape (count, blocks)."""
    size = min(batch, subject.size)
    rows = []
    for t in range(first, first + count):
        generator = draw_generator(seed, 1, t)
        positions = torch.randperm(subject.size, generator=generator)[:size]
        shares = torch.full((size,), 1 / size, dtype=torch.float64)
        rows.append(_forms(subject, engine, phi, positions, shares, generator, chunk))
    return subject.per_block(torch.stack(rows))


def weighted_draws(
    subject: Subject,
    engine: SampleGradients,
    phi: Phi,
    proposal: Tensor,
    *,
    seed: int,
    first: int,
    count: int,
    batch: int,
    chunk: int,
) -> Tensor:
    """The same with samples drawn with probability ``proposal`` (N,), each weighed by 1 / (N q_n)."""
    rows = []
    for t in range(first, first + count):
        generator = draw_generator(seed, 2, t)
        positions = torch.multinomial(proposal, batch, replacement=True, generator=generator)
        shares = 1 / (proposal[positions] * subject.size * batch)
        rows.append(_forms(subject, engine, phi, positions, shares, generator, chunk))
    return subject.per_block(torch.stack(rows))


def _forms(
    subject: Subject,
    engine: SampleGradients,
    phi: Phi,
    positions: Tensor,
    shares: Tensor,
    generator: torch.Generator,
    chunk: int,
) -> Tensor:
    if engine.of == "activations":
        return activation_forms(subject, phi, positions, shares, generator, chunk=chunk)
    return quadratic_forms(subject, phi, positions, shares, rademacher(subject, generator), chunk=chunk)


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
            traces[i] += quadratic_forms(subject, phi, positions, shares, [probe], chunk=chunk, only=i)[i]
            flat[entry] = 0
    return traces
