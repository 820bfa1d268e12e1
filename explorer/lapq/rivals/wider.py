r"""Weights that are stored wider than they were: OCS and DUAL as rivals of LAPQ (Nahshan et al. 2019, Table 1).

    ocs     OCS_RATIO of the input channels of every weight are split (Zhao et al. 2019); a weight with one input
            channel, as that of a depthwise convolution, has none to split and gets its step of least squared error
    dual    the DUAL_SHARE of the weights whose squared error is worst are sums of two tensors (Kravchik et al. 2019, a
            reconstruction: `dual`), the others get their step of least squared error

One step a tensor, or two, of least squared error throughout. The inputs have the steps of least squared error behind
such weights. A step size alone does not say what these weights are, so they have no place in a plan.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch

from explorer.lapq.loss.network import SteppedNetwork
from explorer.lapq.loss.objective import Objective
from explorer.lapq.loss.sites import Site
from explorer.lapq.phases.layerwise import best_step, choose_steps
from explorer.quantizers.bias_correction import corrected
from explorer.quantizers.dual import dual, worst_weights
from explorer.quantizers.settings import WEIGHTS
from explorer.quantizers.splitting import ocs
from explorer.quantizers.weights import quantize_weight
from explorer.studies.data.samples import samples_in

OCS_RATIO = 0.05
DUAL_SHARE = 0.25
WIDER = ("ocs", "dual")
_SETTINGS = replace(WEIGHTS, granularity="tensor")


@dataclass(frozen=True, eq=False)
class Wider:
    """A network with such weights.

    Attributes:
        network: with quantized weights and inputs.
        extra: how many weights more are stored than the quantized layers have, as a share of these.
    """

    network: SteppedNetwork
    extra: float


def widened(objective: Objective, method: str) -> Wider:
    """The objective's network by one of WIDER, with its bias correction."""
    sites = [site for site in objective.sites if site.kind == "weight"]
    originals = {site.name: objective.network.original(objective.index(site.name)) for site in sites}
    count = math.ceil(DUAL_SHARE * len(sites))
    twice = worst_weights(originals, {site.name: site.bits for site in sites}, count, settings=_SETTINGS)
    model = objective.study.model().requires_grad_(False)
    extra = 0
    for site in sites:
        weight = originals[site.name]
        value, more = _split(weight, site) if method == "ocs" else _doubled(weight, site, site.name in twice)
        value = corrected(value, weight, axis=site.axis, kind=objective.bias_correction)
        model.get_parameter(f"{site.layer}.weight").copy_(value)
        extra += more
    network = SteppedNetwork(model, [site for site in objective.sites if site.kind == "input"])
    inputs = objective.batches[0][0]
    objective.count(("steps", method), samples_in(inputs) / len(objective.rows))
    choose_steps(network, inputs, lambda x, site: best_step(x, site, 2.0))
    return Wider(network, extra / sum(weight.numel() for weight in originals.values()))


def _split(weight: torch.Tensor, site: Site) -> tuple[torch.Tensor, int]:
    if weight.shape[1 - site.axis] == 1:
        return _doubled(weight, site, False)
    found = ocs(weight, site.bits, ratio=OCS_RATIO, settings=_SETTINGS, axis=site.axis)
    return found.value, found.extra


def _doubled(weight: torch.Tensor, site: Site, twice: bool) -> tuple[torch.Tensor, int]:
    if not twice:
        return quantize_weight(weight, site.bits, _SETTINGS, axis=site.axis), 0
    found = dual(weight, site.bits, settings=_SETTINGS, axis=site.axis)
    return found.value, found.extra
