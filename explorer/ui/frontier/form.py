"""The controls of the Frontier page: widths, cost, damage and activations; with the constraints a `FrontierQuestion`."""

from dataclasses import dataclass

import streamlit as st

from explorer import plans
from explorer.figures.plans.frontier_view import COSTS
from explorer.plans import CostName, FrontierQuestion
from explorer.ui.frontier import constraints
from explorer.ui.shell import frame, latencies, sentences, session, yardstick
from explorer.ui.shell.yardstick import MEASURES, RULES
from explorer.ui.state import address

WIDTHS = (2, 3, 4, 5, 6, 7, 8)
_PAPERS: dict[plans.Measure, str] = {"trace": " (HAWQ-V2)", "lambda-max": " (HAWQ)"}
_LAYERS = ("set B", "greedy path")


@dataclass(frozen=True)
class Drawn:
    """What is on the picture beside the frontier."""

    set_b: bool
    greedy: bool
    log: bool


def ask() -> tuple[FrontierQuestion, Drawn]:
    """Show the controls; the question, and what else is drawn."""
    constraints.bind()
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", key="frontier_controls"):
        menu = st.pills(
            "Allowed bit widths",
            WIDTHS,
            selection_mode="multi",
            key=address.choices(yardstick.key("menu"), "bits", WIDTHS, plans.default_menu(session.study())),
            persist_state="session",
        )
        cost = _cost(menu)
        _damage()
        _activations()
    # A row that is always there: the first chip must not move the chart.
    with st.container(horizontal=True, gap="xsmall", vertical_alignment="bottom", key="frontier_more"):
        frame.granularity_control()
        _inputs()
        constraints.button()
        drawn = _drawn()
        constraints.chips()
    options = constraints.options()
    timed = "latency" in (cost, *options["limits"])
    question = FrontierQuestion(
        bits=menu, cost=cost, latencies=latencies.own() if timed else "", **yardstick.asked(), **options
    )
    return question, drawn


def costs(menu: list[int]) -> list[CostName]:
    """The costs that can be counted: latencies are measured, never interpolated, at some widths only."""
    found: list[CostName] = ["size", "bops"]
    table = latencies.table()
    if table is None:
        return found
    rule = yardstick.asked()
    published = not latencies.own()
    if published and (
        rule.get("a_bits") != "weights" or not set(menu) <= set(plans.default_menu(session.study()))
    ):
        return found
    return [*found, "latency"]


def _cost(menu: list[int]) -> CostName:
    offered = costs(menu)
    picked = st.segmented_control(
        "Cost",
        offered,
        format_func=lambda name: "BOPs" if name == "bops" else COSTS[name],
        required=True,
        key=address.choice(yardstick.key("cost"), "cost", offered, "size"),
        persist_state="session",
        help="*Size*: packed weights. *BOPs*: bit operations, Σ MACs·w·a. *Latency*: of a measured table.",
    )
    return picked if picked in offered else "size"


def _damage() -> None:
    st.selectbox(
        "Predicted damage Ω by",
        yardstick.measures(),
        format_func=lambda name: MEASURES[name] + _PAPERS.get(name, ""),
        key=yardstick.measure_key(),
        persist_state="session",
        width=205,
        on_change=sentences.callback(yardstick.name_measure),
        help="How the damage of a width is predicted. *Exact quadratic*: ΔWᵀHΔW of the network itself, the usual measure "
        "where it is computed. *Hessian trace*: mean trace × ‖ΔW‖² (HAWQ-V2, eq. 10), which approximates it. *Top "
        "eigenvalue*: λ × ‖ΔW‖² (HAWQ). *Weight error only*: ‖ΔW‖² without the Hessian, the paper's ablation.",
    )


def _activations() -> None:
    """How wide the activations of every plan are: costs, limits, Ω and the plan that is taken follow it."""
    st.selectbox(
        "Activation bits",
        yardstick.rules(),
        format_func=RULES.__getitem__,
        key=yardstick.key("a_rule"),
        persist_state="session",
        width=190,
        help="Of every plan on the chart. BOPs and latency count them, and a plan you take has them. *As wide as the "
        "weights* is HAWQ-V3's W4A4 and W8A8; *chosen for each block* includes their damage in Ω.",
    )


def _inputs() -> None:
    if "a_menu" in yardstick.asked():
        st.pills(
            "Choose activation bits from",
            yardstick.INPUT_WIDTHS,
            selection_mode="multi",
            key=yardstick.key("a_menu"),
            persist_state="session",
        )


def _drawn() -> Drawn:
    with st.popover("View"):
        layers = st.pills(
            "Beside the frontier",
            _LAYERS,
            selection_mode="multi",
            key=address.choices("frontier_layers", "beside", _LAYERS, ["set B"]),
            persist_state="session",
        )
        scale = st.segmented_control(
            "Ω axis",
            ["log", "linear"],
            required=True,
            key=address.choice("frontier_scale", "axis", ["log", "linear"], "log"),
            persist_state="session",
        )
    return Drawn("set B" in layers, "greedy path" in layers, scale == "log")
