"""Everything about a slice but its measured points: directions, radius, and the quadratic along them."""

import numpy as np

from explorer.curvature.spectra import eigenpairs
from explorer.landscape.directions import (
    Direction,
    eigen_directions,
    quantization_directions,
    random_directions,
)
from explorer.landscape.measuring import Meter
from explorer.landscape.quadratic import Quadratic
from explorer.landscape.radius import radius_of
from explorer.landscape.result import Axis, Slice
from explorer.landscape.target import Target, inner, norm
from explorer.questions import LandscapeQuestion
from explorer.studies.study import Study
from explorer.watching import Watcher


def find_directions(
    study: Study, target: Target, question: LandscapeQuestion, watcher: Watcher
) -> tuple[tuple[Direction, ...], int]:
    """Directions of the slice, and how many Hessian-vector products they took."""
    kind, dims = question.directions, question.dims
    if kind == "random":
        return random_directions(target, dims, question.seed), 0
    if kind == "quantization":
        return quantization_directions(target, question.spanning), 0
    subject = target.subject
    found = eigenpairs.top_eigenpairs(
        study,
        block=target.block,
        blocks=subject.blocks,
        dtype=subject.dtype,
        watcher=watcher,
        k=dims,
        samples=question.samples,
        seed=question.seed,
    )
    return eigen_directions(found), found.products


def frame(
    target: Target,
    meter: Meter,
    quadratic: Quadratic,
    chosen: tuple[Direction, ...],
    question: LandscapeQuestion,
) -> Slice:
    """Slice with no point measured."""
    points, bits = question.points, question.spanning
    radius = question.radius or radius_of(target.subject.study, target.block, bits)
    images = [quadratic.image(each.vector) for each in chosen]
    axes = tuple(
        Axis(
            label=each.label,
            scale=each.scale,
            slope=quadratic.slope(each.vector),
            curvature=inner(each.vector, image),
            curvature_stderr=quadratic.stderr(each.vector),
            held_out=each.held_out,
            held_out_stderr=each.held_out_stderr,
        )
        for each, image in zip(chosen, images, strict=True)
    )
    coordinates = np.linspace(-radius, radius, points)
    coordinates[points // 2] = 0.0
    cross = inner(chosen[0].vector, images[1]) if len(chosen) == 2 else 0.0
    predicted = float(meter.centre.mean()) + rise(coordinates, axes, cross)
    return Slice(
        study=target.subject.study.name,
        block=target.block,
        directions=question.directions,
        radius=radius,
        samples=target.subject.size,
        bits=bits,
        seed=question.seed,
        axes=axes,
        cross=cross,
        coordinates=coordinates,
        loss=np.full(predicted.shape, np.nan),
        measured=np.zeros(predicted.shape, dtype=bool),
        stderr=np.full(predicted.shape, np.nan),
        predicted=predicted,
        centre_loss=float(meter.centre.mean()),
        centre_stderr=meter.centre_error,
        weights=target.weights,
        weight_norm=norm(target.centre),
    )


def rise(coordinates: np.ndarray, axes: tuple[Axis, ...], cross: float) -> np.ndarray:
    """Predicted rise g . d + d . Hd / 2 on the grid, (P,) or (P, P)."""
    steps = np.meshgrid(*[coordinates] * len(axes), indexing="ij")
    parts = zip(steps, axes, strict=True)
    total: np.ndarray = sum(
        (step * axis.slope + step**2 * axis.curvature / 2 for step, axis in parts), np.zeros_like(steps[0])
    )
    return total + cross * steps[0] * steps[1] if len(axes) == 2 else total
