"""Having a question answered in this process, with a progress bar, through the same store as the app."""

from typing import TYPE_CHECKING, Any

from explorer.access.persons import system_user
from explorer.cli.output import progress_bar, remark
from explorer.questions import Question

if TYPE_CHECKING:
    from explorer.runs import Run
    from explorer.studies import Study


def run_to_end(study: "Study", question: Question, title: str, time_limit: float | None = None) -> "Run":
    """The finished run that answers a question: looked up if it was computed before, else computed here.

    Args:
        time_limit: seconds after which it is stopped.
    """
    from explorer import jobs
    from explorer.jobs import versions
    from explorer.jobs.requests import spec_of
    from explorer.runs import Store

    with progress_bar() as bar:
        run = jobs.execute(
            Store.open(),
            spec_of(study, question),
            on_progress=lambda now: bar(now.fraction, now.message or title),
            title=title,
            study=study,
            time_limit=time_limit,
            owner=system_user(),
        )
    if (note := versions.remark(run)) is not None:
        remark(note)
    return run


def typed(run: "Run", **changes: Any) -> Any:
    """The typed result of a finished run, with some of what was recorded changed."""
    from explorer.jobs import registry

    return registry.result(run.spec.kind, {**(run.result or {}), **changes})
