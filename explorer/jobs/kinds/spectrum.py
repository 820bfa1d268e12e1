"""The run kind ``spectrum``: the spectral density of one block's Hessian, or the whole network's.

Options: those of `SpectrumQuestion`.
"""

from explorer.curvature import SpectralDensity, spectral_density
from explorer.questions import SpectrumQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed


def run(study: Study, question: SpectrumQuestion, context: RunContext) -> SpectralDensity:
    """Take probe after probe."""
    return spectral_density(study, question, watcher=Timed(context))
