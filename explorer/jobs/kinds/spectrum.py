"""The run kind ``spectrum``: the spectral density of one block's Hessian, or the whole network's.

Parameters: those of `explorer.jobs.requests.SPECTRUM_DEFAULTS`; the seed is the spec's. Every probe has a seed of
its own, so a run that goes on after the probes it has reaches the figures that it would have reached at once.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from explorer.curvature import spectral_density
from explorer.curvature.spectra.spectrum import Quadrature, quadratures
from explorer.jobs.loading import load_for
from explorer.jobs.timing import TimeLeft
from explorer.runs.context import RunContext


def run(context: RunContext) -> dict[str, Any]:
    """Take probe after probe."""
    context.report(0.0, "loading the study")
    study = load_for(context.spec)
    saved = context.last_checkpoint()
    left = TimeLeft()

    def progress(fraction: float, message: str) -> None:
        context.report(fraction, f"{message}{left(fraction)}")

    def should_stop() -> bool:
        context.check_stop()  # raises out of the computation, however long a product takes
        return False

    def keep(probes: Sequence[Quadrature]) -> None:
        context.checkpoint({}, {"probes": [asdict(probe) for probe in probes]})

    return spectral_density(
        study,
        seed=context.spec.seed,
        known=() if saved is None else quadratures(saved.state["probes"]),
        on_probe=keep,
        progress=progress,
        should_stop=should_stop,
        **context.spec.parameters,  # type: ignore[arg-type]
    ).to_json()
