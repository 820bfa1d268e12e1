"""The frame of every page: study picker, running computations, and the strip that names study and plan."""

import os
from collections.abc import Mapping
from typing import Any

import streamlit as st

from explorer import devices, plans
from explorer.blocks import Granularity
from explorer.estimates import Estimate
from explorer.figures.look import bytes_text, percent_text
from explorer.jobs import request
from explorer.jobs.gauge.reading import Reading
from explorer.jobs.requests import spec_of
from explorer.questions import EvaluateQuestion
from explorer.studies import metrics
from explorer.studies.metrics import ACCURACY
from explorer.ui.shell import (
    at_work,
    caches,
    door,
    gauged,
    latencies,
    navigation,
    results,
    sentences,
    session,
    yardstick,
)
from explorer.ui.shell.plain import plain

_PICKER, _MISSING, _DEVICE = "study_picker", "study_missing", "device_picker"


def sidebar(*, picker: bool = True) -> None:
    """The study picker, but on pages that have studies of their own, such as lessons, and the running computations."""
    with st.sidebar:
        if picker:
            _picker()
        at_work.show(patient=not picker)
        _device()
        door.who()


def _picker() -> None:
    cards = {card.name: card for card in session.offered()}
    with st.container(gap="small"):
        st.session_state[_PICKER] = session.reference()
        st.selectbox(
            "Study",
            list(cards),
            format_func=lambda name: cards[name].title,
            help="A trained network with its data and loss, or published figures of one.",
            key=_PICKER,
            on_change=sentences.callback(_pick),
        )
        missing = cards.get(st.session_state.get(_MISSING, ""))
        if missing is not None:
            st.info(
                f"**{plain(missing.title)}**: {plain(missing.how_to_get)}.",
                icon=":material/download:",
            )
        st.divider()


def _device() -> None:
    """Where the networks of runs are computed: a choice where there is one, for all who use this server."""
    there = devices.available()
    if len(there) == 1:
        st.caption("Networks run on the CPU.")
        return
    st.session_state[_DEVICE] = devices.chosen()
    st.selectbox(
        "Device",
        there,
        key=_DEVICE,
        on_change=sentences.callback(_take_device),
        disabled=not door.person().operator,
        help="Where the networks of runs that begin from now on are computed, for all who use this server. What was "
        "computed before stays; every run says where it was made.",
    )


def _take_device() -> None:
    os.environ[devices.VARIABLE] = st.session_state[_DEVICE]


def _pick() -> None:
    """Change to the study that was picked, or keep in mind that it is not there."""
    picked = st.session_state[_PICKER]
    there = {card.name for card in session.offered() if card.available}
    st.session_state[_MISSING] = "" if picked in there else picked
    if picked in there:
        session.choose_study(picked)


def strip() -> None:
    """Name, FP32 accuracy and size of the study; size, compression and Ω of the current plan."""
    if (remark := session.study().remark) is not None:
        st.caption(plain(remark))
    study, blocks, plan = session.study(), session.blocks(), session.plan()
    full_size = plans.fp32_bytes(blocks)
    with st.container(key="strip", horizontal=True, gap="medium"):
        title = study.card.title.split(" (")[0]
        st.metric("Study", plain(title), help=plain(study.card.summary), width="content")
        _accuracy()
        words = "Weights of all blocks in 32 bits; 1 kB = 1,000 bytes."
        st.metric("FP32 size", bytes_text(full_size), help=words, width="content")
        if plan is None:
            words = "Click a point on the Frontier page."
            st.metric("Current plan", "none yet", help=words, width="content")
            return
        size = bytes_text(plans.size_bytes(blocks, plan.w_bits))
        words = "Packed weights, without biases and batch normalisation."
        st.metric(plain(plan.name) or "Current plan", size, help=words, width="content")
        ratio = f"{plans.compression(blocks, plan.w_bits):.2f}×"
        st.metric("Compression", ratio, help="FP32 size divided by the plan's size.", width="content")
        if (latency := latencies.shown(plan)) is not None:
            st.metric("Latency", latency, help=latencies.words(), width="content")
        judged = yardstick.current()
        omega = judged.omega(plan)
        words = "Ω, summed over the blocks, by the measure chosen on the Frontier page."
        if omega is None:
            words += " Not computed yet by this measure."
        elif omega[1]:
            words += f" Standard error {omega[1]:.1g}."
        shown = "–" if omega is None else f"{omega[0]:.3g}"
        st.metric(judged.label, shown, help=words, width="content")
        _untrained(plan)


