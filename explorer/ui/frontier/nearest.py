"""When limits leave no plan, or not the current one: what is in the way, and the nearest plan that is possible."""

from collections.abc import Mapping
from math import ceil, log10

import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.plans.frontier_view import COSTS, UNITS
from explorer.plans import ALLOWED_BITS, CostName, FrontierQuestion, InfeasibleError, Plan
from explorer.plans.costs import words
from explorer.plans.scene import Scene
from explorer.ui.frontier import constraints
from explorer.ui.shell import latencies, sentences, session
from explorer.ui.shell.plain import capital, plain

_SAID = "nearest_plan_said"
_LABEL = "Use the nearest plan"


def refused(error: PlanError, question: FrontierQuestion) -> None:
    """Why there is no frontier; where limits are in the way, a button that raises them as far as it takes."""
    text = str(error)
    st.warning(plain(f"{capital(text)}."), icon=":material/block:")
    nearest = error.nearest if isinstance(error, InfeasibleError) else None
    if nearest is not None:
        plan = nearest.plan(session.study(), session.blocks())
        st.button(
            _LABEL, icon=":material/near_me:", on_click=sentences.callback(_relax), args=(plan, question)
        )


def beside(scene: Scene) -> None:
    """What the last press of the button did; and whether the current plan breaks a limit, with a way on."""
    held = session.plan()
    kept: tuple[Mapping[CostName, float], Plan, str] | None = st.session_state.get(_SAID)
    if kept is not None and kept[:2] == (scene.question.limits, held):
        st.info(kept[2], icon=":material/near_me:")
    if held is None:
        return
    try:
        broken, cost = scene.broken(held), scene.place(held)[0]
    except PlanError as error:
        st.caption(plain(f"The current plan is not on this chart: {error}."))
        return
    if not broken:
        return
    told = []
    for bound in broken:
        spent = bound.cost.count(held.w_bits, held.a_bits)
        (needs, most), unit = words.compared(bound.cost, spent, bound.limit)
        told.append(f"{needs} {unit}, the limit is {most}")
    st.warning(f"The current plan needs {'; and '.join(told)}.", icon=":material/block:")
    plan = scene.under(cost).plan(session.study(), session.blocks())
    st.button(
        _LABEL, icon=":material/near_me:", on_click=sentences.callback(_take), args=(plan, scene.question)
    )


def _take(plan: Plan, question: FrontierQuestion) -> None:
    session.take(plan)
    st.session_state[_SAID] = (
        question.limits,
        plan,
        "The best plan within the limits is now the current one.",
    )


def _relax(plan: Plan, question: FrontierQuestion) -> None:
    """Take a plan and raise the limits that it breaks to what it needs."""
    limits, raised = dict(question.limits), []
    for cost, most in question.limits.items():
        spent = _spent(cost, plan, question)
        if spent <= most:
            continue
        unit, scale = UNITS[cost]
        where = constraints.limit_key(cost)
        before, after = st.session_state[where], _rounded_up(spent / scale)
        st.session_state[where] = after
        limits[cost] = after * scale
        raised.append(f"{COSTS[cost]} from {before:g} to {after:g} {unit}")
    session.take(plan)
    text = f"The limit was raised: {'; '.join(raised)}. The plan that comes nearest is now the current one."
    st.session_state[_SAID] = (limits, plan, text)


def _spent(cost: CostName, plan: Plan, question: FrontierQuestion) -> float:
    study, blocks = session.study(), session.blocks()
    table = latencies.table() if cost == "latency" else None
    if table is None:
        table = plans.cost_table(study, blocks, cost, ALLOWED_BITS, scales=question.scales)
    return table.count(plan.w_bits, plan.a_bits) / table.divisor


def _rounded_up(value: float) -> float:
    """To four digits, so that the field is readable and the plan still within it."""
    if value <= 0:
        return value
    step = 10.0 ** (3 - ceil(log10(value)))
    rounded = ceil(value * step * 10) / (step * 10)
    return float(f"{rounded:.12g}")
