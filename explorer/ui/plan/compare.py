"""Two plans side by side: their numbers, and only the blocks on which they differ."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from explorer import plans
from explorer.figures.look import bytes_text, count_text
from explorer.figures.plans import strips as strip_figure
from explorer.plans import Plan, Problem
from explorer.plans.scene import input_bits
from explorer.ui.parts import export
from explorer.ui.shell import latencies, results, session, yardstick
from explorer.ui.shell.yardstick import Yardstick

_OTHER = "plan_beside"
_COLUMNS = {
    "size": st.column_config.NumberColumn("size (B)", format="%+,.0f", help="Current plan minus the other."),
    "omega": st.column_config.NumberColumn("Ω", format="%+.3g", help="Current plan minus the other."),
    "error": st.column_config.NumberColumn(
        "± s.e.", format="%.1g", help="Standard error of the difference, from the errors of the damage."
    ),
}


def show(held: Plan, problem: Problem) -> None:
    """Choose the other plan; both, and where they differ.

    Args:
        problem: of the frontier; its uniform plans are among the others.
    """
    judged = yardstick.current()
    others = _others(held, problem)
    with st.container(horizontal=True, vertical_alignment="bottom"):
        picked = st.selectbox("Compare with", list(others), key="compare_with", width=320)
        if st.button(
            "Pin current plan",
            icon=":material/push_pin:",
            help="Keeps it for comparison with the next plan you choose.",
        ):
            st.session_state[_OTHER] = held
            st.rerun()
    other = others[picked]
    st.dataframe(_numbers({picked: other, "Current plan": held}, judged), hide_index=True, width="content")
    _strips({picked: other, "Current plan": held})
    rows = _differences(other, held, judged)
    if rows.empty:
        st.caption("The two plans are the same.")
        return
    st.dataframe(rows, hide_index=True, column_config=_COLUMNS)
    export.table(rows, key="compare_table", name="compare")
    st.caption(_sentence(rows, len(session.blocks()), _error(other, held, judged)))


def pinned() -> Plan | None:
    """The plan that is kept for comparison, if it is one of this study."""
    found: Plan | None = st.session_state.get(_OTHER)
    weights = session.study().weights_sha256
    return found if found is not None and found.weights_sha256 in (None, weights) else None


def _others(held: Plan, problem: Problem) -> Mapping[str, Plan]:
    study, blocks = session.study(), session.blocks()
    found: dict[str, Plan] = {}
    beside = pinned()
    if beside is not None and set(beside.blocks) == set(held.blocks):
        found["Pinned plan"] = beside
    before = [plan for plan in session.past() if plan is not None]
    if before:
        found["Previous plan"] = before[-1]
    found |= {plan.name: plan for plan in plans.saved_plans(study, blocks)}
    found |= {each.plan.name: each.plan for each in plans.published_plans(study, blocks)}
    uniform = {
        f"{bits} bits everywhere": Plan.uniform(study, blocks, bits, input_bits(problem, bits))
        for bits in problem.menu
    }
    return found | uniform


def _numbers(shown: Mapping[str, Plan], judged: Yardstick) -> pd.DataFrame:
    """One small row of numbers a plan."""
    blocks = session.blocks()
    rows = []
    for name, plan in shown.items():
        row = {
            "plan": name,
            "size": bytes_text(plans.size_bytes(blocks, plan.w_bits)),
            "compression": f"{plans.compression(blocks, plan.w_bits):.2f}×",
            "bit operations": f"{count_text(plans.bops(blocks, plan))}BOPs",
        }
        if (latency := latencies.shown(plan)) is not None:
            row["latency"] = latency
        rows.append(row | {judged.label: judged.shown(plan)})
    return pd.DataFrame(rows)


def _strips(shown: Mapping[str, Plan]) -> None:
    """The bits of both plans, one above the other."""
    strips = {
        name: {b: (bits.w_bits, bits.a_bits) for b, bits in p.blocks.items()} for name, p in shown.items()
    }
    export.chart(
        strip_figure.figure(strips),
        key="compare_strips",
        name="compare-bits",
        alt="Weight bits of every block in both plans, one row a plan",
        table=lambda: pd.DataFrame(
            [{"plan": name, **{block: w for block, (w, _) in row.items()}} for name, row in strips.items()]
        ),
    )


def _differences(before: Plan, after: Plan, judged: Yardstick) -> pd.DataFrame:
    weights = results.sizes(session.blocks())
    known = judged.omega(before) is not None and judged.omega(after) is not None
    damage = judged.basis.table if known and judged.basis is not None else None
    rows = []
    for change in before.differences(after):
        name, old, new = change.block, change.before, change.after
        row = {
            "block": name,
            "w bits": f"{old.w_bits} → {new.w_bits}" if old.w_bits != new.w_bits else f"{new.w_bits}",
            "a bits": f"{old.a_bits} → {new.a_bits}" if old.a_bits != new.a_bits else f"{new.a_bits}",
            "size": weights[name] * (new.w_bits - old.w_bits) / 8,
        }
        if damage is not None:
            weights_rise = damage.at(name, new.w_bits) - damage.at(name, old.w_bits)
            inputs_rise = damage.at_activation(name, new.a_bits) - damage.at_activation(name, old.a_bits)
            row["omega"] = weights_rise + inputs_rise
            row["error"] = damage.difference_stderr(
                ({name: new.w_bits}, {name: new.a_bits}), ({name: old.w_bits}, {name: old.a_bits})
            )
        rows.append(row)
    return pd.DataFrame(rows)


def _error(before: Plan, after: Plan, judged: Yardstick) -> float:
    """Standard error of the difference of Ω; 0 where none is known."""
    damage = None if judged.basis is None else judged.basis.table
    if damage is None:
        return 0.0
    return damage.difference_stderr((after.w_bits, after.a_bits), (before.w_bits, before.a_bits))


def _sentence(rows: pd.DataFrame, blocks: int, error: float) -> str:
    text = f"They differ in {len(rows)} of {blocks} blocks: {bytes_text(abs(rows['size'].sum()))} "
    text += "more for the current plan" if rows["size"].sum() >= 0 else "less for the current plan"
    if "omega" in rows:
        total = float(rows["omega"].sum())
        text += f", Ω {total:+.3g}" + (f" ± {error:.1g}" if error else "")
        if error and abs(total) <= error:
            text += "; that is within the standard error, so prefer the smaller plan"
    return text + "."
