"""Lesson 3: moments, the table of stalls, the exact mean of stochastic descent, and training on the grid."""

import numpy as np
import pytest
import torch

from explorer import studies
from explorer.lessons import rounding
from explorer.lessons.common import draws, longs
from explorer.lessons.formats import E4M3, E5M2, Format
from explorer.lessons.rounding import Mode
from tests import learnable


@pytest.mark.parametrize("mode", rounding.MODES)
@pytest.mark.parametrize("x", [-1.7, 0.0, 2.25, 3.5])
def test_moments(x: float, mode: Mode) -> None:
    """Within five standard errors of the exact ones; rounded to nothing but the two neighbours."""
    count = 40_000
    drawn = rounding.whole(torch.full((count,), x, dtype=torch.float64), mode, draws.source(3, 9, 5))
    mean, variance = rounding.moments(x, mode)
    assert set(drawn.tolist()) <= {float(np.floor(x)), float(np.ceil(x))}
    assert float(drawn.mean()) == pytest.approx(mean, abs=5 * (variance / count) ** 0.5 + 1e-12)
    assert float(drawn.var(correction=0)) == pytest.approx(variance, abs=0.02)


def test_the_table_of_stalls() -> None:
    """Start 1, binary8, to nearest; from 2048 nothing moves at all with η up to 0.05."""
    found = rounding.stalls(1.0)
    assert {each.rate: each.end for each in found} == {0.01: 128, 0.025: 384, 0.05: 512, 0.1: 768, 0.2: 896}
    assert all(each.step <= each.half_gap for each in found), (
        "a tie may go to the even neighbour, which it is on"
    )
    assert [each.steps for each in rounding.stalls(2048.0)][:3] == [0, 0, 0]


def test_stochastic_descent_arrives_and_its_mean_is_the_exact_descent() -> None:
    path = rounding.descend(0.05, 1.0, 200, "stochastic", repeats=200)
    assert (path[-1] == 1024).all(), "1024 is absorbing"
    few = rounding.descend(0.1, 1.0, 8, "stochastic", repeats=20_000)
    error = few.std(1) / few.shape[1] ** 0.5
    off = (few.mean(1) - torch.from_numpy(rounding.exact_mean(0.1, 1.0, 8))).abs()
    assert (off <= 5 * error + 1e-9).all()


@pytest.mark.parametrize("of", [E4M3, E5M2])
@pytest.mark.parametrize("mode", rounding.MODES)
def test_numbers_of_the_format_stay(of: Format, mode: Mode) -> None:
    values = torch.from_numpy(of.values())
    both = torch.cat([values, -values])
    assert torch.equal(rounding.to_format(both, of, mode, draws.source(3, 9)), both)


def test_the_small_network_is_trained_on_the_grid_and_learns(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    """On another data set than the lesson's; the numbers are those of any run with the same settings."""
    study = studies.load_network(learnable.write(tmp_path_factory.mktemp("rounding") / "learnable"))
    asked = longs.question("rounding:small-network", epochs=6, seeds=2, rate=0.1)
    found = longs.carry_out(study, asked).values
    assert found == longs.carry_out(study, asked).values
    final = {name: rows[-1] for name, rows in found["curves"].items()}
    assert final["fp32"][1] > 0.5
    assert final["stochastic"][1] > found["curves"]["stochastic"][0][1]
    assert final["nearest"][3] < final["stochastic"][3], "to nearest, most updates are lost"
    network = rounding._Network(64, 3, "stochastic", 0)
    x, y = study.data.inputs("train", slice(0, 100)).flatten(1), study.data.targets("train", slice(0, 100))
    network.epoch(x, y, 0.03, 0, lambda: None)
    for parameter in network._parameters:
        assert torch.equal(rounding.to_format(parameter, E5M2, "nearest"), parameter)
