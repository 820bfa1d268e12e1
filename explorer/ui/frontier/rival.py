"""What the other measure would choose in place of the current plan: where it differs, what both say, and its dot.

Beside ΔWᵀHΔW that is the trace, beside any other measure ΔWᵀHΔW; it needs to be computed already.
"""

import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.plans.frontier_view import axis
from explorer.jobs.basis import measured
from explorer.plans import Measure, Rival
from explorer.plans.scene import Scene
from explorer.plans.trust.rival import Preference
from explorer.ui.frontier.handle import Mark
from explorer.ui.shell import caches, results, sentences, session, yardstick
from explorer.ui.shell.plain import plain
from explorer.ui.shell.yardstick import MEASURES, Yardstick
from explorer.ui.state import address

_FEW = 4  # blocks that are named


def find(scene: Scene, judged: Yardstick) -> Rival | None:
    """The other measure's plan at the cost of the current one; None where there is nothing to compare."""
    held, study, table = session.plan(), session.study(), scene.frontier.problem.damage
    basis = results.basis()
    if held is None or basis is None or not study.has_network:
        return None
    question = scene.question.but(damage=_other(judged.measure))
    found = measured(results.runs(study), study, question, session.granularity())
    if found is None:
        return None
    ids = tuple(run.id for run in found.values())
    whole = caches.judged(session.reference(), question, basis.key, ids, basis, found)
    try:
        others = caches.frontier(session.reference(), question, whole.key, whole)
        return plans.rival(table, held.w_bits, held.a_bits, others)
    except PlanError:  # the plan keeps no limit, or has a width of which one of the two knows no damage
        return None


def mark(scene: Scene, judged: Yardstick, other: Rival | None) -> Mark | None:
    """The dot of the other plan on the picture, where it is wanted."""
    if other is None or not other.changed or not st.session_state.get(_switch()):
        return None
    _, scale = axis(scene)
    label = f"by the {MEASURES[_other(judged.measure)]}"
    return Mark(other.point.cost / scale, other.by_own.other, label)


def show(scene: Scene, judged: Yardstick, other: Rival | None) -> None:
    """What is said of it under the current plan."""
    if other is None:
        return
    name = MEASURES[_other(judged.measure)]
    if not other.changed:
        st.caption(f"By the {name}, the best plan of this size is the same.")
        return
    changes = [_change(block, *widths) for block, widths in list(other.changed.items())[:_FEW]]
    more = len(other.changed) - len(changes)
    text = ", ".join(changes) + (f" and {more} more" if more else "")
    st.caption(
        plain(
            f"By the {name}, another plan of at most this size would be chosen: {text}. {judged.short_label} "
            f"{_both(other.by_own)}; Ω ({name}) {_both(other.by_other)}."
        )
    )
    with st.container(horizontal=True, vertical_alignment="center", key="rival_actions"):
        st.toggle("Show it on the chart", key=address.switch(_switch(), "other"), persist_state="session")
        st.button(
            "Use it", type="tertiary", key="take_rival", on_click=sentences.callback(_take), args=(other,)
        )


def bind() -> None:
    """Take over from the address whether it is drawn, before the picture is."""
    address.switch(_switch(), "other")


def _take(other: Rival) -> None:
    session.take(other.point.plan(session.study(), session.blocks()))


def _other(measure: Measure) -> Measure:
    return "trace" if measure == "product" else "product"


def _change(block: str, own: tuple[int, int], other: tuple[int, int]) -> str:
    (w, a), (other_w, other_a) = own, other
    widths = [f"{w} → {other_w} bits"] if w != other_w else []
    if a != other_a:
        widths.append(f"activations {a} → {other_a}")
    return f"{block} {', '.join(widths)}"


def _both(seen: Preference) -> str:
    error = f" (difference {seen.difference:+.2g} ± {seen.stderr:.1g})" if seen.stderr else ""
    return f"{seen.own:.3g} here, {seen.other:.3g} there{error}"


def _switch() -> str:
    return yardstick.key("frontier_rival")
