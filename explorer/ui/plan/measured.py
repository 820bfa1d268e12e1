"""Predicted damage of the current plan, and its accuracy and loss without training, measured while a person looks at it.

The first estimate is there within about two seconds of a click, and is refined to all test samples; every session of
the app shares what was measured. Its difference from FP32, sample by sample, is
coloured only where it is not noise.
"""

import streamlit as st

from explorer.estimates import Estimate, within_noise
from explorer.figures.look import percent_text
from explorer.jobs import request
from explorer.jobs.gauge.reading import Failure, Reading
from explorer.jobs.requests import spec_of
from explorer.plans import Plan
from explorer.questions import EvaluateQuestion
from explorer.studies import metrics, require_network
from explorer.ui.shell import caches, door, gauged, sentences, session, yardstick
from explorer.ui.shell.plain import plain


def show(held: Plan) -> None:
    """What is predicted and measured of a plan; while more is on its way, drawn again twice a second."""
    gauged.wish(held)
    if not session.study().has_network or gauged.is_settled(gauged.found(held)):
        _draw(held)
    else:
        _watched(held)


@sentences.fragment(run_every=0.5)
def _watched(held: Plan) -> None:
    _draw(held)
    if gauged.is_settled(gauged.found(held)):
        st.rerun()


def _draw(held: Plan) -> None:
    found = gauged.found(held)
    with st.container(horizontal=True, gap="small", key="plan_measured"):
        judged = yardstick.current()
        words = "Ω ± one standard error of its estimate; – where it is not computed by this measure."
        st.metric(judged.short_label, judged.shown(held), help=words, width="content")
        if isinstance(found, Reading):
            _numbers(found)
        elif found is None and session.study().has_network:
            waiting = {"delta": "against FP32", "delta_color": "off", "delta_arrow": "off"}
            title = f"{session.study().metric.title}, untrained"
            st.metric(title, "measuring …", width="content", **waiting)  # type: ignore[arg-type]
    if isinstance(found, Failure):
        st.caption(plain(f"The {session.study().metric.name} of this plan was not measured: {found.why}"))
    elif found is not None and found.ended and not found.complete:
        _measure_on_all(found, held)


def _numbers(found: Reading) -> None:
    noun = session.study().noun.many
    on = " so far" if not found.ended else ", untrained"
    note = (
        f"Measured on {found.samples:,} of the {found.of:,} test {noun}, without training, ± one standard error. The difference "
        f"is from FP32 on the same {noun}; grey where it is at most two standard errors."
    )
    if found.accuracy is not None and found.change is not None and found.change_stderr is not None:
        seen = not within_noise(found.change, found.change_stderr)
        st.metric(
            f"{session.study().metric.title}{on}",
            percent_text(found.accuracy, found.accuracy_stderr),
            delta=f"{found.change * 100:+.2f} ± {found.change_stderr * 100:.2f} points",
            delta_color="normal" if seen else "off",
            delta_arrow="auto" if seen else "off",
            help=note,
            width="content",
        )
    seen = not within_noise(found.rise, found.rise_stderr)
    st.metric(
        f"Loss{on}",
        f"{found.loss:.4f} ± {found.loss_stderr:.4f}",
        delta=f"{found.rise:+.4f} ± {found.rise_stderr:.4f}",
        delta_color="inverse" if seen else "off",
        delta_arrow="auto" if seen else "off",
        help=note,
        width="content",
    )
    of_all = metrics.figures(require_network(session.study()).loss, Estimate(found.loss, found.loss_stderr))
    for name, value in of_all.items():
        st.metric(
            f"{name.capitalize()}{on}",
            f"{value.value:.4g} ± {value.stderr:.2g}",
            help="Less is better. " + note.partition(" The difference")[0],
            width="content",
        )


def _measure_on_all(found: Reading, held: Plan) -> None:
    with st.container(horizontal=True, vertical_alignment="center"):
        noun = session.study().noun.many
        st.caption(f"On {found.samples:,} of {found.of:,} test {noun}; all take longer.", width="content")
        if st.button("Measure on all", type="tertiary", icon=":material/play_arrow:", key="plan_measure_all"):
            study = session.study()
            asked = spec_of(study, EvaluateQuestion(plan=held.to_json()))
            request(caches.store(), asked, parts=study.parts, owner=door.person().name)
            st.toast("Measuring on all of them; the result will be on the Runs page.")
