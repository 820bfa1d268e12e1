"""Taking found steps in hand as a plan."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.blocks import Block
from explorer.errors import LapqError
from explorer.plans import Plan
from explorer.ui.shell import session


def button(make: Callable[[Sequence[Block]], Plan], *, form: str, key: str) -> None:
    """The button; ``make`` gives the plan for a partition.

    Where blocks hold layers of different widths, as the first one does whose first layer is left in FP32, the
    partition becomes that of layers.
    """
    fits = form == "integer"
    pressed = st.button(
        "Take these steps in hand",
        icon=":material/back_hand:",
        type="primary",
        disabled=not fits,
        help="Becomes the plan in hand, with its steps: Fine-tune, Results and export go on from there."
        if fits
        else "Only the quantizer whose levels have a zero can be kept in a plan; choose it under More.",
        key=key,
    )
    if pressed:
        try:
            plan = make(session.blocks())
        except LapqError:
            session.choose_granularity("layer")
            plan = make(session.blocks())
        session.take(plan)
        st.toast(f"{plan.name} is in hand, with its steps.")
        st.rerun()
