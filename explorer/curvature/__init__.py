"""Curvature of the loss: traces, eigenvalues and spectra of every block's Hessian, each with its error."""

from explorer.curvature.result import BlockTrace, Draws, Kept, Moment, Traces
from explorer.curvature.spectra.eigenpairs import (
    WHOLE,
    Eigenpairs,
    Eigenvalues,
    eigenvalues,
    every_eigenpairs,
    top_eigenpairs,
)
from explorer.curvature.spectra.gram import BlockSpectrum, block_spectra
from explorer.curvature.spectra.spectrum import SpectralDensity, spectral_density
from explorer.curvature.traces import activation_traces, weight_traces

__all__ = [
    "WHOLE",
    "BlockSpectrum",
    "BlockTrace",
    "Draws",
    "Eigenpairs",
    "Eigenvalues",
    "Kept",
    "Moment",
    "SpectralDensity",
    "Traces",
    "activation_traces",
    "block_spectra",
    "eigenvalues",
    "every_eigenpairs",
    "spectral_density",
    "top_eigenpairs",
    "weight_traces",
]
