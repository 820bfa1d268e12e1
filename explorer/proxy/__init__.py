"""Does the proxy hold? Plans along and off the frontier, their predicted damage and their measured loss."""

from explorer.proxy.experiment import MEASURES, ProxyResult, measure_proxy
from explorer.proxy.measuring import Measurer
from explorer.proxy.rank_agreement import Agreement, agreement
from explorer.proxy.sampling import Sampled, sample_plans

__all__ = [
    "MEASURES",
    "Agreement",
    "Measurer",
    "ProxyResult",
    "Sampled",
    "agreement",
    "measure_proxy",
    "sample_plans",
]
