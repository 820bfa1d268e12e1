"""The picture of the Frontier page: what is drawn, what a click takes, and the budget under it."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import plotly.graph_objects as go
import streamlit as st

from explorer import plans
from explorer.figures import look
from explorer.figures.plans import frontier as picture
from explorer.plans import CostName, Curve, Frontier, Plan, Point, SetB
from explorer.randomness import Stream, numpy_generator
from explorer.ui.frontier import form as frontier_form
from explorer.ui.frontier import handle as frontier_handle
from explorer.ui.frontier.form import Drawn
from explorer.ui.frontier.handle import Chosen, Held
from explorer.ui.frontier.question import Ask
from explorer.ui.parts import export, tables
from explorer.ui.plan import saved_plans
from explorer.ui.shell import caches, session
from explorer.ui.shell.caches import Basis

DOTS = 50_000
POINTS = 4_000
SET_B_LIMIT = 2_000_000
_ECHOES = 50
_CHART = "frontier_chart"
_LABELS: Mapping[CostName, str] = {
    "size": "packed weights",
    "bops": "bit operations an image",
    "latency": "published latency, NVIDIA T4",
}


@dataclass(frozen=True, eq=False)
class Scene:
    """What is on the picture, so that a click can be looked up in it.

    Attributes:
        asked: the question.
        frontier: the answer.
        points: (P,) which of its points are drawn.
        set_b: HAWQ-V2's set; None where it is not drawn.
        dots: (M,) which of its plans are.
        greedy: path of the baseline; None where it is not drawn.
        named: kind to the plans that are marked.
    """

    asked: Ask
    frontier: Frontier
    points: np.ndarray
    set_b: SetB | None
    dots: np.ndarray
    greedy: Curve | None
    named: Mapping[str, tuple[Plan, ...]]

    @property
    def axis(self) -> tuple[str, float]:
        """The unit of the cost axis, and how many of the table's units it is."""
        if self.asked.cost == "size":
            return ("kB", 1e3) if self.frontier.cost[-1] < 1e6 else ("MB", 1e6)
        return frontier_form.UNITS[self.asked.cost]


def show(asked: Ask, drawn: Drawn, basis: Basis) -> Scene:
    """The picture with its handle, the budget, and the sentence under it.

    Raises:
        PlanError: there is no such plan.
    """
    scene = _scene(asked, drawn, basis)
    kept = tuple(plan.name for plan in scene.named["saved"])
    figure = _figure(session.reference(), session.granularity(), asked, drawn, basis.key, kept, scene)
    export.chart(
        figure,
        key=_CHART,
        name=f"frontier-{asked.cost}",
        alt="Every plan as a dot: cost against predicted damage",
        table=lambda: tables.of_frontier(scene.frontier),
    )
    there = _held(scene)
    frontier_handle.attach(_CHART, there, unit=scene.axis[0], on_choice=lambda chosen: _chosen(scene, chosen))
    _budget(scene, there)
    st.caption(_sentence(scene))
    return scene


def _scene(asked: Ask, drawn: Drawn, basis: Basis) -> Scene:
    reference = session.reference()
    frontier = caches.frontier(reference, asked, basis.key, basis)
    problem = frontier.problem
    in_b = (
        plans.count(len(problem.free), len(problem.menu))
        if drawn.set_b and not asked.a_menu
        else SET_B_LIMIT + 1
    )
    set_b = caches.set_b(reference, asked, basis.key, basis) if in_b <= SET_B_LIMIT else None
    greedy = caches.greedy(reference, asked, basis.key, basis) if drawn.greedy else None
    study, blocks = session.study(), session.blocks()
    named = {
        "uniform": [
            Plan.uniform(study, blocks, b, _input_bits(asked, b), name=f"{b} bits") for b in asked.menu
        ],
        "published": [found.plan for found in plans.published_plans(study, blocks)],
        "saved": saved_plans.all_of(study, blocks),
    }
    fitting = {kind: tuple(plan for plan in found if _counts(asked, plan)) for kind, found in named.items()}
    dots = _sample(0 if set_b is None else len(set_b))
    return Scene(asked, frontier, frontier.thinned(POINTS), set_b, dots, greedy, fitting)


def _input_bits(asked: Ask, bits: int) -> int:
    """The activations' width of the uniform plan of some bits: the nearest that may be chosen."""
    return min(asked.a_menu, key=lambda a: abs(a - bits)) if asked.a_menu else plans.ACTIVATION_BITS


