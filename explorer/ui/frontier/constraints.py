"""The panel of constraints beside the chart, and a chip for each that is set, which takes it away.

What is set lives in the session, not in the widgets, so that it holds while the panel is closed.
"""

from collections.abc import Callable, Iterator, Sequence
from typing import Any

import streamlit as st

from explorer.errors import PlanError
from explorer.figures.plans.frontier_view import COSTS, UNITS
from explorer.plans import CostName, read_latency_csv
from explorer.ui.frontier import single_blocks
from explorer.ui.shell import latencies, sentences, session
from explorer.ui.shell.plain import plain
from explorer.ui.shell.yardstick import key
from explorer.ui.state import address

_OPEN, _REFUSED = "constraints_open", "latencies_refused"
_SWITCHES = {
    "first_last": ("First and last block at 8 bits", "first and last at 8 bits"),
    "auto_ties": ("Tie a residual's projection to its main path", "projections tied"),
    "monotone": ("Monotone: more sensitive blocks never get fewer bits (HAWQ-V2)", "monotone"),
    "scales": ("Include the quantizers' step sizes in the size", "step sizes counted"),
}
_HELP = {
    "first_last": "As in most papers: the first block reads the input, the last one makes the decision.",
    "auto_ties": "What is added should be rounded alike, as in HAWQ-V3. A published profile has its own ties.",
    "monotone": "HAWQ-V2 searches only these plans, its set B.",
    "scales": "32 bits for each output channel of each layer.",
}
_SHORT = {"first_last": "ends", "auto_ties": "tied", "monotone": "monotone", "scales": "scales"}
_COSTS: tuple[CostName, ...] = ("size", "bops", "latency")


def limit_key(cost: CostName) -> str:
    """Where the limit on a cost is, in the unit it is typed in."""
    return key(f"limit_{cost}")


def button() -> None:
    """Opens and closes the panel; says how many constraints are set."""
    many = len(list(_set()))
    label = f"Constraints ({many})" if many else "Constraints"
    opened = is_open()
    st.button(
        label,
        key="constraints_button",
        icon=":material/left_panel_close:" if opened else ":material/tune:",
        on_click=sentences.callback(_setting(_OPEN, not opened)),
    )


def bind() -> None:
    """Take over what is set from the address, also while the panel is closed."""
    address.switch(_OPEN, "panel")
    for cost in _COSTS:
        address.number(limit_key(cost), f"max_{cost}", 0.0, 1e12)
    for name, short in _SHORT.items():
        address.switch(key(name), short)
    single_blocks.bind()


def is_open() -> bool:
    """Whether the panel is."""
    return bool(st.session_state.get(_OPEN))


def options() -> dict[str, Any]:
    """What is set, as options of a `FrontierQuestion`."""
    state = st.session_state
    limits = {
        cost: state[limit_key(cost)] * UNITS[cost][1]
        for cost in _COSTS
        if state.get(limit_key(cost)) is not None and (cost != "latency" or latencies.table() is not None)
    }
    found: dict[str, Any] = {"limits": limits}
    if state.get(key("first_last")):
        found["first_last_at"] = 8
    for name in ("auto_ties", "monotone", "scales"):
        found[name] = bool(state.get(key(name)))
    return found | single_blocks.asked()


def chips() -> None:
    """One button for each constraint that is set: it takes the constraint away."""
    for number, (words, clear) in enumerate(_set()):
        st.button(
            plain(words),
            key=f"chip_{number}",
            icon=":material/close:",
            icon_position="right",
            help="Remove this constraint",
            on_click=sentences.callback(clear),
        )


def complaint() -> None:
    """Why a latency table was not taken, as long as it is the one that was given last."""
    if words := st.session_state.get(key(_REFUSED)):
        st.error(plain(words), icon=":material/error:")


def panel(menu: Sequence[int]) -> None:
    """The panel's widgets."""
    st.markdown("**At most** (empty: no limit)")
    with st.container(horizontal=True):
        for cost in _COSTS:
            if cost != "latency" or latencies.table() is not None:
                st.number_input(
                    f"{COSTS[cost]} ({UNITS[cost][0]})",
                    min_value=0.0,
                    value=None,
                    key=limit_key(cost),
                    persist_state="session",
                    width=130,
                )
    published = not session.study().has_network
    for name, (label, _) in _SWITCHES.items():
        st.toggle(
            label,
            disabled=published and name == "auto_ties",
            key=key(name),
            persist_state="session",
            help=_HELP[name],
        )
    single_blocks.edit(menu)
    _latencies()


def _set() -> Iterator[tuple[str, Callable[[], None]]]:
    """What is set, in words, and how it is taken away."""
    state = st.session_state
    for cost in options()["limits"]:
        unit = UNITS[cost][0]
        yield f"{COSTS[cost]} ≤ {state[limit_key(cost)]:g} {unit}", _setting(limit_key(cost), None)
    for name, (_, words) in _SWITCHES.items():
        if state.get(key(name)):
            yield words, _setting(key(name), False)
    yield from single_blocks.said()


def _setting(where: str, value: Any) -> Callable[[], None]:
    return lambda: st.session_state.update({where: value})


def _latencies() -> None:
    """A latency table of one's own, kept for the session; what is wrong with it is told beside the chart."""
    given = st.file_uploader(
        "Your own latencies (CSV)",
        type="csv",
        key=key("latencies"),
        help="Lines `block,bits,milliseconds` or `block,w_bits,a_bits,milliseconds`, for every block and allowed width.",
    )
    refused = key(_REFUSED)
    before = st.session_state.get(refused)
    if given is None:
        st.session_state.pop(refused, None)
    else:
        st.session_state[refused] = _taken(given.name, given.getvalue())
    if st.session_state.get(refused) != before:
        st.rerun()


def _taken(name: str, content: bytes) -> str | None:
    """Take the table in a file; why not, if it was not taken."""
    try:
        text = content.decode("utf-8-sig")
        read_latency_csv(content, session.blocks())
    except UnicodeDecodeError:
        return f"{name} was not accepted: it is not text in UTF-8; save it as CSV in UTF-8."
    except PlanError as error:
        return f"{name} was not accepted: {error}."
    if latencies.own() != text:
        latencies.keep(text)
        st.rerun()
    return None
