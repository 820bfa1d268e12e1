"""Features of networks: against NumPy by hand, on a linear network and on a convolution whose output is overwritten."""

import math

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.figures.training import features as figures
from explorer.qat.distillation.features import features


class Overwriting(nn.Module):
    """A convolution whose output an in-place ReLU overwrites, in training mode as it comes."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.norm = nn.BatchNorm2d(3)

    def forward(self, x: Tensor) -> Tensor:
        return self.norm(self.conv(x).relu_())


def test_features_are_those_of_every_channel() -> None:
    """Of what the layer gave, not of what became of it; the network keeps its mode and its statistics."""
    torch.manual_seed(0)
    network, x = Overwriting(), torch.randn(7, 2, 6, 6)
    before = {name: value.clone() for name, value in network.state_dict().items()}
    found = features(network, x)["conv"]
    assert network.training
    assert network.norm.training
    assert all(torch.equal(value, before[name]) for name, value in network.state_dict().items())
    output = network.conv(x).detach().double().numpy()
    channels = output.transpose(1, 0, 2, 3).reshape(3, -1)
    np.testing.assert_allclose(found.mean, channels.mean(1), rtol=1e-6)
    np.testing.assert_allclose(found.variance, channels.var(1), rtol=1e-6)
    by_image = output.reshape(7, 3, -1)
    expected = by_image.mean(2).std(0, ddof=1) / math.sqrt(7)
    np.testing.assert_allclose(found.mean_stderr, expected, rtol=1e-6)
    np.testing.assert_allclose(
        [found.low, found.high], np.quantile(channels, (0.05, 0.95), axis=1), rtol=1e-6
    )
    assert found.total == pytest.approx(channels.var(1).mean(), rel=1e-6)
    assert [found.raw.sum(), found.standardized.sum()] == pytest.approx([1, 1])


def test_the_error_of_a_variance_is_how_it_scatters_over_draws() -> None:
    """Places of one image are alike, so that as many independent values would promise far too much."""
    torch.manual_seed(1)
    network = nn.Linear(1, 2, bias=False)
    found = []
    for _ in range(200):
        x = torch.randn(40, 1, 1).expand(40, 30, 1) + 0.1 * torch.randn(40, 30, 1)
        found.append(features(nn.Sequential(network), x)["0"])
    totals = np.array([each.total for each in found])
    errors = np.array([each.total_stderr for each in found])
    assert errors.mean() == pytest.approx(totals.std(ddof=1), rel=0.2)


def test_networks_are_drawn_over_one_another() -> None:
    """On one scale, from input to output, a constant layer left out; standardized values are all that scaling keeps."""
    torch.manual_seed(2)
    network, scaled = (
        nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)),
        nn.Sequential(nn.Linear(4, 3), nn.Linear(3, 2)),
    )
    scaled.load_state_dict({name: value.clone() for name, value in network.state_dict().items()})
    with torch.no_grad():
        for name, factor in (("0.weight", 2), ("0.bias", 2), ("1.weight", 0)):
            scaled.get_parameter(name).mul_(factor)
    x = torch.randn(50, 4)
    first = features(network, x)
    both = {"FP32": first, "other": features(scaled, x, like=first)}
    np.testing.assert_array_equal(both["other"]["0"].edges, first["0"].edges)
    np.testing.assert_allclose(both["other"]["0"].standardized, first["0"].standardized, atol=0.02)
    [plain, other] = figures.variances(both)
    assert (plain.layers, other.values[1]) == (("0", "1"), None)
    assert other.values[0] == pytest.approx(4 * (plain.values[0] or 0))
    table = figures.table(both)
    assert len(table) == 2 * (3 + 2)
    assert {figure.layout.yaxis.title.text for figure in (
        figures.of_variances([plain, other]), figures.of_channels(both, "0"), figures.of_values(both, "1")
    )} == {"output variance (± 1 s.e.)", "output, 5 to 95 %", "values (%)"}  # fmt: skip
    with pytest.raises(RunError, match="neither convolutions nor linear layers"):
        features(nn.ReLU(), x)
