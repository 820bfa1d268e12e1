"""What was measured at several places, with standard errors: a curve a way, and the level they are held against."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from explorer.figures import look
from explorer.figures.drawing import Drawing


@dataclass(frozen=True)
class Level:
    """One curve.

    Attributes:
        x: places, or the names of ways.
        y, stderr: mean and standard error at each.
    """

    name: str
    x: Sequence[float | str]
    y: Sequence[float]
    stderr: Sequence[float]
    colour: str
    symbol: str = "circle"
    dash: str = "solid"


def of_rows(
    name: str,
    rows: Sequence[Sequence[float | str]],
    columns: tuple[int, int],
    colour: str,
    symbol: str = "circle",
    dash: str = "solid",
) -> Level:
    """The curve of a table; ``columns``: of x and of y, whose standard error is in the next."""
    x, y = columns
    return Level(
        name,
        [row[x] for row in rows],
        [float(row[y]) for row in rows],
        [float(row[y + 1]) for row in rows],
        colour,
        symbol,
        dash,
    )


def figure(
    levels: Iterable[Level],
    *,
    hover: str,
    against: float | None = None,
    joined: bool = True,
    height: int = 380,
) -> Drawing:
    """Marks with error bars; the axes are the caller's.

    Args:
        hover: what is said of a point, Plotly's ``%{x}`` and ``%{y}`` in it.
        against: a dashed level across the picture.
        joined: by lines.
    """
    made = look.blank(height)
    for level in levels:
        made.add_scatter(
            x=list(level.x),
            y=list(level.y),
            error_y={"type": "data", "array": list(level.stderr), "thickness": 1.5},
            mode="lines+markers" if joined else "markers",
            name=level.name,
            marker={"color": level.colour, "symbol": level.symbol, "size": 9},
            line={"color": level.colour, "dash": level.dash},
            hovertemplate=f"{hover}<extra>{level.name}</extra>",
        )
    if against is not None:
        line = {"color": look.MUTED, "dash": "dash"}
        made.add_shape(type="line", xref="paper", x0=0, x1=1, y0=against, y1=against, line=line)
    return made
