"""Oscillating weights: counted by the definition, pulled to their levels, frozen there."""

from typing import Literal

import pytest
import torch
from torch import nn

from explorer.qat.methods import levels
from explorer.qat.methods.lsq import Lsq, LsqOptions
from explorer.quantizers.simulated import weight_quantizers


def test_a_change_back_is_an_oscillation_and_a_change_on_is_none() -> None:
    watched = levels.Levels(torch.zeros(3))
    for level in ([1.0, 1, 0], [0.0, 2, 0], [0.0, 3, 0], [1.0, 2, 0]):
        watched.see(torch.tensor(level), freeze_above=None)
    m = levels.MOMENTUM  # oscillations of the first weight at steps 2 and 4, of the second at step 4
    assert watched.frequencies().tolist() == pytest.approx([m * (1 - m) ** 2 + m, m, 0])
    assert watched.level.tolist() == [1, 2, 0]


def network_at(
    weight: list[float], oscillation: Literal["dampen", "freeze"]
) -> tuple[nn.Module, levels.Levels, nn.Parameter]:
    layer = nn.Linear(len(weight), 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weight]))
    method = Lsq(LsqOptions(oscillation=oscillation, weights="min-max"))
    network = method.prepare(nn.Sequential(layer), {"0": (3, 32)}, [], None)
    ((_, quantizer, _),) = weight_quantizers(network)
    watched = quantizer.get_submodule(levels.LEVELS)
    assert isinstance(watched, levels.Levels)
    return network, watched, network.get_parameter("0.parametrizations.weight.original")


def test_dampening_pulls_clipped_weights_no_further_and_leaves_the_step_alone() -> None:
    network, _, latent = network_at([3.0, 0.4, -1.3], "dampen")  # step 1
    with torch.no_grad():
        latent[0, 0] = 3.2
    penalty = levels.dampening(network)
    penalty.backward()
    assert penalty.item() == pytest.approx(0.4**2 + 0.3**2)
    assert latent.grad is not None
    assert latent.grad[0].tolist() == pytest.approx([0, 0.8, -0.6])
    assert all(each.grad is None for name, each in network.named_parameters() if name.endswith("step"))


def test_a_weight_that_layers_share_is_pulled_once() -> None:
    first, second = nn.Linear(2, 2, bias=False), nn.Linear(2, 2, bias=False)
    second.weight = first.weight
    with torch.no_grad():
        first.weight.copy_(torch.tensor([[3.0, 0.4], [3.0, -1.3]]))
    method = Lsq(LsqOptions(oscillation="dampen", weights="min-max", granularity="tensor"))
    network = method.prepare(nn.Sequential(first, second), {"0": (3, 32), "1": (3, 32)}, [], None)
    assert levels.dampening(network).item() == pytest.approx(0.4**2 + 0.3**2)


def test_a_frozen_weight_keeps_its_level_whatever_the_step_becomes() -> None:
    network, watched, latent = network_at([3.0, 0.4, -1.3], "freeze")
    for value in (0.6, 0.4, 0.6, 0.4):
        with torch.no_grad():
            latent[0, 1] = value
        levels.see_step(network, freeze_above=0.025)
    assert watched.frozen.tolist() == [False, True, False]
    ((_, quantizer, _),) = weight_quantizers(network)
    with torch.no_grad():
        latent.add_(2.0)
        quantizer.step.mul_(1.5)
    levels.see_step(network, freeze_above=0.025)
    assert latent[0].tolist() == pytest.approx([5.0, 0.0, 0.7])
    assert levels.shares(network)["share of weights frozen"] == pytest.approx(1 / 3)
    assert levels.shares(network)["share of weights oscillating"] == pytest.approx(1 / 3)
