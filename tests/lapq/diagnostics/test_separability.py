"""How separable the loss is: interactions measured directly, and none where there can be none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
import torch

from explorer.lapq.diagnostics.separability import Separability, separability
from explorer.lapq.loss.objective import Objective
from explorer.lapq.phases.layerwise import layerwise_steps
from explorer.studies import Study
from explorer.watching import Stopped
from tests.watched import Watched


def objective_of(study: Study, bits: int = 2, **options: object) -> Objective:
    return Objective(study, **{"w_bits": bits, "a_bits": bits, "calibration": 150, **options})  # type: ignore[arg-type]


def test_damages_and_interactions_are_those_of_networks_with_one_two_and_all_sites_quantized(
    study: Study,
) -> None:
    """Oracle: an objective that quantizes these sites alone."""
    objective = objective_of(study)
    steps = layerwise_steps(objective, 2.0)
    found = separability(objective, steps)
    names = objective.names
    assert len(names) == 4

    def loss(*on: int) -> float:
        other = objective_of(study, only=[names[i] for i in on])
        return other.loss(steps[list(on)])

    with torch.no_grad():
        losses = [study.loss.per_sample(study.model()(x), y) for x, y in objective.batches]
    floating = float(torch.cat(losses).double().mean())
    assert found.float_loss == pytest.approx(floating, rel=1e-6)
    for i in range(4):
        assert found.alone[i] == pytest.approx(loss(i) - floating, rel=1e-5, abs=1e-7)
        for j in range(i + 1, 4):
            expected = loss(i, j) - loss(i) - loss(j) + floating
            assert found.pairs[i, j] == found.pairs[j, i] == pytest.approx(expected, rel=1e-4, abs=1e-6)
    assert found.together == pytest.approx(objective.loss(steps) - floating, rel=1e-6)
    assert found.interaction == pytest.approx(found.together - found.alone.sum(), rel=1e-6)
    assert (found.pairs_stderr[np.triu_indices(4, 1)] > 0).all()


def test_the_share_is_0_without_and_1_with_nothing_but_interactions(study: Study) -> None:
    objective = objective_of(study, only=["3.input"])
    alone = separability(objective, layerwise_steps(objective, 2.0))
    assert alone.interaction == pytest.approx(0, abs=1e-12)
    assert alone.share == pytest.approx(0, abs=1e-9)
    assert alone.pair_share == 0
    made = replace(alone, together=0.5, interaction=0.5)
    assert made.share == 1
    assert replace(alone, together=0.5, interaction=-0.5).share == pytest.approx(1 / 3)


def test_more_bits_leave_less_damage_of_every_kind(study: Study) -> None:
    two, six = (
        separability(objective, layerwise_steps(objective, 2.0), reach=1)
        for objective in (objective_of(study, 2), objective_of(study, 6))
    )
    assert abs(six.together) < 0.1 * abs(two.together)
    assert abs(six.interaction) < 0.1 * abs(two.interaction)
    assert np.isnan(two.pairs).sum() == 6, "pairs further apart are left out"
    assert 0 < two.pair_share < 1


def test_it_survives_json_and_goes_on_from_its_journal(study: Study) -> None:
    objective = objective_of(study)
    steps = layerwise_steps(objective, 2.0)
    watcher = Watched()
    found = separability(objective, steps, watcher=watcher)
    assert watcher.fractions == [k / 12 for k in range(1, 13)]
    again = Separability.from_json(json.loads(json.dumps(found.to_json())))
    np.testing.assert_array_equal(again.pairs, found.pairs)
    assert (again.share, again.sites) == (found.share, found.sites)
    stopped = objective_of(study, journal=objective.journal, watcher=Watched(lambda _: True))
    second = separability(stopped, steps)
    np.testing.assert_array_equal(second.pairs, found.pairs)
    with pytest.raises(Stopped):
        separability(objective_of(study, watcher=Watched(lambda _: True)), steps)
