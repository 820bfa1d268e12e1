"""Choosing a plan on the frontier: a click on any dot, a handle that is dragged along it, the arrow keys.

The chart with 50,000 dots is drawn once and stays as it is. What moves is a handle over it, in the browser, which
says at once what each plan on the way is (its widths as coloured cells, what it changes); Python is told where it
is now and then, and where it was let go.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.figures import look
from explorer.figures.plans.frontier_view import WIDTH_LETTERS, Levels
from explorer.ui.shell import sentences

_JS = Path(__file__).with_suffix(".js")


@dataclass(frozen=True)
class Held:
    """Place of the current plan on the chart.

    Attributes:
        cost, omega: in the units of the axes.
        index: which point of the drawn frontier it is, if it is one.
        noise: first and last point of the drawn frontier that are within the noise of it.
    """

    cost: float
    omega: float
    index: int | None = None
    noise: tuple[int, int] | None = None


@dataclass(frozen=True)
class Mark:
    """A plan that is pointed out on the chart.

    Attributes:
        cost, omega: in the units of the axes.
        label: what it is.
    """

    cost: float
    omega: float
    label: str


@dataclass(frozen=True)
class Chosen:
    """What a person chose.

    Attributes:
        kind: the ``meta`` of the trace: frontier, set B, uniform, published, saved, greedy.
        index: number of the point in that trace.
        passing: the handle is still on its way.
    """

    kind: str
    index: int
    passing: bool


def attach(
    chart: str,
    held: Held | None,
    *,
    unit: str,
    activations: str,
    levels: Levels | None,
    curve: Mapping[str, Any] | None = None,
    other: Mark | None = None,
    on_choice: Callable[[Chosen], None],
) -> None:
    """Put the handle on the chart with this key.

    Args:
        unit: of the cost.
        activations: what the plans' activations are, where the plans do not differ in them; or nothing.
        levels: how the dots of set B say their widths, where it is drawn.
        curve: accuracy to expect by ln Ω, as lists ``at``, ``value`` and ``band``, and from how many ``plans``.
        other: another plan that is marked.
        on_choice: called before the page is run again.
    """
    key = f"{chart}_handle"

    def moved() -> None:
        said: Mapping[str, Any] | None = st.session_state[key].moved
        if said is not None:
            on_choice(Chosen(str(said["kind"]), int(said["index"]), bool(said["passing"])))

    data = {
        "chart": chart,
        "unit": unit,
        "accent": look.ACCENT,
        "colours": {letter: look.BIT_COLOURS[bits] for bits, letter in WIDTH_LETTERS.items()},
        "held": None if held is None else {"x": held.cost, "y": held.omega, "index": held.index},
        "noise": None if held is None else held.noise,
        "activations": activations,
        "curve": curve,
        "other": None if other is None else {"x": other.cost, "y": other.omega, "label": other.label},
        "setB": None if levels is None else asdict(levels),
    }
    _component()(key=key, data=data, height=1, on_moved_change=sentences.callback(moved))


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_frontier_handle", js=_JS.read_text(encoding="utf-8"))
