"""What was computed about steps already: searches by any of the joint methods, and runs at other bits."""

from collections.abc import Collection, Mapping
from typing import Any

from explorer.jobs import requests
from explorer.jobs.requests import spec_of
from explorer.lapq import LapqResult
from explorer.questions import LapqQuestion
from explorer.runs import Run
from explorer.studies import Study
from explorer.ui.shell import caches, results
from explorer.ui.steps.form import METHODS, Asked

_BITS = ("w_bits", "a_bits")


def found(study: Study, asked: Asked) -> dict[str, Mapping[str, Any]]:
    """Method to the result of its search, of the methods that have one."""
    made: dict[str, Mapping[str, Any]] = {}
    for method in METHODS:
        run = caches.store().find(spec_of(study, LapqQuestion(method=method, **asked.options)))
        if run is not None and run.result is not None:
            made[method] = run.result
    return made


def best(study: Study, asked: Asked) -> LapqResult | None:
    """The search that ended lowest in calibration loss; None if there is none."""
    searches = [LapqResult.from_json(each) for each in found(study, asked).values()]
    return min(searches, key=lambda result: result.stages["joint"].calibration_loss, default=None)


def at_all_bits(study: Study, run: Run, *, free: Collection[str] = ()) -> dict[str, Run]:
    """A finished sweep or Hessian and those like it in all but the bits, by their bits, the fewest first.

    Args:
        free: parameters that may differ too.
    """

    def conditions(of: Run) -> tuple[Any, ...]:
        given = {key: of.spec.parameters[key] for key in of.spec.parameters if key not in (*_BITS, *free)}
        return of.spec.version, of.spec.seed, given

    alike = [
        each
        for each in results.runs_of(study, run.spec.kind)
        if each.result is not None and conditions(each) == conditions(run)
    ]
    asked = {each.id: requests.question_of(each.spec).options() for each in alike}
    bits = {tuple(asked[each.id][key] for key in _BITS): each for each in alike}
    return {f"W{w}A{a}": bits[w, a] for w, a in sorted(bits)}
