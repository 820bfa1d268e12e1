"""Samples in the order of how many directions at the outputs their curvature needs.

Of the eigenvalues of every sample's H_L (`output_hessian.directions`) those that together hold less than a given
share of all are left out; a converged network needs only some of the C directions then. Samples that need about
equally many are put next to each other, so that a backward pass for one more direction serves few that do not need it.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.operators.output_hessian import LARGEST_EIGEN, directions
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.errors import CurvatureError

_ROUNDING = 1e-10  # share of the sum of all sizes that negative eigenvalues of a convex loss may have


@dataclass(frozen=True)
class Arranged:
    """Samples with those that need few directions first.

    Attributes:
        positions: the samples, as they were given where there are too many outputs for eigenvalues.
        least: the smallest eigenvalue of a sample's H_L that counts; 0 where none is known.
        counts: how many directions each sample needs, in the order of ``positions``; None where that is not known.
        convex: whether no eigenvalue is negative, but for rounding.
    """

    positions: Tensor
    least: float
    counts: Tensor | None
    convex: bool


def arranged(subject: Subject, positions: Tensor, *, batch: int, negligible: float) -> Arranged:
    """Order of some samples, after a forward pass over them.

    Args:
        batch: samples at once.
        negligible: share of the sum of all eigenvalues' sizes that may be left out.

    Raises:
        CurvatureError: an output is not finite.
    """
    found = []
    for _, inputs, targets in subject.chunks(positions, batch):
        with torch.no_grad():
            outputs = single_tensor(subject.model(inputs))
        if not torch.isfinite(outputs).all():
            raise CurvatureError("the network's outputs are not finite on the training data; check both")
        if outputs[0].numel() > LARGEST_EIGEN:
            return Arranged(positions, 0.0, None, convex=False)
        found.append(directions(subject.loss, outputs, targets)[0])
    values = torch.cat(found).cpu()
    least = _least(values.abs(), negligible)
    counts = (values.abs() >= least).sum(1)
    order = counts.argsort(stable=True)
    below = -values.clamp(max=0).sum()
    return Arranged(
        positions[order], least, counts[order], convex=bool(below <= _ROUNDING * values.abs().sum())
    )


def _least(sizes: Tensor, negligible: float) -> float:
    """Half way between the eigenvalues that go and those that stay.

    Half way, because they are computed again with other samples beside them and differ in the last digits.
    """
    ascending = sizes.flatten().sort().values
    dropped = int((ascending.cumsum(0) <= negligible * ascending.sum()).sum())
    if dropped in (0, len(ascending)):
        return 0.0 if dropped == 0 else math.inf
    return float(ascending[dropped - 1 : dropped + 1].mean())
