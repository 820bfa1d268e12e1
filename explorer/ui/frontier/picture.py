"""The picture of the Frontier page: the scene with its handle, what a click takes, and the budget under it."""

import plotly.graph_objects as go
import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures import look
from explorer.figures.plans import frontier, frontier_view
from explorer.jobs.basis import Basis
from explorer.plans import Frontier, FrontierQuestion
from explorer.plans.scene import Scene, compose, has_set_b
from explorer.ui.frontier import handle as frontier_handle
from explorer.ui.frontier import measured
from explorer.ui.frontier.form import Drawn
from explorer.ui.frontier.handle import Chosen, Held, Mark
from explorer.ui.frontier.measured import Along
from explorer.ui.parts import export, tables
from explorer.ui.shell import caches, sentences, session, yardstick
from explorer.ui.shell.plain import plain
from explorer.ui.shell.yardstick import Yardstick

_ECHOES = 50
_CHART = "frontier_chart"
_HEIGHT = 420


def show(
    scene: Scene, drawn: Drawn, judged: Yardstick, along: Along | None = None, other: Mark | None = None
) -> None:
    """The picture with its handle, what was measured ``along`` the frontier, another plan's dot, and the budget under it."""
    question, kept = scene.question, tuple(plan.name for plan in scene.named["saved"])
    assert judged.basis is not None
    figure = _figure(
        session.reference(),
        session.granularity(),
        question,
        drawn,
        judged.basis.key,
        kept,
        judged.label,
        ("", 0) if along is None else along.key,
        scene,
        along,
    )
    export.chart(
        figure,
        key=_CHART,
        name=f"frontier-{question.cost}",
        alt=_alt(scene),
        table=lambda: tables.of_frontier(scene.frontier),
    )
    unit, scale = frontier_view.axis(scene)
    there = _held(scene, scale)
    frontier_handle.attach(
        _CHART,
        there,
        unit=unit,
        activations=_activations(scene.frontier),
        levels=frontier_view.levels(scene),
        curve=measured.curve(along),
        other=other,
        on_choice=lambda chosen: _chosen(scene, along, chosen),
    )
    _budget(scene, there)


def scene_of(question: FrontierQuestion, drawn: Drawn, basis: Basis) -> Scene:
    """What is shown.

    Raises:
        PlanError: no plan fits.
    """
    asked = (session.reference(), question, basis.key, basis)
    frontier = caches.frontier(*asked)
    in_b = drawn.set_b and has_set_b(frontier.problem, question)
    return compose(
        session.study(),
        session.blocks(),
        question,
        frontier,
        set_b=caches.set_b(*asked) if in_b else None,
        greedy=caches.greedy(*asked) if drawn.greedy else None,
        saved=plans.saved_plans(session.study(), session.blocks()),
    )


@st.cache_resource(
    show_spinner=False, max_entries=8, hash_funcs={FrontierQuestion: FrontierQuestion.canonical}
)
def _figure(
    reference: str,
    granularity: str,
    question: FrontierQuestion,
    drawn: Drawn,
    key: str,
    saved: tuple[str, ...],
    damage: str,
    measured_key: tuple[str, int],
    _scene: Scene,
    _along: Along | None,
) -> go.Figure:
    """The figure; the arguments without an underscore decide it, the others were made from them."""
    view = frontier_view.view(_scene, *measured.dots(_scene, _along), session.study().metric.name)
    return frontier.figure(view, log=drawn.log, height=_HEIGHT, damage=damage)


def _held(scene: Scene, scale: float) -> Held | None:
    """Where the current plan stands; None where there is none, or one whose cost or Ω cannot be told."""
    plan = session.plan()
    if plan is None:
        return None
    try:
        cost, omega = scene.place(plan)
    except PlanError:
        return None
    place = scene.find(plan)
    if place is None:
        return Held(cost / scale, omega)
    return Held(cost / scale, omega, scene.shown(place), scene.noise(place))


def _chosen(scene: Scene, along: Along | None, chosen: Chosen) -> None:
    if chosen.kind == "measured":
        new = None if along is None else measured.plan_at(scene, along, chosen.index)
    else:
        new = scene.plan(session.study(), session.blocks(), chosen.kind, chosen.index)
    if new is not None:
        session.take(new, passing=chosen.passing)


