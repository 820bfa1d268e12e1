"""Accuracy and loss of the current plan without training, measured while a person looks at it.

The first estimate is there within about two seconds of a click, and is refined to all test samples; every session of
the app shares what was measured. It stands beside what Ω predicts, and its difference from FP32, sample by sample, is
coloured only where it is not noise.
"""

import streamlit as st
from streamlit.runtime.scriptrunner import get_script_run_ctx

from explorer.estimates import within_noise
from explorer.figures.look import percent_text
from explorer.jobs import request
from explorer.jobs.gauge.client import Gauge, key_of
from explorer.jobs.gauge.reading import Failure, Reading
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion
from explorer.ui.shell import caches, door, sentences, session
from explorer.ui.shell.plain import plain

_WISHED = "gauged"
_LABEL = "Accuracy, untrained"


def show(held: Plan) -> None:
    """What was measured of a plan; while more is on its way, drawn again twice a second."""
    study = session.study()
    if not study.has_network:
        return
    gauge = caches.gauge(session.reference())
    if st.session_state.get(_WISHED) != key_of(held):
        gauge.wish(_who(), held)
        st.session_state[_WISHED] = key_of(held)
    if _settled(gauge, held):
        _draw(gauge, held)
    else:
        _watched(held)


def line(held: Plan) -> str | None:
    """Measured accuracy in a few words, for the strip; None where there is none."""
    if not session.study().has_network:
        return None
    found = caches.gauge(session.reference()).found(held)
    if not isinstance(found, Reading) or found.accuracy is None:
        return None
    return percent_text(found.accuracy, found.accuracy_stderr)


@sentences.fragment(run_every=0.5)
def _watched(held: Plan) -> None:
    gauge = caches.gauge(session.reference())
    _draw(gauge, held)
    if _settled(gauge, held):
        st.rerun()


def _settled(gauge: Gauge, held: Plan) -> bool:
    found = gauge.found(held)
    return isinstance(found, Failure) or (found is not None and found.ended)


def _draw(gauge: Gauge, held: Plan) -> None:
    found = gauge.found(held)
    with st.container(horizontal=True, gap="medium", key="plan_measured"):
        if isinstance(found, Reading):
            _numbers(found)
        elif found is None:
            st.metric(_LABEL, "measuring …", width="content")
    if isinstance(found, Failure):
        st.caption(plain(f"The accuracy of this plan was not measured: {found.why}"))
    elif found is not None and not found.complete:
        _so_far(found, held)


def _numbers(found: Reading) -> None:
    noun = session.study().noun.many
    note = f"Measured on {found.samples:,} of the {found.of:,} test {noun}, without training; ± one standard error."
    paired = f"The difference is from FP32 on the same {noun}; grey where it is at most two standard errors."
    if found.accuracy is not None and found.change is not None and found.change_stderr is not None:
        seen = not within_noise(found.change, found.change_stderr)
        st.metric(
            _LABEL,
            percent_text(found.accuracy, found.accuracy_stderr),
            delta=f"{found.change * 100:+.2f} ± {found.change_stderr * 100:.2f} points".replace("-", "−", 1),
            delta_color="normal" if seen else "off",
            delta_arrow="auto" if seen else "off",
            help=f"{note} {paired}",
            width="content",
        )
    seen = not within_noise(found.rise, found.rise_stderr)
    st.metric(
        "Loss, untrained",
        f"{found.loss:.4f} ± {found.loss_stderr:.4f}",
        delta=f"{found.rise:+.4f} ± {found.rise_stderr:.4f}",
        delta_color="inverse" if seen else "off",
        delta_arrow="auto" if seen else "off",
        help=f"{note} {paired}",
        width="content",
    )


def _so_far(found: Reading, held: Plan) -> None:
    noun = session.study().noun.many
    words = f"On {found.samples:,} of {found.of:,} test {noun}"
    if not found.ended:
        st.caption(f"{words} so far.")
        return
    with st.container(horizontal=True, vertical_alignment="center"):
        st.caption(f"{words}.", width="content")
        if st.button("Measure on all", type="tertiary", icon=":material/play_arrow:", key="plan_measure_all"):
            study = session.study()
            asked = spec_of(study, EvaluateQuestion(plan=held.to_json()))
            request(caches.store(), asked, parts=study.parts, owner=door.person().name)
            st.toast("Measuring on all of them; the result is on Runs.")


def _who() -> str:
    context = get_script_run_ctx()
    return context.session_id if context is not None else ""
