"""Pictures of lesson 3: how often each neighbour is drawn, sums that go astray, descent that stalls, training."""

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels
from explorer.lessons.rounding import MODES, TARGET, Mode

WORDS: Mapping[Mode, str] = {
    "nearest": "to nearest",
    "down": "down",
    "up": "up",
    "stochastic": "stochastic",
    "coin": "by a fair coin",
}
COLOURS: Mapping[Mode, str] = {
    "nearest": look.BIT_COLOURS[3],
    "down": look.MUTED,
    "up": look.BIT_COLOURS[16],
    "stochastic": look.WEIGHTS,
    "coin": look.ACTIVATIONS,
}
DASHES: Mapping[Mode, str] = {
    "nearest": "solid",
    "down": "dot",
    "up": "dash",
    "stochastic": "solid",
    "coin": "dashdot",
}


def draws_figure(shares: Mapping[float, float], x: float, mean: float, *, height: int = 320) -> Drawing:
    """Share of the draws at each whole number, with x and the mean of the draws."""
    made = look.blank(height)
    made.add_bar(
        x=list(shares),
        y=list(shares.values()),
        width=0.12,
        marker={"color": look.WEIGHTS},
        name="share of the draws",
        hovertemplate="%{x}: %{y:.1%}<extra></extra>",
    )
    for name, value, colour, symbol in (
        ("x", x, look.ACCENT, "diamond"),
        ("mean of the draws", mean, look.MUTED, "x"),
    ):
        made.add_scatter(
            x=[value],
            y=[0],
            mode="markers",
            name=name,
            marker={"size": 14, "color": colour, "symbol": symbol},
            hovertemplate=f"{name}: %{{x:.3f}}<extra></extra>",
            cliponaxis=False,
        )
    low = float(np.floor(x))
    made.update_xaxes(title="rounded to", range=[low - 0.5, low + 1.5], dtick=1)
    return made.update_yaxes(title="share of the draws", tickformat=".0%", range=[0, 1.05])


def sums_figure(
    exact: np.ndarray, found: Mapping[Mode, tuple[np.ndarray, np.ndarray]], *, height: int = 400
) -> Drawing:
    """Sums against their number of terms: the mean of the repetitions, and for drawn ones the band that holds them."""
    made = look.blank(height)
    count = np.arange(len(exact))
    for mode in MODES:
        if mode not in found:
            continue
        mean, spread = found[mode]
        if spread.any():
            made.add_scatter(
                x=np.concatenate([count, count[::-1]]),
                y=np.concatenate([mean + spread, (mean - spread)[::-1]]),
                fill="toself",
                fillcolor=look.faded(COLOURS[mode]),
                line={"width": 0},
                hoverinfo="skip",
                showlegend=False,
            )
        made.add_scatter(
            x=count,
            y=mean,
            mode="lines",
            name=WORDS[mode],
            line={"color": COLOURS[mode], "dash": DASHES[mode], "width": 2},
            hovertemplate="%{x} terms: %{y:.1f}<extra>" + WORDS[mode] + "</extra>",
        )
    made.add_scatter(
        x=count,
        y=exact,
        mode="lines",
        name="exact",
        line={"color": look.ACCENT, "dash": "longdash", "width": 1},
        hoverinfo="skip",
    )
    made.update_xaxes(title="terms added")
    return made.update_yaxes(title="sum (band: ± one standard deviation)")


def descent_figure(
    nearest: np.ndarray, drawn: np.ndarray, exact: np.ndarray, stalled: float | None, *, height: int = 420
) -> Drawing:
    """Iterates with rounding to nearest, some with stochastic rounding, and without rounding.

    Args:
        nearest, exact: (steps + 1,).
        drawn: (steps + 1, repeats).
        stalled: where rounding to nearest stays; None where it arrives.
    """
    made = look.blank(height)
    steps = np.arange(len(exact))
    for place in range(drawn.shape[1]):
        made.add_scatter(
            x=steps,
            y=drawn[:, place],
            mode="lines",
            name="stochastic",
            legendgroup="stochastic",
            showlegend=place == 0,
            line={"color": look.WEIGHTS, "width": 1},
            opacity=0.6,
            hovertemplate="step %{x}: %{y:g}<extra>stochastic</extra>",
        )
    for name, values, colour, dash in (
        ("without rounding", exact, look.MUTED, "dash"),
        ("to nearest", nearest, look.BIT_COLOURS[3], "solid"),
    ):
        made.add_scatter(
            x=steps,
            y=values,
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash, "width": 3},
            hovertemplate="step %{x}: %{y:g}<extra>" + name + "</extra>",
        )
    if stalled is not None:
        made.add_shape(
            type="rect",
            xref="paper",
            x0=0,
            x1=1,
            y0=min(stalled, TARGET),
            y1=max(stalled, TARGET),
            fillcolor=look.ACCENT,
            opacity=0.08,
            line={"width": 0},
        )
        made.add_annotation(
            x=1,
            xref="paper",
            xanchor="right",
            y=(stalled + TARGET) / 2,
            text="never reached to nearest",
            showarrow=False,
        )
    made.update_xaxes(title="step of gradient descent")
    return made.update_yaxes(title="x (the minimum is at 1024)")


def training_figure(curves: Mapping[str, Sequence[Sequence[float]]], *, height: int = 400) -> Drawing:
    """Accuracy against epochs, ± one standard error over the seeds."""
    ways = (
        ("fp32", "FP32", look.BIT_COLOURS[32], "dash"),
        ("stochastic", "binary8, stochastic", look.WEIGHTS, "solid"),
        ("nearest", "binary8, to nearest", look.BIT_COLOURS[3], "solid"),
    )
    drawn = [
        levels.of_rows(words, curves[name], (0, 1), colour, dash=dash) for name, words, colour, dash in ways
    ]
    made = levels.figure(drawn, hover="epoch %{x}: %{y:.2%}", height=height)
    made.update_xaxes(title="epochs", dtick=1)
    return made.update_yaxes(title="test accuracy", tickformat=".0%")
