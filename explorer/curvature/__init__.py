"""Curvature of the loss: Hessian traces per block, of weights and of activations, with their standard errors."""

from explorer.curvature.result import BlockTrace, Traces, TracesProgress
from explorer.curvature.traces import METHODS, activation_traces, weight_traces

__all__ = ["METHODS", "BlockTrace", "Traces", "TracesProgress", "activation_traces", "weight_traces"]
