"""The plans that a sweep can train: the current one, pinned and saved ones, those that were trained before, and files."""

from collections.abc import Mapping, Sequence
from typing import Any

import streamlit as st

from explorer import plans
from explorer.errors import PlanError
from explorer.figures.look import bytes_text
from explorer.plans import Plan, read_plan
from explorer.questions.telling.titles import widths
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.plan import compare
from explorer.ui.shell import caches, session
from explorer.ui.shell.plain import plain
from explorer.ui.training import trainings

CURRENT = "Current plan"

Content = Mapping[str, Any]


def chosen(study: Study, plan: Plan | None, runs: Sequence[Run]) -> dict[str, Content]:
    """Draw the choice; name to plan.json's content of what was chosen."""
    offered = _offered(study, plan, runs)
    picked = st.multiselect(
        "Plans",
        list(offered),
        [CURRENT] if CURRENT in offered else [],
        placeholder="which",
        help="The current plan, those that are pinned or saved, and those that were trained before.",
        key="sweep_plans",
    )
    files = st.file_uploader(
        "More plans, as plan.json", type="json", accept_multiple_files=True, key="sweep_files"
    )
    found = {name: offered[name] for name in picked}
    for file in files:
        partitions = tuple(caches.blocks(session.reference(), each) for each in caches.GRANULARITIES)
        try:
            read, _ = read_plan(file.getvalue(), study=study, partitions=partitions)
        except PlanError as error:
            st.error(plain(f"{file.name} was not accepted: {error}"))
            continue
        found[file.name] = read.to_json()
    return found


def _offered(study: Study, plan: Plan | None, runs: Sequence[Run]) -> dict[str, Content]:
    found: dict[str, Content] = {}
    known: list[Content] = []

    def offer(name: str, content: Content) -> None:
        bare = {part: content.get(part) for part in ("blocks", "steps")}
        if bare in known:
            return
        known.append(bare)
        number = sum(each == name or each.startswith(f"{name} (") for each in found)
        found[name if not number else f"{name} ({number + 1})"] = content

    if plan is not None:
        offer(CURRENT, plan.to_json())
    if (pinned := compare.pinned()) is not None:
        offer("Pinned plan", pinned.to_json())
    for granularity in caches.GRANULARITIES:
        for saved in plans.saved_plans(study, caches.blocks(session.reference(), granularity)):
            offer(saved.name, saved.to_json())
    for run in runs:
        content = trainings.content(run)
        if content.get("blocks"):
            words = f"{bytes_text(trainings.size(run))} · {widths(content)}"
            offer(f"Trained: {words}", {**content, "study": study.name})
    return found