def _budget(scene: Scene, there: Held | None) -> None:
    """A slider that takes the best plan under what it says; ``there`` is where the current plan stands."""
    unit, scale = frontier_view.axis(scene)
    frontier = scene.frontier
    low, high = float(frontier.cost[0] / scale), float(frontier.cost[-1] / scale)
    if low == high:
        return
    held = session.plan()
    place = None if held is None else scene.find(held)
    # A slider of its own for every study: one that were shared would say what it was set to for the other.
    key, set_here = yardstick.key("frontier_budget"), "frontier_budgets_set_here"
    step = (high - low) / 1000
    # A plan that is not on the frontier shows its own cost, where it can be counted.
    shown = high if there is None else there.cost
    budget = st.session_state.get(key)
    # A budget that was asked for stays, as long as the current plan is the answer to it.
    if place is None or budget is None or scene.under(budget * scale).index != place:
        st.session_state[key] = min(max(shown, low), high)
        st.session_state[set_here] = [*st.session_state.get(set_here, []), st.session_state[key]][-_ECHOES:]

    def asked() -> None:
        # While a handle is dragged the browser sends the slider along, with what it was set to some plans ago.
        if st.session_state[key] in st.session_state.get(set_here, []):
            return
        point = scene.under(st.session_state[key] * scale)
        session.take(point.plan(session.study(), session.blocks()))

    st.slider(
        f"{frontier_view.COSTS[scene.question.cost].capitalize()} budget ({unit}): best plan not larger than this",
        min_value=low,
        max_value=high + step,
        step=step,
        format="%.4g",
        key=key,
        on_change=sentences.callback(asked),
    )


def _alt(scene: Scene) -> str:
    """What the picture shows, for those who cannot see it."""
    unit, scale = frontier_view.axis(scene)
    cost, omega = scene.frontier.cost / scale, scene.frontier.omega
    return (
        f"Cost against predicted damage of {len(cost):,} plans on the frontier: damage falls from {omega[0]:.3g} at "
        f"{cost[0]:.4g} {unit} to {omega[-1]:.3g} at {cost[-1]:.4g} {unit}"
    )


def sentence(scene: Scene) -> str:
    """What to notice on the picture."""
    frontier, problem = scene.frontier, scene.frontier.problem
    menu = ", ".join(str(bits) for bits in problem.menu)
    text = (
        f"{plain(session.study().name)}: {_plans(frontier)} of {menu} bits. The teal line is every plan that no other "
        "beats in both cost and Ω; drag the handle along it, or use the arrow keys. "
    )
    if scene.set_b is not None:
        some = f", {len(scene.dots):,} of them drawn" if len(scene.dots) < len(scene.set_b) else ""
        text += (
            f"Grey dots are HAWQ-V2's set B ({len(scene.set_b):,} plans{some}), in which a more sensitive block never gets "
            "fewer bits. "
        )
    if not frontier.exact:
        text += f"Costs were rounded by at most {look.count_text(frontier.resolution)} {problem.cost.unit}. "
    if any((block, bits) in problem.damage.estimated for block in problem.blocks for bits in problem.menu):
        text += "The error of widths that were not published is interpolated as 4⁻ᵇ. "
    if problem.lookup("variance").any():
        text += "The pink stretch around the handle holds plans whose Ω is within one standard error of the current plan. "
    if scene.question.a_menu:
        return text + "Widths of weights and activations are chosen together."
    return text + f"New plans have {_activations(frontier)}; change them in the table."


def _activations(frontier: Frontier) -> str:
    """What the activations of the plans are; nothing where the plans differ in them."""
    problem = frontier.problem
    if problem.a_menu:
        return ""
    return (
        "activations as wide as the weights"
        if problem.a_bits is None
        else f"{problem.a_bits}-bit activations"
    )


def _plans(frontier: Frontier) -> str:
    """How many plans are possible, in words a person can read."""
    number = frontier.search_space
    for scale, word in ((10**12, "trillion"), (10**9, "billion"), (10**6, "million")):
        if scale <= number < scale * 1000:
            return f"about {number / scale:.3g} {word} possible plans"
    return (
        f"{number:,} possible plans" if number < 10**6 else f"about 10^{len(str(number)) - 1} possible plans"
    )
