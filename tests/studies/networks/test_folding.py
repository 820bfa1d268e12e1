"""Folding batch norms: the network computes the same, and what cannot be folded is named."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from explorer.errors import StudyError
from explorer.studies.networks.folding import fold_batch_norms
from explorer.studies.networks.small import cifar10_resnet20, fashion_mobilenet

PAIRS: list[tuple[nn.Module, nn.Module, tuple[int, ...]]] = [
    (nn.Conv2d(3, 6, 3, bias=False), nn.BatchNorm2d(6), (4, 3, 5, 5)),
    (nn.Conv2d(4, 8, 3, groups=4), nn.BatchNorm2d(8, affine=False), (4, 4, 5, 5)),
    (nn.ConvTranspose2d(3, 6, 2), nn.BatchNorm2d(6, eps=0.1), (4, 3, 5, 5)),
    (nn.Conv1d(3, 6, 3), nn.BatchNorm1d(6), (4, 3, 9)),
    (nn.Conv3d(2, 3, 2), nn.BatchNorm3d(3), (4, 2, 4, 4, 4)),
    (nn.Linear(5, 7, bias=False), nn.BatchNorm1d(7), (4, 5)),
    (nn.Conv2d(3, 6, 3), nn.SyncBatchNorm(6), (4, 3, 5, 5)),
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


@pytest.mark.parametrize(("build", "channels"), [(cifar10_resnet20, 3), (fashion_mobilenet, 1)])
def test_whole_networks_compute_the_same_and_fold_again_to_themselves(
    build: Callable[[], nn.Module], channels: int
) -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build().eval()
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            lived(module)
    x = torch.randn(4, channels, 28, 28, generator=torch.Generator().manual_seed(1))
    folded = fold_batch_norms(model)
    assert not any(isinstance(module, nn.BatchNorm2d) for module in folded.modules())
    with torch.no_grad():
        expected = model(x)
        assert (folded(x) - expected).norm() <= 1e-5 * expected.norm()
        assert torch.equal(fold_batch_norms(folded)(x), folded(x))


class Net(nn.Module):
    """Whatever the test makes of one convolution and one norm."""

    def __init__(self, forward: Any, norm: type[nn.Module] = nn.BatchNorm2d) -> None:
        super().__init__()
        self.conv, self.norm, self.relu = nn.Conv2d(3, 3, 1), lived(norm(3)), nn.ReLU()
        self._forward = forward

    def forward(self, x: Tensor) -> Tensor:
        found: Tensor = self._forward(self, x)
        return found


class OwnNorm(nn.BatchNorm2d):
    """A norm with an activation in it, which would be lost with it."""

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x * self.weight[:, None, None])


def plain(net: Any, x: Tensor) -> Any:
    return net.norm(net.conv(x))


def read_twice(net: Any, x: Tensor) -> Any:
    y = net.conv(x)
    return net.norm(y) + y


def sharing() -> nn.Module:
    net = Net(lambda net, x: net.norm(net.conv(net.other(x))))
    net.other = nn.Conv2d(3, 3, 1)
    net.other.weight = net.conv.weight
    return net


def parametrized() -> nn.Module:
    net = Net(plain)
    parametrizations.weight_norm(net.conv)
    return net


@pytest.mark.parametrize(
    ("model", "why"),
    [
        (Net(lambda net, x: net.norm(net.relu(net.conv(x)))), "does not follow"),
        (Net(lambda net, x: net.norm(x)), "does not follow"),
        (Net(read_twice), "something else reads"),
        (Net(lambda net, x: net.norm(net.conv(net.norm(net.conv(x))))), "more than once"),
        (Net(lambda net, x: net.norm(net.conv(x)) if x.sum() > 0 else x), "no fixed graph"),
        (Net(plain, OwnNorm), "its class is not one of torch's"),
        (sharing(), "shares its weight"),
        (parametrized(), "computed from other tensors"),
        (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)), "another dimension"),
        (nn.Sequential(nn.Linear(3, 3), nn.BatchNorm1d(3, track_running_stats=False)), "running statistics"),
        (nn.Sequential(nn.ConvTranspose2d(4, 4, 1, groups=2), nn.BatchNorm2d(4)), "has groups"),
    ],
)
def test_what_cannot_be_folded_is_refused_with_its_reason(model: nn.Module, why: str) -> None:
    with pytest.raises(StudyError, match=why):
        fold_batch_norms(model.eval())


def test_a_norm_that_has_two_names_is_gone_from_both() -> None:
    model = Net(lambda net, x: net.again(net.conv(x)))
    model.again = model.norm
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    assert torch.allclose(fold_batch_norms(model.eval())(x), model(x), atol=1e-5)


def test_a_norm_that_is_never_called_stands_in_nobodys_way() -> None:
    model = Net(lambda net, x: net.conv(x)).eval()
    x = torch.rand(2, 3, 4, 4, generator=torch.Generator().manual_seed(2))
    assert torch.equal(fold_batch_norms(model)(x), model(x))
