"""What integer arithmetic makes of a network: by hand on one layer, against the plan's network on whole ones."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer.errors import ExportError
from explorer.quantizers import Affine, Grid, QuantizedWeight, QuantizerSettings, quantized_layers, simulate
from explorer.quantizers.deployed import BIAS, RESIDUAL, Deployment, deploy, simulate_deployed
from explorer.quantizers.deployed.bias import integer_bias
from explorer.quantizers.deployed.scales import scaled

from ..networks import everywhere, images, small, tied, tokens

EXACT = Deployment(integer_bias=False, residual_bits=None)


def differing(one: Tensor, other: Tensor) -> float:
    return float((one - other).detach().abs().max())


@given(
    st.integers(1, 8),
    st.booleans(),
    st.sampled_from([0, 1]),
    st.lists(st.sampled_from([-1.5, 0.0, 0.25]), min_size=3, max_size=3),
)
def test_factors_go_into_scales(bits: int, affine: bool, axis: int, factors: list[float]) -> None:
    """a·w to the float, integers of channels with a > 0 to the bit, and a step off only where the grid has no -q."""
    factor = torch.tensor(factors, dtype=torch.float64)
    grid = Grid.unsigned(bits) if affine else Grid.signed(bits)
    levels = torch.tensor(grid.levels).repeat(3, 1)
    levels = levels if axis == 0 else levels.T.contiguous()
    zero = torch.tensor([0.0, 1.0, float(grid.qmax)]) if affine else None
    q = Affine(torch.tensor([0.5, 0.25, 2.0]), zero, grid, axis)
    weight = QuantizedWeight(levels.to(torch.uint8 if affine else torch.int8), q)
    assume(not (grid.is_sign and 0.0 in factors))
    folded, clamped = scaled(weight, factor, channels=axis)
    wanted = weight.dequantize().movedim(axis, -1).double() * factor
    off = (folded.dequantize().movedim(axis, -1).double() - wanted).abs()
    exact = affine or grid.is_sign
    most = torch.zeros(3) if exact else (factor < 0) * folded.affine.step
    assert bool((off <= most.double() + 1e-6 * wanted.abs()).all())
    assert clamped == (0 if exact else sum(a < 0 for a in factors))
    kept = folded.integers.movedim(axis, -1)[..., factor > 0]
    assert torch.equal(kept, weight.integers.movedim(axis, -1)[..., factor > 0])


def test_one_bit_has_no_zero_for_a_factor_of_zero() -> None:
    weight = QuantizedWeight(
        torch.ones(2, 1, dtype=torch.int8), Affine(torch.ones(2), None, Grid.signed(1), 0)
    )
    with pytest.raises(ExportError, match="γ = 0"):
        scaled(weight, torch.tensor([1.0, 0.0], dtype=torch.float64), channels=0)


def test_an_integer_bias_is_within_half_a_unit_and_too_small_a_unit_is_refused() -> None:
    weight = Affine(torch.tensor([0.1, 0.2]), None, Grid.signed(4), 0)
    inputs = Affine(torch.tensor(0.5), torch.tensor(3.0), Grid.unsigned(8))
    whole = integer_bias(torch.tensor([0.26, -0.33]), weight, inputs)
    assert whole.integers.tolist() == [5, -3]  # of 0.05 and 0.1
    assert torch.allclose(whole.value(), torch.tensor([0.25, -0.3]))
    tiny = Affine(torch.tensor([1e-12, 0.2]), None, Grid.signed(4), 0)
    with pytest.raises(ExportError, match="more than 32 bits"):
        integer_bias(torch.tensor([1.0, 1.0]), tiny, inputs)
    apart = Affine(torch.tensor([0.5, 0.5]), None, Grid.unsigned(8), -1)
    with pytest.raises(ExportError, match="one step a channel"):
        integer_bias(torch.tensor([1.0, 1.0]), weight, apart)


@pytest.mark.parametrize("granularity", ["channel", "tensor"])
def test_folding_alone_leaves_the_network_as_it_is(granularity: Any) -> None:
    """Depthwise and transposed convolutions and a residual sum among its layers; γ < 0 and γ = 0 among its channels."""
    model = small()
    with torch.no_grad():
        model.norm.weight[1], model.norm.weight[2] = -0.7, 0.0
        model.norm.bias.copy_(torch.linspace(-1, 1, 8))
        model.first.weight.clamp_(max=model.first.weight.abs().max() * 0.9)
    settings = QuantizerSettings("affine", granularity)  # whose turned channels stay on their grid
    network = simulate(model, everywhere(4, 8), [images()], weights=settings)
    ready = deploy(network, [images()], EXACT)
    assert ready.graph
    assert ready.remarks == ()
    assert not any(isinstance(each, nn.BatchNorm2d) for each in ready.network.modules())
    assert differing(ready.network(images()), network(images())) < 1e-5
    before, after = (quantized_layers(each)["first"].weight for each in (network, ready.network))
    assert before is not None
    assert after is not None
    kept = [0, 3, 4, 5, 6, 7]
    assert torch.equal(before.integers[kept], after.integers[kept])
    assert bool((after.dequantize()[2] == 0).all())


def test_everything_is_deployed_and_the_network_handed_in_stays() -> None:
    network = simulate(small(), everywhere(8, 8), [images()])
    before = network(images())
    ready = deploy(network, [images()])
    assert torch.equal(network(images()), before)
    assert ready.sums == 1
    assert len(ready.network.get_submodule(RESIDUAL)._modules) == 3  # both terms and the rectified sum
    assert 0 < differing(ready.network(images()), before) < 0.1
    for name, layer in quantized_layers(ready.network).items():
        assert layer.weight is not None
        assert layer.input is not None
        stored: Any = ready.network.get_submodule(name)._modules[BIAS]
        assert torch.equal(stored.unit, layer.input.step * layer.weight.affine.step)
        assert torch.equal(stored.value(), ready.network.get_submodule(name).get_parameter("bias"))


def test_a_sum_uses_the_quantizer_of_the_layer_that_reads_it() -> None:
    """So that one tensor is rounded once."""
    ready = deploy(simulate(small(), everywhere(8, 8), [images()]), [images()])
    found = quantized_layers(ready.network)
    steps = [float(each.affine().step) for each in ready.network.get_submodule(RESIDUAL)._modules.values()]  # type: ignore[union-attr,operator]
    of = {name: float(found[name].input.step) for name in ("depthwise", "up")}  # type: ignore[union-attr]
    assert {of["depthwise"], of["up"]} < set(steps)


def test_a_network_without_a_fixed_graph_says_so_and_keeps_its_layers() -> None:
    class Deciding(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer, self.norm = nn.Linear(4, 4), nn.BatchNorm1d(4)

        def forward(self, x: Tensor) -> Tensor:
            y: Tensor = self.norm(self.layer(x))
            return y + x if bool(x.sum() > 0) else y

    inputs = torch.ones(3, 4)
    ready = simulate_deployed(Deciding().eval(), {"layer": (4, 8)}, [inputs])
    assert not ready.graph
    assert "no fixed graph" in ready.remarks[0]
    assert isinstance(ready.network.get_submodule("norm"), nn.BatchNorm1d)


def test_a_mask_of_any_length_is_traced_and_the_sum_behind_it_quantized() -> None:
    """Attention makes its mask of the length of its input, which ``torch.ones`` takes no stand-in for."""

    class Masked(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x: Tensor) -> Tensor:
            before = torch.ones(x.shape[1], x.shape[1], dtype=torch.bool).tril()
            return x + self.layer(torch.zeros(x.shape[1], x.shape[1]).masked_fill(before, 0.5) @ x)

    make = torch.ones
    ready = simulate_deployed(Masked().eval(), {"layer": (8, 8)}, [torch.randn(3, 5, 4)])
    assert (ready.graph, ready.sums) == (True, 1)
    assert ready.network(torch.ones(2, 9, 4)).shape == (2, 9, 4)
    assert torch.ones is make


def test_tied_weights_and_layers_called_twice_are_deployed() -> None:
    network = simulate(tied(), {"embed": (3, 8), "mix": (4, 8)}, [tokens()])
    ready = deploy(network, [tokens()])
    assert differing(ready.network(tokens()), network(tokens())) < 0.02


def test_bias_correction_is_refused_by_layer() -> None:
    settings = QuantizerSettings(bias_correction="mean")
    with pytest.raises(ExportError, match=r"layer 'first' .* bias correction"):
        simulate_deployed(small(), everywhere(4, 8), [images()], weights=settings)
