"""What is said under the pictures of the Landscape page: what to notice, made from the figures themselves."""

from collections.abc import Iterator, Sequence

import numpy as np

from explorer.figures.landscape.views import View, bend_text, share_text
from explorer.landscape import Slice
from explorer.ui.shell.plain import plain

RISE = 0.02  # of the largest; the error of a smaller one is not told


def finding(slices: Sequence[Slice]) -> str:
    """What the picture shows, for those who cannot see it."""
    blocks = ", ".join(each.block or "all blocks" for each in slices)
    told = _steepness(slices).replace("**", "").replace("\\", "")
    return f"The loss round the trained weights of {blocks}. {told}"


def sentences(slices: Sequence[Slice], view: View, *, relief: bool) -> list[str]:
    """What to notice."""
    found = [_steepness(slices), _off(slices), _rings(slices)]
    from_above = slices[0].dims == 2 and not relief
    if not from_above and any(ring.beyond for panel in view.panels for ring in panel.rings):
        found.append(
            f"A {'diamond' if relief else 'triangle'} at the top is a width whose loss is higher than the picture."
        )
    if relief:
        first, second = slices[0].axes
        found.append(f"d₁ runs along the {first.label}, d₂ along the {second.label}, in weight units.")
    if view.log and view.floor:
        found.append(
            f"Heights are rises above the lowest point of each panel; those below {view.floor:.0e} are drawn there."
        )
    if view.missing:
        found.append(f"At {view.missing} points the loss is not finite; they are left blank.")
    return [sentence for sentence in found if sentence]


def _steepness(slices: Sequence[Slice]) -> str:
    first = [(each.block or "all blocks", each.axes[0]) for each in slices]
    if len(first) > 1:
        (steep, high), (flat, low) = (pick(first, key=lambda pair: pair[1].curvature) for pick in (max, min))
        if low.curvature > 0:
            ratio = high.curvature / low.curvature
            return (
                f"**{plain(steep)}** curves {ratio:.3g} times as much as **{plain(flat)}** along the {high.label}: the same step "
                "costs it that much more."
            )
    name, axis = first[0]
    held = ""
    if axis.held_out is not None and axis.held_out_stderr is not None:
        held = (
            f"; on other samples {axis.held_out:.3g} ± {axis.held_out_stderr:.1g}, for it was fitted to these"
        )
    return f"Along the {axis.label} **{plain(name)}** has curvature {bend_text(axis)}{held}."


def _off(slices: Sequence[Slice]) -> str:
    """How far the quadratic is off, where it is worst and at the edge of the plot.

    The place is a ring around the centre, so far out as the largest of its coordinates: of a line two points, of a
    plane a square. On a ring the errors are summed over its points, and so are the rises.
    """
    worst: tuple[float, float, str] | None = None
    for each in slices:
        for ratio, far in _ratios(each):
            if worst is None or ratio > worst[0]:
                worst = (ratio, far, each.block or "all blocks")
    if worst is None:
        return ""
    ratio, far, name = worst
    size = f"{ratio:.0%} of the rise" if ratio < 1 else f"{ratio:.2g} times the rise"
    where = "at the edge of the plot" if far == 1 else f"{far:.0%} of the way to the edge of the plot"
    of = f" of **{plain(name)}**" if len(slices) > 1 else ""
    return f"The quadratic{of} is off the most {where}: by {size}."


def _ratios(found: Slice) -> Iterator[tuple[float, float]]:
    """Error of the quadratic over the rise of the loss, and how far out, 0 to 1, ring by ring.

    Rings whose rise is under RISE of the largest are left out, as rounding is all that is seen of them.
    """
    axes = [np.linspace(-1, 1, points) for points in found.loss.shape]
    away = np.abs(np.stack(np.meshgrid(*axes, indexing="ij"))).max(axis=0).round(6)
    rises, errors = np.abs(found.loss - found.centre_loss), np.abs(found.loss - found.predicted)
    known = np.isfinite(found.loss) & np.isfinite(found.predicted)
    rings = [(float(far), known & (away == far)) for far in np.unique(away) if far > 0]
    sums = [
        (float(errors[ring].sum()), float(rises[ring].sum() / ring.sum()), float(rises[ring].sum()), far)
        for far, ring in rings
        if ring.any()
    ]
    largest = max((mean for _, mean, _, _ in sums), default=0.0)
    for off, mean, rise, far in sums:
        if rise > 0 and mean >= RISE * largest:
            yield off / rise, far


def _rings(slices: Sequence[Slice]) -> str:
    shares = [mark.share for each in slices for mark in each.marks if mark.bits == 4]
    if not shares:
        return ""
    if slices[0].directions == "quantization":
        return "Rings are bit widths at the loss measured where they really are; a hollow one lies off the slice."
    text = (
        "Rings show where bit widths fall when projected on the slice, at the loss measured where they really are. "
        f"Of the 4-bit perturbation only {share_text(max(shares))} lies in it"
    )
    if slices[0].directions == "random":
        return f"{text}."
    return (
        f"{text}: rounding goes in all directions at once, so it meets the average curvature, the trace, and seldom "
        "the largest."
    )
