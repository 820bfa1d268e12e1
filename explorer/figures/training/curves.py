"""Loss and accuracy of a training as it goes: training batches as a line, the test samples as markers.

The training loss is that of the targets; what a teacher adds is not in it. Beside the accuracy stands the share of test
samples whose largest output is that of the FP32 network. What was kept is a star: with batch norm estimated
again, or after an epoch before the last, it is not the end of the curve.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import look
from explorer.qat.held_out import epoch_of
from explorer.qat.record import TrainingRecord

Points = Sequence[Mapping[str, Any]]


@dataclass(frozen=True)
class Kept:
    """The network that a training kept, on the test samples.

    Attributes:
        epoch: after which it stood.
        accuracy: a share; None where the study has none.
        loss_stderr, accuracy_stderr: one standard error.
    """

    epoch: float
    loss: float
    accuracy: float | None
    loss_stderr: float | None = None
    accuracy_stderr: float | None = None

    @classmethod
    def of(cls, record: TrainingRecord, epochs: int) -> "Kept":
        """What a finished training of so many epochs kept."""
        after = record.after
        place = epoch_of(record.kept, epochs)
        return cls(place, after.loss, after.accuracy, after.loss_stderr, after.accuracy_stderr)


def figure(
    train: Points,
    test: Points,
    *,
    epochs: int,
    reference: float | None = None,
    kept: Kept | None = None,
    loss: str = "loss",
    metric: str = "accuracy",
    noun: str = "images",
    height: int = 380,
) -> go.Figure:
    """Draw both curves.

    Args:
        train, test: points with ``epoch``, ``loss`` and ``accuracy`` (a share, or None); of test perhaps with
            ``agreement``, a share too.
        epochs: length of the axis.
        loss: what the loss is, with its unit, for the axis.
        metric: what the study counts beside it.
        noun: what its samples are called.
        reference: accuracy of the FP32 network, drawn as a line.
        kept: what the training ended with.
    """
    made = make_subplots(rows=1, cols=2, horizontal_spacing=0.18)
    for column, quantity, said, scale in ((1, "loss", "loss", 1.0), (2, "accuracy", metric, 100.0)):
        for points, name, mode, colour in (
            (train, "training batches", "lines", look.MUTED),
            (test, f"test {noun}", "lines+markers", look.WEIGHTS),
        ):
            known = [point for point in points if point[quantity] is not None]
            made.add_scatter(
                x=[point["epoch"] for point in known],
                y=[point[quantity] * scale for point in known],
                mode=mode,
                line={"color": colour, "width": 2.5},
                marker={"size": 9},
                name=name,
                legendgroup=name,
                showlegend=column == 1,
                hovertemplate=f"{name}<br>epoch %{{x:.2f}}<br>{said} %{{y:.4g}}<extra></extra>",
                row=1,
                col=column,
            )
    known = [point for point in test if point.get("agreement") is not None]
    if known:
        same = f"same {'class' if metric.endswith('accuracy') else 'largest output'} as FP32"
        made.add_scatter(
            x=[point["epoch"] for point in known],
            y=[point["agreement"] * 100 for point in known],
            mode="lines+markers",
            line={"color": look.ACTIVATIONS, "width": 1.5, "dash": "dash"},
            marker={"size": 8, "symbol": "diamond-open"},
            name=same,
            hovertemplate=f"{same}<br>epoch %{{x:.2f}}<br>%{{y:.4g}} %<extra></extra>",
            row=1,
            col=2,
        )
    if kept is not None:
        _kept(made, kept, metric)
    if reference is not None:
        made.add_hline(
            y=reference * 100,
            line={"color": look.BIT_COLOURS[32], "dash": "dot"},
            annotation_text="FP32",
            row=1,
            col=2,
        )
    made.update_layout(template=look.TEMPLATE, height=height, uirevision="training")
    made.update_xaxes(title="epochs", range=[-0.02 * epochs, epochs * 1.02])
    made.update_yaxes(title=loss, rangemode="tozero", row=1, col=1)
    made.update_yaxes(title=f"{metric} (%)", row=1, col=2)
    if not (train or test):  # until there is a point, Plotly's own axes would begin below zero
        made.update_yaxes(range=[0, 1], showticklabels=False, row=1, col=1)
        made.update_yaxes(range=[0, 100], row=1, col=2)
    return made


def _kept(made: go.Figure, kept: Kept, metric: str) -> None:
    """A star in either plot, with one standard error either way."""
    for column, said, value, stderr, scale in (
        (1, "loss", kept.loss, kept.loss_stderr, 1.0),
        (2, metric, kept.accuracy, kept.accuracy_stderr, 100.0),
    ):
        if value is None:
            continue
        made.add_scatter(
            x=[kept.epoch],
            y=[value * scale],
            error_y=None if stderr is None else {"array": [stderr * scale], "thickness": 1.5, "width": 4},
            mode="markers",
            marker={
                "symbol": "star",
                "size": 15,
                "color": look.ACCENT,
                "line": {"width": 1, "color": "white"},
            },
            name="kept",
            legendgroup="kept",
            showlegend=column == 1,
            cliponaxis=False,
            hovertemplate=f"kept<br>{said} %{{y:.4g}}<extra></extra>",
            row=1,
            col=column,
        )


def of_method(points: Points, *, epochs: int, height: int = 220) -> go.Figure:
    """Draw what a method tells of itself: a line for each name, over the epochs."""
    made = look.blank(height)
    for name in dict.fromkeys(key for point in points for key in point if key != "epoch"):
        known = [point for point in points if point.get(name) is not None]
        made.add_scatter(
            x=[point["epoch"] for point in known],
            y=[point[name] for point in known],
            mode="lines",
            name=name,
            showlegend=True,
            hovertemplate=f"{name}<br>epoch %{{x:.2f}}<br>%{{y:.4g}}<extra></extra>",
        )
    made.update_layout(uirevision="training")
    made.update_xaxes(title="epochs", range=[-0.02 * epochs, epochs * 1.02])
    return made
