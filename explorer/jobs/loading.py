"""Loading the study a run is about, and making sure that it is still the same one."""

from collections.abc import Mapping

from explorer import devices, studies
from explorer.errors import RunError
from explorer.runs.spec import RunSpec
from explorer.studies import Study
from explorer.studies.identity.parts import changes

ON_THE_PROCESSOR = (
    "export",
    "export_latency",
)  # kinds of what runs elsewhere, and is computed with integers here


def load_for(spec: RunSpec, parts: Mapping[str, str] | None = None) -> Study:
    """The network study of a spec, on the device that is chosen for this process.

    Raises:
        StudyError: it cannot be loaded, or has no weights.
        RunError: as `check_same`.
        DeviceError: as `placed`.
    """
    study = studies.load_network(spec.study)
    check_same(study, spec, parts)
    return study if spec.kind in ON_THE_PROCESSOR else placed(study)


def placed(study: Study, device: str | None = None) -> Study:
    """The study on the device that is named, or that is the usual one of this process.

    Raises:
        DeviceError: there is no such device.
    """
    chosen = devices.chosen(device)
    return study if chosen == str(study.device) else study.on(chosen)


def check_same(study: Study, spec: RunSpec, parts: Mapping[str, str] | None = None) -> None:
    """Make sure that a study is the one a run was asked about.

    Args:
        parts: of the study when the run was asked for, so that it can be said what changed.

    Raises:
        RunError: it is another by now; the sentence says in what.
    """
    if study.fingerprint == spec.fingerprint:
        return
    what = "" if parts is None else changes(parts, study.parts)
    said = f": {what}" if what else ""
    raise RunError(f"the study {spec.study} has changed since this run was asked for{said}; ask again")
