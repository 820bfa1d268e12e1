"""Pictures of lesson 13: a vector as a matrix, errors against parameters, patterns of matrices, accuracy."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from explorer.figures import look
from explorer.figures.drawing import Drawing
from explorer.figures.lessons import levels

COLOURS: Mapping[str, str] = {
    "Monarch": look.WEIGHTS,
    "low rank": look.ACTIVATIONS,
    "largest entries": look.BIT_COLOURS[3],
}
SYMBOLS = {"Monarch": "circle", "low rank": "square", "largest entries": "diamond"}
WAY_WORDS: Mapping[str, str] = {
    "dense": "dense",
    "monarch": "Monarch, from the start",
    "projected": "dense, projected",
    "tuned": "projected, then trained",
    "narrow": "dense, as few parameters",
}
_SHADES = [[0, "rgba(28,108,179,0)"], [1, "rgba(28,108,179,.85)"]]


@dataclass(frozen=True)
class Cells:
    """A matrix of cells: the value that each shows, and whether it depends on the entry that is followed."""

    values: tuple[tuple[float, ...], ...]
    reached: tuple[tuple[bool, ...], ...]


def cells_view(values: Sequence[Sequence[float]], influence: Sequence[Sequence[float]]) -> Cells:
    """Cells of a stage; ``influence`` is the same stage of the vector that is 1 at the followed entry, else 0."""
    return Cells(
        tuple(tuple(map(float, row)) for row in values),
        tuple(tuple(abs(value) > 1e-12 for value in row) for row in influence),
    )


def cells_figure(view: Cells, *, height: int = 340) -> Drawing:
    """Squares with their values; coloured are those that the followed entry reaches."""
    made = look.blank(height)
    m = len(view.values)
    reached = [each for row in view.reached for each in row]
    made.add_scatter(
        x=[c for _ in range(m) for c in range(m)],
        y=[r for r in range(m) for _ in range(m)],
        mode="markers+text",
        text=[f"{value:.1f}".replace("-", "−") for row in view.values for value in row],
        textfont={"size": 13, "color": look.INK},
        marker={
            "symbol": "square",
            "size": min(58, 270 // m),
            "color": ["rgba(224,51,109,.45)" if each else "rgba(28,108,179,.10)" for each in reached],
        },
        hovertemplate="row %{y}, column %{x}: %{text}<extra></extra>",
        showlegend=False,
    )
    made.update_xaxes(visible=False, range=[-0.6, m - 0.4], fixedrange=True)
    made.update_yaxes(visible=False, range=[m - 0.4, -0.6], fixedrange=True)
    return made.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 10})


def errors_figure(
    curves: Mapping[str, Sequence[tuple[int, float]]],
    chosen: tuple[int, float],
    dense: int,
    *,
    height: int = 380,
) -> Drawing:
    """Relative error against parameters of several structures; the reader's choice is a diamond."""
    made = look.blank(height)
    for name, points in curves.items():
        made.add_scatter(
            x=[x for x, _ in points],
            y=[y for _, y in points],
            mode="lines+markers",
            name=name,
            marker={"color": COLOURS[name], "symbol": SYMBOLS[name], "size": 7},
            line={"color": COLOURS[name]},
            hovertemplate="%{x} parameters: %{y:.2%}<extra></extra>",
        )
    made.add_scatter(
        x=[chosen[0]],
        y=[chosen[1]],
        mode="markers",
        name="yours",
        marker={"size": 14, "color": look.ACCENT, "symbol": "diamond"},
        hovertemplate="%{x} parameters: %{y:.2%}<extra></extra>",
    )
    made.add_shape(
        type="line", yref="paper", y0=0, y1=1, x0=dense, x1=dense, line={"color": look.MUTED, "dash": "dash"}
    )
    made.update_xaxes(title="parameters (dashed: of A itself)", rangemode="tozero")
    return made.update_yaxes(title="‖A − M‖ / ‖A‖", tickformat=".0%", rangemode="tozero")


def heat_figure(values: Sequence[Sequence[float]], *, height: int = 380, diverging: bool = True) -> Drawing:
    """Entries of a matrix by colour, the first row at the top; violet is negative, teal positive."""
    made = look.blank(height)
    most = max((abs(value) for row in values for value in row), default=0.0) or 1.0
    both = [[0, look.ACTIVATIONS], [0.5, "rgba(128,136,150,.06)"], [1, look.WEIGHTS]]
    made.add_heatmap(
        z=[list(map(float, row)) for row in values],
        zmin=-most if diverging else 0,
        zmax=most,
        colorscale=both if diverging else _SHADES,
        showscale=diverging,
        colorbar={"thickness": 10, "outlinewidth": 0},
        hovertemplate="row %{y}, column %{x}: %{z:.3g}<extra></extra>",
    )
    n = len(values)
    made.update_xaxes(visible=False, scaleanchor="y", constrain="domain", range=[-0.5, n - 0.5])
    made.update_yaxes(visible=False, constrain="domain", range=[n - 0.5, -0.5])
    return made.update_layout(margin={"l": 10, "r": 10, "t": 10, "b": 10})


def accuracy_figure(rows: Sequence[Sequence[float | str]], *, height: int = 380) -> Drawing:
    """Accuracy against parameters with its standard error; rows of way, parameters, products, accuracy, error."""
    symbols = ("circle", "square", "triangle-up", "diamond", "x")
    colours = (look.MUTED, look.WEIGHTS, look.BIT_COLOURS[3], look.ACCENT, look.ACTIVATIONS)
    marks = [
        levels.of_rows(WAY_WORDS[str(row[0])], [row], (1, 3), colour, symbol)
        for row, symbol, colour in zip(rows, symbols, colours, strict=True)
    ]
    made = levels.figure(marks, hover="%{x:,} parameters: %{y:.2%}", joined=False, height=height)
    made.update_xaxes(title="parameters (log)", type="log")
    return made.update_yaxes(title="test accuracy ± s.e. over seeds", tickformat=".1%")
