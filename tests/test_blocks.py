"""Blocks: HAWQ's counts, multiply-accumulates counted by hand, and weights told apart by identity."""

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations

from explorer.blocks import Layer, partition
from explorer.errors import StudyError
from explorer.studies import load_network
from explorer.studies.networks.small import ResNet20, fashion_mobilenet

TABLE_VI = (432, 4608, 4608, 4608, 13824, 18432, 18432, 55296, 73728, 73728, 640)


def only(model: nn.Module, example: Tensor) -> Layer:
    (block,) = partition(model, example)
    (layer,) = block.layers
    return layer


def test_resnet20_has_the_eleven_blocks_of_hawqs_table_vi() -> None:
    blocks = partition(ResNet20(), torch.zeros(1, 3, 32, 32), granularity="module")
    assert tuple(block.weights for block in blocks) == TABLE_VI
    names = ["conv1", *(f"layer{stage}.{unit}" for stage in (1, 2, 3) for unit in (0, 1, 2)), "linear"]
    assert [block.name for block in blocks] == names
    assert blocks[1].parameters == ("layer1.0.conv1.weight", "layer1.0.conv2.weight")
    assert (blocks[0].kind, blocks[1].kind) == ("Conv2d", "2 layers")


def test_resnet20_has_twenty_layers_in_depth_order() -> None:
    model = ResNet20()
    blocks = partition(model, torch.zeros(1, 3, 32, 32))
    assert len(blocks) == 20
    assert sum(block.weights for block in blocks) == sum(TABLE_VI) == 268_336
    assert [block.name for block in blocks[:4]] == [
        "conv1",
        "layer1.0.conv1",
        "layer1.0.conv2",
        "layer1.1.conv1",
    ]
    parameters = dict(model.named_parameters())
    assert all(parameters[name].ndim > 1 for block in blocks for name in block.parameters)
    # 432 weights at 1024 positions, stages at 32x32, 16x16 and 8x8, and the classifier.
    macs = 1024 * (432 + 13824) + 256 * 50688 + 64 * 202752 + 640
    assert sum(block.macs for block in blocks) == macs == 40_551_040


def test_the_number_of_examples_changes_nothing() -> None:
    model = fashion_mobilenet()
    assert partition(model, torch.zeros(1, 1, 28, 28)) == partition(model, torch.zeros(5, 1, 28, 28))


def test_a_study_has_the_blocks_of_its_network() -> None:
    study = load_network("fashion-resnet20")
    blocks = study.blocks("module")
    assert tuple(block.weights for block in blocks) == (144, *TABLE_VI[1:])
    assert blocks[0].layers[0].input_shape == (1, 28, 28)


def test_convolution() -> None:
    layer = only(nn.Conv2d(3, 8, 3, stride=2, padding=1), torch.zeros(2, 3, 9, 7))
    assert (layer.weights, layer.macs) == (8 * 3 * 9, 8 * 3 * 9 * 5 * 4)
    assert (layer.input_shape, layer.output_shape, layer.shape) == ((3, 9, 7), (8, 5, 4), (8, 3, 3, 3))
    assert (layer.kind, layer.parameter, layer.calls) == ("Conv2d", "weight", 1)


def test_depthwise_and_grouped_convolutions() -> None:
    depthwise = only(nn.Conv2d(6, 6, 3, padding=1, groups=6), torch.zeros(1, 6, 5, 5))
    assert (depthwise.kind, depthwise.weights, depthwise.macs) == ("Conv2d (depthwise)", 54, 54 * 25)
    grouped = only(nn.Conv2d(6, 6, 1, groups=2), torch.zeros(1, 6, 5, 5))
    assert (grouped.kind, grouped.macs) == ("Conv2d", 18 * 25)


def test_transposed_convolution_uses_its_weight_once_an_input_position() -> None:
    layer = only(nn.ConvTranspose2d(4, 6, 3, stride=2), torch.zeros(3, 4, 5, 5))
    assert (layer.macs, layer.output_shape) == (4 * 6 * 9 * 25, (6, 11, 11))


