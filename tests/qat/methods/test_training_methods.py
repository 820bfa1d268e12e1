"""Every method on networks of several kinds: it learns, it stores what it computes, and a checkpoint restores it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from explorer.errors import RunError
from explorer.qat.methods import METHODS, Batch, Method
from explorer.quantizers import GivenSteps, LayerSteps, fake_quantize, freeze, quantized_layers
from explorer.quantizers.simulated import input_quantizers, weight_quantizers
from tests.quantizers.networks import images, small, tied, tokens

Bits = dict[str, tuple[int, int]]
MIXED: Bits = {"first": (8, 8), "depthwise": (2, 4), "point": (1, 2), "up": (16, 1), "last": (32, 3)}
BINARY: Bits = {"first": (1, 8), "depthwise": (1, 4), "point": (1, 2), "up": (32, 1), "last": (1, 32)}


class Attention(nn.Module):
    """Linear layers round a softmax, and no batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.out = nn.Linear(6, 18), nn.Linear(6, 4)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, dim=-1)
        logits: Tensor = self.out(torch.softmax(q @ k.mT, dim=-1) @ v)
        return logits


def attention() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Attention().eval()


def sequences() -> Tensor:
    return torch.randn(5, 3, 6, generator=torch.Generator().manual_seed(2))


KINDS: dict[str, tuple[Callable[[], nn.Module], Callable[[], Tensor], Bits, Bits]] = {
    "convolutions": (small, images, MIXED, BINARY),
    "tied": (tied, tokens, {"embed": (3, 8), "mix": (4, 8)}, {"embed": (1, 8), "mix": (1, 32)}),
    "attention": (attention, sequences, {"qkv": (2, 4), "out": (4, 4)}, {"qkv": (1, 4), "out": (32, 8)}),
}
OPTIONS: list[tuple[str, dict[str, Any]]] = [
    *((name, {}) for name in METHODS),
    ("ste", {"steps": "fixed", "oscillation": "dampen"}),
    ("lsq", {"granularity": "tensor", "oscillation": "freeze", "weights": "min-max", "step_rate": 0.5}),
    ("dorefa", {"gradient_bits": 6, "unit": True, "activations": "min-max"}),
    ("binaryconnect", {"stochastic": True}),
]


def made(name: str, options: dict[str, Any]) -> Method:
    return METHODS[name](METHODS[name].Options(**options))


def weight_of(network: nn.Module) -> Tensor:
    """What the first layer computes with."""
    weight = network.get_submodule("0").weight
    assert isinstance(weight, Tensor)
    return weight


def train(
    method: Method, network: nn.Module, x: Tensor, *, first: int = 0, steps: int = 6, rate: float = 0.02
) -> list[float]:
    """The loop's part, written out; the losses of all steps."""
    groups = method.parameter_groups(network, learning_rate=rate, weight_decay=1e-4)
    optimizer = torch.optim.SGD(groups, lr=rate)
    method.expect(first + steps)
    network.train()
    losses = []
    for step in range(first, first + steps):
        if step % 3 == 0:
            method.start_epoch(network)
        method.seed_step(network, 7, step)
        outputs = network(x)
        loss = outputs.square().mean()
        penalty = method.penalty(network, Batch(x, x, outputs))
        optimizer.zero_grad()
        (loss if penalty is None else loss + penalty).backward()
        optimizer.step()
        method.after_step(network)
        losses.append(loss.item())
    network.eval()
    return losses


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("name", "options"), OPTIONS, ids=str)
def test_it_learns_stores_what_it_computes_and_goes_on_from_a_checkpoint(
    name: str, options: dict[str, Any], kind: str
) -> None:
    """With widths from 1 to 16 and layers left in FP32, shared weights, transposed and depthwise convolutions."""
    model, inputs, mixed, binary = KINDS[kind]
    bits = binary if name == "binaryconnect" else mixed
    x, method = inputs(), made(name, options)
    network = method.prepare(model(), bits, [x], None)
    assert len(list(network.parameters())) >= len(list(model().parameters()))
    losses = train(method, network, x)
    assert losses[-1] < losses[0]
    state = copy.deepcopy(network.state_dict())
    frozen = freeze(network)
    assert torch.equal(frozen(x), network(x))
    for layer, found in quantized_layers(frozen).items():
        width = bits[layer if layer in bits else "embed"][0]  # a shared weight has one
        assert (found.weight is not None) == (width != 32)
        if found.weight is not None:
            assert torch.equal(found.weight.dequantize(), frozen.get_submodule(layer).get_parameter("weight"))
            assert found.weight.bits == width
    assert not any("alpha" in key or "least" in key for key in frozen.state_dict())
    assert not any(module._forward_hooks for module in frozen.modules())

    other = made(name, options)
    again = other.prepare(model(), bits, [x + 0 if kind == "tied" else 2 * x], None)
    again.load_state_dict(state)
    for each, which in ((network, method), (again, other)):
        train(which, each, x, first=4, steps=5)
    assert method.series(network) == other.series(again)
    assert method.layer_series(network) == other.layer_series(again)
    for key, value in network.state_dict().items():
        assert torch.equal(value, again.state_dict()[key]), key


