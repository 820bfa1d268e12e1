"""Features of networks over one another, as FPQ (arXiv 2503.11159) draws them.

Variances of all layers (Figure 1), the channels of one layer (Figure 3), and the values of one layer as they are and
standardized (Figure 4).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from plotly.subplots import make_subplots

from explorer.figures import block_axis, look
from explorer.figures.training import overlay
from explorer.qat.distillation.features import BINS, WIDEST, Features

_SMALLEST = 1e-12  # a variance below it, of a layer that is constant, has no place on a logarithmic axis


@dataclass(frozen=True)
class Variances:
    """Variance of the outputs of every layer of one network, with its standard error; None where it is constant."""

    name: str
    layers: tuple[str, ...]
    values: tuple[float | None, ...]
    errors: tuple[float, ...]


def variances(networks: Mapping[str, Features]) -> list[Variances]:
    """Of each network, by its name."""
    return [
        Variances(
            name,
            tuple(of),
            tuple(each.total if each.total > _SMALLEST else None for each in of.values()),
            tuple(each.total_stderr for each in of.values()),
        )
        for name, of in networks.items()
    ]


def of_variances(found: Sequence[Variances], *, height: int = 380) -> go.Figure:
    """Draw a line a network over its layers."""
    made = look.blank(height)
    for place, each in enumerate(found):
        made.add_scatter(
            x=list(range(len(each.layers))),
            y=list(each.values),
            error_y={"type": "data", "array": list(each.errors), "thickness": 1.5},
            mode="lines+markers",
            **overlay.style(place),
            name=each.name,
            customdata=list(each.layers),
            showlegend=True,
            hovertemplate=f"{each.name}<br>%{{customdata}}<br>variance %{{y:.4g}}<extra></extra>",
        )
    names = found[0].layers
    made.update_xaxes(
        tickvals=list(range(len(names))), ticktext=block_axis.ticks(names, grouped=False), tickangle=-60
    )
    made.update_yaxes(title="output variance (± 1 s.e.)", type="log", dtick=1, exponentformat="power")
    return made


def of_channels(networks: Mapping[str, Features], layer: str, *, height: int = 380) -> go.Figure:
    """Draw mean and the range from 5 to 95 % of every channel of a layer, a panel a network on one scale."""
    made = make_subplots(
        rows=1, cols=len(networks), shared_yaxes=True, horizontal_spacing=0.03, subplot_titles=list(networks)
    )
    for place, (name, found) in enumerate(networks.items()):
        of = found[layer]
        x, style = list(range(len(of.mean))), overlay.style(place)
        made.add_bar(
            x=x,
            y=(of.high - of.low).tolist(),
            base=of.low.tolist(),
            marker={"color": style["line"]["color"], "opacity": 0.45, "line": {"width": 0}},
            customdata=np.stack([of.low, of.high], 1).tolist(),
            name=name,
            hovertemplate=f"{name}<br>channel %{{x}}<br>5 to 95 %%: %{{customdata[0]:.3g}} to %{{customdata[1]:.3g}}"
            "<extra></extra>".replace("%%", "%"),
            showlegend=False,
            row=1,
            col=place + 1,
        )
        made.add_scatter(
            x=x,
            y=of.mean.tolist(),
            mode="lines+markers",
            line={"color": look.BIT_COLOURS[3], "width": 1.5},
            marker={"size": 4},
            name="mean of the channel",
            legendgroup="mean",
            showlegend=place == 0,
            hovertemplate=f"{name}<br>channel %{{x}}<br>mean %{{y:.4g}}<extra></extra>",
            row=1,
            col=place + 1,
        )
    made.update_layout(template=look.TEMPLATE, height=height, bargap=0.1, margin={"t": 50})
    made.update_layout(legend={"y": -0.2, "yanchor": "top"})
    made.update_xaxes(title="channel")
    made.update_yaxes(title="output, 5 to 95 %", row=1, col=1)
    return made


def of_values(networks: Mapping[str, Features], layer: str, *, height: int = 360) -> go.Figure:
    """Draw the distribution of a layer's values, as they are and with each channel standardized."""
    made = make_subplots(rows=1, cols=2, horizontal_spacing=0.1)
    for place, (name, found) in enumerate(networks.items()):
        of = found[layer]
        for column, edges, shares in (
            (1, of.edges, of.raw),
            (2, np.linspace(-WIDEST, WIDEST, BINS + 1), of.standardized),
        ):
            made.add_scatter(
                x=((edges[:-1] + edges[1:]) / 2).tolist(),
                y=(100 * shares).tolist(),
                mode="lines",
                line=overlay.style(place)["line"] | {"shape": "hvh"},
                name=name,
                legendgroup=str(place),
                showlegend=column == 1,
                hovertemplate=f"{name}<br>%{{x:.3g}}<br>%{{y:.2f}} % of the values<extra></extra>",
                row=1,
                col=column,
            )
    made.update_layout(template=look.TEMPLATE, height=height, legend={"y": -0.25, "yanchor": "top"})
    made.update_xaxes(title="output as it is", row=1, col=1)
    made.update_xaxes(title="output with each channel standardized", row=1, col=2)
    made.update_yaxes(title="values (%)", row=1, col=1)
    return made


def table(networks: Mapping[str, Features]) -> pd.DataFrame:
    """One row a network, layer and channel."""
    rows = [
        {
            "network": name,
            "layer": layer,
            "channel": channel,
            "mean": of.mean[channel],
            "mean_stderr": of.mean_stderr[channel],
            "variance": of.variance[channel],
            "variance_stderr": of.variance_stderr[channel],
            "quantile_5": of.low[channel],
            "quantile_95": of.high[channel],
        }
        for name, found in networks.items()
        for layer, of in found.items()
        for channel in range(len(of.mean))
    ]
    return pd.DataFrame(rows)
