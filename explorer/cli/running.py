"""Having a spec computed in this process, with a progress bar, through the same store as the app."""

from explorer.cli.output import progress_bar
from explorer.runs import Run, RunSpec, Store, execute


def run_to_end(spec: RunSpec, title: str) -> Run:
    """The finished run of a spec: looked up if it was computed before, else computed here."""
    with progress_bar() as bar:
        return execute(
            Store.open(), spec, on_progress=lambda run: bar(run.fraction, run.message or title), title=title
        )
