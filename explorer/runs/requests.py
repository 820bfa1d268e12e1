"""The specs people ask for: one function a kind, so that the app and the command line ask in the same words.

A parameter that has its default value is left out of the spec, so an option added later does not orphan the
runs recorded before it.
"""

from collections.abc import Mapping
from typing import Any, Protocol

from explorer.runs.spec import RunSpec

TRACE_DEFAULTS: dict[str, Any] = {
    "of": "weights",
    "method": "auto",
    "granularity": "layer",
    "samples": None,
    "rel_se": 0.05,
}
FINETUNE_DEFAULTS: dict[str, Any] = {"method": "ste", "epochs": 1, "batch_size": 128, "learning_rate": 0.01}
EVALUATE_DEFAULTS: dict[str, Any] = {"plan": None, "split": "test"}

VERSIONS = {"traces": 1, "finetune": 1, "evaluate": 1}


class Known(Protocol):
    """What a spec says of a study."""

    @property
    def reference(self) -> str: ...

    @property
    def fingerprint(self) -> str: ...


def traces(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Hessian traces; options as in ``TRACE_DEFAULTS``."""
    return _spec("traces", study, seed, options, TRACE_DEFAULTS)


def finetune(study: Known, plan: Mapping[str, Any], *, seed: int = 0, **options: Any) -> RunSpec:
    """Training of a plan (plan.json's content); options as in ``FINETUNE_DEFAULTS``."""
    return _spec("finetune", study, seed, {"plan": _anonymous(plan), **options}, FINETUNE_DEFAULTS)


def evaluate(study: Known, plan: Mapping[str, Any] | None = None, *, split: str = "test") -> RunSpec:
    """Loss and accuracy of a plan without training, or of the FP32 network."""
    options = {"plan": None if plan is None else _anonymous(plan), "split": split}
    return _spec("evaluate", study, 0, options, EVALUATE_DEFAULTS)


def _anonymous(plan: Mapping[str, Any]) -> dict[str, Any]:
    """The plan without its name, which plays no part in any result."""
    return {key: value for key, value in plan.items() if key != "name"}


def _spec(
    kind: str, study: Known, seed: int, options: Mapping[str, Any], defaults: Mapping[str, Any]
) -> RunSpec:
    parameters = {
        key: value for key, value in options.items() if key not in defaults or value != defaults[key]
    }
    return RunSpec(
        kind=kind,
        study=study.reference,
        fingerprint=study.fingerprint,
        parameters=parameters,
        seed=seed,
        version=VERSIONS[kind],
    )