def _untrained(plan: plans.Plan) -> None:
    """Accuracy of the current plan without training, as far as it is measured."""
    gauged.wish(plan)
    known = gauged.found(plan)
    if isinstance(known, Reading) and known.accuracy is not None:
        words = f"Measured on {known.samples:,} test {session.study().noun.many}, ± one standard error."
        shown = percent_text(known.accuracy, known.accuracy_stderr)
        st.metric(f"{session.study().metric.title}, untrained", shown, help=words, width="content")


def measured_line() -> None:
    """Loss and accuracy of the FP32 network in a sentence, once they are measured."""
    study = session.study()
    measured = results.full_precision(study)
    if measured is not None:
        accuracy = percent_text(measured["accuracy"], measured["accuracy_stderr"])
        st.write(
            f"On the {measured['samples']:,} test {study.noun.many} of this study: loss {measured['loss']:.4f} ± "
            f"{measured['loss_stderr']:.4f}, {study.metric.name} {accuracy}{_figures(measured)} (± one standard error)."
        )


def _figures(measured: Mapping[str, Any]) -> str:
    """What follows from the mean loss, such as the perplexity."""
    study = session.study()
    if not study.has_network:
        return ""
    found = metrics.figures(study.loss, Estimate(measured["loss"], measured["loss_stderr"]))
    return "".join(f", {name} {of.value:.4g} ± {of.stderr:.2g}" for name, of in found.items())


def next_step(page: str, label: str, *others: tuple[str, str]) -> None:
    """What to do next, at the end of a page, where there is what that needs: weights, and a plan to train.

    Args:
        others: further pages with their labels.
    """
    without = not session.study().has_network
    offered = [
        (name, said)
        for name, said in ((page, label), *others)
        if not (navigation.entry(name).weights and without)
        and not (name == "fine_tune" and session.plan() is None)
    ]
    if not offered:
        return
    st.divider()
    for number, (name, said) in enumerate(offered):
        st.page_link(
            f"pages/{name}.py", label=f"{'Or' if number else 'Next'}: {said}", icon=":material/arrow_forward:"
        )


def _accuracy() -> None:
    study = session.study()
    if not study.has_network:
        st.metric(
            f"FP32 {study.metric.name}",
            "–",
            help="Published figures only: no weights to measure.",
            width="content",
        )
        return
    measured = results.full_precision(study)
    if measured is not None:
        on = f"{measured['samples']:,} test {study.noun.many}"
        note = (
            f"Share of the {on} that are classified correctly, ± one standard error."
            if study.metric.name == ACCURACY.name
            else f"Mean over the {on}, ± one standard error."
        )
        shown = percent_text(measured["accuracy"], measured["accuracy_stderr"])
        st.metric(f"FP32 {study.metric.name}", shown, help=note, width="content")
        return
    asked = spec_of(study, EvaluateQuestion())
    found = caches.store().find(asked)
    if found is None or found.status != "unreadable":
        request(caches.store(), asked, parts=study.parts, owner=door.person().name)
    _awaited_accuracy()


@sentences.fragment(run_every=1.0)
def _awaited_accuracy() -> None:
    study = session.study()
    if not study.has_network:
        return
    run = caches.store().find(spec_of(study, EvaluateQuestion()))
    if run is not None and run.status == "done":
        st.rerun()
    failed = run is not None and not run.live
    st.metric(
        f"FP32 {study.metric.name}",
        "not measured" if failed else "measuring …",
        help=plain((run.error if run else None) or "")
        or f"Measured on the test {study.noun.many}, in the background.",
        width="content",
    )


