"""Networks quantized after training: what is quantized, what is left alone, and what is refused."""

from __future__ import annotations

import copy
from collections.abc import Iterator

import pytest
import torch
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers import (
    ACTIVATIONS,
    WEIGHTS,
    FakeQuantizer,
    QuantizerSettings,
    assert_no_quantizer,
    quantize_weight,
    simulate,
)

from .networks import LAYERS, everywhere, images, small, tied, tokens


def test_the_original_is_left_untouched_at_every_width() -> None:
    model, x = small(), images()
    before, output = copy.deepcopy(model.state_dict()), model(x)
    for bits in (1, 4, 8, 32):
        simulate(model, everywhere(bits, bits), [x])
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())
    assert torch.equal(model(x), output)
    assert not model.training
    assert not model.first._forward_pre_hooks
    assert_no_quantizer(model)


def test_32_bits_everywhere_is_the_model_to_the_bit_and_reads_no_calibration() -> None:
    model, x = small(), images()

    class Never:
        def __iter__(self) -> Iterator[Tensor]:
            raise AssertionError("calibration was read")

    same = simulate(model, everywhere(32, 32), Never())
    assert torch.equal(same(x), model(x))
    assert_no_quantizer(same)


def test_more_bits_come_closer_and_8_bits_are_close() -> None:
    model, x = small(), images(32)
    with torch.no_grad():
        expected = model(x)
        quantized = [simulate(model, everywhere(b, b), [x])(x) for b in (2, 4, 8)]
    away = [float((output - expected).norm() / expected.norm()) for output in quantized]
    assert away[0] > away[1] > away[2]
    assert away[2] < 0.02


def test_a_simulated_layer_computes_with_its_quantized_weight_and_input() -> None:
    model, x = small(), images()
    simulated = simulate(model, {"first": (3, 4)}, [x])
    low, high = x.aminmax()
    step = (high - low) / 15
    zero = -(low / step).round()
    seen = ((x / step).round() + zero).clamp(0, 15).sub(zero).mul(step)
    expected = nn.functional.conv2d(seen, quantize_weight(model.first.weight, 3), padding=1)
    assert torch.allclose(simulated.first(x), expected, atol=1e-6)  # type: ignore[operator]


def test_the_channels_of_depthwise_and_transposed_layers_have_their_own_steps() -> None:
    model = small()
    simulated = simulate(model, everywhere(2, 32), [])
    for name, axis in (("depthwise", 0), ("up", 1), ("last", 0)):
        weight = simulated.get_submodule(name).weight
        assert isinstance(weight, Tensor)
        assert torch.equal(weight, quantize_weight(model.get_submodule(name).weight, 2, axis=axis))  # type: ignore[arg-type]


def test_batch_norm_and_biases_are_left_alone() -> None:
    model = small()
    state = simulate(model, everywhere(1, 32), []).state_dict()
    for key, value in model.state_dict().items():
        changed = key.endswith("weight") and key.split(".")[0] in LAYERS
        assert torch.equal(state[key], value) != changed


def test_the_range_covers_every_calibration_batch_of_the_fp32_network() -> None:
    """Batch by batch or in one piece, and whatever happens to the layers before."""
    model, x = small(), images(7)
    whole = simulate(model, everywhere(1, 4), [x]).state_dict()
    parts = simulate(model, everywhere(8, 4), [x[:4], x[4:]]).state_dict()
    keys = [key for key in whole if "input_quantizer" in key]
    assert len(keys) == 2 * len(LAYERS)
    for key in keys:
        assert torch.allclose(whole[key], parts[key])


def test_in_place_activations_and_batch_order_do_not_reach_the_caller() -> None:
    model, x = small(), images()
    before = x.clone()
    simulated = simulate(model, everywhere(4, 4), [x])
    first = simulated(x)
    assert torch.equal(simulated(x), first)
    assert torch.equal(x, before)


@pytest.mark.parametrize(
    "activations",
    [
        QuantizerSettings("affine", "tensor", "mse"),
        QuantizerSettings("affine", "channel", "min-max"),
        QuantizerSettings("symmetric", "tensor", "min-max"),
        QuantizerSettings("symmetric", "channel", "mse"),
    ],
)
@pytest.mark.parametrize("bits", [1, 8])
def test_activations_take_every_setting(activations: QuantizerSettings, bits: int) -> None:
    model, x = small(), images()
    simulated = simulate(model, everywhere(32, bits), [x], activations=activations)
    assert torch.isfinite(simulated(x)).all()
    if bits == 8:
        assert (simulated(x) - model(x)).norm() < 0.1 * model(x).norm()


def test_one_bit_activations_have_two_levels() -> None:
    model, x = small(), images()
    quantizer = simulate(model, {"point": (32, 1)}, [x]).point.input_quantizer  # type: ignore[union-attr]
    assert isinstance(quantizer, FakeQuantizer)
    assert len(quantizer(torch.linspace(-9, 9, 101)).unique()) == 2


