"""Curvature of the loss: traces, eigenvalues and spectra of every block's Hessian, each with its error."""

from explorer.curvature.result import BlockTrace, Draws, Kept, Moment, Traces, TracesProgress
from explorer.curvature.spectra.eigenpairs import WHOLE, Eigenpairs, every_eigenpairs, top_eigenpairs
from explorer.curvature.spectra.spectrum import SpectralDensity, spectral_density
from explorer.curvature.traces import METHODS, activation_traces, weight_traces

__all__ = [
    "METHODS",
    "WHOLE",
    "BlockTrace",
    "Draws",
    "Eigenpairs",
    "Kept",
    "Moment",
    "SpectralDensity",
    "Traces",
    "TracesProgress",
    "activation_traces",
    "every_eigenpairs",
    "spectral_density",
    "top_eigenpairs",
    "weight_traces",
]
