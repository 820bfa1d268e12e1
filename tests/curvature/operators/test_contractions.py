"""Contracted gradients of single samples against autograd, one sample and one change at a time."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from explorer.curvature.operators import contractions
from explorer.curvature.operators.contractions import contracted
from tests.curvature.networks import seeded
from tests.padded import StaticPadding

LAYERS: dict[str, tuple[Callable[[], nn.Module], tuple[int, ...]]] = {
    "linear": (lambda: nn.Linear(5, 4), (5,)),
    "linear over positions": (lambda: nn.Linear(5, 4), (6, 5)),
    "convolution": (lambda: nn.Conv2d(2, 3, 3, padding=1), (2, 6, 5)),
    "strided": (lambda: nn.Conv2d(2, 3, 3, stride=2, padding=1), (2, 7, 6)),
    "dilated": (lambda: nn.Conv2d(2, 3, (3, 2), dilation=2, padding=(2, 0)), (2, 7, 6)),
    "groups": (lambda: nn.Conv2d(4, 6, 3, groups=2, bias=False), (4, 5, 5)),
    "depthwise": (lambda: nn.Conv2d(4, 4, 3, groups=4, padding=1), (4, 5, 5)),
    "same": (lambda: nn.Conv2d(2, 3, 4, padding="same"), (2, 5, 6)),
    "reflected": (lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect"), (2, 5, 6)),
    "one dimension": (lambda: nn.Conv1d(2, 3, 3, padding=1), (2, 8)),
    "three dimensions": (lambda: nn.Conv3d(2, 2, 2), (2, 3, 4, 3)),
    "transposed": (lambda: nn.ConvTranspose2d(2, 3, 3, stride=2), (2, 4, 4)),
    "its own forward": (lambda: StaticPadding(2, 3, 3, stride=2), (2, 6, 5)),
}


@pytest.mark.parametrize("changes", [1, 3])
@pytest.mark.parametrize("stored", [1, 16 * 2**20])
@pytest.mark.parametrize("name", LAYERS)
def test_a_sample_has_the_slope_of_its_own_scalar(
    name: str, stored: int, changes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many gradients are held at once."""
    monkeypatch.setattr(contractions, "_STORED", stored)
    build, shape = LAYERS[name]
    module = seeded(build).double()
    weight = module.get_parameter("weight")
    generator = torch.Generator().manual_seed(1)

    def random(*sizes: int) -> Tensor:
        return torch.randn(*sizes, generator=generator, dtype=torch.float64)

    inputs = random(5, *shape)
    delta = random(*module(inputs).shape)
    moved = [random(*weight.shape) for _ in range(changes)]
    with torch.no_grad():
        found = contracted(module, inputs, delta, moved)
    for n in range(len(inputs)):
        scalar = (module(inputs[n : n + 1]) * delta[n : n + 1]).sum()
        (gradient,) = torch.autograd.grad(scalar, weight)
        torch.testing.assert_close(found[n], torch.stack([(gradient * each).sum() for each in moved]))
