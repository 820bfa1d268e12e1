"""What a trace says, and how it is estimated: Lemma 1 of HAWQ-V2, Hutchinson's draws, and how many points they need."""

from functools import cache

import numpy as np

from explorer.course import prepared
from explorer.course.parts import Outcome, Picture, Quantity
from explorer.figures.lessons import second_order as pictures
from explorer.lessons import second_order
from explorer.lessons.second_order import Probe
from explorer.questions import TracesQuestion


def bowls(small: int, own: int, turned: int, angle: int) -> Outcome:
    """Two quadratics of the same largest eigenvalue, and what a change of length 1 costs in each (Lemma 1)."""
    bowls = {
        "first bowl": second_order.bowl(100, small),
        "your bowl": second_order.bowl(100, own, turned),
    }
    first, yours = bowls.values()
    at = [
        float(second_order.rise(*each.eigenvalues, np.array(angle - each.turned))) for each in (first, yours)
    ]
    return Outcome(
        (
            Picture(
                pictures.bowls_figure(bowls, angle),
                f"Two bowls of largest curvature 100; the smaller curvatures are {small} and {own}.",
                "lines of equal loss",
            ),
            Picture(
                pictures.rises_figure(bowls, angle),
                f"Over all directions the rise is {first.mean:.4g} and {yours.mean:.4g} in the mean.",
                "what a change of length 1 costs",
            ),
        ),
        finding=(
            f"Both bowls have λ = 100, so HAWQ cannot tell them apart. In the mean over all directions a change of length "
            f"1 costs {first.mean:.4g} in the first and {yours.mean:.4g} in yours; in this one, {at[0]:.4g} and {at[1]:.4g}."
        ),
        quantities=(
            Quantity("mean trace, first", f"{(100 + small) / 2:g}"),
            Quantity("mean trace, yours", f"{(100 + own) / 2:g}"),
            Quantity(
                "equal parts, yours",
                f"{yours.equal:.4g}",
                "½ d·Hd for a d with equal parts along both eigenvectors: Lemma 1's assumption.",
            ),
        ),
    )


def matrix(which: str) -> np.ndarray:
    """The last layer's Hessian, or its diagonal alone."""
    whole = second_order.head_hessian()
    return whole if which == "layer" else np.diag(whole.diagonal())


def hutchinson(which: str, probe: Probe, draws: int, again: int) -> Outcome:
    """The mean of the draws so far, and how far it is off."""
    found = second_order.probing(matrix(which), probe, draws, again)
    estimate, error = float(found.running[-1]), float(found.band[-1])
    return Outcome(
        (
            Picture(
                pictures.probing_figure(found),
                f"After {draws} draws the estimate is {estimate:.4g}, the truth {found.trace:.4g}.",
            ),
        ),
        finding=(
            f"After {draws} draws the estimate is {estimate:.4g} ± {error:.2g} (by the formula); the true trace is "
            f"{found.trace:.4g}."
        ),
        quantities=(
            Quantity(
                "one draw scatters by",
                f"{found.deviation / found.trace:.1%}",
                "Standard deviation over trace.",
            ),
            Quantity("standard error now", f"{error / found.trace:.2%}", "Of the mean, over the trace."),
            Quantity("really off by", f"{abs(estimate / found.trace - 1):.2%}"),
        ),
    )


@cache
def _output_traces(network: str) -> np.ndarray:
    """1 − ‖p‖² of every training image over its mean, out of the probabilities with which the app drew them."""
    q = prepared.tensors(network, TracesQuestion(), "draws")["proposal"].numpy()
    return np.maximum((q * len(q) - 0.05) / 0.95, 0.0)


def points(trained: str, count: int, redraw: int) -> Outcome:
    """Estimates from so many images, drawn uniformly or by their curvature."""
    traces = _output_traces(trained)
    found = second_order.points(traces, count, redraw)
    top = float(np.sort(traces)[::-1][: len(traces) // 100].sum() / traces.sum())
    worst = float(np.abs(found.uniform - 1).max())
    return Outcome(
        (
            Picture(
                pictures.carried_figure(found),
                f"1 % of the images carry {top:.0%} of the trace.",
                "who carries it",
            ),
            Picture(
                pictures.estimates_figure(found),
                f"Estimates from {count} images scatter by {found.uniform_error:.1%}.",
                f"400 estimates from {count} images each",
            ),
        ),
        finding=(
            f"1 % of the {len(traces):,} images carry {top:.0%} of the trace. Estimates from {count} images drawn "
            f"uniformly have a standard error of {found.uniform_error:.1%}, and the worst of 400 is off by {worst:.0%}; drawn "
            f"by their curvature, {found.weighted_error:.2%}."
        ),
        quantities=(
            Quantity("uniformly", f"± {found.uniform_error:.1%}", "Relative standard error of one estimate."),
            Quantity("by curvature", f"± {found.weighted_error:.2%}", "The same, with weights 1/(N q)."),
        ),
    )
