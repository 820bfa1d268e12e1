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
LAPQ_DEFAULTS: dict[str, Any] = {
    "w_bits": 4,
    "a_bits": 4,
    "calibration": 512,
    "leave": None,
    "form": "integer",
    "bias_correction": "none",
    "method": "powell",
}
_STEPPED: dict[str, Any] = {
    key: LAPQ_DEFAULTS[key] for key in ("w_bits", "a_bits", "calibration", "form", "bias_correction")
}
LAPQ_SURFACE_DEFAULTS: dict[str, Any] = {**_STEPPED, "points": 33, "others": "float", "leave": None}
LAPQ_SWEEP_DEFAULTS: dict[str, Any] = {
    **_STEPPED,
    "leave": None,
    "site": None,
    "steps": None,
    "sizes": [16, 32, 64, 128, 256, 512],
    "seeds": [0, 1, 2],
    "method": None,
}
LAPQ_HESSIAN_DEFAULTS: dict[str, Any] = {
    **_STEPPED,
    "w_bits": 32,  # the paper's figure is of activations
    "leave": None,
    "steps": None,
    "how": "straight-through",
    "separability": True,
}
LAPQ_TABLE_DEFAULTS: dict[str, Any] = {
    "w_bits": 4,
    "a_bits": 4,
    "calibration": 512,
    "test_images": None,
    "corrections": ["none", "mean"],
    "method": "gradient",
    "leave": None,
}
QUANTIZER_DEFAULTS: dict[str, Any] = {
    "scheme": "symmetric",
    "granularity": "channel",
    "step": "mse",
    "bias_correction": "none",
}
DAMAGE_DEFAULTS: dict[str, Any] = {
    "measure": "product",
    "bits": [2, 3, 4, 5, 6, 7, 8],
    "granularity": "layer",
    "samples": 512,
    "quantizer": {},  # what differs from QUANTIZER_DEFAULTS
}
PROXY_DEFAULTS: dict[str, Any] = {
    "plans": 80,
    "samples": 1000,
    "split": "test",
    "bits": [2, 3, 4, 6, 8],
    "a_bits": 32,
    "granularity": "layer",
    "quantizer": {},
    "damage_samples": 512,
    "eigen_samples": 128,
}

VERSIONS = {
    "traces": 3,
    "finetune": 1,
    "evaluate": 1,
    "landscape": 2,
    "eigenvalues": 1,
    "spectrum": 1,
    "lapq": 3,
    "lapq_surface": 1,
    "lapq_sweep": 3,
    "lapq_hessian": 1,
    "lapq_table": 4,
    "damage": 1,
    "proxy": 1,
}


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


def lapq(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """The steps of all quantized tensors; options as in ``LAPQ_DEFAULTS``."""
    if options.get("leave") is not None:
        options["leave"] = sorted(options["leave"])
    return _spec("lapq", study, seed, options, LAPQ_DEFAULTS)


def lapq_surface(study: Known, first: str, second: str, *, seed: int = 0, **options: Any) -> RunSpec:
    """The loss over the steps of two sites; options as in ``LAPQ_SURFACE_DEFAULTS``.

    Where all others are in FP32, no layer is left alone unless it is named.
    """
    options = {"first": first, "second": second, **_left(options)}
    if options.get("others", "float") == "float":
        options["leave"] = options["leave"] or None
    return _spec("lapq_surface", study, seed, options, LAPQ_SURFACE_DEFAULTS)


def lapq_sweep(study: Known, sweep: str, *, seed: int = 0, **options: Any) -> RunSpec:
    """A curve: ``error``, ``p``, ``distance`` or ``calibration``; options as in ``LAPQ_SWEEP_DEFAULTS``."""
    return _spec("lapq_sweep", study, seed, {"sweep": sweep, **_left(options)}, LAPQ_SWEEP_DEFAULTS)


def lapq_hessian(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Derivatives of the loss by the steps; options as in ``LAPQ_HESSIAN_DEFAULTS``."""
    return _spec("lapq_hessian", study, seed, _left(options), LAPQ_HESSIAN_DEFAULTS)


def lapq_table(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Methods of calibration side by side; options as in ``LAPQ_TABLE_DEFAULTS``."""
    return _spec("lapq_table", study, seed, _left(options), LAPQ_TABLE_DEFAULTS)


def _left(options: Mapping[str, Any]) -> dict[str, Any]:
    """The layers that are left alone in order."""
    left = options.get("leave")
    return {**options, "leave": None if left is None else sorted(left)}


def damage(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Damage of every width of every block, measured; options as in ``DAMAGE_DEFAULTS``.

    Of the activations' damage neither the samples nor the weights' quantizer are part.
    """
    if options.get("measure") == "activation":
        options = {key: value for key, value in options.items() if key not in ("samples", "quantizer")}
    return _spec("damage", study, seed, _settled(options), DAMAGE_DEFAULTS)


def proxy(study: Known, *, seed: int = 0, **options: Any) -> RunSpec:
    """Predicted damage against measured loss over many plans; options as in ``PROXY_DEFAULTS``."""
    return _spec("proxy", study, seed, _settled(options), PROXY_DEFAULTS)


def _settled(options: Mapping[str, Any]) -> dict[str, Any]:
    """Widths in order, and of the quantizer what is not as usual."""
    settled = dict(options)
    if "bits" in settled:
        settled["bits"] = sorted(set(settled["bits"]))
    if "quantizer" in settled:
        settled["quantizer"] = {
            key: value
            for key, value in settled["quantizer"].items()
            if key not in QUANTIZER_DEFAULTS or value != QUANTIZER_DEFAULTS[key]
        }
    return settled


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
