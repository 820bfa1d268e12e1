"""The searches for steps that were done, by any of the joint methods, for one question."""

from collections.abc import Mapping
from typing import Any

from explorer.lapq import LapqResult
from explorer.runs import requests
from explorer.studies import Study
from explorer.ui import caches
from explorer.ui.steps_form import METHODS, Asked


def found(study: Study, asked: Asked) -> dict[str, Mapping[str, Any]]:
    """Method to the result of its search, of the methods that have one."""
    made: dict[str, Mapping[str, Any]] = {}
    for method in METHODS:
        run = caches.store().find(requests.lapq(study, method=method, **asked.options))
        if run is not None and run.result is not None:
            made[method] = run.result
    return made


def best(study: Study, asked: Asked) -> LapqResult | None:
    """The search that ended lowest in calibration loss; None if there is none."""
    results = [LapqResult.from_json(each) for each in found(study, asked).values()]
    return min(results, key=lambda result: result.stages["joint"].calibration_loss, default=None)
