"""How far a choice can be trusted: the errors of the traces, and what looking at fewer plans would have cost."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.plans import restriction as restriction_figure
from explorer.figures.plans import stability
from explorer.figures.plans.restriction import RestrictionCurve
from explorer.plans import Budget, Plan, Uncertainty
from explorer.plans.trust.uncertainty import DRAWS
from explorer.ui.frontier.picture import SET_B_LIMIT, Scene
from explorer.ui.parts import export
from explorer.ui.shell import caches, session
from explorer.ui.shell.caches import Basis

_DRAWN = "traces_drawn_again"


def show_stability(scene: Scene, held: Plan) -> None:
    """How often each block changes its width when the traces are drawn again from their errors."""
    frontier = scene.frontier
    inputs = held.a_bits if scene.asked.a_menu else None
    cost = frontier.problem.cost.count(held.w_bits, inputs) / frontier.problem.cost.divisor
    asked = (session.reference(), scene.asked, cost)
    kept: tuple[object, Uncertainty] | None = st.session_state.get(_DRAWN)
    known = kept[1] if kept is not None and kept[0] == asked else None
    st.write(
        "Every trace has an error. Here each is drawn anew from its own error and the frontier is solved again at the "
        "cost of the plan in hand. A bar of one colour is a sure choice."
    )
    if not frontier.problem.lookup("variance").any():
        st.info("These traces came without errors, so there is nothing to draw from.")
        return
    if known is None and st.button(f"Draw {DRAWS} times", icon=":material/casino:", type="primary"):
        bar = st.progress(0.0, text="Solving again and again …")

        def told(done: float) -> None:
            bar.progress(done, text=f"Solving again and again: {done:.0%}")

        try:
            known = plans.resample(frontier, Budget("at_most", cost), progress=told)
        except PlanError as error:
            st.warning(str(error))
            return
        finally:
            bar.empty()
        st.session_state[_DRAWN] = (asked, known)
    if known is not None:
        _stability(known)


def _stability(known: Uncertainty) -> None:
    export.chart(
        stability.figure(known.widths, known.point.bits),
        key="stability",
        name="stability",
        alt="Share of the draws in which each block got each width",
        table=lambda: pd.DataFrame([{"block": b, **row} for b, row in known.widths.items()]),
    )
    unsure = stability.unsure(known.changes)
    sure = len(known.changes) - len(unsure)
    text = f"{sure} of {len(known.changes)} blocks keep their width in more than nine of ten draws. "
    if unsure:
        text += f"The unsurest: {', '.join(f'{b} ({known.changes[b]:.0%})' for b in unsure[:4])}. "
    regret = float((known.regret / known.point.omega).mean())
    text += (
        f"Had the drawn traces been the true ones, this plan would on average have had {regret:.1%} more Ω than the best "
        "of the same cost: that is what the errors cost."
    )
    st.caption(text)


def show_restriction(scene: Scene, basis: Basis) -> None:
    """Set B and the greedy path against the exact frontier, at equal cost."""
    frontier, problem = scene.frontier, scene.frontier.problem
    reference = session.reference()
    found = {
        "greedy path": plans.restriction(frontier, caches.greedy(reference, scene.asked, basis.key, basis))
    }
    if not scene.asked.a_menu and plans.count(len(problem.free), len(problem.menu)) <= SET_B_LIMIT:
        found["set B"] = plans.restriction(frontier, caches.set_b(reference, scene.asked, basis.key, basis))
    unit, scale = scene.axis
    export.chart(
        restriction_figure.figure(
            {name: RestrictionCurve(each.cost / scale, each.ratio) for name, each in found.items()},
            label="budget",
            unit=unit,
        ),
        key="restriction",
        name="restriction",
        alt="Ω of the best plan of a restricted search over that of the exact frontier",
        table=lambda: _ratios(found, scale),
    )
    words = []
    for name, each in found.items():
        try:
            cost, ratio = each.worst
        except PlanError:
            continue
        words.append(
            f"{name}: {each.median:.2f} times the least Ω in the middle, {ratio:.2f} at {cost / scale:,.4g} {unit}"
        )
    st.caption(
        "HAWQ-V2 looks only at set B, others go down greedily; the frontier here looks at every plan. "
        + "; ".join(words)
        + "."
    )


def _ratios(found: Mapping[str, plans.Restriction], scale: float) -> pd.DataFrame:
    first = next(iter(found.values()))
    return pd.DataFrame({"cost": first.cost / scale, **{name: each.ratio for name, each in found.items()}})
