"""Loss Aware Post-training Quantization: every step size, jointly."""

from explorer.lapq.algorithm import best_steps, optimise
from explorer.lapq.loss.forms import FORMS, Levels
from explorer.lapq.loss.history import PathPoint
from explorer.lapq.loss.journal import Journal
from explorer.lapq.loss.objective import Objective
from explorer.lapq.loss.sites import Site
from explorer.lapq.phases.joint import METHODS
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.lapq.phases.quadratic import PCurve, best_p
from explorer.lapq.result import STAGES, LapqResult, Stage, plan_of
from explorer.questions.steps import Form

__all__ = [
    "FORMS",
    "METHODS",
    "STAGES",
    "Form",
    "Journal",
    "LapqResult",
    "Levels",
    "Objective",
    "PCurve",
    "PathPoint",
    "Site",
    "Stage",
    "best_p",
    "best_steps",
    "layerwise_steps",
    "optimise",
    "plan_of",
]
