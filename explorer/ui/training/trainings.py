"""The trainings of a study: of which plan each is, what it is called, and which one is shown."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from explorer import plans
from explorer.figures.look import bytes_text
from explorer.jobs.telling import titles as run_titles
from explorer.plans import Plan
from explorer.questions import FinetuneQuestion
from explorer.questions.telling import titles
from explorer.runs import Run
from explorer.ui.shell import caches, session
from explorer.ui.shell.opening import TRAINING_SHOWN

_WITH = "training_shown_with"


def is_of(run: Run, plan: Plan) -> bool:
    """Whether a training is of this plan: the same bits, and the same steps where it has its own."""
    trained, wanted = content(run), FinetuneQuestion(plan=plan.to_json()).plan
    return all(trained.get(part) == wanted.get(part) for part in ("blocks", "steps"))


def content(run: Run) -> Mapping[str, Any]:
    """What was trained, as plan.json has it."""
    plan = run.spec.parameters.get("plan")
    return plan if isinstance(plan, dict) else {}


def bits(run: Run) -> dict[str, tuple[int, int]]:
    """Block to weight and activation bits of what was trained."""
    return {name: (int(of["w_bits"]), int(of["a_bits"])) for name, of in content(run)["blocks"].items()}


def epochs(run: Run) -> int:
    """How many epochs a training has; 1 where its question is of another version."""
    question = run_titles.question_of(run.spec)
    return question.passes if isinstance(question, FinetuneQuestion) else 1


def label(run: Run) -> str:
    """The name a person gave, or size and settings: what tells the trainings of a study apart."""
    if run.name:
        return run.name
    question = run_titles.question_of(run.spec)
    settings = [run_titles.of(run)] if question is None else titles.settings(question)
    return " · ".join([bytes_text(size(run)), *settings])


def size(run: Run) -> float:
    """Bytes of the packed weights of what was trained."""
    of = bits(run)
    for granularity in caches.GRANULARITIES:
        blocks = caches.blocks(session.reference(), granularity)
        if {block.name for block in blocks} == set(of):
            return plans.size_bytes(blocks, {name: weights for name, (weights, _) in of.items()})
    return 0.0


def show(run_id: str) -> None:
    """Show this training until the current plan is another one."""
    st.session_state[TRAINING_SHOWN] = run_id
    st.session_state[_WITH] = session.plan()


def shown(runs: Sequence[Run], plan: Plan | None) -> Run | None:
    """The training to show: the chosen one, else the newest of the current plan; without a plan the newest of all."""
    chosen = st.session_state.get(TRAINING_SHOWN)
    if chosen is not None and st.session_state.setdefault(_WITH, plan) != plan:
        chosen = None
    for run in runs:
        if run.id == chosen:
            return run
    st.session_state.pop(TRAINING_SHOWN, None)
    st.session_state.pop(_WITH, None)
    return next((run for run in runs if plan is None or is_of(run, plan)), None)


def pick(runs: Sequence[Run], current: Run | None) -> None:
    """Choose another training of the study."""
    names = {run.id: label(run) for run in runs}
    ids = list(names)
    index = None if current is None else ids.index(current.id)
    picked = st.selectbox(
        "Trainings of this study",
        ids,
        index,
        format_func=lambda run_id: names.get(run_id, run_id),
        placeholder=f"{len(ids)} of other plans",
        key=f"training_pick_{hash((tuple(ids), index))}",
    )
    if picked is not None and (current is None or picked != current.id):
        show(picked)
        st.rerun()
