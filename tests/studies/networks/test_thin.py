"""A ResNet-20 of any widths is the ResNet-20 that there is, and the thin one has the size that is promised."""

import pytest
import torch

from explorer.blocks import partition
from explorer.studies.networks.small import ResNet20
from explorer.studies.networks.thin import WIDTHS, fashion_thin, resnet20_of_widths


def test_with_the_published_widths_it_is_the_published_network() -> None:
    """The same names, shapes and outputs: weights of one can be read by the other."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        published = ResNet20(in_channels=3, classes=7).eval()
    made = resnet20_of_widths((16, 32, 64), in_channels=3, classes=7).eval()
    made.load_state_dict(published.state_dict())
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.equal(made(x), published(x))


@pytest.mark.parametrize(("widths", "in_channels"), [(WIDTHS, 1), ((3, 7, 9), 2)])
def test_its_weights_are_counted_by_hand(widths: tuple[int, int, int], in_channels: int) -> None:
    a, b, c = widths
    model = resnet20_of_widths(widths, in_channels=in_channels)
    blocks = partition(model, torch.zeros(1, in_channels, 28, 28))
    first, *stages, last = [block.weights for block in blocks]
    assert (first, last) == (9 * in_channels * a, 10 * c)
    wide = [9 * a * a] * 6 + [9 * a * b] + [9 * b * b] * 5 + [9 * b * c] + [9 * c * c] * 5
    assert stages == wide


def test_the_thin_network_has_a_tenth_of_the_parameters() -> None:
    thin, full = (sum(each.numel() for each in model.parameters()) for model in (fashion_thin(), ResNet20(1)))
    assert thin == 26_785
    assert 10 < full / thin < 10.2
