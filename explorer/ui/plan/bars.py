"""Bars of the current plan: a click at a height, or the arrow keys, set a block's width."""

from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import streamlit as st
from streamlit.components.v2.types import ComponentRenderer

from explorer.figures import look
from explorer.figures.plans import plan as picture
from explorer.plans import Plan
from explorer.ui.parts import export, tables
from explorer.ui.shell import sentences, session

_CHART = "plan_bars"
_JS = Path(__file__).with_suffix(".js")


def show(held: Plan, menu: Sequence[int], *, height: int = 430) -> None:
    """Draw a plan and take the person's changes.

    Args:
        menu: the widths that a click chooses from.
    """
    weights = {block.name: block.weights for block in session.blocks()}
    widths = sorted({*menu, *held.w_bits.values()})
    bars = picture.view({name: (b.w_bits, b.a_bits) for name, b in held.blocks.items()}, weights)
    figure = picture.figure(bars, height=height, sizes=True, top=widths[-1])
    figure.update_layout(dragmode=False)
    export.chart(
        figure,
        key=_CHART,
        name="plan",
        alt="Bits and size of every block",
        table=lambda: tables.of_plan(bars),
    )
    data = {
        "chart": _CHART,
        "blocks": [bar.name for bar in bars],
        "bits": [bar.w_bits for bar in bars],
        "sizes": [weights[bar.name] for bar in bars],
        "scale": 1e6 if max(bar.size_bytes for bar in bars) >= 1e6 else 1e3,
        "menu": widths,
        "colours": dict(look.BIT_COLOURS),
    }
    _component()(key=f"{_CHART}_clicks", data=data, height=1, on_changed_change=sentences.callback(_changed))


def _changed() -> None:
    said: Mapping[str, Any] | None = st.session_state[f"{_CHART}_clicks"].changed
    held = session.plan()
    if said is not None and held is not None:
        session.take(held.with_bits(str(said["block"]), w_bits=int(said["bits"])))


@cache
def _component() -> ComponentRenderer:
    return st.components.v2.component("explorer_plan_bars", js=_JS.read_text(encoding="utf-8"))
