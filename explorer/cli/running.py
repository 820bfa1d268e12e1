"""Having a spec computed in this process, with a progress bar, through the same store as the app."""

from typing import TYPE_CHECKING, Any

from explorer.cli.output import progress_bar

if TYPE_CHECKING:
    from explorer.runs import RunSpec


def run_to_end(spec: "RunSpec", title: str) -> tuple[str, dict[str, Any]]:
    """The id and the result of a spec's run: looked up if it was computed before, else computed here."""
    from explorer.jobs import execute
    from explorer.runs import Store

    with progress_bar() as bar:
        run = execute(
            Store.open(), spec, on_progress=lambda now: bar(now.fraction, now.message or title), title=title
        )
    return run.id, run.result or {}