def test_figures_of_every_layer_are_told() -> None:
    method = made("lsq", {})
    network = method.prepare(small(), MIXED, [images()], None)
    train(method, network, images())
    told = method.layer_series(network)
    assert list(told) == ["first", "depthwise", "point", "up", "last"]
    assert set(told["last"]) == {"input step", "input clip", "share of inputs clipped"}, (
        "its weight is in FP32"
    )
    assert told["last"]["input clip"] == pytest.approx(7 * told["last"]["input step"])
    assert 0 < told["point"]["share of inputs clipped"] < 1
    whole = method.series(network)
    assert 0 < whole["share of weights clipped"] < 1
    assert 0 < whole["share of weights changed level in the epoch"] < 1


def test_nothing_decays_but_weights() -> None:
    for name in METHODS:
        method = made(name, {})
        bits = BINARY if name == "binaryconnect" else MIXED
        network = method.prepare(small(), bits, [images()], None)
        groups = method.parameter_groups(network, learning_rate=0.1, weight_decay=0.5)
        moved = [parameter for group in groups for parameter in group["params"]]
        assert {id(each) for each in moved} == {id(each) for each in network.parameters()}
        assert len(moved) == len({id(each) for each in moved})
        decaying = {
            id(each) for group in groups if group.get("weight_decay") != 0 for each in group["params"]
        }
        names = {key for key, each in network.named_parameters() if id(each) in decaying}
        assert {key.partition(".")[0] for key in names} == {"first", "depthwise", "point", "up", "last"}
        assert all("weight" in key and ".0." not in key for key in names)


def test_lsq_starts_from_the_plans_steps_and_scales_their_gradients() -> None:
    """1 / sqrt(N p), N the values that share a step; channels begin with the tensor's step."""
    given = GivenSteps({"0": LayerSteps(w_step=0.25, a_step=0.5, a_signed=True)})
    layer = nn.Linear(4, 3, bias=False)
    x = torch.linspace(-2, 2, 20).reshape(5, 4)
    method = made("lsq", {})
    network = method.prepare(nn.Sequential(layer), {"0": (3, 4)}, [], given)
    ((_, weight, latent),) = weight_quantizers(network)
    ((_, reaching),) = input_quantizers(network)
    assert torch.equal(weight.step, torch.full((3,), 0.25))
    assert (reaching.step.item(), reaching.grid.qmin) == (0.5, -8)
    v = latent.clone().double()
    network(x).sum().backward()
    at = fake_quantize(x, reaching.affine()).double().sum(dim=0)  # dL/dw of every output channel
    scaled = v / 0.25
    terms = torch.where(scaled <= -4, -4.0, torch.where(scaled >= 3, 3.0, scaled.round() - scaled))
    expected = (at * terms).sum(dim=1) / (4 * 3) ** 0.5
    assert weight.step.grad is not None
    assert torch.allclose(weight.step.grad.double(), expected, atol=1e-5)
    with torch.no_grad():
        weight.step.fill_(-1.0)
    method.after_step(network)
    assert torch.allclose(weight.step, torch.full((3,), 0.25e-3)), "never zero or less"