def test_one_and_three_dimensions() -> None:
    assert only(nn.Conv1d(2, 3, 3), torch.zeros(2, 2, 10)).macs == 18 * 8
    assert only(nn.Conv3d(1, 2, 2), torch.zeros(1, 1, 3, 3, 3)).macs == 16 * 8


def test_linear_alone_and_over_a_sequence() -> None:
    assert only(nn.Linear(4, 3), torch.zeros(2, 4)).macs == 12
    assert only(nn.Linear(4, 3), torch.zeros(2, 5, 4)).macs == 12 * 5


def test_positions_folded_into_the_batch_are_counted() -> None:
    """As windowed attention does: the layer sees N x windows rows."""

    class Folded(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.linear = nn.Linear(4, 3)

        def forward(self, x: Tensor) -> Tensor:
            return self.linear(input=x.reshape(-1, 4))

    assert only(Folded(), torch.zeros(2, 5, 4)).macs == 12 * 5


class Mixed(nn.Module):
    """A tied weight, a module called twice, one never called, and a Sequential of layers."""

    def __init__(self) -> None:
        super().__init__()
        self.unused = nn.Linear(4, 2)
        self.last = nn.Linear(4, 4, bias=False)
        self.first = nn.Linear(4, 4, bias=False)
        self.tied = nn.Linear(4, 4, bias=False)
        self.tied.weight = self.first.weight
        self.body = nn.Sequential(nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))

    def forward(self, x: Tensor) -> Tensor:
        x = self.tied(self.first(x))
        x = self.body(self.body(self.body(x)))
        return self.last(x)


def test_tied_repeated_and_unused_weights() -> None:
    blocks = partition(Mixed(), torch.zeros(2, 4))
    assert [block.name for block in blocks] == ["first", "body.0", "last", "unused"]
    first, body, last, unused = (block.layers[0] for block in blocks)
    assert (first.calls, first.macs, first.weights) == (2, 32, 16)
    assert (body.calls, body.macs) == (3, 48)
    assert (last.calls, last.macs) == (1, 16)
    assert (unused.calls, unused.macs, unused.input_shape, unused.weights) == (0, 0, (), 8)


def test_containers_and_the_root_enclose_nothing() -> None:
    names = [block.name for block in partition(Mixed(), torch.zeros(2, 4), granularity="module")]
    assert names == ["first", "body.0", "last", "unused"]
    plain = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 2))
    assert [block.name for block in partition(plain, torch.zeros(1, 4), granularity="module")] == ["0", "2"]


def test_an_embedding_tied_to_the_output_is_one_layer() -> None:
    class Language(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embedding = nn.Embedding(7, 4)
            self.head = nn.Linear(4, 7, bias=False)
            self.head.weight = self.embedding.weight

        def forward(self, x: Tensor) -> Tensor:
            return self.head(self.embedding(x))

    layer = only(Language(), torch.zeros(2, 5, dtype=torch.int64))
    assert (layer.kind, layer.calls, layer.weights, layer.macs) == ("Embedding", 2, 28, 28 * 5)


def test_every_modules_mode_and_statistics_are_left_alone() -> None:
    model = Mixed().train()
    model.body[1].eval()
    modes = [module.training for module in model.modules()]
    before = {name: tensor.clone() for name, tensor in model.state_dict().items()}
    partition(model, torch.ones(2, 4))
    assert [module.training for module in model.modules()] == modes
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())
    assert not any(module._forward_hooks for module in model.modules())


def test_a_network_with_nothing_to_quantize() -> None:
    with pytest.raises(StudyError, match="no convolution, linear or embedding layer"):
        partition(nn.Sequential(nn.ReLU(), nn.Flatten()), torch.zeros(1, 4))


def test_a_weight_computed_from_others_is_refused_by_name() -> None:
    """Such a weight is a new tensor at every look, so it has no identity to tell blocks apart by."""
    model = nn.Sequential(nn.Linear(4, 4), parametrizations.weight_norm(nn.Linear(4, 2)))
    with pytest.raises(StudyError, match="the weight of 1 is computed from other parameters"):
        partition(model, torch.zeros(1, 4))
