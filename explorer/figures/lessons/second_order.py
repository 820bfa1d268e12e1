"""Pictures of lesson 7: deleted weights, sensitivities of blocks, Table VI, a bowl, a trace as it is estimated."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures import block_axis, look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels
from explorer.lessons.second_order import Bowl, Deleting, Points, Probing

COLOURS: Mapping[str, str] = {"saliency": look.WEIGHTS, "magnitude": look.BIT_COLOURS[3]}
WORDS: Mapping[str, str] = {"saliency": "least saliency first", "magnitude": "least magnitude first"}
_DASHES: Mapping[str, str] = {"saliency": "solid", "magnitude": "dash"}


def agreement_figure(found: Mapping[str, Deleting], deleted: int, *, height: int = 360) -> Drawing:
    """True rise of the loss against the predicted one, for every number of deleted weights (OBD's Fig. 1b)."""
    made = look.blank(height)
    ends = []
    for by, each in found.items():
        x, y = each.predicted[1:], each.rise[1:]
        positive = y > 0
        ends += [x[positive].min(), x.max()]
        made.add_scatter(
            x=x[positive],
            y=y[positive],
            mode="lines",
            name=WORDS[by],
            line={"color": COLOURS[by], "width": 2, "dash": _DASHES[by]},
            hovertemplate="predicted %{x:.3g}, true %{y:.3g}<extra></extra>",
        )
        if deleted and each.rise[deleted] > 0:
            made.add_scatter(
                x=[each.predicted[deleted]],
                y=[each.rise[deleted]],
                mode="markers",
                marker={"color": COLOURS[by], "size": 12, "symbol": "diamond"},
                hovertemplate="predicted %{x:.3g}, true %{y:.3g}<extra></extra>",
                showlegend=False,
            )
    line = [float(min(ends)), float(max(ends))]
    made.add_scatter(
        x=line,
        y=line,
        mode="lines",
        name="equal",
        line={"color": look.MUTED, "dash": "dot"},
        hoverinfo="skip",
    )
    axis = {"type": "log", "exponentformat": "power", "dtick": 1}
    made.update_xaxes(title="predicted rise Σ s (nats)", **axis)
    return made.update_yaxes(title="true rise of the loss (nats)", **axis)


def kept_figure(found: Mapping[str, Deleting], deleted: int, *, height: int = 360) -> Drawing:
    """Rise of the loss against the weights that are left (OBD's Fig. 2)."""
    made = look.blank(height)
    for by, each in found.items():
        left = np.arange(len(each.rise))[::-1]
        made.add_scatter(
            x=left,
            y=each.rise,
            mode="lines",
            name=WORDS[by],
            line={"color": COLOURS[by], "width": 2, "dash": _DASHES[by]},
            hovertemplate="%{x} left: %{y:.3g}<extra></extra>",
        )
        made.add_scatter(
            x=[left[deleted]],
            y=[each.rise[deleted]],
            mode="markers",
            marker={"color": COLOURS[by], "size": 12, "symbol": "diamond"},
            hovertemplate="%{x} left: %{y:.3g}<extra></extra>",
            showlegend=False,
        )
    made.update_xaxes(title="weights that are left", autorange="reversed")
    return made.update_yaxes(title="true rise of the loss (nats)")


@dataclass(frozen=True)
class Ranking:
    """A figure of every block, to rank them by.

    Attributes:
        blocks: in depth order.
        values, stderrs: of each; an error of 0 is not drawn.
        title: of the axis.
    """

    blocks: tuple[str, ...]
    values: tuple[float, ...]
    stderrs: tuple[float, ...]
    title: str


def ranking_figure(view: Ranking, *, height: int = 400) -> Drawing:
    """Dots over the blocks on a log axis, with their errors."""
    made = look.blank(height)
    made.add_scatter(
        x=list(range(len(view.blocks))),
        y=view.values,
        error_y={"type": "data", "array": view.stderrs, "thickness": 1.5},
        mode="markers",
        marker={"color": look.WEIGHTS, "size": 10},
        customdata=[[name] for name in view.blocks],
        hovertemplate="%{customdata[0]}: %{y:.3g}<extra></extra>",
        showlegend=False,
    )
    made.update_xaxes(
        title="block, from first to last",
        tickvals=list(range(len(view.blocks))),
        ticktext=block_axis.short(view.blocks),
        tickangle=-60,
    )
    return made.update_yaxes(title=view.title, type="log", exponentformat="power", dtick=1)


def sizes_figure(
    blocks: Sequence[str], sizes: Sequence[float], bits: Sequence[int], marked: str, *, height: int = 380
) -> Drawing:
    """Bytes of every block, in the colour of its bits; a click on a bar chooses the block."""
    made = look.blank(height)
    made.add_bar(
        x=list(blocks),
        y=list(sizes),
        text=[f"{each} bit" for each in bits],
        textposition="outside",
        textfont={"color": look.INK},
        marker={
            "color": [look.BIT_COLOURS[each] for each in bits],
            "line": {"width": [4 if name == marked else 0 for name in blocks], "color": look.ACCENT},
        },
        customdata=[[name] for name in blocks],
        hovertemplate="%{customdata[0]}: %{y:,.0f} B<extra></extra>",
        selected={"marker": {"opacity": 1}},
        unselected={"marker": {"opacity": 1}},
        showlegend=False,
    )
    made.update_xaxes(title="block of the ResNet-20")
    return made.update_yaxes(title="size (bytes)", range=[0, 1.15 * max(sizes)])


def bowls_figure(bowls: Mapping[str, Bowl], angle: float, *, height: int = 380) -> Drawing:
    """Lines of equal loss of both bowls, the circle of all changes of length 1, and the one that is looked at."""
    made = look.blank(height)
    turn = np.linspace(0, 2 * np.pi, 121)
    for place, (name, each) in enumerate(bowls.items()):
        for level in (0.25, 1.0):
            axes = [np.sqrt(2 * level / max(value, 1e-9)) for value in each.eigenvalues]
            along, across = axes[0] * np.cos(turn), axes[1] * np.sin(turn)
            turned = np.radians(each.turned)
            made.add_scatter(
                x=along * np.cos(turned) - across * np.sin(turned),
                y=along * np.sin(turned) + across * np.cos(turned),
                mode="lines",
                name=f"{name}: equal loss",
                line={"color": _bowl_colour(place), "width": 2, "dash": "solid" if level == 1.0 else "dot"},
                showlegend=level == 1.0,
                hoverinfo="skip",
            )
    made.add_scatter(
        x=np.cos(turn),
        y=np.sin(turn),
        mode="lines",
        name="all d of length 1",
        line={"color": look.MUTED},
        hoverinfo="skip",
    )
    at = np.radians(angle)
    made.add_scatter(
        x=[0, np.cos(at)],
        y=[0, np.sin(at)],
        mode="lines+markers",
        name="your d",
        line={"color": look.ACCENT, "width": 3},
        marker={"size": [0, 12]},
        hoverinfo="skip",
    )
    made.update_xaxes(title="weight w₁", range=[-1.8, 1.8])
    return made.update_yaxes(title="weight w₂", range=[-1.4, 1.4], scaleanchor="x")


def rises_figure(bowls: Mapping[str, Bowl], angle: float, *, height: int = 380) -> Drawing:
    """What a change of length 1 costs in every direction, and its mean, Lemma 1."""
    made = look.blank(height)
    for place, (name, each) in enumerate(bowls.items()):
        made.add_scatter(
            x=each.angles,
            y=each.rises,
            mode="lines",
            name=name,
            line={"color": _bowl_colour(place), "width": 2},
            hovertemplate="%{x:.0f}°: %{y:.3g}<extra></extra>",
        )
        made.add_scatter(
            x=[0, 360],
            y=[each.mean] * 2,
            mode="lines",
            name=f"{name}: ½ mean trace",
            line={"color": _bowl_colour(place), "width": 2, "dash": "dash"},
            hovertemplate="½ mean trace: %{y:.4g}<extra></extra>",
        )
    made.add_shape(type="line", yref="paper", y0=0, y1=1, x0=angle, x1=angle, line={"color": look.ACCENT})
    made.update_xaxes(title="direction of d (degrees)", tickvals=[0, 90, 180, 270, 360])
    return made.update_yaxes(title="rise of the loss, ½ d·Hd", rangemode="tozero")


def _bowl_colour(place: int) -> str:
    return (look.WEIGHTS, look.BIT_COLOURS[3])[place]


def probing_figure(found: Probing, *, height: int = 400) -> Drawing:
    """The running mean over the truth, between its standard errors."""
    made = look.blank(height)
    m = np.arange(1, len(found.values) + 1)
    low, high = found.trace - found.band, found.trace + found.band
    made.add_scatter(x=m, y=low, mode="lines", line={"width": 0}, showlegend=False, hoverinfo="skip")
    made.add_scatter(
        x=m,
        y=high,
        mode="lines",
        line={"width": 0},
        fill="tonexty",
        fillcolor=look.faded(look.WEIGHTS),
        name="true trace ± standard error, by the formula",
        hoverinfo="skip",
    )
    made.add_scatter(
        x=m,
        y=found.running,
        mode="lines+markers" if len(m) < 30 else "lines",
        name="mean of the draws so far",
        line={"color": look.ACCENT, "width": 2},
        hovertemplate="%{x} draws: %{y:.4g}<extra></extra>",
    )
    made.add_scatter(
        x=[1, len(m)],
        y=[found.trace] * 2,
        mode="lines",
        name="true trace",
        line={"color": look.MUTED, "dash": "dash"},
    )
    made.update_xaxes(title="draws m", type="log", **look.log_ticks(1, max(len(m), 3)))
    return made.update_yaxes(title="Tr(H) (nats per squared weight)")


def carried_figure(found: Points, *, height: int = 380) -> Drawing:
    """Share of the trace that the most curved samples carry."""
    made = look.blank(height)
    made.add_scatter(
        x=found.parts,
        y=found.shares,
        mode="lines",
        name="share of the trace",
        line={"color": look.WEIGHTS, "width": 2},
        hovertemplate="%{x:.2%} of the images: %{y:.1%} of the trace<extra></extra>",
    )
    made.add_scatter(
        x=found.parts,
        y=found.parts,
        mode="lines",
        name="if all were alike",
        line={"color": look.MUTED, "dash": "dot"},
        hoverinfo="skip",
    )
    made.update_xaxes(
        title="share of the images, the most curved first",
        type="log",
        tickvals=[1e-4, 1e-3, 1e-2, 1e-1, 1],
        ticktext=["0.01 %", "0.1 %", "1 %", "10 %", "100 %"],
    )
    return made.update_yaxes(title="share of the trace", tickformat=".0%", range=[0, 1.02])


def estimates_figure(found: Points, *, height: int = 380) -> Drawing:
    """How estimates from so many samples scatter around the truth."""
    made = look.blank(height)
    reach = float(max(found.uniform.max(), found.weighted.max(), 1.2))
    edges = np.linspace(min(found.uniform.min(), found.weighted.min(), 0.8), reach, 41)
    middles = (edges[1:] + edges[:-1]) / 2
    for values, name, colour in (
        (found.uniform, "drawn uniformly", look.BIT_COLOURS[3]),
        (found.weighted, "drawn by their curvature", look.WEIGHTS),
    ):
        made.add_bar(
            x=middles,
            y=np.histogram(values, edges)[0],
            name=name,
            marker={"color": colour, "opacity": 0.65},
            hovertemplate="%{x:.2f} times the trace: %{y} of 400<extra></extra>",
        )
    made.add_shape(
        type="line", yref="paper", y0=0, y1=1, x0=1, x1=1, line={"color": look.ACCENT, "dash": "dash"}
    )
    made.update_layout(barmode="overlay", bargap=0)
    made.update_xaxes(title="estimate / mean over all images")
    return made.update_yaxes(title="of 400 estimates")


def pruned_figure(
    rows: Sequence[Sequence[float | str]], column: int, title: str, *, height: int = 360
) -> Drawing:
    """Loss (column 3) or accuracy (column 5) against the share kept, by both rules, with standard errors."""
    curves = [
        levels.of_rows(
            WORDS[by], [row for row in rows if row[0] == by], (1, column), COLOURS[by], dash=_DASHES[by]
        )
        for by in ("saliency", "magnitude")
    ]
    made = levels.figure(curves, hover="%{x:.0%} kept: %{y:.4g}", height=height)
    made.update_xaxes(title="weights that are left", tickformat=".0%", autorange="reversed")
    return made.update_yaxes(title=title, tickformat=".0%" if column == 5 else "")
