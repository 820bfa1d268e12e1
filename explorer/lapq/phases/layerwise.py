r"""Phase 1 of LAPQ: every tensor's step by itself (Nahshan et al. 2019, sec. 4.1).

    Δ_p = argmin_Δ mean |Q_Δ(x) - x|^p       for one p, tensor by tensor

by a grid with refinement (`steps.lp`), since the error has many local minima; the reference code hands it to a
scalar minimiser. p = 2 is the MMSE baseline.

Weights come first. The inputs follow as the code does it: on the first calibration batch, layer by layer, with all
that comes before already quantized at this p; the paper does not say. Of an input a seeded sample of SAMPLE values
is looked at, and its largest.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor

from explorer.lapq.loss.network import Array, Chooser, SteppedNetwork
from explorer.lapq.loss.objective import Objective
from explorer.lapq.loss.sites import Site
from explorer.quantizers.steps import lp
from explorer.randomness import Stream, drawn_values

SAMPLE = 1 << 15

Rule = Callable[[Tensor, Site], float]


def layerwise_steps(objective: Objective, p: float) -> Array:
    """Δ_p, float32 (sites,).

    Raises:
        QuantizerError: p is below 1/2.
    """
    lp.check_p(p)
    return steps_by(objective, f"layerwise {p!r}", lambda x, site: best_step(x, site, p))


def steps_by(objective: Objective, name: str, rule: Rule) -> Array:
    """The steps that a rule gives tensors one by one, float32 (sites,); noted in the journal under the name."""
    objective.count(("steps", name), len(objective.batches[0][1]) / len(objective.rows))
    return objective.journal.note(
        name, lambda: choose_steps(objective.network, objective.batches[0][0], rule)
    )


def choose_steps(network: SteppedNetwork, inputs: Tensor, rule: Rule) -> Array:
    """Place the steps that a rule gives to weights, then, as the inputs come by, to those; float32 (sites,).

    An input that does not come by in this batch gets the step that clips nothing.
    """
    steps = np.array([site.largest for site in network.sites], np.float32)
    choosers: list[Chooser | None] = []
    for i, site in enumerate(network.sites):
        if site.kind == "weight":
            steps[i] = rule(network.original(i), site)
            choosers.append(None)
        else:
            choosers.append(lambda x, site=site: rule(_sample(x), site))  # type: ignore[misc]
    network.place(steps)
    with network.choosing(choosers), torch.no_grad():
        network.model(inputs)
    return network.placed


def best_step(x: Tensor, site: Site, p: float) -> float:
    """argmin_Δ mean |Q_Δ(x) - x|^p for the site's quantizer."""
    rows = x.detach().reshape(1, -1)
    low, high = (float(each) for each in rows.aminmax())
    most = rows.new_tensor([site.levels.covering(low, high)])
    return float(lp.minimise_error(rows, site.levels.quantize, most, p))


def _sample(x: Tensor) -> Tensor:
    return drawn_values(x.reshape(-1), SAMPLE, Stream.TENSOR_VALUES)
