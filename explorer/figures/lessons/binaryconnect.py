"""Pictures of lesson 6: the chance of +1 and the mean weight, kernels, what ten outputs look for, a training."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.steps import curves
from explorer.lessons.binaryconnect import Training

FORMULA_COLOURS = {"original": look.BIT_COLOURS[8], "slide": look.BIT_COLOURS[3]}
FORMULA_WORDS = {"original": "paper, clip((w+1)/2, 0, 1)", "slide": "slide, clip(w, 0, 1)"}
NAMES = ("T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "boot")
_SCALE = [[0, "#cc4c02"], [0.5, "#f4f4f4"], [1, "#1c6cb3"]]  # negative, zero, positive
_GAP = 1


def mean_view(
    w: float, chances: Mapping[str, np.ndarray], x: np.ndarray, drawn: Mapping[str, tuple[float, float]]
) -> curves.View:
    """The mean of the binary weight, 2p − 1, by both formulas, and means of draws with two standard errors."""
    return curves.View(
        curves=(
            curves.Curve(
                "E[w_b] = w", (-1.0, 1.0), (-1.0, 1.0), colour=look.MUTED, dash="dot", markers=False
            ),
            *(
                curves.Curve(
                    FORMULA_WORDS[name],
                    tuple(map(float, x)),
                    tuple(map(float, 2 * p - 1)),
                    colour=FORMULA_COLOURS[name],
                    markers=False,
                    dash="solid" if name == "original" else "dash",
                )
                for name, p in chances.items()
            ),
            *(
                curves.Curve(f"drawn, {name}", (w,), (value,), (2 * error,), colour=FORMULA_COLOURS[name])
                for name, (value, error) in drawn.items()
            ),
        ),
        x_title="real weight w",
        y_title="mean of the binary weight",
    )


def mosaic(images: np.ndarray, columns: int) -> np.ndarray:
    """Images (n, h, w) beside and below one another with gaps that are not a number; (H, W)."""
    n, height, width = images.shape
    rows = -(-n // columns)
    found = np.full((rows * (height + _GAP) - _GAP, columns * (width + _GAP) - _GAP), np.nan)
    for k, image in enumerate(images):
        top, left = (k // columns) * (height + _GAP), (k % columns) * (width + _GAP)
        found[top : top + height, left : left + width] = image
    return found


def images_figure(
    images: np.ndarray, columns: int, *, reach: float, names: Sequence[str] = (), height: int = 340
) -> Drawing:
    """Images in a mosaic: blue positive, orange negative, white zero."""
    made = look.blank(height)
    made.add_heatmap(
        z=mosaic(images, columns),
        zmin=-reach,
        zmax=reach,
        colorscale=_SCALE,
        showscale=False,
        hovertemplate="%{z:.3g}<extra></extra>",
    )
    side = images.shape[2] + _GAP
    for k, name in enumerate(names):
        made.add_annotation(
            x=(k % columns) * side + side / 2 - 1,
            y=(k // columns) * (images.shape[1] + _GAP) + 2,
            text=name,
            showarrow=False,
            font={"size": 12, "color": "#222222"},
        )
    made.update_xaxes(visible=False, constrain="domain")
    made.update_yaxes(visible=False, autorange="reversed", scaleanchor="x")
    return made.update_layout(margin={"l": 5, "r": 5, "t": 5, "b": 5})


def templates(weights: np.ndarray) -> np.ndarray:
    """Weights (784, 10) as images (10, 28, 28)."""
    return weights.T.reshape(-1, 28, 28)


def losses_view(found: Training, twin: Training) -> curves.View:
    """Loss of the training images, and of the twin in FP32."""
    return curves.View(
        curves=tuple(
            curves.Curve(
                name,
                tuple(float(k) for k in range(len(each.losses))),
                tuple(each.losses.tolist()),
                colour=colour,
                dash=dash,
                markers=False,
            )
            for name, each, colour, dash in (
                ("weights as chosen", found, look.ACCENT, "solid"),
                ("FP32 twin", twin, look.MUTED, "dash"),
            )
        ),
        x_title="step of training",
        y_title="training loss (nats)",
    )


def network_figure(rows: Sequence[Mapping[str, Any]], *, height: int = 380) -> Drawing:
    """Test accuracy of every training by epoch, with its standard error; the point at 0 is without training."""
    made = look.blank(height)
    for row, colour, dash in zip(
        rows, (look.MUTED, look.BIT_COLOURS[1], look.BIT_COLOURS[8]), ("dash", "solid", "solid"), strict=False
    ):
        points = [each for each in row["points"] if "accuracy" in each]
        made.add_scatter(
            x=[each["epoch"] for each in points],
            y=[each["accuracy"] for each in points],
            mode="lines+markers",
            name=row["name"],
            line={"color": colour, "dash": dash},
            hovertemplate="epoch %{x}: %{y:.2%}<extra></extra>",
        )
    made.update_xaxes(title="epoch", dtick=1)
    return made.update_yaxes(title="test accuracy", tickformat=".0%")
