"""Trust in a choice: its robustness to the errors of the damage, and the price of searching fewer plans."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.plans import restriction as restriction_figure
from explorer.figures.plans import stability
from explorer.figures.plans.frontier_view import axis
from explorer.figures.plans.restriction import RestrictionCurve
from explorer.jobs.basis import Basis
from explorer.plans import Budget, Plan, Uncertainty
from explorer.plans.scene import Scene, has_set_b
from explorer.plans.trust.uncertainty import DRAWS
from explorer.ui.parts import export
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain

_DRAWN = "traces_drawn_again"


def show_stability(scene: Scene, basis: Basis, held: Plan) -> None:
    """How often each block changes its width when the figures of the damage are drawn again from their errors."""
    frontier = scene.frontier
    cost, _ = scene.place(held)
    asked = (session.reference(), scene.question, basis.key, cost)
    kept: tuple[object, Uncertainty] | None = st.session_state.get(_DRAWN)
    known = kept[1] if kept is not None and kept[0] == asked else None
    st.write(
        "Every trace, and every ΔWᵀHΔW, has a standard error. They are redrawn from their errors, and the frontier is solved "
        "again at the cost of the current plan. A bar of one colour is a choice that the errors do not change."
    )
    if not frontier.problem.lookup("variance").any():
        st.info("These figures come without standard errors, so there is nothing to draw from.")
        return
    if known is None and st.button(f"Draw {DRAWS} times", icon=":material/casino:", type="primary"):
        bar = st.progress(0.0, text="Solving the redrawn problems …")

        def told(done: float) -> None:
            bar.progress(done, text=f"Solving the redrawn problems: {done:.0%}")

        try:
            known = plans.resample(frontier, Budget("at_most", cost), progress=told)
        except PlanError as error:
            st.warning(plain(str(error)))
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
        text += f"Least certain: {plain(', '.join(f'{b} ({known.changes[b]:.0%})' for b in unsure[:4]))}. "
    regret = float((known.regret / known.point.omega).mean())
    text += (
        f"If the redrawn figures were the true ones, this plan would have {regret:.1%} more Ω on average than the best plan "
        "of the same cost: the price of the errors."
    )
    st.caption(text)


def show_restriction(scene: Scene, basis: Basis) -> None:
    """Set B and the greedy path against the exact frontier, at equal cost."""
    frontier, problem = scene.frontier, scene.frontier.problem
    asked = (session.reference(), scene.question, basis.key, basis)
    found = {"greedy path": plans.restriction(frontier, caches.greedy(*asked))}
    if has_set_b(problem, scene.question):
        found["set B"] = plans.restriction(frontier, caches.set_b(*asked))
    unit, scale = axis(scene)
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
            f"{name}: {each.median:.2f} times the exact Ω in the median, {ratio:.2f} at worst, at {cost / scale:,.4g} {unit}"
        )
    st.caption(
        "HAWQ-V2 searches only set B, other methods reduce bits greedily; the exact frontier considers every plan. "
        + "; ".join(words)
        + "."
    )


def _ratios(found: Mapping[str, plans.Restriction], scale: float) -> pd.DataFrame:
    first = next(iter(found.values()))
    return pd.DataFrame({"cost": first.cost / scale, **{name: each.ratio for name, each in found.items()}})