def _counts(asked: Ask, plan: Plan) -> bool:
    """Whether cost and Ω are known for every width of a plan."""
    inputs = set(plan.a_bits.values()) <= set(asked.a_menu) if asked.a_menu else True
    return inputs and set(plan.w_bits.values()) <= set(asked.menu)


def _sample(size: int) -> np.ndarray:
    """All of set B, or a fixed random choice where it has more plans than a browser draws fluidly."""
    if size <= DOTS:
        return np.arange(size)
    return np.sort(numpy_generator(Stream.SHOWN_PLANS, 0).choice(size, DOTS, replace=False))


@st.cache_resource(show_spinner=False, max_entries=8)
def _figure(
    reference: str,
    granularity: str,
    asked: Ask,
    drawn: Drawn,
    key: str,
    saved: tuple[str, ...],
    _scene: Scene,
) -> go.Figure:
    """The figure; the arguments without an underscore decide it, ``_scene`` was made from them."""
    return picture.figure(view(_scene), log=drawn.log, height=450)


def view(scene: Scene) -> picture.FrontierView:
    """What the picture shows, as plain data."""
    unit, scale = scene.axis
    frontier, points, set_b, greedy = scene.frontier, scene.points, scene.set_b, scene.greedy
    stderr = frontier.stderr()[points]
    omega = frontier.omega[points]
    empty = np.empty(0)
    letters = np.array([picture.WIDTH_LETTERS.get(bits, "0") for bits in range(33)])
    return picture.FrontierView(
        cost=frontier.cost[points] / scale,
        omega=omega,
        label="latency, your table"
        if scene.asked.latencies and scene.asked.cost == "latency"
        else _LABELS[scene.asked.cost],
        unit=unit,
        total=len(frontier),
        exact=frontier.exact,
        changes=[_change(scene, int(place)) for place in points],
        widths=["".join(row) for row in letters[frontier.bits[points]]],
        lower=omega - stderr if stderr.any() else empty,
        upper=omega + stderr if stderr.any() else empty,
        set_b_cost=set_b.cost[scene.dots] / scale if set_b else empty,
        set_b_omega=set_b.omega[scene.dots] if set_b else empty,
        set_b_total=len(set_b) if set_b else 0,
        greedy_cost=greedy.cost / scale if greedy else empty,
        greedy_omega=greedy.omega if greedy else empty,
        **{kind: [_mark(scene, plan) for plan in found] for kind, found in scene.named.items()},
    )


def _change(scene: Scene, place: int) -> str:
    """What a point changes from its dearer neighbour."""
    frontier = scene.frontier
    if place == len(frontier) - 1:
        return "the dearest plan"
    before, after = frontier.bits[place + 1], frontier.bits[place]
    where = np.flatnonzero(before != after)
    names = frontier.blocks
    return "from the next: " + picture.changes_text(
        {names[i]: int(before[i]) for i in where},
        {names[i]: int(after[i]) for i in where},
        f"−{_said(scene.asked.cost, float(frontier.cost[place + 1] - frontier.cost[place]))}",
    )


def _said(cost: CostName, amount: float) -> str:
    """An amount of a cost, with the unit that suits it."""
    if cost == "size":
        return look.bytes_text(amount)
    return f"{look.count_text(amount)}BOPs" if cost == "bops" else f"{amount:.3g} ms"


def _mark(scene: Scene, plan: Plan) -> picture.Marked:
    cost, omega = _place(scene, plan)
    return picture.Marked(plan.name, cost, omega)


def _place(scene: Scene, plan: Plan) -> tuple[float, float]:
    """Where a plan stands on the picture."""
    problem = scene.frontier.problem
    inputs = plan.a_bits if scene.asked.a_menu else None
    cost = problem.cost.count(plan.w_bits, inputs) / problem.cost.divisor / scene.axis[1]
    return cost, problem.damage.omega(plan.w_bits, inputs)


def find(scene: Scene, plan: Plan) -> int | None:
    """Which point of the frontier a plan is."""
    return scene.frontier.find(plan.w_bits, plan.a_bits if scene.asked.a_menu else None)


def _held(scene: Scene) -> Held | None:
    """Where the plan in hand stands; None where there is none, or one with widths that are not on offer."""
    plan, frontier = session.plan(), scene.frontier
    known = {bits for group in frontier.problem.groups for bits in group.widths} | set(scene.asked.menu)
    if plan is None or not set(plan.w_bits.values()) <= known:
        return None
    if scene.asked.a_menu and not set(plan.a_bits.values()) <= {*scene.asked.a_menu, 8}:
        return None
    cost, omega = _place(scene, plan)
    place = find(scene, plan)
    if place is None:
        return Held(cost, omega)
    near = np.searchsorted(scene.points, plans.within_noise(frontier, place)[[0, -1]])
    low, high = np.clip(near, 0, len(scene.points) - 1).tolist()
    drawn = int(np.searchsorted(scene.points, place))
    index = drawn if drawn < len(scene.points) and scene.points[drawn] == place else None
    return Held(cost, omega, index, (low, high))


