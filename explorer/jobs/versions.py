"""Runs that would not come out the same today: of an older algorithm, an older record, another PyTorch."""

from explorer.jobs import registry
from explorer.runs.provenance import here
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
    return " ".join(filter(None, (run.remark, _unidentified(run), _made(run)))) or None


def _unidentified(run: Run) -> str | None:
    """Why no question finds a run that was recorded by the fingerprints of an earlier version."""
    if run.status != "done" or run.parts is not None or not registry.kind(run.spec.kind).needs_study:
        return None
    return (
        "This run was recorded before the code of a network was part of what identifies a study, so it answers no "
        "question now: compute it again."
    )


def _made(run: Run) -> str | None:
    """What the last digits of the numbers depend on, where it is not what there is now."""
    made = run.provenance
    if run.status != "done" or made is None or made.torch is None:
        return None
    if made.before:
        return (
            f"This run began with {' and '.join(made.before)} and went on with {made.with_what}, so its last digits "
            f"are not those of a run without interruption."
        )
    now = here()
    if now.torch is None or now.with_what == made.with_what:
        return None
    now_differ = f"here is {now.with_what}, so numbers computed now may differ in the last digits."
    return f"Computed with {made.with_what}; {now_differ}"
