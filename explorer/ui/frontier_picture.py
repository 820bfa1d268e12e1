"""The picture of the Frontier page: its controls, its view, and what a click takes."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import streamlit as st

from explorer import plans
from explorer.curvature import Traces
from explorer.figures import frontier as picture
from explorer.plans import CostName, Frontier, Plan, SetB
from explorer.studies import ProfileStudy
from explorer.ui import caches, export, saved_plans, session, tables

DOTS = 50_000
SET_B_LIMIT = 2_000_000
ACTIVATION_BITS = 8
_CHART = "frontier_chart"
_LABELS: Mapping[CostName, str] = {
    "size": "packed weights",
    "bops": "bit operations an image, activations as wide as weights",
    "latency": "published latency, NVIDIA T4",
}


@dataclass(frozen=True, eq=False)
class _Scene:
    """What is drawn, so that a click can be looked up in it."""

    cost: CostName
    frontier: Frontier
    set_b: SetB | None
    drawn: np.ndarray  # which plans of set B are dots

    @property
    def axis(self) -> tuple[str, float]:
        """The unit of the cost axis, and how many of the table's units it is."""
        if self.cost == "size":
            return ("kB", 1e3) if self.frontier.cost[-1] < 1e6 else ("MB", 1e6)
        return ("GBOPs", 1e9) if self.cost == "bops" else ("ms", 1.0)


def show(key: str, traces: Traces | None) -> None:
    """Controls, picture, and the sentence under it."""
    study = session.study()
    menu, cost = _controls()
    if len(menu) < 2:
        st.info("Choose at least two bit widths to plan with.")
        return
    scene = _scene(menu, cost, key, traces)
    export.chart(
        picture.figure(_view(scene, traces)),
        key=_CHART,
        name=f"frontier-{scene.cost}",
        on_select=lambda: _clicked(scene),
        alt="Every plan as a dot: cost against predicted damage",
        table=lambda: tables.of_frontier(scene.frontier),
    )
    st.caption(_sentence(scene, study.name))


def _controls() -> tuple[tuple[int, ...], CostName]:
    study = session.study()
    published = plans.default_menu(study)
    with st.container(horizontal=True, gap="large"):
        menu = st.pills(
            "Widths on offer (bits)",
            [2, 3, 4, 5, 6, 7, 8],
            selection_mode="multi",
            default=list(published),
            key=f"menu_{study.name}",
        )
        costs: list[CostName] = ["size", "bops"]
        if isinstance(study, ProfileStudy) and set(menu) <= set(published):
            costs.append("latency")
        names = {"size": "size", "bops": "bit operations", "latency": "latency"}
        cost = st.segmented_control(
            "Cost",
            costs,
            format_func=names.__getitem__,
            default="size",
            required=True,
            key=f"cost_{study.name}",
        )
    return tuple(sorted(menu)), cost or "size"


def _scene(menu: tuple[int, ...], cost: CostName, key: str, traces: Traces | None) -> _Scene:
    reference = session.reference()
    frontier = caches.frontier(reference, menu, cost, key, traces)
    plans_in_b = plans.count(len(frontier.problem.free), len(menu))
    set_b = caches.set_b(reference, menu, cost, key, traces) if plans_in_b <= SET_B_LIMIT else None
    return _Scene(cost, frontier, set_b, _sample(0 if set_b is None else len(set_b)))


def _sample(size: int) -> np.ndarray:
    """All of set B, or a fixed random choice where it has more plans than a browser draws fluidly."""
    if size <= DOTS:
        return np.arange(size)
    return np.sort(np.random.default_rng(0).choice(size, DOTS, replace=False))


def _view(scene: _Scene, traces: Traces | None) -> picture.FrontierView:
    unit, scale = scene.axis
    frontier, set_b = scene.frontier, scene.set_b
    empty = np.empty(0)
    return picture.FrontierView(
        cost=frontier.cost / scale,
        omega=frontier.omega,
        omega_stderr=frontier.stderr() if traces is not None else np.zeros(len(frontier)),
        label=_LABELS[scene.cost],
        unit=unit,
        set_b_cost=set_b.cost[scene.drawn] / scale if set_b else empty,
        set_b_omega=set_b.omega[scene.drawn] if set_b else empty,
        set_b_total=len(set_b) if set_b else 0,
        uniform=[
            _mark(scene, f"{bits} bits", ("uniform", bits), dict.fromkeys(frontier.blocks, bits))
            for bits in frontier.problem.menu
        ],
        published=[
            _mark(scene, found.plan.name, ("published", found.plan.name), found.plan.w_bits)
            for found in plans.published_plans(session.study(), session.blocks())
            if set(found.plan.w_bits.values()) <= set(frontier.problem.menu)
        ],
        saved=[
            _mark(scene, plan.name, ("saved", plan.name), plan.w_bits)
            for plan in saved_plans.all_of(session.study(), session.blocks())
            if set(plan.w_bits.values()) <= set(frontier.problem.menu)
        ],
    )


def _mark(scene: _Scene, name: str, key: tuple[str, str | int], bits: Mapping[str, int]) -> picture.Marked:
    problem = scene.frontier.problem
    cost = problem.cost.count(bits) / problem.cost.divisor / scene.axis[1]
    return picture.Marked(name, key, cost, problem.damage.omega(bits))


def _clicked(scene: _Scene) -> None:
    points = st.session_state[_CHART].selection.points
    if not points or not points[0].get("customdata"):
        return
    data = points[0]["customdata"]
    kind, which = (data["0"], data["1"]) if isinstance(data, Mapping) else data[:2]
    new = _plan(scene, str(kind), which)
    if new is not None:
        session.take(new)


def _plan(scene: _Scene, kind: str, which: str | int) -> Plan | None:
    study, blocks = session.study(), session.blocks()
    if kind == "published":
        found = {found.plan.name: found.plan for found in plans.published_plans(study, blocks)}
        return found.get(str(which))
    if kind == "saved":
        return next((plan for plan in saved_plans.all_of(study, blocks) if plan.name == which), None)
    if kind == "uniform":
        bits = dict.fromkeys(scene.frontier.blocks, int(which))
    elif kind == "frontier":
        bits = scene.frontier.point(int(which)).bits
    elif kind == "set B" and scene.set_b is not None:
        bits = scene.set_b.bits_of(int(scene.drawn[int(which)]))
    else:
        return None
    return Plan.of_weights(study, blocks, bits, a_bits=ACTIVATION_BITS)


def _sentence(scene: _Scene, name: str) -> str:
    frontier = scene.frontier
    menu = ", ".join(str(bits) for bits in frontier.problem.menu)
    text = f"{name}: {frontier.search_space:.3g} plans of {menu} bits; the teal line is every plan that no other beats in both. "
    if scene.set_b is not None:
        some = f", {len(scene.drawn):,} of them drawn" if len(scene.drawn) < len(scene.set_b) else ""
        text += (
            f"Grey dots are HAWQ-V2's set B ({len(scene.set_b):,} plans{some}), in which a more sensitive block never gets "
            "fewer bits. "
        )
    if frontier.problem.damage.estimated:
        text += "Widths that were not published have their error interpolated as 4⁻ᵇ. "
    return text + "New plans take 8-bit activations; change them in the table."
