"""Every tensor's clip as a share of its largest value, to see who clips what, and to pick tensors from."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import plotly.graph_objects as go

from explorer.figures import look

STAGES: Mapping[str, tuple[str, str]] = {  # of a search: what it is called, its symbol
    "layerwise": ("1 layer-wise", "circle-open"),
    "quadratic": ("2 best p", "diamond-open"),
    "joint": ("3 together", "circle"),
}


@dataclass(frozen=True)
class View:
    """A dot a tensor and a stage.

    Attributes:
        names: of the tensors, in the order of the network.
        kinds: ``weight`` or ``input`` of each.
        shares: stage to the step of each over its min-max step, which clips nothing.
    """

    names: tuple[str, ...]
    kinds: tuple[str, ...]
    shares: Mapping[str, tuple[float, ...]]


def view(
    names: Sequence[str],
    kinds: Sequence[str],
    largest: Sequence[float],
    stages: Mapping[str, Mapping[str, float]],
) -> View:
    """Of steps by stage and site.

    Args:
        largest: the min-max step of each site.
    """
    shares = {
        stage: tuple(steps[name] / most for name, most in zip(names, largest, strict=True))
        for stage, steps in stages.items()
    }
    return View(tuple(names), tuple(kinds), shares)


def figure(view: View, *, height: int = 165) -> go.Figure:
    """A click returns the tensor's name as ``customdata``; what is picked is drawn large."""
    made = look.blank(height)
    colours = [look.WEIGHTS if kind == "weight" else look.ACTIVATIONS for kind in view.kinds]
    for stage, shares in view.shares.items():
        name, symbol = STAGES[stage]
        made.add_scatter(
            x=list(view.names),
            y=list(shares),
            mode="markers",
            marker={"symbol": symbol, "size": 9, "color": colours, "line": {"width": 2, "color": colours}},
            selected={"marker": {"size": 17, "opacity": 1}},
            unselected={"marker": {"opacity": 0.75}},
            customdata=[[each] for each in view.names],
            name=name,
            hovertemplate=f"<b>%{{x}}</b><br>{name}: clips at %{{y:.0%}} of the largest value"
            "<extra>click to look at it</extra>",
        )
    made.add_hline(y=1, line={"color": look.MUTED, "dash": "dot", "width": 1})
    made.update_xaxes(
        showticklabels=False,
        ticks="",
        title={
            "text": "tensors in the order of the network: weights teal, inputs violet",
            "font": {"size": 12},
        },
    )
    made.update_yaxes(
        rangemode="tozero", tickformat=".0%", nticks=4, title={"text": "clip / largest", "font": {"size": 12}}
    )
    return made.update_layout(margin={"t": 28, "b": 30}, dragmode=False)
