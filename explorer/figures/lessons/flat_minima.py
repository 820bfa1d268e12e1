"""Pictures of lesson 10: two wells under noise, noise in a layer, a channel of teacher and student, traces."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.steps import curves
from explorer.lessons.flat_minima import Noisy, Outputs


def wells_view(
    w: np.ndarray,
    loss: np.ndarray,
    under: np.ndarray,
    taylor: np.ndarray,
    spots: Mapping[str, tuple[float, float]],
) -> curves.View:
    """The loss, its mean under noise, and the second-order prediction of it."""
    x = tuple(map(float, w))
    return curves.View(
        curves=tuple(
            curves.Curve(name, x, tuple(map(float, y)), colour=colour, dash=dash, markers=False)
            for name, y, colour, dash in (
                ("L(w)", loss, look.MUTED, "solid"),
                ("mean under noise", under, look.BIT_COLOURS[8], "solid"),
                ("L + s²/24 · L″", taylor, look.BIT_COLOURS[3], "dot"),
            )
        ),
        spots=tuple(curves.Spot(name, at, value) for name, (at, value) in spots.items()),
        x_title="weight w",
        y_title="loss",
    )


def way_view(way: np.ndarray) -> curves.View:
    """One weight's descent."""
    x = tuple(float(k) for k in range(len(way)))
    level = (0.0, x[-1])
    return curves.View(
        curves=(
            curves.Curve("w", x, tuple(way.tolist()), colour=look.ACCENT, markers=False),
            curves.Curve("sharp well", level, (-1.0, -1.0), colour=look.MUTED, dash="dot", markers=False),
            curves.Curve("flat well", level, (1.0, 1.0), colour=look.MUTED, dash="dash", markers=False),
        ),
        x_title="step of gradient descent",
        y_title="weight w",
    )


def noise_view(found: Sequence[Noisy]) -> curves.View:
    """Added loss against the step, measured with two standard errors, and predicted."""
    x = tuple(each.step for each in found)
    return curves.View(
        curves=(
            curves.Curve(
                "measured",
                x,
                tuple(each.measured.value for each in found),
                tuple(2 * each.measured.stderr for each in found),
                colour=look.ACTIVATIONS,
            ),
            curves.Curve(
                "predicted, s²/24 · Tr",
                x,
                tuple(each.predicted for each in found),
                colour=look.MUTED,
                dash="dash",
            ),
        ),
        x_title="step s of the noise (units of the activation)",
        y_title="loss added (nats)",
        log_x=True,
        ticks=tuple(round(step, 3) for step in x),
    )


def channel_figure(found: Outputs, *, height: int = 400) -> Drawing:
    """Outputs of one channel, the student's against the teacher's."""
    made = look.blank(height)
    made.add_scatter(
        x=found.teacher,
        y=found.student,
        mode="markers",
        name="outputs of the channel",
        marker={"color": look.ACTIVATIONS, "size": 4, "opacity": 0.5},
        hoverinfo="skip",
    )
    ends = [float(found.teacher.min()), float(found.teacher.max())]
    made.add_scatter(x=ends, y=ends, mode="lines", name="equal", line={"color": look.MUTED, "dash": "dash"})
    made.update_xaxes(title="teacher: FP32")
    return made.update_yaxes(title="student: quantized, scaled and shifted")


def traces_figure(rows: Sequence[Mapping[str, Any]], *, height: int = 400) -> Drawing:
    """The trace over the weights after each epoch, with its standard error; 0: before any training."""
    made = look.blank(height)
    for row, colour in zip(rows, curves.COLOURS, strict=False):
        made.add_scatter(
            x=[point["epoch"] for point in row["points"]],
            y=[point["trace"] for point in row["points"]],
            error_y={"type": "data", "array": [point["stderr"] for point in row["points"]]},
            mode="lines+markers",
            name=f"{row['name']}, {row['after'][0]:.1%}",
            line={"color": colour},
            hovertemplate="epoch %{x}: %{y:.4g}<extra></extra>",
        )
    made.update_xaxes(title="epoch", dtick=1)
    return made.update_yaxes(title="Tr ∇²L over the weights (log)", type="log")
