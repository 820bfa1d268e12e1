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
    "probes": "rademacher",
    "jointly": True,
}
FINETUNE_DEFAULTS: dict[str, Any] = {"method": "ste", "epochs": 1, "batch_size": 128, "learning_rate": 0.01}
EVALUATE_DEFAULTS: dict[str, Any] = {"plan": None, "split": "test"}
LANDSCAPE_DEFAULTS: dict[str, Any] = {
    "block": None,
    "directions": "eigen",
    "dims": 2,
    "points": 17,
    "radius": None,
    "samples": 512,
    "bits": [4, 2],
}
EIGENVALUE_DEFAULTS: dict[str, Any] = {
    "k": 2,
    "which": "largest",
    "method": "lanczos",
    "granularity": "layer",
    "samples": 512,
    "tol": 1e-3,
    "max_products": 200,
    "whole": True,
}
SPECTRUM_DEFAULTS: dict[str, Any] = {
    "block": None,
    "steps": 64,
    "probes": 8,
    "granularity": "layer",
    "samples": 512,
    "blur": 0.01,
}

VERSIONS = {"traces": 2, "finetune": 1, "evaluate": 1, "landscape": 1, "eigenvalues": 1, "spectrum": 1}


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


def landscape(study: Known, block: str | None = None, *, seed: int = 0, **options: Any) -> RunSpec:
    """A slice of the loss; options as in ``LANDSCAPE_DEFAULTS``. Widths that play no part are left out."""
    options = {**LANDSCAPE_DEFAULTS, **options, "block": block}
    options["bits"] = list(options["bits"])[: options["dims"]]
    if options["directions"] != "quantization" or options["bits"] == [4, 2][: options["dims"]]:
        options["bits"] = LANDSCAPE_DEFAULTS["bits"]
    return _spec("landscape", study, seed, options, LANDSCAPE_DEFAULTS)


def eigenvalues(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Top eigenpairs of every block and of the whole network; options as in ``EIGENVALUE_DEFAULTS``."""
    return _spec("eigenvalues", study, seed, options, EIGENVALUE_DEFAULTS)


def spectrum(study: Known, block: str | None = None, *, seed: int = 0, **options: Any) -> RunSpec:
    """The spectral density of a block, or of the whole network (None); options as in ``SPECTRUM_DEFAULTS``."""
    return _spec("spectrum", study, seed, {"block": block, **options}, SPECTRUM_DEFAULTS)


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