def _chosen(scene: Scene, chosen: Chosen) -> None:
    new = _plan(scene, chosen)
    if new is not None:
        session.take(new, passing=chosen.passing)


def _plan(scene: Scene, chosen: Chosen) -> Plan | None:
    """The plan behind a dot."""
    curve: Curve | None = scene.greedy if chosen.kind == "greedy" else scene.frontier
    if chosen.kind in scene.named:
        return scene.named[chosen.kind][chosen.index]
    if chosen.kind == "set B" and scene.set_b is not None:
        bits = scene.set_b.bits_of(int(scene.dots[chosen.index]))
    elif chosen.kind in ("frontier", "greedy") and curve is not None:
        place = int(scene.points[chosen.index]) if chosen.kind == "frontier" else chosen.index
        return _taken(scene, curve.point(place))
    else:
        return None
    return Plan.of_weights(session.study(), session.blocks(), bits, a_bits=plans.ACTIVATION_BITS)


def _taken(scene: Scene, point: Point) -> Plan:
    study, blocks = session.study(), session.blocks()
    if scene.asked.a_menu:
        return point.plan(study, blocks)
    return Plan.of_weights(study, blocks, point.bits, a_bits=plans.ACTIVATION_BITS)


def _budget(scene: Scene, there: Held | None) -> None:
    """A slider that takes the best plan under what it says; ``there`` is where the plan in hand stands."""
    unit, scale = scene.axis
    frontier = scene.frontier
    low, high = float(frontier.cost[0] / scale), float(frontier.cost[-1] / scale)
    if low == high:
        return
    held = session.plan()
    place = None if held is None else find(scene, held)
    key, set_here = "frontier_budget", "frontier_budgets_set_here"
    step = (high - low) / 1000
    # A plan that is not on the frontier shows its own cost, where it can be counted.
    shown = high if there is None else there.cost
    budget = st.session_state.get(key)
    # A budget that was asked for stays, as long as the plan in hand is the answer to it.
    if place is None or budget is None or _under(frontier, budget * scale) != place:
        st.session_state[key] = min(max(shown, low), high)
        st.session_state[set_here] = [*st.session_state.get(set_here, []), st.session_state[key]][-_ECHOES:]

    def asked() -> None:
        # While a handle is dragged the browser sends the slider along, with what it was set to some plans ago.
        if st.session_state[key] in st.session_state.get(set_here, []):
            return
        point = frontier.point(_under(frontier, st.session_state[key] * scale))
        session.take(_taken(scene, point))

    st.slider(
        f"Budget: the best plan with at most … {unit}",
        min_value=low,
        max_value=high + step,
        step=step,
        format="%.4g",
        key=key,
        on_change=asked,
    )


def _under(frontier: Frontier, most: float) -> int:
    """The best point that costs no more; the cheapest where none is so cheap."""
    return max(int(np.searchsorted(frontier.cost, most * (1 + 1e-12), side="right")) - 1, 0)


def _sentence(scene: Scene) -> str:
    frontier, problem = scene.frontier, scene.frontier.problem
    menu = ", ".join(str(bits) for bits in problem.menu)
    text = (
        f"{session.study().name}: {frontier.search_space:.3g} plans of {menu} bits. The teal line is every plan that no "
        "other beats in both cost and Ω; drag the handle along it, or use the arrow keys. "
    )
    if scene.set_b is not None:
        some = f", {len(scene.dots):,} of them drawn" if len(scene.dots) < len(scene.set_b) else ""
        text += (
            f"Grey dots are HAWQ-V2's set B ({len(scene.set_b):,} plans{some}), in which a more sensitive block never gets "
            "fewer bits. "
        )
    if not frontier.exact:
        text += f"Costs were rounded by at most {look.count_text(frontier.resolution)} {problem.cost.unit}. "
    if problem.damage.estimated:
        text += "Widths that were not published have their error interpolated as 4⁻ᵇ. "
    if problem.lookup("variance").any():
        text += "The pink stretch round the handle holds plans whose Ω is within one standard error of the plan in hand. "
    if scene.asked.a_menu:
        return text + "Widths of weights and activations are chosen together."
    return text + "New plans take 8-bit activations; change them in the table."
