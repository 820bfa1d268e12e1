"""`exact` is the trace of the dense Hessian, from closed forms and from torch.func.hessian."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from explorer.blocks import Block, Layer
from explorer.curvature import activation_traces, weight_traces
from explorer.studies.losses import Loss
from explorer.studies.study import Study
from tests.curvature.networks import (
    Attention,
    Mixed,
    Smooth,
    Twice,
    dense_activation_trace,
    dense_weight_trace,
    seeded,
    study_of,
)


def assert_exact(study: Study, rel: float = 1e-10) -> None:
    found = weight_traces(study, method="exact", dtype=torch.float64, chunk=5)
    assert found.method == "exact"
    for block in found.blocks:
        expected = dense_weight_trace(study, f"{block.name}.weight")
        assert block.trace == pytest.approx(expected, rel=rel, abs=1e-13), block.name
        assert block.stderr == 0


def test_softmax_regression_has_the_closed_form() -> None:
    study = study_of(nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 3)))
    x = study.data.inputs("train", slice(None)).double().flatten(1)
    p = study.model().double()(x).softmax(1)
    expected = ((1 - p.square().sum(1)) * x.square().sum(1)).mean()
    found = weight_traces(study, method="exact", dtype=torch.float64, chunk=7)
    assert found.blocks[0].trace == pytest.approx(float(expected), rel=1e-12)
    assert found.blocks[0].mean_trace == pytest.approx(float(expected) / 216, rel=1e-12)


def test_squared_error_of_a_linear_network_has_the_closed_form() -> None:
    study = study_of(nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 3)), loss=Loss("mse"))
    x = study.data.inputs("train", slice(None)).double().flatten(1)
    found = weight_traces(study, method="exact", dtype=torch.float64)
    # Mean over 3 outputs: each of the 3 rows has Hessian 2/3 x x^T.
    assert found.blocks[0].trace == pytest.approx(float(2 * x.square().sum(1).mean()), rel=1e-12)


@pytest.mark.parametrize(
    "loss",
    [
        Loss("cross_entropy"),
        Loss("cross_entropy", label_smoothing=0.1, class_weights=(1.0, 2.0, 0.5)),
        Loss("mse"),
        Loss("bce_with_logits"),
        Loss("factory", function=lambda f, y: torch.sin(f).sum(1) + f.square().sum(1) * 0.1),
    ],
    ids=["cross-entropy", "weights and smoothing", "mse", "bce", "indefinite"],
)
def test_piecewise_linear_convolutions_equal_the_dense_hessian(loss: Loss) -> None:
    assert_exact(study_of(seeded(Mixed), loss=loss))


def test_smooth_network_equals_the_dense_hessian_by_unit_vectors() -> None:
    assert_exact(study_of(seeded(Smooth), size=9))


def test_a_weight_used_three_times_is_one_block_with_its_uses_summed_before_the_norm() -> None:
    study = study_of(seeded(Twice))
    assert_exact(study)
    assert [b.name for b in weight_traces(study, method="exact").blocks] == ["enter", "shared"]


class Kinds(nn.Module):
    def __init__(self, layer: nn.Module, before: Callable[[Tensor], Tensor] | None = None) -> None:
        super().__init__()
        self.layer = layer
        self.before = before
        self.out = nn.LazyLinear(3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(x if self.before is None else self.before(x))
        return self.out(torch.relu(x).flatten(1))


def indices(x: Tensor) -> Tensor:
    return (x.flatten(1)[:, :7] * 3).long().clamp(0, 4)


@pytest.mark.parametrize(
    ("layer", "before"),
    [
        (lambda: nn.Conv1d(12, 4, 3, stride=2, padding=2, dilation=2, groups=2), lambda x: x.flatten(1, 2)),
        (lambda: nn.Conv2d(2, 4, 3, padding="same", padding_mode="reflect"), None),
        (lambda: nn.Conv2d(2, 4, (2, 3), padding="same", dilation=2), None),
        (lambda: nn.Conv2d(2, 4, 5), None),
        (lambda: nn.Conv2d(2, 4, 1, stride=2), None),
        (lambda: nn.Conv3d(1, 3, (2, 3, 3), padding=(0, 1, 1)), lambda x: x.unsqueeze(1)),
        (
            lambda: nn.ConvTranspose1d(12, 4, 3, stride=2, padding=1, output_padding=1, groups=2),
            lambda x: x.flatten(1, 2),
        ),
        (lambda: nn.ConvTranspose2d(2, 4, 3, stride=2, padding=1, output_padding=1), None),
        (lambda: nn.ConvTranspose2d(2, 2, 3, dilation=2, groups=2), None),
        (lambda: nn.ConvTranspose3d(1, 2, 2, stride=(1, 2, 2)), lambda x: x.unsqueeze(1)),
        (lambda: nn.Linear(6, 5), None),
        (lambda: nn.Embedding(5, 4), indices),
        (lambda: nn.Embedding(5, 4, padding_idx=2), indices),
    ],
)
def test_every_layer_kind_equals_the_dense_hessian(
    layer: Callable[[], nn.Module], before: Callable[[Tensor], Tensor] | None
) -> None:
    network = seeded(lambda: Kinds(layer(), before))
    probe = study_of(nn.Sequential(nn.Flatten(), nn.Linear(72, 3)))
    network(probe.data.inputs("train", slice(0, 2)))
    study = study_of(network, size=11)
    assert_exact(study)


def test_attention_and_gelu_equal_the_dense_hessian() -> None:
    assert_exact(study_of(seeded(Attention), size=5))


def test_numbers_do_not_depend_on_the_chunks() -> None:
    study = study_of(seeded(Mixed))
    one, other = (weight_traces(study, method="exact", dtype=torch.float64, chunk=c) for c in (23, 4))
    for a, b in zip(one.blocks, other.blocks, strict=True):
        assert a.trace == pytest.approx(b.trace, rel=1e-12)


@pytest.mark.parametrize(
    ("build", "names"),
    [
        (Mixed, ("stem", "depthwise", "grouped", "linear")),
        (Smooth, ("first", "second")),
        (Attention, ("enter", "attention.in_proj", "attention.out_proj", "mlp", "leave")),
    ],
)
def test_activation_traces_equal_the_dense_hessian_of_each_layers_input(
    build: type[nn.Module], names: tuple[str, ...]
) -> None:
    study = study_of(seeded(build), size=5)
    found = {b.name: b for b in activation_traces(study, method="exact", dtype=torch.float64, chunk=3).blocks}
    for name in names:
        size, expected = dense_activation_trace(study, name)
        assert found[name].n == size
        assert found[name].trace == pytest.approx(expected, rel=1e-10), name


class Normed(nn.Module):
    """Batch norms over maps and vectors, and a layer norm, after a convolution."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(2, 3, 3)
        self.maps = nn.BatchNorm2d(3)
        self.layer = nn.LayerNorm((4, 4))
        self.linear = nn.Linear(48, 4)
        self.vectors = nn.BatchNorm1d(4)
        self.out = nn.Linear(4, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer(torch.relu(self.maps(self.conv(x))))
        return self.out(torch.relu(self.vectors(self.linear(x.flatten(1)))))


def test_the_weights_of_normalisations_can_be_blocks_too() -> None:
    study = study_of(seeded(Normed), size=9)
    names = ("conv", "maps", "layer", "linear", "vectors", "out")
    weights = dict(study.model().named_parameters())
    blocks = tuple(
        Block(name, (Layer(name, "any", f"{name}.weight", tuple(w.shape), w.numel(), 0),))
        for name in names
        for w in [weights[f"{name}.weight"]]
    )
    found = weight_traces(study, blocks=blocks, method="exact", dtype=torch.float64)
    assert "sample by sample" not in found.note
    for block in found.blocks:
        assert block.trace == pytest.approx(dense_weight_trace(study, f"{block.name}.weight"), rel=1e-10)


def test_more_outputs_than_eigenpairs_are_worth_take_the_columns_of_the_root() -> None:
    network = nn.Sequential(nn.Flatten(), seeded(nn.Linear, 72, 3), nn.ReLU(), seeded(nn.Linear, 3, 70))
    study = study_of(network, size=6, classes=70)
    found = weight_traces(study, method="exact", dtype=torch.float64, chunk=4)
    for block in found.blocks:
        expected = dense_weight_trace(study, f"{block.name}.weight")
        assert block.trace == pytest.approx(expected, rel=1e-10)


def test_frozen_parameters_have_a_trace_like_others() -> None:
    frozen = seeded(Mixed)
    frozen.grouped.requires_grad_(False)
    one = weight_traces(study_of(frozen), method="exact", dtype=torch.float64)
    other = weight_traces(study_of(seeded(Mixed)), method="exact", dtype=torch.float64)
    assert one.blocks == other.blocks


class InPlace(nn.Module):
    """Functional in-place activations, which no module announces."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(2, 3, 3)
        self.second = nn.Conv2d(3, 3, 3)
        self.out = nn.Linear(12, 3)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu_(self.first(x))
        y = self.second(x).add_(x[:, :, 1:3, 1:3])
        return self.out(torch.relu_(y).flatten(1))


def test_in_place_operations_do_not_spoil_what_the_layers_read() -> None:
    assert_exact(study_of(seeded(InPlace)))
