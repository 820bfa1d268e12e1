"""Two plans side by side: their numbers, and only the blocks on which they differ."""

from collections.abc import Mapping

import pandas as pd
import streamlit as st

from explorer import plans
from explorer.figures.look import bytes_text, count_text
from explorer.plans import Plan
from explorer.ui.parts import export
from explorer.ui.shell import frame, results, session
from explorer.ui.shell.plain import plain

_OTHER = "plan_beside"
_COLUMNS = {
    "size": st.column_config.NumberColumn("size (B)", format="%+,.0f", help="Current plan minus the other."),
    "omega": st.column_config.NumberColumn("Ω", format="%+.3g", help="Current plan minus the other."),
    "error": st.column_config.NumberColumn(
        "± s.e.", format="%.1g", help="Standard error of the difference, from the error of the trace."
    ),
}


def show(held: Plan, menu: tuple[int, ...]) -> None:
    """Choose the other plan; both, and where they differ."""
    others = _others(held, menu)
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
    left, right = st.columns(2)
    with left:
        _card(f"**{plain(picked)}**", other)
    with right:
        _card("**Current plan**", held)
    rows = _differences(other, held)
    if rows.empty:
        st.caption("The two plans are the same.")
        return
    st.dataframe(rows, hide_index=True, column_config=_COLUMNS)
    export.table(rows, key="compare_table", name="compare")
    st.caption(_sentence(rows, len(session.blocks())))


def _others(held: Plan, menu: tuple[int, ...]) -> Mapping[str, Plan]:
    study, blocks = session.study(), session.blocks()
    found: dict[str, Plan] = {}
    pinned: Plan | None = st.session_state.get(_OTHER)
    if pinned is not None and set(pinned.blocks) == set(held.blocks):
        found["Pinned plan"] = pinned
    before = session.past()
    if before:
        found["Previous plan"] = before[-1]
    found |= {plan.name: plan for plan in plans.saved_plans(study, blocks)}
    found |= {each.plan.name: each.plan for each in plans.published_plans(study, blocks)}
    uniform = {
        f"{bits} bits everywhere": Plan.uniform(study, blocks, bits, plans.ACTIVATION_BITS) for bits in menu
    }
    return found | uniform


def _card(title: str, plan: Plan) -> None:
    blocks = session.blocks()
    st.markdown(title)
    with st.container(horizontal=True, gap="large"):
        st.metric("Size", bytes_text(plans.size_bytes(blocks, plan.w_bits)), width="content")
        st.metric("Compression", f"{plans.compression(blocks, plan.w_bits):.2f}×", width="content")
        st.metric("Bit operations", f"{count_text(plans.bops(blocks, plan))}BOPs", width="content")
        omega = frame.omega_of(plan)
        if omega is not None:
            st.metric("Predicted Ω", f"{omega[0]:.3g}", width="content")


def _differences(before: Plan, after: Plan) -> pd.DataFrame:
    weights, damage = results.sizes(session.blocks()), results.damage()
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
            row["omega"] = damage.at(name, new.w_bits) - damage.at(name, old.w_bits)
            # One trace makes both, so the errors do not add up: they subtract.
            row["error"] = abs(damage.spread(name, new.w_bits) - damage.spread(name, old.w_bits))
        rows.append(row)
    return pd.DataFrame(rows)


def _sentence(rows: pd.DataFrame, blocks: int) -> str:
    text = f"They differ in {len(rows)} of {blocks} blocks: {bytes_text(abs(rows['size'].sum()))} "
    text += "more for the current plan" if rows["size"].sum() >= 0 else "less for the current plan"
    if "omega" in rows:
        error = float((rows["error"] ** 2).sum() ** 0.5)
        total = float(rows["omega"].sum())
        text += f", Ω {total:+.3g}" + (f" ± {error:.1g}" if error else "")
        if error and abs(total) <= error:
            text += "; that is within the standard error, so prefer the smaller plan"
    return text + "."
