"""Curvature of the loss: Hessian traces of every block, each with its standard error."""

from explorer.curvature.result import BlockTrace, Traces, TracesProgress
from explorer.curvature.traces import METHODS, activation_traces, weight_traces

__all__ = ["METHODS", "BlockTrace", "Traces", "TracesProgress", "activation_traces", "weight_traces"]
