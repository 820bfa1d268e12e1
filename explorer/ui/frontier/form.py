"""The form of the Frontier page: widths, cost, damage and constraints become a `FrontierQuestion`."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.plans.frontier import COSTS, UNITS
from explorer.plans import CostName, FrontierQuestion, InfeasibleError
from explorer.ui.frontier import constraints
from explorer.ui.shell import frame, session
from explorer.ui.shell.plain import plain

WIDTHS = (2, 3, 4, 5, 6, 7, 8)
DAMAGES: Mapping[plans.Measure, str] = {
    "trace": "Hessian trace (HAWQ-V2)",
    "product": "exact quadratic",
    "lambda-max": "top eigenvalue (HAWQ)",
    "l2": "weight error only",
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


def ask() -> tuple[FrontierQuestion, Drawn]:
    """Show the controls; the question, and what else is drawn."""
    study = session.study()
    profile = not study.has_network
    published = plans.default_menu(study)
    with st.container(horizontal=True, gap="small", vertical_alignment="bottom"):
        frame.granularity_control()
        menu = st.pills(
            "Allowed bit widths",
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
            format_func=lambda name: "BOPs" if name == "bops" else COSTS[name],
            default="size",
            required=True,
            key=f"cost_{study.name}",
            persist_state="session",
            help="*BOPs*: bit operations, Σ MACs·w·a.",
        )
        damage = st.selectbox(
            "Predicted damage Ω by",
            [name for name in DAMAGES if not profile or name in ("trace", "l2")],
            format_func=DAMAGES.__getitem__,
            key=f"damage_{study.name}",
            persist_state="session",
            width=220,
            help="How the damage of a width is predicted. *Hessian trace*: mean trace × ‖ΔW‖² (HAWQ-V2, eq. 10). *Exact "
            "quadratic*: ΔWᵀHΔW, which the trace approximates, measured with the network. *Top eigenvalue*: λ × ‖ΔW‖² "
            "(HAWQ). *Weight error only*: ‖ΔW‖² without the Hessian, the paper's ablation.",
        )
        with st.popover("Constraints"):
            limits = _limits([each for each in offered if each != cost])
            options = limits | _general(profile) | _further(profile)
            _latencies()
            options |= constraints.edit(menu)
        drawn = _drawn()
    timed = "latency" in (cost, *options["limits"])
    question = FrontierQuestion(
        bits=menu, cost=cost or "size", damage=damage, latencies=latencies if timed else "", **options
    )
    return question, drawn


def _costs(published: tuple[int, ...], menu: list[int], own: bool) -> list[CostName]:
    costs: list[CostName] = ["size", "bops"]
    if own:
        return [*costs, "latency"]
    # Latencies are measured, not interpolated: only published widths have one.
    if not session.study().has_network and set(menu) <= set(published):
        costs.append("latency")
    return costs


def _limits(others: list[CostName]) -> dict[str, Any]:
    st.markdown("**At most** (empty: no limit)")
    found = {}
    with st.container(horizontal=True):
        for cost in others:
            unit, scale = UNITS[cost]
            most = st.number_input(
                f"{COSTS[cost]} ({unit})",
                min_value=0.0,
                value=None,
                key=f"limit_{cost}_{session.study().name}",
                persist_state="session",
                width=190,
            )
            if most is not None:
                found[cost] = most * scale
    return {"limits": found}


def _general(profile: bool) -> dict[str, Any]:
    name = session.study().name
    first_last = st.toggle(
        "First and last block at 8 bits",
        key=f"first_last_{name}",
        persist_state="session",
        help="As in most papers: the first block reads the input, the last one makes the decision.",
    )
    ties = st.toggle(
        "Tie a residual's projection to its main path",
        value=profile,
        disabled=profile,
        key=f"ties_{name}",
        persist_state="session",
        help="What is added should be rounded alike, as in HAWQ-V3. A published profile has its own ties.",
    )
    monotone = st.toggle(
        "Monotone: more sensitive blocks never get fewer bits (HAWQ-V2)",
        key=f"monotone_{name}",
        persist_state="session",
        help="HAWQ-V2 searches only these plans, its set B.",
    )
    ends = {"first_last_at": 8} if first_last else {}
    return {**ends, "auto_ties": ties and not profile, "monotone": monotone}


def _further(profile: bool) -> dict[str, Any]:
    name = session.study().name
    chosen = st.pills(
        "Also choose activation bits from",
        INPUT_WIDTHS,
        selection_mode="multi",
        disabled=profile,
        key=f"a_menu_{name}",
        persist_state="session",
        help="Ω then includes the damage of rounded activations. None chosen: activations have 8 bits.",
    )
    scales = st.toggle(
        "Include the quantizers' step sizes in the size",
        key=f"scales_{name}",
        persist_state="session",
        help="32 bits for each output channel of each layer.",
    )
    return {"a_menu": chosen, "scales": scales}


def _latencies() -> None:
    """A latency table of one's own, kept for the session."""
    study = session.study()
    given = st.file_uploader(
        "Your own latencies (CSV)",
        type="csv",
        key=f"latencies_{study.name}",
        help="Lines `block,bits,milliseconds` or `block,w_bits,a_bits,milliseconds`, for every block and allowed width.",
    )
    kept: dict[str, str] = st.session_state.setdefault(_LATENCIES, {})
    if given is None:
        return
    try:
        text = given.getvalue().decode()
        plans.read_latency_csv(text.encode(), session.blocks())
    except (PlanError, UnicodeDecodeError) as error:
        st.error(plain(f"{given.name} was not accepted: {error}"))
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
    text = str(error)
    st.warning(plain(f"{text[:1].upper()}{text[1:]}."), icon=":material/block:")
    nearest = error.nearest if isinstance(error, InfeasibleError) else None
    if nearest is not None and st.button("Use the nearest plan", icon=":material/back_hand:"):
        session.take(nearest.plan(session.study(), session.blocks()))
        st.rerun()
