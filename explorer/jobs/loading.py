"""Loading the study a spec names, and making sure that it is still the same one."""

from explorer import studies
from explorer.errors import RunError
from explorer.runs.spec import RunSpec
from explorer.studies import Study


def load_for(spec: RunSpec) -> Study:
    """The network study of a spec.

    Raises:
        StudyError: it cannot be loaded, or has no weights.
        RunError: its weights, data or loss changed since the run was asked for.
    """
    study = studies.load_network(spec.study)
    if study.fingerprint != spec.fingerprint:
        raise RunError(f"the study {spec.study} has changed since this run was asked for; ask again")
    return study
