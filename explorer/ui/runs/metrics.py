"""What the study of a run counts."""

from collections.abc import Sequence

from explorer.runs import Run
from explorer.ui.shell import session

UNKNOWN = "metric"


def of(runs: Sequence[Run]) -> str:
    """The metric of the current study where all runs are of it; "metric" where another study would have to be loaded."""
    study = session.study()
    own = all(run.spec.fingerprint == study.fingerprint for run in runs)
    return study.metric.name if own else UNKNOWN
