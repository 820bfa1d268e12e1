"""Slices of the loss as they are drawn: one panel a block, all on the same scales.

On the linear scale the height is the loss. On the logarithmic one it is how far the loss lies above the lowest
point of its own panel; a rise below ``floor`` is drawn at the floor, for at the lowest point it is 0. Points that
were not measured, or whose loss is not finite, are left out.

Bit widths are rings, the fewer bits the wider, since their projections often fall on one another. A ring is
filled where most of the perturbation lies in the slice; its height is the loss that was measured there, which is
the slice's only if all of it does. So that a ring far above the slice does not make it look level, rings beyond the
``ceiling`` are drawn there as arrows, on the linear scale.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from explorer.landscape.result import Axis, Mark, Slice

_DECADES = 5  # that the logarithmic scale shows at most
_HEADROOM = 0.6  # for rings, of the height of the slice


@dataclass(frozen=True)
class Ring:
    """One bit width: where it is seen, how high, whether most of it lies in the slice, and what to say of it."""

    bits: int
    at: tuple[float, ...]
    height: float
    inside: bool
    words: str
    beyond: bool = False


@dataclass(frozen=True, eq=False)
class Panel:
    """One slice as it is drawn.

    Attributes:
        name: the block.
        words: the curvature along the axes.
        axes: what each axis is.
        steps: (P,) coordinates in weight units.
        height: (P,) or (P, P), NaN where nothing is drawn; [i, j] at steps[i] of the first axis.
        low, high: the shape of ``height``, one standard error either way.
        predicted: the shape of ``height``, of the quadratic.
        rings: the bit widths.
        growing: more points are to come.
    """

    name: str
    words: str
    axes: tuple[str, ...]
    steps: np.ndarray
    height: np.ndarray
    low: np.ndarray
    high: np.ndarray
    predicted: np.ndarray
    rings: tuple[Ring, ...]
    growing: bool


@dataclass(frozen=True, eq=False)
class View:
    """Panels and the scales they share.

    Attributes:
        log: whether heights are rises above each panel's lowest point.
        floor: the smallest rise that is drawn as such; 0 on the linear scale.
        heights: lowest and highest measured, over all panels.
        ceiling: the height up to which rings are drawn where they are.
        title: of the height.
        radius: the furthest step.
        missing: measured points that are not finite, over all panels.
    """

    panels: tuple[Panel, ...]
    log: bool
    floor: float
    heights: tuple[float, float]
    ceiling: float
    title: str
    radius: float
    missing: int


def view(slices: Sequence[Slice], *, log: bool, unit: str = "") -> View:
    """What is drawn of these slices, which are all lines or all planes.

    Args:
        unit: of the loss.
    """
    lowest = [_lowest(each) for each in slices]
    finite = [each.loss[np.isfinite(each.loss)] for each in slices]
    top = max((float(v.max(initial=low)) - low for v, low in zip(finite, lowest, strict=True)), default=0.0)
    log = log and top > 0  # a level landscape has no logarithm
    floor = 10.0 ** math.floor(math.log10(top / 10**_DECADES)) if log else 0.0
    panels = [_panel(each, low if log else 0.0, floor) for each, low in zip(slices, lowest, strict=True)]
    known = np.concatenate([panel.height[np.isfinite(panel.height)] for panel in panels] or [np.empty(0)])
    heights = (float(known.min()), float(known.max())) if known.size else (0.0, 1.0)
    rings = [ring.height for panel in panels for ring in panel.rings if math.isfinite(ring.height)]
    ceiling = max([heights[1], *rings])
    if not log:
        ceiling = min(ceiling, heights[1] + _HEADROOM * ((heights[1] - heights[0]) or 1.0))
    return View(
        panels=tuple(replace(panel, rings=_under(panel.rings, ceiling)) for panel in panels),
        log=log,
        floor=floor,
        heights=heights,
        ceiling=ceiling,
        title=("rise of the loss" if log else "loss") + (f" ({unit})" if unit else ""),
        radius=max((each.radius for each in slices), default=1.0),
        missing=sum(each.not_finite for each in slices),
    )


def _under(rings: Sequence[Ring], ceiling: float) -> tuple[Ring, ...]:
    return tuple(
        replace(ring, height=ceiling, beyond=True) if ring.height > ceiling else ring for ring in rings
    )


def _lowest(each: Slice) -> float:
    """The lowest loss of the slice; that of its centre before anything was measured."""
    finite = each.loss[np.isfinite(each.loss)]
    return min(float(finite.min()), each.centre_loss) if finite.size else each.centre_loss


def _panel(each: Slice, base: float, floor: float) -> Panel:
    def height(loss: np.ndarray) -> np.ndarray:
        risen = np.where(np.isfinite(loss), loss - base, np.nan)
        return np.maximum(risen, floor) if floor else risen

    return Panel(
        name=each.block or "all blocks",
        words=", ".join(f"{bend_text(axis)}" for axis in each.axes),
        axes=tuple(axis.label for axis in each.axes),
        steps=each.coordinates,
        height=height(each.loss),
        low=height(each.loss - each.stderr),
        high=height(each.loss + each.stderr),
        predicted=height(each.predicted),
        rings=tuple(_ring(mark, each, height) for mark in sorted(each.marks, key=lambda mark: mark.bits)),
        growing=not each.complete,
    )


def bend_text(axis: Axis) -> str:
    """The curvature along an axis with its error."""
    return f"{axis.curvature:.3g} ± {axis.curvature_stderr:.1g}"


def _ring(mark: Mark, each: Slice, height: Callable[[np.ndarray], np.ndarray]) -> Ring:
    words = (
        f"<b>{mark.bits} bits</b>, |ΔW| = {mark.norm:.3g}<br>{share_text(mark.share)} of |ΔW|² lies in this slice<br>"
        f"measured loss {mark.loss:.4g} ({mark.loss - each.centre_loss:+.2g} ± {mark.stderr:.1g})<br>"
        f"the quadratic says {mark.predicted - each.centre_loss:+.2g}"
    )
    return Ring(mark.bits, mark.coordinates, float(height(np.array(mark.loss))), mark.share > 0.5, words)


def share_text(share: float) -> str:
    """A share in per cent, however small."""
    return f"{share:.0%}" if share > 0.1 else f"{share * 100:.1g} %"
