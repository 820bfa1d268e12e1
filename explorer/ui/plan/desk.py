"""The current plan: bars, an editable table, its numbers, and ways to keep it."""

import json
from collections.abc import Sequence

import pandas as pd
import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures import architecture
from explorer.figures.look import bytes_text, count_text
from explorer.plans import ALLOWED_BITS, BlockBits, Plan, read_plan
from explorer.ui.parts import export, tables
from explorer.ui.plan import bars as plan_bars
from explorer.ui.plan import measured
from explorer.ui.shell import caches, latencies, sentences, session
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

_W, _A = "weight bits", "activation bits"
_BARS = 330  # pixels, so that bars and numbers end with the chart beside them
_FURTHER = ("Table", "Network")


def show(menu: Sequence[int]) -> None:
    """Numbers and bars of the current plan, beside the chart; without a plan, how to get one.

    Args:
        menu: the allowed widths.
    """
    numbers()
    bars(menu)


def numbers() -> None:
    """The first part of `show`: what a person waits for after a click, so a page draws it before its pictures."""
    held = session.plan()
    with st.container(horizontal=True, vertical_alignment="center", key="plan_head"):
        st.header("Current plan", width="content")
        _steps()
    if held is None:
        st.info("Click a dot, drag the budget, or upload a plan.json.", icon=":material/ads_click:")
        _upload()
        return
    with st.container(key="plan_numbers", horizontal=True, gap="medium"):
        _numbers(held)
    measured.show(held)


def bars(menu: Sequence[int]) -> None:
    """The second part of `show`."""
    held = session.plan()
    if held is None:
        return
    plan_bars.show(held, menu, height=_BARS)
    st.caption(
        "Click at a height to set a block's bits; with the keyboard, tab to the bars and use the arrow keys."
    )


def further() -> None:
    """Table or network of the current plan, and ways to keep it."""
    held = session.plan()
    if held is None:
        return
    # Only what is seen is drawn: tabs would draw both at every click.
    seen = st.segmented_control(
        "The plan as",
        _FURTHER,
        required=True,
        key=address.choice("plan_further", "plan_as", _FURTHER, _FURTHER[0]),
        persist_state="session",
        label_visibility="collapsed",
    )
    if seen == "Table":
        held = _edited(held)
    else:
        boxes = architecture.view(session.blocks(), held.w_bits)
        export.chart(
            architecture.figure(boxes, height=330),
            key="plan_network",
            name="plan-network",
            alt=architecture.finding(boxes),
            table=lambda: tables.of_blocks(session.blocks()),
        )
    if held.steps is not None:
        st.caption(
            "This plan includes step sizes found by LAPQ. Changing the width of any block discards them, because they were "
            "optimised together."
        )
    _keep(held)


def _steps() -> None:
    """Back and forth among earlier plans."""
    for label, icon, key, step, there in (
        ("Undo", "undo", "Ctrl+Z", session.undo, session.past()),
        ("Redo", "redo", "Ctrl+Shift+Z", session.redo, session.future()),
    ):
        st.button(
            label,
            icon=f":material/{icon}:",
            type="tertiary",
            shortcut=key,
            disabled=not there,
            on_click=sentences.callback(step),
            key=f"plan_{icon}",
        )


def _edited(held: Plan) -> Plan:
    """The table; the plan after the person's changes. The editor restarts when another plan is chosen."""
    key = f"plan_editor_{session.revision()}"
    base_key = f"{key}_base"
    if key not in st.session_state:  # new, or it was out of sight and begins anew
        st.session_state[base_key] = held
    base: Plan = st.session_state[base_key]
    widths = [bits for bits in ALLOWED_BITS if bits != 1] if _is_profile() else list(ALLOWED_BITS)
    frame_of_base = pd.DataFrame(
        [
            {"block": block.name, _W: bits.w_bits, _A: bits.a_bits}
            for block, bits in zip(session.blocks(), base.blocks.values(), strict=True)
        ]
    )
    changed = st.data_editor(
        frame_of_base,
        hide_index=True,
        disabled=["block"],
        height=390,
        key=key,
        column_config={
            "block": st.column_config.TextColumn("block", width="small"),
            _W: st.column_config.SelectboxColumn(
                "w bits", width="small", options=widths, required=True, help="32 leaves the weights in FP32."
            ),
            _A: st.column_config.SelectboxColumn(
                "a bits",
                width="small",
                options=list(ALLOWED_BITS),
                required=True,
                help="Bits of the block's input.",
            ),
        },
    )
    new = {row["block"]: BlockBits(int(row[_W]), int(row[_A])) for row in changed.to_dict("records")}
    if new == dict(held.blocks):
        return held
    edited = Plan(held.study, held.weights_sha256, new)
    session.take(edited, from_editor=True)
    st.rerun()  # so that the strip above shows the new numbers too


def _numbers(held: Plan) -> None:
    blocks = session.blocks()
    st.metric("Size", bytes_text(plans.size_bytes(blocks, held.w_bits)), width="content")
    st.metric("Compression", f"{plans.compression(blocks, held.w_bits):.2f}×", width="content")
    operations = f"{count_text(plans.bops(blocks, held))}BOPs"
    st.metric("Bit operations", operations, help="Σ MACs·w·a per sample.", width="content")
    if (latency := latencies.shown(held)) is not None:
        st.metric("Latency", latency, help=latencies.words(), width="content")


def _keep(held: Plan) -> None:
    with st.container(horizontal=True, vertical_alignment="bottom"):
        name = st.text_input(
            "Name",
            value=held.name,
            placeholder="e.g. small",
            width=240,
            key=f"plan_name_{session.revision()}",
        )
        if st.button(
            "Save",
            icon=":material/save:",
            help="Saves the plan on this computer and marks it on the frontier.",
        ):
            _save(held, name)
        text = json.dumps(held.to_json(), indent=2)
        st.download_button(
            "Download", text, "plan.json", "application/json", icon=":material/download:", on_click="ignore"
        )
    _upload()


def _save(held: Plan, name: str) -> None:
    try:
        session.take(plans.save_plan(held, name), from_editor=True)
    except PlanError as error:
        st.error(plain(str(error)), icon=":material/error:")
        return
    st.toast(plain(f"Saved as {name}."))
    st.rerun()


def _upload() -> None:
    with st.expander("Upload a plan.json", icon=":material/upload:"):
        given = st.file_uploader(
            "A plan of this study", type="json", key="plan_upload", label_visibility="collapsed"
        )
        if given is None:
            return
        if st.session_state.get("plan_uploaded") == given.file_id:
            for text in st.session_state["plan_upload_remarks"]:
                st.caption(plain(f"Uploaded; {text}."))
            return
        st.session_state["plan_uploaded"] = given.file_id
        remarks: list[str] = []
        st.session_state["plan_upload_remarks"] = remarks
        study = session.study()
        reference = session.reference()
        layers, modules = caches.blocks(reference, "layer"), caches.blocks(reference, "module")
        try:
            plan, blocks = read_plan(
                given.getvalue(), study=study, partitions=(layers, modules), remark=remarks.append
            )
        except PlanError as error:
            st.error(plain(f"{given.name} was not accepted: {error}"))
            return
        session.choose_granularity("layer" if blocks == layers else "module")
        session.take(plan)
        st.rerun()


def _is_profile() -> bool:
    return not session.study().has_network
