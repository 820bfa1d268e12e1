"""Networks that train through their quantizers: gradients, checkpoints, and the way back."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.errors import QuantizerError
from explorer.quantizers import (
    Affine,
    FakeQuantizer,
    QuantizerSettings,
    assert_no_quantizer,
    freeze,
    latent_state,
    prepare_training,
    quantize_weight,
    refresh_steps,
    simulate,
)

from .networks import LAYERS, everywhere, images, small, tied, tokens


def train(model: nn.Module, x: Tensor, steps: int = 2, lr: float = 0.05) -> None:
    model.train()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    for _ in range(steps):
        optimizer.zero_grad()
        model(x).square().mean().backward()
        optimizer.step()
    model.eval()


def prepared(bits: int = 3) -> nn.Module:
    return prepare_training(small(), everywhere(bits, bits), [images()])


def test_before_any_training_it_computes_what_simulate_computes() -> None:
    x = images()
    simulated = simulate(small(), everywhere(3, 4), [x])
    ready = prepare_training(small(), everywhere(3, 4), [x])
    assert torch.equal(ready(x), simulated(x))


def test_the_original_and_its_mode_are_left_untouched() -> None:
    model = small().train()
    before = copy.deepcopy(model.state_dict())
    ready = prepare_training(model, everywhere(4, 4), [images()])
    train(ready, images())
    assert model.training
    assert all(torch.equal(before[key], value) for key, value in model.state_dict().items())


def test_the_latent_weight_gets_the_gradient_of_the_quantized_one_inside_the_clip_range() -> None:
    model, x = nn.Sequential(nn.Linear(4, 3, bias=False)), torch.randn(5, 4)
    settings = QuantizerSettings(step="min-max")  # clips nothing, so every weight is inside
    ready = prepare_training(model, {"0": (3, 32)}, [], weights=settings)
    ready(x).sum().backward()
    (latent,) = ready.parameters()
    assert latent.grad is not None
    assert torch.allclose(latent.grad, x.sum(dim=0).expand(3, 4))


def test_training_moves_every_parameter_and_lowers_the_loss() -> None:
    ready, x = prepared(4), images()
    before = {name: p.detach().clone() for name, p in ready.named_parameters()}
    loss = ready(x).square().mean().item()
    train(ready, x, steps=20)
    assert ready(x).square().mean().item() < loss
    assert all(not torch.equal(before[name], p) for name, p in ready.named_parameters())


def test_a_checkpoint_restores_the_network_exactly() -> None:
    """Also its further training, step for step."""
    ready, x = prepared(), images()
    train(ready, x)
    refresh_steps(ready)
    state = copy.deepcopy(ready.state_dict())
    assert all(isinstance(value, Tensor) for value in state.values())
    again = prepare_training(small(seed=5), everywhere(3, 3), [images(seed=9)])
    again.load_state_dict(state)
    assert torch.equal(again(x), ready(x))
    for model in (ready, again):
        train(model, x)
    assert torch.equal(again(x), ready(x))


def test_weight_steps_stay_until_they_are_refreshed() -> None:
    ready = prepared()
    key = "point.parametrizations.weight.0.step"
    before = ready.state_dict()[key].clone()
    with torch.no_grad():
        ready.point.parametrizations.weight.original.mul_(2)  # type: ignore[union-attr,operator]
    assert torch.equal(ready.state_dict()[key], before)
    refresh_steps(ready)
    assert torch.allclose(ready.state_dict()[key], 2 * before)


def test_activation_steps_are_not_refreshed() -> None:
    ready = prepared()
    steps = {k: v.clone() for k, v in ready.state_dict().items() if "input_quantizer" in k}
    train(ready, images())
    refresh_steps(ready)
    assert steps
    assert all(torch.equal(ready.state_dict()[k], v) for k, v in steps.items())


@pytest.mark.parametrize("bits", [1, 2, 4, 32])
def test_freezing_changes_nothing_but_the_form(bits: int) -> None:
    ready, x = prepared(bits), images()
    train(ready, x)
    before = copy.deepcopy(ready.state_dict())
    frozen = freeze(ready)
    assert torch.equal(frozen(x), ready(x))
    assert not frozen.training
    assert all(torch.equal(before[key], value) for key, value in ready.state_dict().items())
    assert not nn.utils.parametrize.is_parametrized(frozen.point)  # type: ignore[arg-type]
    if bits <= 4:
        assert all(len(row.unique()) <= 2**bits for row in frozen.point.weight)  # type: ignore[union-attr]
        with pytest.raises(QuantizerError, match="is quantized"):
            assert_no_quantizer(frozen)


def test_the_latent_weights_load_into_the_unquantized_model() -> None:
    ready, model = prepared(4), small()
    train(ready, images())
    state = latent_state(ready)
    model.load_state_dict(state)  # strict: the same names and no other
    refresh_steps(ready)
    assert torch.equal(freeze(ready).point.weight, quantize_weight(model.point.weight, 4))  # type: ignore[union-attr,arg-type]


@pytest.mark.parametrize("name", ["embed", "out"])
def test_tied_weights_stay_one_parameter_through_training_and_freezing(name: str) -> None:
    ready, x = prepare_training(tied(), {name: (3, 8), "mix": (4, 8)}, [tokens()]), tokens()
    assert len(list(ready.parameters())) == 3
    train(ready, x)
    refresh_steps(ready)
    restored = prepare_training(tied(3), {name: (3, 8), "mix": (4, 8)}, [tokens()])
    restored.load_state_dict(ready.state_dict())
    frozen = freeze(ready)
    assert torch.equal(frozen(x), ready(x))
    assert torch.equal(restored(x), ready(x))
    assert frozen.embed.weight is frozen.out.weight  # type: ignore[union-attr]
    tied().load_state_dict(latent_state(ready))


def test_a_prepared_network_can_be_copied_and_is_recognised() -> None:
    ready, x = prepared(), images()
    assert torch.equal(copy.deepcopy(ready)(x), ready(x))
    with pytest.raises(QuantizerError, match="layer 'first' is quantized"):
        assert_no_quantizer(ready)


@pytest.mark.parametrize("granularity", ["tensor", "channel"])
def test_bias_correction_holds_while_training_and_after(granularity: Any) -> None:
    """Transposed convolutions, whose output channels are dimension 1, included."""
    model, x = small(), images()
    weights = QuantizerSettings(granularity=granularity, bias_correction="mean-variance")
    ready = prepare_training(model, everywhere(2, 8), [x], weights=weights)
    simulated = simulate(model, everywhere(2, 8), [x], weights=weights)
    assert torch.allclose(ready(x), simulated(x), atol=1e-6)
    train(ready, x)
    refresh_steps(ready)
    frozen = freeze(ready)
    assert torch.equal(frozen(x), ready(x))
    latent = latent_state(ready)
    for name in LAYERS:
        dims = [d for d in range(latent[f"{name}.weight"].ndim) if d != (1 if name == "up" else 0)]
        found = frozen.get_submodule(name).get_parameter("weight").mean(dims)
        assert torch.allclose(found, latent[f"{name}.weight"].mean(dims), atol=1e-6)


def test_bias_correction_of_activations_is_refused() -> None:
    with pytest.raises(QuantizerError, match="weights alone"):
        simulate(small(), everywhere(4, 4), [images()], activations=QuantizerSettings(bias_correction="mean"))


def test_a_method_that_learns_its_steps_needs_only_a_class_of_its_own() -> None:
    class Learned(FakeQuantizer):
        def hold(self, start: Affine) -> None:
            self.step = nn.Parameter(start.step.clone())
            self.register_buffer("zero_point", start.zero_point)

        def refresh(self, q: Affine) -> None:
            return None

        def quantized(self, x: Tensor) -> Tensor:
            step, zero = self.affine().over(x)
            scaled = x / step
            whole = scaled + (scaled.round() - scaled).detach() + (0 if zero is None else zero)
            whole = whole.clamp(self.grid.qmin, self.grid.qmax)
            return (whole - (0 if zero is None else zero)) * step

    x = images()
    ready = prepare_training(
        small(), everywhere(3, 3), [x], weight_quantizer=Learned, input_quantizer=Learned
    )
    assert torch.allclose(ready(x), prepared()(x), atol=1e-6)
    step = ready.point.parametrizations.weight[0].step  # type: ignore[union-attr,index]
    before = step.detach().clone()
    train(ready, x)
    refresh_steps(ready)
    assert not torch.equal(step, before)
    assert torch.equal(freeze(ready)(x), ready(x))