def granularity_control() -> None:
    """Control of what a block is: a layer, or a module such as a residual block."""
    if not session.study().has_network:
        return
    names: dict[Granularity, str] = {"layer": "layer", "module": "residual block"}
    key = f"granularity_{session.reference()}"

    def chosen() -> None:
        session.choose_granularity(st.session_state[key])

    st.session_state[key] = session.granularity()
    st.segmented_control(
        "One bit width per",
        list(names),
        format_func=names.__getitem__,
        required=True,
        key=key,
        on_change=sentences.callback(chosen),
        help="A *block* gets one bit width: each layer by itself, or all layers of a residual block together, as in HAWQ.",
    )


def style() -> None:
    """The few rules the theme has no option for."""
    st.html(
        """<style>
        [data-testid="stMainBlockContainer"] {padding: .25rem 2rem 3rem; max-width: 1800px;}
        [data-testid="stMainBlockContainer"] > div > [data-testid="stVerticalBlock"] {gap: .75rem;}
        [data-testid="stHeader"] {background: transparent; pointer-events: none;}
        [data-testid="stHeader"] :is(button, [role="button"]) {pointer-events: auto;}
        div:has(> .st-key-strip) {position: sticky; top: 0; z-index: 100; background: light-dark(#FCFDFD, #0C1418);
            border-bottom: 1px solid rgba(128,136,150,.3); margin: 0 -2rem; width: calc(100% + 4rem) !important; max-width: none;
            padding: .45rem 4rem .35rem 2rem;
            min-height: 3.4rem;}
        [data-testid="stSidebar"][aria-expanded="false"] ~ div div:has(> .st-key-strip) {padding-left: 4rem;}
        .st-key-strip > * {flex: 0 0 auto !important; width: auto !important; min-width: 0; max-width: 11rem;}
        .st-key-strip > :first-child {flex: 0 1 auto !important; max-width: none;}
        .st-key-strip {flex-wrap: nowrap; overflow: hidden; gap: clamp(.6rem, 1.6vw, 1.5rem);}
        .st-key-strip [data-testid="stMetricValue"] {font-size: .95rem; line-height: 1.25; font-weight: 600;}
        .st-key-strip [data-testid="stMetricLabel"], .st-key-strip [data-testid="stMetricLabel"] p {font-size: .75rem;
            line-height: 1.2; min-height: 0;}
        @media (max-width: 1200px) {
            .st-key-strip [data-testid="stTooltipIcon"] {display: none;}
            .st-key-strip [data-testid="stMetricValue"] {font-size: .85rem;}
            .st-key-strip > * {max-width: 6.3rem;}
            .st-key-strip > :first-child {min-width: 6.3rem;}
            .st-key-strip > :nth-child(3) {display: none;}
        }
        .st-key-plan_numbers [data-testid="stMetricValue"], .st-key-plan_measured [data-testid="stMetricValue"],
        .st-key-training_numbers [data-testid="stMetricValue"] {font-size: 1.05rem;}
        .st-key-steps_numbers [data-testid="stMetricValue"],
        .st-key-export_numbers [data-testid="stMetricValue"] {font-size: 1.35rem;}
        [class*="st-key-watched_"] div:has(> [class*="st-key-drawn_"]) {order: -1;}
        [data-testid="stMainBlockContainer"] [data-testid="stButtonGroup"] button[role="radio"],
        [data-testid="stMainBlockContainer"] [data-testid="stPopover"] button:not([kind="tertiary"]) {min-height: 2.5rem;}
        [class*="st-key-controls_"] [data-testid="stButtonGroup"] button[role="radio"] {padding: .25rem .4rem;}
        [class*="st-key-chart_export_"] {margin-top: -1rem;}
        [class*="st-key-carrying_"] img {image-rendering: pixelated;}
        .st-key-ways [data-testid="stHorizontalBlock"] {flex-wrap: wrap;}
        .st-key-ways [data-testid="stColumn"] {min-width: 15rem;}
        [class*="st-key-way_"] h2 {font-size: 1.15rem; padding: 0 0 .2rem;}
        [data-testid="stCaptionContainer"] {color: inherit; opacity: .8;}
        [data-testid^="stBaseButton-primary"]:not(:disabled) :is(p, span), [data-baseweb="tag"] span, [data-testid="stMultiSelect"] span[title] {color: light-dark(white, #06212A);}
        .st-key-keyboard {position: absolute;}
        .st-key-tour {background: rgba(36,135,157,.12); border-radius: 6px; padding: .4rem .8rem;}
        [data-testid="stMainBlockContainer"] h1 {font-size: 1.5rem; padding: .2rem 0 0;}
        [data-testid="stMainBlockContainer"] h2 {font-size: 1.2rem; padding: .5rem 0 0;}
        [data-testid="stMainBlockContainer"] h3 {font-size: 1.05rem; padding: .3rem 0 0;}
        [class*="st-key-prose_"] h2, [class*="st-key-long_"] h3 {padding-bottom: .5rem;}
        [class*="st-key-prose_"] {max-width: 50rem;}
        [class*="st-key-prose_"] p, [class*="st-key-prose_"] li {line-height: 1.6;}
        [class*="st-key-experiment_"] h3 {padding: 0;}
        [class*="st-key-lesson_numbers_"] [data-testid="stMetricValue"] {font-size: 1.1rem;}
        [class*="st-key-pictures_"] > * {min-width: min(100%, 19rem) !important;}
        [class*="st-key-finding_"] {border-left: 4px solid #0e9384; padding-left: .8rem;}
        [class*="st-key-notice_"] {background: rgba(36,135,157,.12); border-radius: 6px; padding: .6rem .9rem; max-width: 50rem;}
        .js-plotly-plot:not(:hover) .modebar {visibility: hidden;}
        .st-key-browser_history, .st-key-frontier_chart_handle, .st-key-plan_bars_clicks {position: absolute;}
        .frontier-knob {position: absolute; width: 22px; height: 22px; border-radius: 50%; box-sizing: border-box;
            transform: translate(-50%, -50%); border: 3px solid white; box-shadow: 0 1px 5px rgba(0,0,0,.45);
            cursor: grab; pointer-events: auto; touch-action: none;}
        .frontier-knob:focus-visible {outline: 3px solid rgba(224,51,109,.5); outline-offset: 2px;}
        .frontier-other {position: absolute; width: 14px; height: 14px; transform: translate(-50%, -50%);}
        .frontier-other::before {content: ""; position: absolute; inset: 0; border: 3px solid; transform: rotate(45deg);}
        .frontier-other::after {content: attr(data-label); position: absolute; left: calc(100% + 8px); top: 50%;
            transform: translateY(-50%); white-space: nowrap; font-size: 14px; padding: 0 4px; border-radius: 4px;
            background: var(--st-background-color, Canvas);}
        .frontier-card {position: absolute; max-width: 340px; padding: 8px 10px; font-size: 13px; line-height: 1.35;
            white-space: pre-line; border: 1px solid rgba(128,136,150,.5); border-radius: 6px;
            box-shadow: 0 2px 10px rgba(0,0,0,.2);}
        .frontier-cells {display: flex; gap: 1px; margin: 5px 0;}
        .frontier-cells i {flex: 1; min-width: 2px; height: 14px;}
        .plan-bars-cursor {position: absolute; box-sizing: border-box; opacity: 0;}
        .plan-bars-cursor:focus {opacity: 1; outline: 3px solid #e0336d; outline-offset: 1px;}
        .plan-bars-ghost {position: absolute; display: none; box-sizing: border-box; text-align: center;
            font-size: 12px; line-height: 1; padding-top: 2px; border: 2px dashed #e0336d; border-bottom: 0;}
        </style>"""
    )
