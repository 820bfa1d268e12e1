"""Pictures of lesson 11: magnitudes under a threshold, accuracy against what is kept, layers, ways of pruning."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels

CRITERION_WORDS: Mapping[str, str] = {
    "magnitude": "magnitude |w|",
    "gradient": "gradient |g w|",
    "hessian": "Hessian ½ H w²",
    "random": "random",
}
SCOPE_WORDS: Mapping[str, str] = {
    "global": "global: all weights compete",
    "layer": "layer-wise: within each layer",
    "neurons": "structured: whole neurons",
}
WAY_WORDS: Mapping[str, str] = {
    "global": "magnitude, global",
    "layer": "magnitude, layer-wise",
    "neurons": "magnitude, neurons",
    "gradient": "gradient",
    "hessian": "Hessian",
    "random": "random",
    "iterative": "magnitude, iterative",
    "l1": "ℓ₁, then magnitude",
}
COLOURS: Mapping[str, str] = {
    "magnitude": look.BIT_COLOURS[3],
    "gradient": look.ACTIVATIONS,
    "hessian": look.WEIGHTS,
    "random": look.MUTED,
}
SYMBOLS = {"magnitude": "square", "gradient": "diamond", "hessian": "circle", "random": "x"}


@dataclass(frozen=True)
class Bars:
    """How many weights have a magnitude, in bins: those that go and those that stay."""

    middles: tuple[float, ...]
    gone: tuple[int, ...]
    kept: tuple[int, ...]


def bars_view(magnitudes: np.ndarray, mask: np.ndarray, bins: int = 50) -> Bars:
    """Bins of equal width up to the largest magnitude."""
    edges = np.linspace(0, max(float(magnitudes.max()), 1e-12), bins + 1)
    gone, kept = (np.histogram(magnitudes[mask == which], edges)[0].tolist() for which in (0, 1))
    return Bars(tuple(((edges[1:] + edges[:-1]) / 2).tolist()), tuple(gone), tuple(kept))


def bars_figure(view: Bars, *, height: int = 360) -> Drawing:
    """Stacked bars; what goes is orange and hatched."""
    made = look.blank(height)
    made.add_bar(
        x=list(view.middles),
        y=list(view.gone),
        name="goes",
        marker={"color": look.BIT_COLOURS[3], "pattern": {"shape": "/"}},
        hovertemplate="|w| about %{x:.3f}: %{y} go<extra></extra>",
    )
    made.add_bar(
        x=list(view.middles),
        y=list(view.kept),
        name="stays",
        marker={"color": look.WEIGHTS},
        hovertemplate="|w| about %{x:.3f}: %{y} stay<extra></extra>",
    )
    made.update_layout(barmode="stack")
    made.update_xaxes(title="magnitude |w|")
    return made.update_yaxes(title="weights (log)", type="log", exponentformat="power", dtick=1)


def curves_figure(
    curves: Mapping[str, Sequence[tuple[float, float, float]]],
    chosen: tuple[float, float],
    *,
    height: int = 360,
) -> Drawing:
    """Accuracy against the share kept, with standard errors, a curve a criterion; the reader's choice is a diamond."""
    drawn = [
        levels.of_rows(CRITERION_WORDS[name], points, (0, 1), COLOURS[name], SYMBOLS[name])
        for name, points in curves.items()
    ]
    made = levels.figure(drawn, hover="%{x:.1%} kept: %{y:.1%}", height=height)
    made.add_scatter(
        x=[chosen[0]],
        y=[chosen[1]],
        mode="markers",
        name="yours",
        marker={"size": 14, "color": look.ACCENT, "symbol": "star"},
        hovertemplate="%{x:.1%} kept: %{y:.1%}<extra></extra>",
    )
    made.update_xaxes(
        title="weights kept (log)",
        type="log",
        autorange="reversed",
        tickformat=".0%",
        tickvals=[1, 0.5, 0.2, 0.1, 0.05, 0.02],
    )
    return made.update_yaxes(title="test accuracy", tickformat=".0%", rangemode="tozero")


def layers_figure(names: Sequence[str], shares: Sequence[float], *, height: int = 360) -> Drawing:
    """Share of each layer's weights that stays."""
    made = look.blank(height)
    made.add_bar(
        x=list(names),
        y=list(shares),
        marker={"color": look.WEIGHTS},
        text=[f"{share:.1%}" for share in shares],
        textfont={"color": look.INK},
        textposition="outside",
        cliponaxis=False,
        hovertemplate="%{x}: %{y:.2%}<extra></extra>",
        showlegend=False,
    )
    made.update_xaxes(title="layer: inputs → outputs")
    return made.update_yaxes(title="weights of the layer kept", tickformat=".0%", range=[0, 1.12])


def ways_figure(rows: Sequence[Sequence[float | str]], dense: float, *, height: int = 400) -> Drawing:
    """Accuracy of every way after pruning and after training again; rows of way, kept, accuracy, error, twice."""
    named = [(WAY_WORDS[str(row[0])], *row[1:]) for row in rows]
    marks = (
        levels.of_rows("pruned", named, (0, 2), look.BIT_COLOURS[3], "square"),
        levels.of_rows("and trained again", named, (0, 4), look.WEIGHTS),
    )
    made = levels.figure(marks, hover="%{x}: %{y:.2%}", against=dense, joined=False, height=height)
    return made.update_yaxes(
        title="test accuracy ± s.e. (dashed: before pruning)", tickformat=".0%", rangemode="tozero"
    )
