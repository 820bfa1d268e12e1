"""What is said under the pictures of the Landscape page: what to notice, made from the figures themselves."""

from collections.abc import Sequence

import numpy as np

from explorer.figures.landscape.views import View, bend_text, share_text
from explorer.landscape import Slice


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
                f"**{steep}** curves {ratio:.3g} times as much as **{flat}** along the {high.label}: the same step "
                "costs it that much more."
            )
    name, axis = first[0]
    held = ""
    if axis.held_out is not None and axis.held_out_stderr is not None:
        held = (
            f"; on other images {axis.held_out:.3g} ± {axis.held_out_stderr:.1g}, for it was fitted to these"
        )
    return f"Along the {axis.label} **{name}** has curvature {bend_text(axis)}{held}."


def _off(slices: Sequence[Slice]) -> str:
    """How far the quadratic is off at the rim."""
    worst: tuple[float, str] | None = None
    for each in slices:
        rim = np.zeros(each.loss.shape, dtype=bool)
        for axis in range(each.dims):
            edge = np.moveaxis(rim, axis, 0)
            edge[[0, -1]] = True
        known = rim & np.isfinite(each.loss)
        if known.any():
            rise = np.abs(each.loss[known] - each.centre_loss).mean()
            off = np.abs(each.loss[known] - each.predicted[known]).mean()
            if rise > 0 and (worst is None or off / rise > worst[0]):
                worst = (float(off / rise), each.block or "all blocks")
    if worst is None:
        return ""
    return f"At the edge of the plot the quadratic is off by {worst[0]:.0%} of the rise on average" + (
        f" (**{worst[1]}**, the worst)." if len(slices) > 1 else "."
    )


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
