"""The run kind ``spectrum``: the spectral density of one block's Hessian, or the whole network's.

Options: those of `SpectrumQuestion`. Every probe has a seed of
its own, so a run that goes on after the probes it has reaches the figures that it would have reached at once.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from explorer.curvature import spectral_density
from explorer.curvature.spectra.spectrum import Quadrature, quadratures
from explorer.jobs.timing import TimeLeft
from explorer.questions import SpectrumQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study


def run(study: Study, question: SpectrumQuestion, context: RunContext) -> dict[str, Any]:
    """Take probe after probe."""
    saved = context.restore()
    left = TimeLeft()

    def progress(fraction: float, message: str) -> None:
        context.report(fraction, f"{message}{left(fraction)}")

    def should_stop() -> bool:
        context.check_stop()  # raises out of the computation, however long a product takes
        return False

    def keep(probes: Sequence[Quadrature]) -> None:
        context.save({}, {"probes": [asdict(probe) for probe in probes]})

    return spectral_density(
        study,
        known=() if saved is None else quadratures(saved.state["probes"]),
        on_probe=keep,
        progress=progress,
        should_stop=should_stop,
        **question.options(),
    ).to_json()
