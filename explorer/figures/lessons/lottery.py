"""Pictures of lesson 12: shares kept, weights before and after training, tickets against their controls."""

from collections.abc import Mapping, Sequence

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels

KIND_WORDS: Mapping[str, str] = {
    "ticket": "ticket, rewound",
    "reinit": "its mask, new start",
    "random": "random mask, new start",
}
_COLOURS = {"ticket": look.ACCENT, "reinit": look.WEIGHTS, "random": look.MUTED}
_SYMBOLS = {"ticket": "diamond", "reinit": "circle", "random": "x"}
_LAYERS = ("784 → 300", "300 → 100", "100 → 10")


def kept_figure(
    shares: Sequence[float], layers: Sequence[Sequence[float]], rounds: int, *, height: int = 360
) -> Drawing:
    """Share kept after every round, of all weights and of each layer; the reader's round is a diamond."""
    made = look.blank(height)
    at = list(range(len(shares)))
    for n, (name, colour, dash) in enumerate(
        zip(
            _LAYERS,
            (look.WEIGHTS, look.ACTIVATIONS, look.BIT_COLOURS[3]),
            ("dot", "dash", "dashdot"),
            strict=True,
        )
    ):
        made.add_scatter(
            x=at,
            y=[each[n] for each in layers],
            mode="lines",
            name=name,
            line={"color": colour, "dash": dash},
            hovertemplate="round %{x}: %{y:.2%}<extra></extra>",
        )
    made.add_scatter(
        x=at,
        y=list(shares),
        mode="lines+markers",
        name="all weights",
        line={"color": look.MUTED, "width": 2},
        marker={"size": 6},
        hovertemplate="round %{x}: %{y:.2%}<extra></extra>",
    )
    made.add_scatter(
        x=[rounds],
        y=[shares[rounds]],
        mode="markers",
        name="yours",
        marker={"size": 14, "color": look.ACCENT, "symbol": "diamond"},
        hovertemplate="round %{x}: %{y:.2%}<extra></extra>",
    )
    made.update_xaxes(title="rounds of pruning")
    return made.update_yaxes(
        title="weights kept (log)",
        type="log",
        tickformat=".0%",
        tickvals=[1, 0.5, 0.2, 0.1, 0.05, 0.02, 0.01, 0.001],
    )


def fates_figure(start: np.ndarray, end: np.ndarray, stays: np.ndarray, *, height: int = 380) -> Drawing:
    """A weight's value after training against that before; those that go are grey crosses."""
    made = look.blank(height)
    for name, which, colour, symbol in (
        ("goes", ~stays, look.MUTED, "x"),
        ("stays, rewound to w₀", stays, look.WEIGHTS, "circle"),
    ):
        made.add_scattergl(
            x=start[which],
            y=end[which],
            mode="markers",
            name=name,
            marker={"color": colour, "symbol": symbol, "size": 5, "opacity": 0.6},
            hovertemplate="w₀ %{x:.3f}, w* %{y:.3f}<extra></extra>",
        )
    made.update_xaxes(title="w₀, before training")
    return made.update_yaxes(title="w*, after training")


def levels_figure(
    rows: Sequence[Sequence[float | str]], at: int, title: str, *, percent: bool, height: int = 380
) -> Drawing:
    """A mean with its standard error against the share kept, a curve a kind; dashed is the whole network.

    Args:
        rows: of round, share kept, kind and then numbers.
        at: column of the mean; its standard error is in the next.
    """
    curves = [
        levels.of_rows(
            words, [row for row in rows if row[2] == kind], (1, at), _COLOURS[kind], _SYMBOLS[kind]
        )
        for kind, words in KIND_WORDS.items()
    ]
    full = next(row for row in rows if row[2] == "full")
    hover = f"%{{x:.2%}} kept: %{{y:{'.2%' if percent else '.0f'}}}"
    made = levels.figure(curves, hover=hover, against=float(full[at]), height=height)
    made.update_xaxes(
        title="weights kept (log); dashed: the whole network",
        type="log",
        autorange="reversed",
        tickformat=".3~p",
    )
    return made.update_yaxes(title=title, tickformat=".0%" if percent else "")
