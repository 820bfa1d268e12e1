"""Figures of traces, eigenvalues and spectra."""
