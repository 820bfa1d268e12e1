"""Ties are found on the graph: HAWQ-V3's of a ResNet, and none where a residual is the identity."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from explorer import studies
from explorer.plans import automatic_ties
from explorer.plans.problem.ties import tied_layers, ties_of
from explorer.studies.networks.attention import open_attention
from explorer.studies.networks.small import ResNet20


class Basic(nn.Module):
    """A basic block of ResNet-18 (He et al. 2016), with a projection where the shape changes."""

    def __init__(self, inside: int, outside: int, stride: int, *, inplace: bool = False) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inside, outside, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outside)
        self.conv2 = nn.Conv2d(outside, outside, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outside)
        self.relu = nn.ReLU(inplace=inplace)
        self.downsample = None
        if stride != 1 or inside != outside:
            self.downsample = nn.Sequential(
                nn.Conv2d(inside, outside, 1, stride, bias=False), nn.BatchNorm2d(outside)
            )

    def forward(self, x: Tensor) -> Tensor:
        out = self.bn2(self.conv2(self.relu(self.bn1(self.conv1(x)))))
        out += x if self.downsample is None else self.downsample(x)
        return self.relu(out)


class SmallResNet(nn.Module):
    """ResNet-18's layout: four stages of two blocks."""

    def __init__(self, *, inplace: bool) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 4, 3, padding=1)
        widths = [(4, 4, 1), (4, 8, 2), (8, 8, 2), (8, 16, 2)]
        self.layer1, self.layer2, self.layer3, self.layer4 = (
            nn.Sequential(
                Basic(inside, outside, stride, inplace=inplace),
                Basic(outside, outside, 1, inplace=inplace),
            )
            for inside, outside, stride in widths
        )
        self.fc = nn.Linear(16, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer4(self.layer3(self.layer2(self.layer1(self.conv1(x)))))
        return self.fc(x.mean(dim=(2, 3)))


def _ties(network: nn.Module, *shape: int) -> set[tuple[str, ...]]:
    return set(tied_layers(network.eval(), torch.rand(1, *shape)))


@pytest.mark.parametrize("inplace", [False, True])
def test_a_resnets_ties_are_hawq_v3s(inplace: bool) -> None:
    """conv1 and downsample of each stage that changes its shape; layer3 keeps its width and halves the map."""
    assert _ties(SmallResNet(inplace=inplace), 3, 16, 16) == {
        (f"layer{stage}.0.conv1", f"layer{stage}.0.downsample.0") for stage in (2, 3, 4)
    }
    study = studies.load("hawq-v3-resnet18")
    assert isinstance(study, studies.ProfileStudy)
    assert automatic_ties(study) == study.ties
    assert {tuple(name.partition(".unit1.")[2] for name in tie) for tie in study.ties} == {
        ("conv1", "downsample")
    }


def test_shortcuts_without_weights_tie_nothing() -> None:
    assert _ties(ResNet20(), 3, 16, 16) == set()


class Wired(nn.Module):
    """Named layers, wired by a function."""

    def __init__(self, wiring: Callable[..., Tensor], **layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleDict(layers)
        self.wiring = wiring

    def forward(self, x: Tensor) -> Tensor:
        return self.wiring(x, **self.layers)


def _linear() -> nn.Linear:
    return nn.Linear(4, 4)


def _wired(wiring: Callable[..., Tensor], *names: str) -> set[tuple[str, ...]]:
    found = _ties(Wired(wiring, **{name: _linear() for name in names}), 4)
    return {tuple(name.removeprefix("layers.") for name in tie) for tie in found}


@pytest.mark.parametrize(
    ("wiring", "names", "expected"),
    [
        # A projection and a main path of two layers; nothing else is tied.
        (lambda x, a, b, p: b(a(x).relu()) + p(x), "abp", {("a", "p")}),
        # Before the first layer of one branch there is an activation, as in pre-activation networks.
        (lambda x, a, b, p: b(a(x.relu())) + p(x), "abp", {("a", "p")}),
        # Three branches.
        (lambda x, a, b, p: a(x) + b(x) + p(x), "abp", {("a", "b"), ("a", "b", "p")}),
        # Two residuals one after the other; each has its own tie.
        (
            lambda x, a, p, c, q: (lambda y: c(y) + q(y))(a(x) + p(x)),
            "apcq",
            {("a", "p"), ("c", "q")},
        ),
        # A gate inside the main path meets by multiplying, which ties nothing of its own.
        (lambda x, a, g, b, p: b(a(x) * g(a(x)).sigmoid()) + p(x), "agbp", {("a", "p")}),
        # The identity.
        (lambda x, a, b: b(a(x)) + x, "ab", set()),
        # A concatenation, a product, a constant.
        (lambda x, a, b: torch.cat([a(x), b(x)], 1), "ab", set()),
        (lambda x, a, b: a(x) * b(x), "ab", set()),
        (lambda x, a: a(x) + 1.0, "a", set()),
        # The same layer on both sides.
        (lambda x, a: a(x) + a(x.relu()), "a", set()),
    ],
)
def test_wirings(wiring: Callable[..., Tensor], names: str, expected: set[tuple[str, ...]]) -> None:
    assert _wired(wiring, *names) == expected


def test_a_weight_that_is_used_without_its_layer_is_seen() -> None:
    def wiring(x: Tensor, a: nn.Linear, p: nn.Linear) -> Tensor:
        upper, lower = a.weight.chunk(2)
        return torch.cat([x @ upper.T, x @ lower.T], 1) + p(x)

    assert _wired(wiring, "a", "p") == {("a", "p")}


def test_attention_ties_nothing() -> None:
    layer = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dropout=0.0)
    network = open_attention(nn.Sequential(layer, nn.Linear(8, 2)).eval())
    assert _ties(network, 3, 8) == set()


def test_layers_of_one_block_need_no_tie() -> None:
    """At module granularity a residual block has one width already."""
    study = studies.load_network("fashion-resnet20")
    assert automatic_ties(study) == automatic_ties(study, "module") == ()
    assert ties_of(study, ()) == ()
