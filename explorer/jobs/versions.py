"""Runs that today's code would not make: of an older version of an algorithm, or asked twice before."""

from explorer.jobs import registry
from explorer.runs.run import Run


def is_older(run: Run) -> bool:
    """Whether its numbers were made by an older version of the algorithm than the one that is here."""
    return run.spec.version < registry.kind(run.spec.kind).question.version


def remark(run: Run) -> str | None:
    """What a person must know before trusting or resuming the run, if anything: a sentence."""
    if run.superseded_by is not None:
        return f"The same question was asked twice of one study: run {run.superseded_by} answers it now."
    if is_older(run):
        return (
            f"This run was made by an older version of the algorithm ({run.spec.version}; now "
            f"{registry.kind(run.spec.kind).question.version}): compute it again for the numbers of today."
        )
    return run.remark
