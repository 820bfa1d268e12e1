"""Folding batch norms: the network computes the same, and what cannot be folded is named."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers.folding import fold_batch_norms

from .networks import images, small

PAIRS: list[tuple[nn.Module, nn.Module, tuple[int, ...]]] = [
    (nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), (4, 3, 5, 5)),
    (nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8, affine=False), (4, 4, 5, 5)),
    (nn.ConvTranspose2d(3, 6, 2), nn.BatchNorm2d(6, eps=0.1), (4, 3, 5, 5)),
    (nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), (4, 3, 9)),
    (nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3), (4, 2, 4, 4, 4)),
    (nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7), (4, 5)),
]


def lived(norm: nn.Module) -> nn.Module:
    """With statistics and parameters that are not those it was made with."""
    generator = torch.Generator().manual_seed(0)
    for name, tensor in [*norm.named_parameters(), *norm.named_buffers()]:
        if tensor.is_floating_point():
            drawn = torch.rand(tensor.shape, generator=generator)
            tensor.data.copy_(drawn + 0.5 if name == "running_var" else 2 * drawn - 1)
    return norm.eval()


@pytest.mark.parametrize(("layer", "norm", "shape"), PAIRS)
def test_every_kind_of_layer_computes_the_same_without_its_norm(
    layer: nn.Module, norm: nn.Module, shape: tuple[int, ...]
) -> None:
    model = nn.Sequential(layer, lived(norm), nn.ReLU()).eval()
    before = copy.deepcopy(model.state_dict())
    x = torch.randn(shape, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norms(model)
    assert not any("running_mean" in name for name in folded.state_dict())
    assert torch.allclose(folded(x), model(x), atol=1e-5)
    assert all(torch.equal(before[name], value) for name, value in model.state_dict().items())


def test_a_network_with_branches_and_in_place_relus_computes_the_same() -> None:
    model, x = small(), images()
    folded = fold_batch_norms(model)
    assert isinstance(folded.norm, nn.Identity)
    assert torch.allclose(folded(x), model(x), atol=1e-5)


def test_a_folded_network_folds_again_to_itself() -> None:
    folded, x = fold_batch_norms(small()), images()
    assert torch.equal(fold_batch_norms(folded)(x), folded(x))


class Net(nn.Module):
    """Whatever the test makes of one convolution and one norm."""

    def __init__(self, forward: Any) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 3, 1), lived(nn.BatchNorm2d(3)), nn.ReLU()
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self._forward(self, x)
        return found


def read_twice(net: Any, x: Tensor) -> Any:
    y = net.conv(x)
    return net.norm(y) + y


@pytest.mark.parametrize(
    ("forward", "why"),
    [
        (lambda net, x: net.norm(net.relu(net.conv(x))), "does not follow"),
        (lambda net, x: net.norm(x), "does not follow"),
        (read_twice, "something else reads"),
        (lambda net, x: net.norm(net.conv(net.norm(net.conv(x)))), "more than once"),
        (lambda net, x: net.norm(net.conv(x)) if x.sum() > 0 else x, "no fixed graph"),
    ],
)
def test_a_norm_that_cannot_be_folded_is_refused_by_name_unless_it_is_left(forward: Any, why: str) -> None:
    model = Net(forward).eval()
    with pytest.raises(QuantizerError, match=why):
        fold_batch_norms(model)
    left = fold_batch_norms(model, leave=["norm"])
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    assert torch.equal(left(x), model(x))


def test_a_norm_without_statistics_is_refused() -> None:
    with pytest.raises(QuantizerError, match="running statistics"):
        fold_batch_norms(nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)))
