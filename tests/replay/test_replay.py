"""Replaying what comes before a changed layer gives the bits of the full forward pass, and leaves work out."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from explorer import studies
from explorer.blocks import quantizable_layers
from explorer.replay import Replay
from explorer.replay.replaying import Batch
from tests.curvature.networks import Attention, Mixed, Smooth, Twice, seeded

from .networks import Branching, Careless, Leaving, Random, Residual, Shared, Stateful, Tuples

NETWORKS = (Mixed, Smooth, Twice, Attention, Residual, Careless, Shared, Tuples)


@lru_cache
def network(kind: Callable[[], nn.Module]) -> nn.Module:
    return seeded(kind).eval()


@lru_cache
def images(size: int = 5, seed: int = 0) -> Tensor:
    return torch.randn(size, 2, 6, 6, generator=torch.Generator().manual_seed(seed))


def layers(model: nn.Module) -> dict[str, nn.Module]:
    return dict(quantizable_layers(model))


def disturbed(model: nn.Module, weights: Sequence[Tensor], replayed: Any, x: Tensor) -> tuple[Any, Any]:
    """Outputs of a full pass and of a replay with these weights moved; the weights are put back."""
    before = [weight.detach().clone() for weight in weights]
    with torch.no_grad():
        for weight in weights:
            weight.mul_(-1.3).add_(0.1)
        full, short = model(x.clone()), replayed.outputs()
        for weight, old in zip(weights, before, strict=True):
            weight.copy_(old)
    return full, short


@given(data=st.data(), kind=st.sampled_from(NETWORKS), by_module=st.booleans())
def test_whatever_changes_the_bits_are_those_of_the_full_pass(
    data: st.DataObject, kind: Callable[[], nn.Module], by_module: bool
) -> None:
    model = network(kind)
    names = data.draw(st.lists(st.sampled_from(sorted(layers(model))), min_size=1, unique=True))
    chosen = [layers(model)[name] for name in names]
    weights = [module.get_parameter("weight") for module in chosen]
    replay = Replay(model, chosen if by_module else weights)
    batches = [(x, replay.batch(x)) for x in (images(5), images(3, 1))]
    for _ in range(2):
        for x, batch in batches:
            full, short = disturbed(model, weights, batch, x)
            assert torch.equal(full, short)
            with torch.no_grad():
                assert torch.equal(batch.outputs(), model(x.clone())), "back where it was"
    assert 0 <= replay.share <= 1
    assert not any("forward" in vars(module) for module in model.modules()), "nothing is left behind"


@pytest.mark.parametrize(
    ("kind", "changed", "least"),
    [(Mixed, "linear", 5), (Residual, "blocks.1.second", 7), (Tuples, "leave", 5), (Attention, "leave", 3)],
)
def test_a_late_layer_leaves_out_what_comes_before(
    kind: Callable[[], nn.Module], changed: str, least: int
) -> None:
    model = network(kind)
    replay = Replay(model, [model.get_submodule(changed)])
    batch = replay.batch(images())
    assert replay.reason is None
    before = replay.calls_skipped
    batch.outputs()
    assert replay.calls_skipped - before >= least
    assert replay.share < 0.6


def test_the_first_layer_leaves_nothing_to_replay_and_says_so() -> None:
    model = network(Mixed)
    replay = Replay(model, [model.stem])
    batch = replay.batch(images())
    assert not batch.replayed
    assert (replay.share, replay.kept_bytes) == (1.0, 0)
    assert replay.reason == "nothing comes before the first changed layer"


def test_nothing_that_changes_means_nothing_to_compute() -> None:
    replay = Replay(network(Mixed), [])
    batch = replay.batch(images())
    assert replay.share == 0
    assert torch.equal(batch.outputs(), network(Mixed)(images()))


def test_a_weight_that_its_parent_uses_is_seen() -> None:
    """Attention never calls its out_proj; a guess from module calls would replay the whole attention."""
    model = network(Attention)
    replay = Replay(model, [model.get_submodule("attention.out_proj")])
    batch = replay.batch(images())
    full, short = disturbed(model, [model.get_parameter("attention.out_proj.weight")], batch, images())
    assert torch.equal(full, short)
    with torch.no_grad():
        assert not torch.equal(short, batch.outputs()), "the change does something"
    assert 0 < replay.share < 1


def test_a_module_may_change_without_any_tensor() -> None:
    """A quantizer on activations is a module with a number in it."""

    class Rounding(nn.Module):
        step = 0.5

        def forward(self, x: Tensor) -> Tensor:
            return (x / self.step).round() * self.step

    rounding = Rounding()
    model = nn.Sequential(
        nn.Flatten(), seeded(nn.Linear, 72, 8), nn.ReLU(), rounding, seeded(nn.Linear, 8, 3)
    )
    replay = Replay(model.eval(), [rounding])
    batch = replay.batch(images())
    rounding.step = 0.25
    with torch.no_grad():
        assert torch.equal(batch.outputs(), model(images()))
    assert replay.share < 0.1


def test_randomness_and_hidden_state_are_found_out() -> None:
    for kind, changed in ((Random, "second"), (Stateful, "leave")):
        model = seeded(kind).eval()
        replay = Replay(model, [model.get_submodule(changed)])
        batch = replay.batch(images())
        assert not batch.replayed or replay.share == 1
        if kind is Random:
            assert replay.reason == "the network does not compute the same twice"


def test_a_network_that_fails_when_replayed_is_computed_in_full_and_the_reason_is_the_error() -> None:
    """It computes the same twice; what cannot be left out is the layer that hands over its result unseen."""
    model = seeded(Leaving).eval()
    replay = Replay(model, [model.second])
    batch = replay.batch(images())
    assert (
        replay.reason == "the network cannot run with parts of it left out: IndexError: pop from empty list"
    )
    assert not batch.replayed
    assert not replay.batch(images()).replayed
    full, short = disturbed(model, [model.second.weight], batch, images())
    assert torch.equal(full, short)


def test_an_error_of_replaying_itself_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken for the network's it would only make everything slower, with a false reason."""
    model = network(Mixed)
    nothing: dict[str, Any] = {}
    monkeypatch.setattr(Batch, "_replacing", lambda *_: nothing["no such call"])
    with pytest.raises(KeyError, match="no such call"):
        Replay(model, [model.linear]).batch(images())


