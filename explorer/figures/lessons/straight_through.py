"""Pictures of lesson 5: a staircase and its surrogate, one weight's way, accuracy after training and with it."""

from collections.abc import Sequence

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels
from explorer.figures.steps import curves
from explorer.lessons.straight_through import Descent

AFTER, WITH = look.BIT_COLOURS[3], look.BIT_COLOURS[8]  # post-training, and trained


def staircase_figure(
    x: np.ndarray,
    value: np.ndarray,
    slope: np.ndarray,
    point: tuple[float, float, float],
    *,
    height: int = 400,
) -> Drawing:
    """Q, the slope that training uses, and one point with its tangent; ``point`` is x, Q(x) and the slope."""
    at, here, rises = point
    made = look.blank(height)
    reach = 0.12 * float(x[-1] - x[0])
    made.add_scatter(
        x=x, y=x, mode="lines", name="x", line={"color": look.MUTED, "dash": "dot", "width": 1.5}
    )
    made.add_scatter(
        x=x, y=value, mode="lines", name="Q(x)", line={"color": look.WEIGHTS, "width": 2.5, "shape": "hv"}
    )
    made.add_scatter(
        x=x,
        y=slope,
        mode="lines",
        name="slope that training uses",
        line={"color": look.BIT_COLOURS[8], "width": 2, "dash": "dash"},
    )
    made.add_scatter(
        x=[at - reach, at + reach],
        y=[here - rises * reach, here + rises * reach],
        mode="lines",
        name="as the backward pass sees Q at x",
        line={"color": look.ACCENT, "width": 3},
    )
    made.add_scatter(
        x=[at],
        y=[here],
        mode="markers",
        name="your x",
        marker={"color": look.ACCENT, "size": 12, "symbol": "diamond"},
    )
    made.update_xaxes(title="x (units of the weight)")
    return made.update_yaxes(title="Q(x); slope")


def descent_view(found: Descent, target: float) -> curves.View:
    """The real and the quantized weight against the step."""
    x = tuple(float(k) for k in range(len(found.latent)))
    return curves.View(
        curves=(
            curves.Curve(
                "w, the real weight", x, tuple(found.latent.tolist()), colour=look.WEIGHTS, markers=False
            ),
            curves.Curve(
                "Q(w), which the loss sees",
                x,
                tuple(found.quantized.tolist()),
                colour=look.ACCENT,
                dash="dot",
                markers=False,
            ),
            curves.Curve(
                "target t", (0.0, x[-1]), (target, target), colour=look.MUTED, dash="dash", markers=False
            ),
        ),
        x_title="step of gradient descent",
        y_title="weight",
    )


def losses_view(losses: np.ndarray, full: float) -> curves.View:
    """The loss with quantized weights while the small network trains."""
    x = tuple(float(k) for k in range(len(losses)))
    return curves.View(
        curves=(
            curves.Curve("with quantized weights", x, tuple(losses.tolist()), colour=WITH, markers=False),
            curves.Curve("FP32", (0.0, max(x)), (full, full), colour=look.MUTED, dash="dash", markers=False),
        ),
        x_title="step of training",
        y_title="training loss (nats)",
    )


def accuracy_figure(
    after: Sequence[tuple[int, float, float]],
    trained: Sequence[tuple[int, float, float]],
    full: float | None,
    *,
    height: int = 380,
) -> Drawing:
    """Accuracy against bits, both ways, with standard errors; rows of bits, accuracy, error; dashed: FP32."""
    curves = (
        levels.of_rows("after training (PTQ)", after, (0, 1), AFTER, "square"),
        levels.of_rows("trained with it (QAT)", trained, (0, 1), WITH),
    )
    made = levels.figure(curves, hover="%{x} bits: %{y:.2%}", against=full, height=height)
    made.update_xaxes(title="bits b", autorange="reversed", dtick=1)
    return made.update_yaxes(title="test accuracy", tickformat=".0%")
