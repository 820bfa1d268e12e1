"""Predictions against measurements: plans along and off the frontier, their predicted damage and what they are worth.

Measurer            loss and metric of one plan after another
measure_along       plans along a frontier, coarse to fine
calibrate           from Ω to the accuracy to expect, by measured plans
measure_proxy       does the proxy hold? plans on and off the frontier, by every measure of damage
"""

from explorer.proxy.along import MeasuredFrontier, MeasuredPlan, ladder_of, measure_along
from explorer.proxy.calibrated import Calibration, calibrate
from explorer.proxy.experiment import MEASURES, ProxyResult, measure_proxy
from explorer.proxy.measuring import Around, Measurer
from explorer.proxy.printed import PrintedFrontier, printed_frontier
from explorer.proxy.rank_agreement import Agreement, agreement
from explorer.proxy.sampling import Sampled, sample_plans

__all__ = [
    "MEASURES",
    "Agreement",
    "Around",
    "Calibration",
    "MeasuredFrontier",
    "MeasuredPlan",
    "Measurer",
    "PrintedFrontier",
    "ProxyResult",
    "Sampled",
    "agreement",
    "calibrate",
    "ladder_of",
    "measure_along",
    "measure_proxy",
    "printed_frontier",
    "sample_plans",
]
