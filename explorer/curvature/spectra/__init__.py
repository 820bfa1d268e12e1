"""Eigenpairs and spectral densities of the Hessian."""
