"""A weight that two modules share has one step, and its plan goes the whole way to another network."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.lapq import Objective, plan_of
from explorer.lapq.result import bits_of_sites
from explorer.plans import read_plan
from explorer.quantizers import simulate
from explorer.studies import Study


class CalledBackwards(nn.Module):
    """The name that comes first in the network is called last."""

    def __init__(self) -> None:
        super().__init__()
        self.decode = nn.Linear(64, 64, bias=False)
        self.encode = nn.Linear(64, 64, bias=False)
        self.encode.weight = self.decode.weight
        self.mix, self.last = nn.Linear(64, 64), nn.Linear(64, 3)

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self.last(self.decode(torch.relu(self.mix(torch.relu(self.encode(x.flatten(1)))))))
        return found


class Language(nn.Module):
    """An embedding, which has no input to quantize, shares its weight with a layer that has one."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.mix = nn.Embedding(8, 6), nn.Linear(6, 6)
        self.head = nn.Linear(6, 8, bias=False)
        self.head.weight = self.embed.weight
        self.last = nn.Linear(8, 3)

    def forward(self, x: Tensor) -> Tensor:
        tokens = (x.flatten(1) + 4).clamp(0, 7).long()
        found: Tensor = self.last(torch.relu(self.head(torch.relu(self.mix(self.embed(tokens).mean(1))))))
        return found


def of(study: Study, network: type[nn.Module]) -> Study:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return replace(study, network=network().eval())


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (
            CalledBackwards,
            {
                *("encode.weight", "encode.input", "decode.input"),
                *("mix.weight", "mix.input", "last.weight", "last.input"),
            },
        ),
        (Language, {"embed.weight", "head.input", "mix.weight", "mix.input", "last.weight", "last.input"}),
    ],
)
def test_the_plan_read_again_computes_what_was_searched(
    study: Study, network: type[nn.Module], names: set[str]
) -> None:
    tied = of(study, network)
    objective = Objective(tied, w_bits=3, a_bits=4, calibration=40, leave=())
    assert set(objective.names) == names
    steps = np.array([site.largest / 2 for site in objective.sites], np.float32)
    blocks = tied.blocks()
    plan = plan_of(objective.sites, dict(zip(objective.names, map(float, steps), strict=True)), tied, blocks)
    assert set(plan.w_bits.values()) == {3}
    assert set(plan.a_bits.values()) == {4}
    again, _ = read_plan(json.loads(json.dumps(plan.to_json())), study=tied, partitions=(blocks,))
    quantized = simulate(tied.model(), again.layer_bits(blocks), [], steps=again.steps)
    with torch.no_grad():
        losses = [float(tied.loss.per_sample(quantized(x), y).sum()) for x, y in objective.batches]
    assert objective.loss(steps) == pytest.approx(sum(losses) / 40, rel=1e-6)


@pytest.mark.parametrize(
    ("network", "options", "left"),
    [
        (CalledBackwards, {}, {"decode", "last"}),
        (CalledBackwards, {"leave": ("mix",)}, {"mix"}),
        (Language, {}, {"embed", "last"}),
    ],
)
def test_all_names_of_a_weight_are_left_in_fp32_together(
    study: Study, network: type[nn.Module], options: dict[str, Any], left: set[str]
) -> None:
    tied = of(study, network)
    sites = Objective(tied, calibration=20, **options).sites
    bits = bits_of_sites(sites, tied.blocks())
    assert {name for name, each in bits.items() if (each.w_bits, each.a_bits) == (32, 32)} == left
