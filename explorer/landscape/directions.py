r"""Directions among the weights, each of unit length over all weights that move.

*Random*: filter-normalised (Li et al. 2018, section 4): every filter of a Gaussian draw is scaled to the norm of
the weights' filter, |d_f| = |W_f|, so a step means the same in every layer whatever the scale of its weights. The
second direction is made orthogonal to the first within every filter, before it is scaled: both are then
filter-normalised and orthogonal. (A filter of one weight has no orthogonal direction; the second is then
orthogonalised as a whole.) All of it has the norm |W| and is brought to unit length; ``scale`` remembers |W|.

*Quantization*: along Q_b(W) - W for one width b; two widths span a plane, the second made orthogonal to the first
(Gram-Schmidt). ``scale`` is the length of what was normalised, so for the first it is |Q_b(W) - W|.

*Eigen*: the top eigenvectors of the Hessian (HAWQ-V2, Figs. 2 and 7; HAWQ for the 1-D figure), the entry of largest
size positive. They are fitted to the samples drawn; ``held_out`` is the curvature along them on other samples.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from explorer.curvature.spectra.eigenresult import Eigenpairs
from explorer.errors import CurvatureError
from explorer.landscape.target import Target, Vector, inner, norm
from explorer.randomness import Stream, generator

_ORDINALS = ("top", "second")


@dataclass(frozen=True, eq=False)
class Direction:
    """A unit vector and what it is; see `result.Axis`."""

    label: str
    scale: float
    vector: Vector
    held_out: float | None = None
    held_out_stderr: float | None = None


def random_directions(target: Target, count: int, seed: int) -> tuple[Direction, ...]:
    """Filter-normalised random directions, orthogonal to each other."""
    drawn: list[Vector] = []
    for number in range(count):
        source = generator(Stream.LANDSCAPE_DIRECTIONS, seed, number)
        vector = {}
        for name, weight in target.centre.items():
            raw = torch.randn(weight.shape, generator=source).to(weight)
            earlier = [each[name] for each in drawn]
            vector[name] = _filter_normalised(raw, weight, earlier, target.channels[name])
        drawn.append(vector)
    names = ("random direction", "second random direction")
    return _orthonormal(list(zip(names, drawn, strict=False)), target)


def quantization_directions(target: Target, bits: Sequence[int]) -> tuple[Direction, ...]:
    """The perturbations of these widths, orthonormal.

    Raises:
        CurvatureError: a width does not move the weights, or moves them as an earlier one does.
    """
    return _orthonormal([(f"{b}-bit perturbation", target.perturbation(b)) for b in bits], target)


def eigen_directions(found: Eigenpairs) -> tuple[Direction, ...]:
    """Eigenvectors, the top one first."""
    return tuple(
        Direction(f"{ordinal} eigenvector", 1.0, dict(vector), _known(held_out), _known(error))
        for ordinal, vector, held_out, error in zip(
            _ORDINALS, found.vectors, found.held_out, found.held_out_stderrs, strict=False
        )
    )


def _known(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _filter_normalised(raw: Tensor, weight: Tensor, earlier: Sequence[Tensor], channels: int) -> Tensor:
    """Every filter of ``raw`` without its part along the earlier directions, with the norm of the weight's."""
    filters = raw.movedim(channels, 0).flatten(1).double()
    for other in earlier:
        before = other.movedim(channels, 0).flatten(1).double()
        along = (filters * before).sum(1, keepdim=True) / before.square().sum(1, keepdim=True)
        left = filters - torch.nan_to_num(along) * before
        filters = torch.where(
            left.norm(dim=1, keepdim=True) > 1e-6 * filters.norm(dim=1, keepdim=True), left, filters
        )
    wanted = weight.movedim(channels, 0).flatten(1).double().norm(dim=1, keepdim=True)
    filters = filters / filters.norm(dim=1, keepdim=True) * wanted
    shape = raw.movedim(channels, 0).shape
    found: Tensor = filters.view(shape).movedim(0, channels).to(raw).contiguous()
    return found


def _orthonormal(named: Sequence[tuple[str, Vector]], target: Target) -> tuple[Direction, ...]:
    """Gram-Schmidt, twice for the sake of rounding."""
    found: list[Direction] = []
    where = "the network" if target.block is None else f"block {target.block}"
    for label, vector in named:
        length = norm(vector)
        rest = {name: part.double() for name, part in vector.items()}
        for _ in range(2):
            for earlier in found:
                along = inner(rest, earlier.vector)
                rest = {name: part - along * earlier.vector[name].double() for name, part in rest.items()}
        scale = norm(rest)
        if length == 0:
            raise CurvatureError(f"the {label} of {where} is zero; choose fewer bits or another direction")
        if scale <= 1e-6 * length:
            raise CurvatureError(f"the {label} of {where} lies along the first one; choose another width")
        unit = {name: (part / scale).to(vector[name]) for name, part in rest.items()}
        found.append(Direction(label, scale, unit))
    return tuple(found)
