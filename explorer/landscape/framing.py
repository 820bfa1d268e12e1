"""Everything about a slice but its measured points: options, directions, radius, and the quadratic along them."""

from collections.abc import Callable, Sequence

import numpy as np

from explorer.curvature.spectra import eigenpairs
from explorer.errors import CurvatureError
from explorer.landscape.directions import (
    Direction,
    eigen_directions,
    quantization_directions,
    random_directions,
)
from explorer.landscape.grid import check_points
from explorer.landscape.measuring import Meter
from explorer.landscape.quadratic import Quadratic
from explorer.landscape.result import KINDS, Axis, Kind, Slice
from explorer.landscape.target import Target, inner, norm
from explorer.studies.study import Study

REFERENCE_BITS = 4  # whose perturbation is the radius unless one is given
MARGIN = 1.25  # a quantization slice reaches beyond the perturbations that span it


def spanning_bits(
    kind: str, dims: int, points: int, radius: float | None, bits: Sequence[int]
) -> tuple[int, ...]:
    """The widths that span the slice; none unless it is one of quantization.

    Raises:
        CurvatureError: an option is out of range.
    """
    if kind not in KINDS:
        raise CurvatureError(f"there are no directions {kind!r}; use one of {', '.join(KINDS)}")
    if dims not in (1, 2):
        raise CurvatureError(f"dims={dims} cannot be drawn; use 1 or 2")
    check_points(points)
    if radius is not None and not 0 < radius < float("inf"):
        raise CurvatureError(f"radius={radius} reaches nowhere; give a length above 0, in weight units")
    if kind != "quantization":
        return ()
    if len(bits) < dims or len(set(bits[:dims])) < dims:
        raise CurvatureError(f"bits={list(bits)} span no {dims}-D slice; give {dims} different widths")
    return tuple(bits[:dims])


def find_directions(
    study: Study,
    target: Target,
    kind: Kind,
    dims: int,
    samples: int | None,
    bits: tuple[int, ...],
    seed: int,
    say: Callable[[float, str], None],
    stop: Callable[[], bool],
) -> tuple[tuple[Direction, ...], int] | None:
    """The directions and how many Hessian-vector products they took; None if it was stopped."""
    if kind == "random":
        return random_directions(target, dims, seed), 0
    if kind == "quantization":
        return quantization_directions(target, bits), 0
    subject = target.subject
    try:
        found = eigenpairs.top_eigenpairs(
            study,
            block=target.block,
            k=dims,
            samples=samples,
            blocks=subject.blocks,
            seed=seed,
            dtype=subject.dtype,
            progress=say,
            should_stop=stop,
        )
    except CurvatureError:
        if stop():
            return None
        raise
    return eigen_directions(found), found.products


def default_radius(target: Target, bits: tuple[int, ...]) -> float:
    """The length of the 4-bit perturbation, or enough to see those that span the slice.

    Raises:
        CurvatureError: the weights are on that grid already.
    """
    longest = max(norm(target.perturbation(b)) for b in bits or (REFERENCE_BITS,))
    if longest == 0:
        raise CurvatureError(
            f"{REFERENCE_BITS} bits do not move the weights of {target.block or 'the network'}, so they give "
            "no radius; give one"
        )
    return longest * (MARGIN if bits else 1.0)


def frame(
    target: Target,
    meter: Meter,
    quadratic: Quadratic,
    chosen: tuple[Direction, ...],
    *,
    kind: Kind,
    points: int,
    radius: float,
    bits: tuple[int, ...],
    seed: int,
) -> Slice:
    """The slice with no point measured."""
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
        directions=kind,
        radius=radius,
        samples=target.subject.size,
        bits=bits,
        seed=seed,
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
    """g . d + d . Hd / 2 on the grid, (P,) or (P, P)."""
    steps = np.meshgrid(*[coordinates] * len(axes), indexing="ij")
    parts = zip(steps, axes, strict=True)
    total: np.ndarray = sum(
        (step * axis.slope + step**2 * axis.curvature / 2 for step, axis in parts), np.zeros_like(steps[0])
    )
    return total + cross * steps[0] * steps[1] if len(axes) == 2 else total
