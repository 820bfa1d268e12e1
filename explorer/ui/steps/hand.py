"""Button that makes found steps the current plan."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.blocks import Block
from explorer.errors import LapqError
from explorer.plans import Plan
from explorer.ui.shell import session


def button(make: Callable[[Sequence[Block]], Plan], *, form: str, key: str) -> None:
    """Show the button; ``make`` gives the plan for a partition.

    Where blocks hold layers of different widths, as the first one does whose first layer is left in FP32, the
    partition becomes that of layers.
    """
    fits = form == "integer"
    pressed = st.button(
        "Use these steps",
        icon=":material/check:",
        type="primary",
        disabled=not fits,
        help="Makes these steps the current plan, which Fine-tune, Results and export use."
        if fits
        else "Only the quantizer with a zero level can be saved in a plan; choose it under More.",
        key=key,
    )
    if pressed:
        try:
            plan = make(session.blocks())
        except LapqError:
            session.choose_granularity("layer")
            plan = make(session.blocks())
        session.take(plan)
        st.toast(f"{plan.name} is now the current plan.")
        st.rerun()
