"""The axis of blocks: short names, and what blocks belong to written above them once.

Names of a network's layers repeat themselves: ``layer1.0.conv1``, ``layer1.0.conv2``. In the order of depth the first
part, the stage, stands once over a band behind its blocks, and each tick has the rest. In another order stages are
mixed, so ticks keep the stage and lose only the letters that all stages begin with: ``1.0.conv1``. Where there are more
blocks than names fit, the first of every unit of a stage has the unit's name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

import plotly.graph_objects as go

from explorer.figures import look

_BAND = "rgba(128, 136, 150, 0.10)"
_MANY = 40  # blocks; names of more do not fit


@dataclass(frozen=True)
class Stage:
    """Neighbouring blocks with the same first part of their names: its name, their first place and their last."""

    name: str
    first: int
    last: int


def short(names: Sequence[str]) -> list[str]:
    """Names without the letters that all stages begin with.

    >>> short(["conv1", "layer1.0.conv1", "layer2.0.conv1"])
    ['conv1', '1.0.conv1', '2.0.conv1']
    """
    heads = {name.partition(".")[0].rstrip("0123456789") for name in names if "." in name}
    shared = heads.pop() if len(heads) == 1 else ""
    made = [name.removeprefix(shared) if "." in name else name for name in names]
    return made if len(set(made)) == len(set(names)) and all(made) else list(names)


def stages(names: Sequence[str]) -> list[Stage]:
    """The runs of at least two neighbours of one stage, in the order of the names."""
    found = []
    for stage, places in groupby(range(len(names)), lambda i: names[i].rpartition(".")[0].partition(".")[0]):
        run = list(places)
        if stage and len(run) > 1:
            found.append(Stage(stage, run[0], run[-1]))
    return found


def ticks(names: Sequence[str], *, grouped: bool) -> list[str]:
    """What stands under each block, with the stages written elsewhere if ``grouped``."""
    texts = short(names)
    if grouped:
        for stage in stages(names):
            inside = [name.removeprefix(f"{stage.name}.") for name in names[stage.first : stage.last + 1]]
            texts[stage.first : stage.last + 1] = short(inside)
    if len(names) <= _MANY:
        return texts
    if not grouped:
        return [text.replace("conv", "c") for text in texts]
    units = [text.partition(".")[0] for text in texts]
    return ["" if i and units[i] == units[i - 1] else unit for i, unit in enumerate(units)]


def apply(
    figure: go.Figure,
    names: Sequence[str],
    *,
    title: str,
    grouped: bool,
    spans: Sequence[tuple[float, float]] | None = None,
) -> None:
    """Give a figure whose blocks stand at 0, 1, 2, ... this axis, and the bands if ``grouped``.

    Args:
        spans: where each block begins and ends, if it is not from half a step before its number to half a step after.
    """
    over = list(spans) if spans is not None else [(i - 0.5, i + 0.5) for i in range(len(names))]
    figure.update_xaxes(
        title=title,
        tickangle=-90 if len(names) > _MANY and not grouped else -60,
        tickvals=[(left + right) / 2 for left, right in over],
        ticktext=ticks(names, grouped=grouped),
        tickfont={"size": 12 if len(names) > _MANY and not grouped else look.TEXT_PIXELS},
        showgrid=False,
    )
    if spans is None:
        figure.update_xaxes(range=[-0.7, len(names) - 0.3])
    if grouped:
        for i, stage in enumerate(stages(names)):
            _band(figure, stage, over, i)


def _band(figure: go.Figure, stage: Stage, over: Sequence[tuple[float, float]], number: int) -> None:
    """A band from the middle of the gap before a stage to the middle of that after it."""
    left, right = over[stage.first][0], over[stage.last][1]
    before = left - over[stage.first - 1][1] if stage.first else 0.0
    after = over[stage.last + 1][0] - right if stage.last + 1 < len(over) else 0.0
    outer = max(before, after)  # as much beside the first and the last block of all
    left -= (before if stage.first else outer) / 2
    right += (after if stage.last + 1 < len(over) else outer) / 2
    if number % 2 == 0:
        figure.add_shape(
            type="rect",
            xref="x",
            yref="paper",
            x0=left,
            x1=right,
            y0=0,
            y1=1,
            fillcolor=_BAND,
            line={"width": 0},
            layer="below",
        )
    figure.add_annotation(
        x=(left + right) / 2, y=1, xref="x", yref="paper", yanchor="top", text=stage.name, showarrow=False
    )
