r"""Random signs along the directions in which a network's outputs answer to its weights: less noise for each draw.

A probe z of one sample gives z^T G z with G = S^T J J^T S, unbiased where E z z^T = I. For independent signs along an
orthonormal basis its variance is 2 sum_{i != j} g_ij^2 in that basis (Avron and Toledo, 2011, Lemma 9 for the unit
vectors): none where the basis diagonalises G. With many classes all outputs answer together to a change of an early
layer, G has few large eigenvalues, and no unit vector is near its eigenvectors. So a basis U (C, K) is taken that would
diagonalise G if the rows of J were what they are on the average:

    z = U s + (I - U U^T) t,   s in {-1, 1}^K, t in {-1, 1}^C;   E z z^T = U U^T + (I - U U^T) = I

with U the left singular vectors of S^T R and R (C, K) the changes of the outputs of a few samples where one weight
tensor at a time was moved at random, each divided by its length, so that every layer counts alike. Whatever R is, the
draws stay unbiased and independent of one another given R; a poor R costs precision alone.
"""

from collections.abc import Callable

import torch
from torch import Tensor

from explorer.curvature.operators.output_hessian import Root
from explorer.curvature.operators.structured import sample_rows
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.randomness import Stream, generator

LEAST_OUTPUTS = 65  # with few classes there is little to gain, and the directions would be all there are
RESPONSES = 100
SAMPLES = 25
_MOVED = 0.02  # of a weight's length: small for the outputs, large for float32


def responses(
    subject: Subject, q: Tensor, *, seed: int, check_stop: Callable[[], None] = lambda: None
) -> Tensor | None:
    """R, (C, at most RESPONSES) float64 with columns of length 1; None where signs stay along the outputs.

    That is where the loss's root has no transposed product or the outputs are few. It takes about a forward pass a
    response. The network's weights are as they were afterwards.

    Args:
        q: with which probability each sample is drawn, (N,).
        check_stop: called before every sample; may raise.
    """
    if subject.ragged or subject.loss.function is not None or subject.loss.kind != "cross_entropy":
        return None
    source = generator(Stream.RESPONSES, seed)
    positions = torch.multinomial(q, min(SAMPLES, RESPONSES), replacement=True, generator=source)
    found: list[Tensor] = []
    for at, position in enumerate(positions):
        check_stop()
        inputs, _ = subject.batch(position.unsqueeze(0))
        with torch.no_grad():
            plain = single_tensor(subject.model(inputs))
            if plain.ndim != 2 or plain.shape[1] < LEAST_OUTPUTS:
                return None
            for index in range(at, RESPONSES, len(positions)):
                moved = _moved(subject, index * len(subject.weights) // RESPONSES, inputs, source)
                change = sample_rows(moved).double()[0] - sample_rows(plain).double()[0]
                length = change.norm()
                if torch.isfinite(length) and length > 0:
                    found.append(change / length)
    return torch.stack(found, 1) if found else None


def signs_along(root: Root, samples: int, among: Tensor, source: torch.Generator) -> Tensor:
    """z of every sample, (samples, C) float64, for the root of each sample's Hessian and responses (C, K)."""
    assert root.transposed is not None
    found = []
    for n in range(samples):
        basis = torch.linalg.svd(root.transposed(among, n), full_matrices=False)[0]
        along, rest = (signs(1, width, source)[0].to(basis.device) for width in reversed(basis.shape))
        found.append(basis @ (along - basis.T @ rest) + rest)
    return torch.stack(found)


def signs(n: int, width: int, source: torch.Generator) -> Tensor:
    """Independent signs, (n, width) float64."""
    return (torch.randint(0, 2, (n, width), generator=source) * 2 - 1).double()


def _moved(subject: Subject, index: int, inputs: Tensor, source: torch.Generator) -> Tensor:
    """Outputs where one weight is moved in a random direction by a small share of its length."""
    parameter = subject.weights[index].parameter
    kept = parameter.detach().clone()
    step = torch.randn(parameter.shape, generator=source).to(parameter)
    try:
        parameter.add_(step, alpha=float(_MOVED * kept.norm() / step.norm()))
        return single_tensor(subject.model(inputs))
    finally:
        parameter.copy_(kept)