@pytest.mark.parametrize("signed", [False, True])
def test_pacts_clip_has_the_gradient_of_the_paper_and_its_penalty(signed: bool) -> None:
    x = torch.tensor([[-9.0, -0.5, 0.2, 0.9, 5.0, 7.0]])
    method = made("pact", {"penalty": 0.5})
    layer = nn.Linear(6, 1, bias=False)
    given = GivenSteps({"0": LayerSteps(a_step=2 / (7 if signed else 15), a_signed=signed)})
    network = method.prepare(nn.Sequential(layer), {"0": (32, 4)}, [], given)
    alpha = network.get_parameter("0.input_quantizer.alpha")
    network(x).backward()
    w = layer.weight.detach()[0]
    expected = w[4] + w[5] + (-8 / 7 * w[0] if signed else 0)
    assert alpha.item() == pytest.approx(2)
    assert alpha.grad is not None
    assert alpha.grad.item() == pytest.approx(expected.item(), rel=1e-5)
    penalty = method.penalty(network, Batch(x, x, x))
    assert penalty is not None
    assert penalty.item() == pytest.approx(0.5 * 4)


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_dorefas_weights_are_the_papers_times_one_factor(bits: int) -> None:
    w = torch.randn(6, 5, generator=torch.Generator().manual_seed(3))
    layer = nn.Linear(5, 6)
    with torch.no_grad():
        layer.weight.copy_(w)
    network = made("dorefa", {}).prepare(nn.Sequential(layer), {"0": (bits, 32)}, [], None)
    found = weight_of(network).detach()
    if bits == 1:
        assert torch.allclose(found, w.sign() * w.abs().mean())
        return
    top = 2**bits - 1
    squeezed = torch.tanh(w) / (2 * torch.tanh(w).abs().max()) + 0.5
    paper = 2 * (top * squeezed).round() / top - 1
    assert torch.allclose(found, (w * paper).sum() / paper.square().sum() * paper, atol=1e-6)
    weight = network.get_parameter("0.parametrizations.weight.original")
    (gradient,) = torch.autograd.grad(weight_of(network).sum(), weight)
    assert gradient.std() > 0.01, "through the tanh"


def test_rounded_gradients_are_unbiased_and_on_their_levels() -> None:
    from explorer.qat.methods.gradient_rounding import round_gradient

    g = torch.tensor([[1.0, 0.3, -0.2], [0.0, 0.0, 0.0]])
    source = torch.Generator().manual_seed(0)
    draws = torch.stack([round_gradient(g, 2, source) for _ in range(4000)])
    levels = torch.tensor([-1.0, -1 / 3, 1 / 3, 1.0])
    assert ((draws[:, 0, :, None] - levels).abs().amin(dim=-1) < 1e-6).all()
    stderr = draws.std(dim=0) / 4000**0.5
    assert ((draws.mean(dim=0) - g).abs() <= 5 * stderr + 1e-6)[:, 1:].all(), (
        "the largest can only round inwards"
    )


def test_binary_connect_draws_by_seed_and_step_with_the_real_weight_as_mean() -> None:
    method = made("binaryconnect", {"stochastic": True})
    layer = nn.Linear(3, 1, bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([[0.1, -0.2, 0.9]]))
    network = method.prepare(nn.Sequential(layer), {"0": (1, 32)}, [], None)
    real = torch.tensor([[0.1, -0.2, 0.4]])  # clamped to the mean of the sizes
    network.train()

    def drawn(seed: int, step: int) -> Tensor:
        method.seed_step(network, seed, step)
        return weight_of(network).detach().clone()

    draws = torch.stack([drawn(0, step) for step in range(1500)])
    assert torch.allclose(draws.abs(), torch.full_like(draws, 0.4))
    assert ((draws.mean(dim=0) - real).abs() <= 5 * 0.4 / 1500**0.5).all()
    assert torch.equal(drawn(3, 5), drawn(3, 5))
    assert not torch.equal(torch.stack([drawn(3, n) for n in range(20)]), draws[:20])
    network.eval()
    assert torch.allclose(drawn(0, 1), 0.4 * real.sign()), "evaluated by the sign"


def test_binary_connect_refuses_other_weights_in_a_sentence() -> None:
    with pytest.raises(
        RunError, match="trains weights of 1 bit, but the plan gives layer 'first' 8; choose another"
    ):
        made("binaryconnect", {}).check(MIXED)


def test_bad_options_are_a_sentence() -> None:
    with pytest.raises(RunError, match="gradient_bits is 0; it must be greater than or equal to 1"):
        made("dorefa", {"gradient_bits": 0})
    with pytest.raises(RunError, match="there is no granularity 'row'; use one of tensor or channel"):
        made("lsq", {"granularity": "row"})
