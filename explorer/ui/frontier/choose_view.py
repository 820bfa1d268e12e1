"""Choose for me: the smallest plan of this frontier that loses at most so many points, measured, and one click to it."""

import streamlit as st

from explorer import choosing, plans
from explorer.figures.plans.frontier_view import COSTS
from explorer.jobs import registry
from explorer.jobs.requests import spec_of
from explorer.plans import FrontierQuestion
from explorer.questions import ChooseQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.shell import results, sentences, session, yardstick
from explorer.ui.shell.plain import plain
from explorer.ui.state import address

_LEAST, _MOST, _USUAL = 0.1, 50.0, 100 * ChooseQuestion.default("max_drop")


def show(question: FrontierQuestion) -> None:
    """The wish, the run that answers it, and its plan; nothing for a study without a network."""
    study = session.study()
    if not isinstance(study, Study):
        return
    st.header("Choose for me")
    asked = _ask(question)
    spec = spec_of(study, asked)
    run = results.runs(study).find(spec)
    if run is None:
        st.caption(
            plain(
                f"Measures some twenty plans along this frontier on training {study.noun.many}, confirms the smallest that "
                "holds on others, and reports it on the test split. It keeps running if you leave this page."
            )
        )
        if st.button("Choose", type="primary", icon=":material/play_arrow:", key="compute_choice"):
            run_panel.begin([spec])
        return
    if run.status == "done":
        _draw(run)
    else:
        run_panel.watch(run.id, _draw)


def _ask(question: FrontierQuestion) -> ChooseQuestion:
    with st.container(horizontal=True, vertical_alignment="bottom", key="choose_wish"):
        points = st.number_input(
            f"Least {COSTS[question.cost]}, losing at most (% points)",
            min_value=_LEAST,
            max_value=_MOST,
            step=0.1,
            format="%.1f",
            key=address.number(yardstick.key("max_drop"), "lose", _LEAST, _MOST, _USUAL),
            persist_state="session",
            width=360,
            help=f"Of {session.study().metric.name} against FP32, without training. Least by the cost chosen above, within its constraints.",
        )
        refine = st.toggle(
            "Swap bits afterwards",
            key=address.switch(yardstick.key("refine"), "swaps"),
            persist_state="session",
            help="Moves bits between two blocks at no more cost, as long as the measured loss falls by more than noise.",
        )
        stepped = st.toggle(
            "LAPQ's steps",
            key=address.switch(yardstick.key("lapq_steps"), "lapq"),
            persist_state="session",
            help="Fits the step sizes of the plan to its loss, and tries smaller plans that hold with theirs. Takes "
            "several times as long.",
        )
    return ChooseQuestion(
        max_drop=round(points / 100, 10),
        frontier=question,
        granularity=session.granularity(),
        refine=refine,
        steps="lapq" if stepped else "rule",
    )


def _draw(run: Run) -> None:
    if run.result is None:
        return
    study = session.study()
    assert isinstance(study, Study)
    choice: choosing.Choice = registry.result(run.spec.kind, run.result)
    st.markdown(plain(choosing.said(choice, study.noun.many, study.metric.name)))
    if (further := choosing.remark_on(study.metric)) is not None:
        st.caption(plain(further))
    plan, _ = plans.read_plan(choice.plan, study=study, partitions=(session.blocks(),))

    def take() -> None:
        session.take(plan)

    st.button(
        "Take this plan",
        key="take_choice",
        icon=":material/check:",
        disabled=session.plan() == plan,
        help="It is the current plan." if session.plan() == plan else None,
        on_click=sentences.callback(take),
    )