def test_a_layer_that_counts_its_calls_goes_on_counting() -> None:
    one, other = seeded(Stateful).eval(), seeded(Stateful).eval()
    replay = Replay(one, [one.leave])
    batch = replay.batch(images())
    other.counting.calls.copy_(one.counting.calls)
    with torch.no_grad():
        assert torch.equal(batch.outputs(), other(images()))


def test_training_mode_is_refused_in_words() -> None:
    model = seeded(Mixed).train()
    replay = Replay(model, [model.linear])
    replay.batch(images())
    assert replay.reason == "the network is in training mode"


def test_other_inputs_may_take_another_course() -> None:
    model = network(Branching)
    replay = Replay(model, [model.second])
    dark, bright = replay.batch(images()), replay.batch(images() + 3)
    assert dark.replayed
    assert not bright.replayed
    assert replay.reason == "the network takes another course for other inputs"
    for batch, x in ((dark, images()), (bright, images() + 3)):
        full, short = disturbed(model, [model.get_parameter("second.weight")], batch, x)
        assert torch.equal(full, short)


def test_memory_is_bounded_and_what_is_beyond_it_is_computed() -> None:
    model = network(Mixed)
    whole = Replay(model, [model.linear])
    whole.batch(images())
    most = whole.kept_bytes + whole.kept_bytes // 2
    replay = Replay(model, [model.linear], most_bytes=most)
    batches = [replay.batch(images()), replay.batch(images(5, 1))]
    assert [batch.replayed for batch in batches] == [True, False]
    assert replay.kept_bytes <= most
    assert replay.reason is not None
    assert "needs more than" in replay.reason
    full, short = disturbed(model, [model.get_parameter("linear.weight")], batches[1], images(5, 1))
    assert torch.equal(full, short)
    batches[0].forget()
    assert replay.kept_bytes == 0


def test_only_what_is_read_is_held() -> None:
    """Six layers before the last one, and the input of the last one is all that is kept of them."""
    layers = (
        nn.Conv2d(2, 8, 3),
        nn.ReLU(),
        nn.Conv2d(8, 8, 3),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    )
    model = nn.Sequential(*layers, nn.Linear(8, 3)).eval()
    replay = Replay(model, [model[6]])
    batch = replay.batch(images())
    assert replay.kept_bytes == 5 * 8 * 4 + 5 * 4, "its input, and one number for each of the others"
    full, short = disturbed(model, [model.get_parameter("6.weight")], batch, images())
    assert torch.equal(full, short)


def test_an_output_that_the_caller_writes_into_does_no_harm() -> None:
    model = network(Smooth)
    replay = Replay(model, [])
    batch = replay.batch(images())
    expected = batch.outputs().clone()
    batch.outputs().zero_()
    assert torch.equal(batch.outputs(), expected)


def test_inference_tensors_and_keyword_arguments_are_taken() -> None:
    model = network(Mixed)
    with torch.inference_mode():
        x = images().clone()
    replay = Replay(model, [model.linear])
    batch = replay.batch(x=x)
    full, short = disturbed(model, [model.get_parameter("linear.weight")], batch, images())
    assert torch.equal(full, short)


def test_the_encoder_that_has_a_fast_path_keeps_it() -> None:
    """Torch takes a fused path where it finds no hooks; other numbers there would be no replay."""
    made = seeded(nn.TransformerEncoderLayer, 4, 2, 8)
    encoder = nn.TransformerEncoder(made, 3, enable_nested_tensor=False)
    model = nn.Sequential(encoder, seeded(nn.Linear, 4, 3)).eval()
    x = torch.randn(6, 5, 4, generator=torch.Generator().manual_seed(0))
    for changed in ("1", "0.layers.2.linear1", "0.layers.1.self_attn.out_proj"):
        replay = Replay(model, [model.get_submodule(changed)])
        full, short = disturbed(model, [model.get_parameter(f"{changed}.weight")], replay.batch(x), x)
        assert torch.equal(full, short)
        assert replay.share < 0.9


def test_on_resnet20_a_late_layer_costs_a_fraction() -> None:
    model = studies.load_network("fashion-resnet20").model()
    x = torch.randn(2, 1, 28, 28, generator=torch.Generator().manual_seed(0))
    shares = {}
    for name in ("conv1", "layer2.1.conv1", "layer3.2.conv2", "linear"):
        weight = model.get_parameter(f"{name}.weight")
        replay = Replay(model, [weight])
        batch = replay.batch(x)
        full, short = disturbed(model, [weight], batch, x)
        assert torch.equal(full, short)
        done = replay.samples_computed
        batch.outputs()
        assert replay.samples_computed - done == pytest.approx(2 * replay.share)
        shares[name] = replay.share
    assert shares["conv1"] == 1
    assert shares["layer2.1.conv1"] < 0.6
    assert shares["layer3.2.conv2"] < 0.06
    assert shares["linear"] < 0.001
