"""Loss Aware Post-training Quantization: every step size, jointly."""

from explorer.lapq.forms import FORMS, Form, Levels
from explorer.lapq.joint import METHODS, Method
from explorer.lapq.journal import Journal
from explorer.lapq.layerwise import layerwise_steps
from explorer.lapq.objective import Objective
from explorer.lapq.optimise import Watcher, optimise
from explorer.lapq.quadratic import PCurve, best_p
from explorer.lapq.result import STAGES, LapqResult, Stage, plan_of
from explorer.lapq.sites import Site
from explorer.lapq.trail import PathPoint

__all__ = [
    "FORMS",
    "METHODS",
    "STAGES",
    "Form",
    "Journal",
    "LapqResult",
    "Levels",
    "Method",
    "Objective",
    "PCurve",
    "PathPoint",
    "Site",
    "Stage",
    "Watcher",
    "best_p",
    "layerwise_steps",
    "optimise",
    "plan_of",
]
