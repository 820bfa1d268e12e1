"""The Fine-tune page: settings at the left, and beside them the training of the current plan, or another one by name."""

import streamlit as st

from explorer.plans import Plan, read_plan
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.parts import run_panel
from explorer.ui.runs import sweep
from explorer.ui.shell import caches, results, session
from explorer.ui.shell.plain import plain
from explorer.ui.training import beside, closer, form, picture, sweeping, trainings

_COLUMNS = (1, 3)


def show(study: Study, plan: Plan | None) -> None:
    """Draw everything but the title."""
    runs = results.runs_of(study, "finetune")
    run = trainings.shown(runs, plan)
    others: list[Run] = []
    left, right = st.columns(_COLUMNS, gap="medium")
    with left:
        if plan is not None:
            usual = form.show(study, plan, runs)
            if usual is not None:
                sweeping.show(study, plan, usual, runs)
        else:
            st.info("No current plan. Click a point on the frontier first.", icon=":material/info:")
            st.page_link("pages/frontier.py", label="Choose a plan", icon=":material/show_chart:")
        swept = sweep.chooser(sweep.all_of(runs), key=sweeping.SHOWN)
        if runs:
            trainings.pick(runs, run)
            others = beside.pick(runs, run)
    with right:
        sweeping.told()
        if swept is not None:
            sweep.panel(swept)
        elif run is not None:
            _headed(run, plan)
            run_panel.watch(run.id, lambda now: picture.show(study, now))
            if others:
                beside.show([run, *others])
            closer.show(study, run, others)
        elif plan is not None:
            st.header("The current plan is not trained yet")
            st.write("**Start fine-tuning** trains it; the training goes on when you close this page.")
            picture.bars({name: (each.w_bits, each.a_bits) for name, each in plan.blocks.items()})


def _headed(run: Run, plan: Plan | None) -> None:
    """Whose training it is, before any number of it."""
    own = plan is not None and trainings.is_of(run, plan)
    with st.container(horizontal=True, vertical_alignment="center"):
        whose = "the current plan" if own else "another plan" if plan is not None else "a plan"
        st.header(plain(f"Training of {whose}: {trainings.label(run)}"))
        if not own and st.button("Use this plan", icon=":material/back_hand:", key=f"use-{run.id}"):
            use(run)


def use(run: Run) -> None:
    """Make the plan of a training the current one."""
    reference, study = session.reference(), session.study()
    content = {**trainings.content(run), "study": study.name}  # the same study by another name, it may be
    partitions = tuple(caches.blocks(reference, granularity) for granularity in caches.GRANULARITIES)
    taken, _ = read_plan(content, study=study, partitions=partitions)
    layers = {block.name for block in partitions[0]}
    session.choose_granularity("layer" if set(taken.blocks) == layers else "module")
    session.take(taken)
    st.rerun()