def test_a_layer_called_with_its_input_by_name_is_quantized_too() -> None:
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 2)

        def forward(self, x: Tensor) -> Tensor:
            out: Tensor = self.layer(input=x)
            return out

    model, x = Named().eval(), images().flatten(0, 2)[:, :3]
    simulated = simulate(model, {"layer": (32, 2)}, [x])
    assert not torch.equal(simulated(x), model(x))


@pytest.mark.parametrize("name", ["embed", "out"])
def test_a_tied_weight_is_quantized_once_whichever_name_the_plan_uses(name: str) -> None:
    model = tied()
    simulated = simulate(model, {name: (3, 8)}, [tokens()])
    assert simulated.embed.weight is simulated.out.weight  # type: ignore[union-attr]
    assert torch.equal(simulated.out.weight, quantize_weight(model.out.weight, 3))  # type: ignore[union-attr,arg-type]
    assert hasattr(simulated.out, "input_quantizer")
    assert not hasattr(simulated.embed, "input_quantizer")


def test_tied_layers_must_agree_on_their_bits() -> None:
    simulate(tied(), {"embed": (4, 32), "out": (4, 8)}, [tokens()])
    with pytest.raises(QuantizerError, match="'embed', 'out' share one weight"):
        simulate(tied(), {"embed": (4, 32), "out": (3, 32)}, [tokens()])


def test_a_layer_called_twice_covers_the_inputs_of_both_calls() -> None:
    model, x = tied(), tokens()
    seen: list[Tensor] = []
    hook = model.mix.register_forward_pre_hook(lambda _, args: seen.append(args[0].detach()))
    model(x)
    hook.remove()
    values = torch.cat([value.flatten() for value in seen])
    quantizer = simulate(model, {"mix": (8, 8)}, [x]).mix.input_quantizer  # type: ignore[union-attr]
    assert len(seen) == 2
    assert float(quantizer.step) == pytest.approx(float(values.max() - values.min()) / 255)  # type: ignore[union-attr,arg-type]


def test_a_wrong_name_is_answered_with_the_nearest_ones() -> None:
    with pytest.raises(QuantizerError, match="no layer 'depthwize': the nearest names are 'depthwise'"):
        simulate(small(), {"depthwize": (4, 4)}, [images()])
    with pytest.raises(QuantizerError, match="'norm' is a BatchNorm2d"):
        simulate(small(), {"norm": (4, 4)}, [images()])
    with pytest.raises(QuantizerError, match="nor any other"):
        simulate(nn.ReLU(), {"x": (4, 4)}, [images()])


@pytest.mark.parametrize("bits", [(5.0, 8), (9, 8), (4, 0)])
def test_bits_outside_the_menu_are_refused(bits: tuple[int, int]) -> None:
    with pytest.raises(QuantizerError, match="bits"):
        simulate(small(), {"first": bits}, [images()])


def test_a_layer_that_calibration_never_reaches_is_named() -> None:
    for calibration in ([], [images()]):
        model = small()
        model.add_module("unused", nn.Linear(2, 2))
        with pytest.raises(QuantizerError, match="no calibration batch reached layer 'unused'"):
            simulate(model, {"unused": (8, 8)}, calibration)


def test_values_that_are_not_finite_name_their_layer() -> None:
    model, x = small(), images()
    x[0, 0, 0, 0] = float("nan")
    with pytest.raises(QuantizerError, match="input of layer 'first'"):
        simulate(model, {"first": (8, 8)}, [x])
    with torch.no_grad():
        model.point.weight[0] = float("inf")
    with pytest.raises(QuantizerError, match="weight of layer 'point'"):
        simulate(model, {"point": (8, 32)}, [])


def test_a_weight_that_is_computed_on_each_pass_is_refused() -> None:
    model = small()
    nn.utils.parametrizations.weight_norm(model.point)
    with pytest.raises(QuantizerError, match="'point' is computed anew"):
        simulate(model, {"point": (4, 32)}, [])


def test_a_quantized_network_is_recognised_and_not_quantized_again() -> None:
    for bits in ((4, 32), (32, 4)):
        simulated = simulate(small(), {"point": bits}, [images()])
        with pytest.raises(QuantizerError, match="'point' is quantized"):
            assert_no_quantizer(simulated)
        with pytest.raises(QuantizerError, match="'point' is quantized"):
            simulate(simulated, {"first": (4, 4)}, [images()])


def test_calibration_restores_every_mode_and_hook_even_after_an_error() -> None:
    model = small().train()
    model.norm.eval()
    with pytest.raises(RuntimeError):
        simulate(model, {"first": (4, 4)}, [torch.ones(1, 2, 6, 6)])
    assert model.training
    assert not model.norm.training
    assert not any(module._forward_pre_hooks for module in model.modules())


def test_the_defaults_are_the_documented_ones() -> None:
    assert QuantizerSettings("symmetric", "channel", "mse") == WEIGHTS
    assert QuantizerSettings("affine", "tensor", "min-max") == ACTIVATIONS
