"""Button that makes found steps the current plan, and the question before it replaces a mixed one."""

from collections.abc import Callable, Sequence

import streamlit as st

from explorer.blocks import Block, Granularity
from explorer.errors import LapqError
from explorer.plans import Plan
from explorer.quantizers.grid import FLOAT_BITS
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain
from explorer.ui.steps import form as steps_form

_ASKING = "steps_replacing"  # key of the button whose press waits for an answer


def button(make: Callable[[Sequence[Block]], Plan], *, form: str, key: str) -> None:
    """Show the button; ``make`` gives the plan for a partition.

    Where blocks hold layers of different widths, as the first one does whose first layer is left in FP32, the
    partition becomes that of layers. A mixed plan with other widths is not replaced unasked.
    """
    fits = form == "integer"
    pressed = st.button(
        "Use these steps",
        icon=":material/check:",
        type="primary",
        disabled=not fits,
        help="Makes these steps the current plan, which Fine-tune, Results and export use. Its bit widths stay where they "
        "are those of the current plan."
        if fits
        else "Only the quantizer with a zero level can be saved in a plan; choose it under More options.",
        key=key,
    )
    if not fits:
        return
    if pressed:
        plan, granularity = _made(make)
        if _replaces(plan):
            st.session_state[_ASKING] = key
        else:
            _take(plan, granularity)
    if st.session_state.get(_ASKING) == key:
        _ask(make, key)


def _ask(make: Callable[[Sequence[Block]], Plan], key: str) -> None:
    plan, granularity = _made(make)
    with st.container(border=True, key=f"{key}_asking"):
        st.warning(
            f"These steps belong to other bit widths than the current plan's. Using them replaces your mixed plan by "
            f"{plain(plan.name) or 'this one'}; **Undo** on Frontier brings it back. To keep its widths, choose the bit widths *of "
            "the current plan* instead.",
            icon=":material/warning:",
        )
        with st.container(horizontal=True):
            if st.button("Replace the plan", key=f"{key}_replace"):
                del st.session_state[_ASKING]
                _take(plan, granularity)
            if st.button("Keep the plan", key=f"{key}_keep"):
                del st.session_state[_ASKING]
                st.rerun()


def _made(make: Callable[[Sequence[Block]], Plan]) -> tuple[Plan, Granularity]:
    try:
        return make(session.blocks()), session.granularity()
    except LapqError:
        return make(caches.blocks(session.reference(), "layer")), "layer"


def _replaces(plan: Plan) -> bool:
    """Whether a plan of several widths would be lost: that of a search with one width is found again."""
    held = session.plan()
    if held is None or held.blocks == plan.blocks:
        return False
    return any(len({*bits.values()} - {FLOAT_BITS}) > 1 for bits in (held.w_bits, held.a_bits))


def _take(plan: Plan, granularity: Granularity) -> None:
    if steps_form.SOURCE not in st.session_state:
        st.session_state[steps_form.SOURCE] = "one"  # there was no plan: what is looked at stays
    session.choose_granularity(granularity)
    session.take(plan)
    st.toast(f"{plain(plan.name)} is now the current plan.")
    st.rerun()
