"""How far the axes of a slice go: one rule, however the slice is asked for.

Without a radius a slice goes as far as quantization moves its own weights, |Q_b(W) - W|: at 4 bits, or at the widths
along which it runs, of which the longest lies in the picture with a margin. The length is rounded up to 1, 1.5, 2, 3,
5 or 7 times a power of ten, so that blocks of about the same length have the same scale.

Slices that are drawn side by side need one scale. Where it is a slice's own, that slice is asked for without a radius:
it is the same question as that of the block alone.
"""

import math
from collections.abc import Iterable, Mapping

from explorer.errors import CurvatureError
from explorer.landscape.target import perturbation_norm
from explorer.studies.study import Study

REFERENCE_BITS = 4
MARGIN = 1.1
_NICE = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0, 10.0)


def radius_of(study: Study, block: str | None, spanned: tuple[int, ...]) -> float:
    """Radius of a slice of one block, or of all, that is asked for without one.

    Args:
        spanned: widths along which the slice runs; empty unless it is one of quantization.

    Raises:
        CurvatureError: the weights are on those grids already.
    """
    norms = [perturbation_norm(study, block, bits) for bits in spanned or (REFERENCE_BITS,)]
    radius = own_radius(norms, quantization=bool(spanned))
    if radius == 0:
        raise CurvatureError(
            f"{REFERENCE_BITS} bits do not move the weights of {block or 'the network'}, so they give "
            "no radius; give one"
        )
    return radius


def own_radius(norms: Iterable[float], *, quantization: bool) -> float:
    """Radius by the lengths of the perturbations that count; 0 where none moves a weight.

    >>> own_radius([0.31, 0.12], quantization=False), own_radius([0.31, 0.12], quantization=True)
    (0.5, 0.5)
    >>> own_radius([0.28], quantization=False), own_radius([0.28], quantization=True)
    (0.3, 0.5)
    """
    longest = (MARGIN if quantization else 1.0) * max(norms)
    if longest == 0:
        return 0.0
    scale = 10.0 ** math.floor(math.log10(longest))
    return float(f"{scale * next(nice for nice in _NICE if longest <= nice * scale * 1.0001):.2g}")


def shared_radii(
    norms: Mapping[str, Iterable[float]], *, quantization: bool, reach: float = 1.0
) -> dict[str, float | None]:
    """Radius to ask for of every slice, so that all have one scale; None where it is the slice's own.

    Args:
        norms: slice to the lengths of its perturbations.
        reach: the scale as a multiple of the longest's own.

    >>> shared_radii({"conv1": [0.31], "conv2": [0.45], "fc": [0.02]}, quantization=False)
    {'conv1': None, 'conv2': None, 'fc': 0.5}
    """
    own = {name: own_radius(each, quantization=quantization) for name, each in norms.items()}
    scale = reach * (max(own.values()) or 1.0)
    return {name: None if radius == scale else scale for name, radius in own.items()}
