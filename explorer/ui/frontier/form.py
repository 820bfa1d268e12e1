"""What is asked of the frontier: widths, costs, limits, and a person's wishes for the blocks."""

from collections.abc import Mapping
from dataclasses import dataclass

import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.plans import CostName, InfeasibleError
from explorer.ui.frontier import block_wishes
from explorer.ui.frontier.question import Ask
from explorer.ui.shell import frame, session

WIDTHS = (2, 3, 4, 5, 6, 7, 8)
NAMES: Mapping[CostName, str] = {"size": "size", "bops": "bit operations", "latency": "latency"}
UNITS: Mapping[CostName, tuple[str, float]] = {
    "size": ("kB", 1e3),
    "bops": ("GBOPs", 1e9),
    "latency": ("ms", 1.0),
}
DAMAGES: Mapping[plans.Measure, str] = {
    "trace": "trace × ‖ΔW‖²",
    "product": "ΔWᵀHΔW",
    "lambda-max": "λ × ‖ΔW‖²",
    "l2": "‖ΔW‖² alone",
}
INPUT_WIDTHS = (2, 3, 4, 6, 8)
_LATENCIES = "latencies_given"
_LAYERS = ("set B", "greedy path")


@dataclass(frozen=True)
class Drawn:
    """What is on the picture beside the frontier."""

    set_b: bool
    greedy: bool
    log: bool


def ask() -> tuple[Ask, Drawn]:
    """Show the controls; the question, and what else is drawn."""
    study = session.study()
    published = plans.default_menu(study)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        frame.granularity_control()
        menu = st.pills(
            "Widths on offer (bits)",
            WIDTHS,
            selection_mode="multi",
            default=list(published),
            key=f"menu_{study.name}",
            persist_state="session",
        )
        latencies = st.session_state.get(_LATENCIES, {}).get(study.name, "")
        offered = _costs(published, menu, bool(latencies))
        cost = st.segmented_control(
            "Cost",
            offered,
            format_func=lambda name: "BOPs" if name == "bops" else NAMES[name],
            default="size",
            required=True,
            key=f"cost_{study.name}",
            persist_state="session",
            help="*BOPs*: bit operations, Σ MACs·w·a.",
        )
        damage = st.selectbox(
            "Damage Ω",
            [name for name in DAMAGES if study.has_network or name in ("trace", "l2")],
            format_func=DAMAGES.__getitem__,
            key=f"damage_{study.name}",
            persist_state="session",
            width=150,
            help="How the harm of a width is predicted. *trace × ‖ΔW‖²* is HAWQ-V2's eq. 10; *ΔWᵀHΔW* is what it stands "
            "for, measured with the network; *λ × ‖ΔW‖²* takes the largest eigenvalue (HAWQ); *‖ΔW‖² alone* leaves the "
            "Hessian out, the paper's ablation.",
        )
        with st.popover("Wishes"):
            limits = _limits([each for each in offered if each != cost])
            first_last, ties, monotone = _general(not study.has_network)
            a_menu, scales = _further(not study.has_network)
            _latencies()
            wishes = block_wishes.edit(menu)
        drawn = _drawn()
    asked = Ask(
        tuple(sorted(menu)),
        cost or "size",
        damage,
        limits,
        first_last,
        ties,
        monotone,
        wishes,
        a_menu,
        scales,
        latencies if "latency" in (cost, *(name for name, _ in limits)) else "",
    )
    return asked, drawn


def _costs(published: tuple[int, ...], menu: list[int], own: bool) -> list[CostName]:
    costs: list[CostName] = ["size", "bops"]
    if own:
        return [*costs, "latency"]
    # Latencies are measured, not interpolated: only published widths have one.
    if not session.study().has_network and set(menu) <= set(published):
        costs.append("latency")
    return costs


def _limits(others: list[CostName]) -> tuple[tuple[CostName, float], ...]:
    st.markdown("**At most** (empty: no limit)")
    found = []
    with st.container(horizontal=True):
        for cost in others:
            unit, scale = UNITS[cost]
            most = st.number_input(
                f"{NAMES[cost]} ({unit})",
                min_value=0.0,
                value=None,
                key=f"limit_{cost}_{session.study().name}",
                persist_state="session",
                width=190,
            )
            if most is not None:
                found.append((cost, most * scale))
    return tuple(found)


def _general(profile: bool) -> tuple[int, bool, bool]:
    name = session.study().name
    first_last = st.toggle(
        "First and last block at 8 bits",
        key=f"first_last_{name}",
        persist_state="session",
        help="As most papers do: these two read the image and make the decision.",
    )
    ties = st.toggle(
        "Tie a residual's projection to its main path",
        value=profile,
        disabled=profile,
        key=f"ties_{name}",
        persist_state="session",
        help="What is added should have been rounded alike, as in HAWQ-V3. A published profile has its own ties.",
    )
    monotone = st.toggle(
        "HAWQ's order only (set B)",
        key=f"monotone_{name}",
        persist_state="session",
        help="A more sensitive block never gets fewer bits than a less sensitive one.",
    )
    return 8 if first_last else 0, ties and not profile, monotone


def _further(profile: bool) -> tuple[tuple[int, ...], bool]:
    name = session.study().name
    chosen = st.pills(
        "Choose activation widths too, among",
        INPUT_WIDTHS,
        selection_mode="multi",
        disabled=profile,
        key=f"a_menu_{name}",
        persist_state="session",
        help="Then Ω counts the damage of rounded activations too. None chosen: activations have 8 bits.",
    )
    scales = st.toggle(
        "Count the quantizers' steps in the size",
        key=f"scales_{name}",
        persist_state="session",
        help="32 bits for each output channel of each layer.",
    )
    return tuple(sorted(chosen)), scales


def _latencies() -> None:
    """A table of one's own, kept for the session."""
    study = session.study()
    given = st.file_uploader(
        "Latencies of your own (CSV)",
        type="csv",
        key=f"latencies_{study.name}",
        help="Lines `block,bits,milliseconds` or `block,w_bits,a_bits,milliseconds`, for every block and width on offer.",
    )
    kept: dict[str, str] = st.session_state.setdefault(_LATENCIES, {})
    if given is None:
        return
    try:
        text = given.getvalue().decode()
        plans.read_latency_csv(text.encode(), session.blocks())
    except (PlanError, UnicodeDecodeError) as error:
        st.error(f"{given.name} was not taken: {error}")
        return
    if kept.get(study.name) != text:
        kept[study.name] = text
        st.rerun()


def _drawn() -> Drawn:
    with st.popover("View"):
        layers = st.pills(
            "Beside the frontier",
            _LAYERS,
            selection_mode="multi",
            default=["set B"],
            key="frontier_layers",
            persist_state="session",
        )
        scale = st.segmented_control(
            "Ω axis",
            ["log", "linear"],
            default="log",
            required=True,
            key="frontier_scale",
            persist_state="session",
        )
    return Drawn("set B" in layers, "greedy path" in layers, scale == "log")


def sentence(error: PlanError) -> None:
    """Why there is no frontier, and a way on."""
    st.warning(f"There is no such plan: {error}.", icon=":material/block:")
    nearest = error.nearest if isinstance(error, InfeasibleError) else None
    if nearest is not None and st.button("Take the nearest plan in hand", icon=":material/back_hand:"):
        session.take(nearest.plan(session.study(), session.blocks()))
        st.rerun()
