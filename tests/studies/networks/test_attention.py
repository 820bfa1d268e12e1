"""The opened attention computes what nn.MultiheadAttention does, and its projections are layers."""

import copy

import pytest
import torch
from torch import nn

from explorer.blocks import partition
from explorer.studies.networks.attention import OpenAttention, open_attention


def attention(**options: bool) -> nn.MultiheadAttention:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        made = nn.MultiheadAttention(6, 2, **options).double().eval()
        nn.init.normal_(made.out_proj.weight)
        if made.in_proj_bias is not None:
            nn.init.normal_(made.in_proj_bias)
        return made


def opened(module: nn.Module) -> nn.Module:
    return open_attention(nn.Sequential(copy.deepcopy(module))).get_submodule("0")


def numbers(*shape: int) -> torch.Tensor:
    return torch.randn(shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("batch_first", [True, False])
@pytest.mark.parametrize("average", [True, False])
def test_self_and_cross_attention_are_the_same(bias: bool, batch_first: bool, average: bool) -> None:
    original = attention(bias=bias, batch_first=batch_first)
    other = opened(original)
    assert isinstance(other, OpenAttention)
    x, y = numbers(5, 5, 6), numbers(5, 5, 6) + 1
    for triple in ((x, x, x), (x, y, y), (x[0], y[0], y[0])):
        for a, b in zip(
            original(*triple, average_attn_weights=average),
            other(*triple, average_attn_weights=average),
            strict=True,
        ):
            assert torch.allclose(a, b, rtol=1e-12, atol=1e-12)
    assert other(x, x, x, need_weights=False)[1] is None


@pytest.mark.parametrize("kind", ["bool", "float", "per head"])
def test_masks_are_the_same(kind: str) -> None:
    original = attention(batch_first=True)
    x = numbers(3, 4, 6)
    causal = torch.ones(4, 4, dtype=torch.bool).triu(1)
    mask = {"bool": causal, "float": causal * -2.5, "per head": causal.expand(6, 4, 4)}[kind]
    if kind == "float":
        mask = mask.double()
    padding = torch.tensor([[False, False, False, True]] * 3)
    if kind == "float":
        padding = padding.double() * -1e9
    found = opened(original)(x, x, x, attn_mask=mask, key_padding_mask=padding)
    for a, b in zip(original(x, x, x, attn_mask=mask, key_padding_mask=padding), found, strict=True):
        assert torch.allclose(a, b, rtol=1e-10, atol=1e-12)


def test_parameters_are_shared_and_the_projections_are_blocks() -> None:
    layer = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True, dropout=0.0).double().eval()
    network = nn.Sequential(layer)
    x = numbers(3, 4, 6)
    before = network(x).detach()
    weight = layer.self_attn.in_proj_weight
    open_attention(network)
    assert layer.get_parameter("self_attn.in_proj.weight") is weight
    with torch.no_grad():  # where the layer would take its fused kernel
        assert torch.allclose(network(x), before, rtol=1e-10, atol=1e-12)
    names = [block.name for block in partition(network, x)]
    assert names == ["0.self_attn.in_proj", "0.self_attn.out_proj", "0.linear1", "0.linear2"]
    assert all(layer.calls == 1 for block in partition(network, x) for layer in block.layers)


@pytest.mark.parametrize("need_weights", [True, False])
@pytest.mark.parametrize("kind", ["self", "cross", "other widths", "masked", "with more keys"])
def test_it_computes_the_same_to_the_bit(kind: str, need_weights: bool) -> None:
    """What the original computes where it does not take its fused kernel, whose bits are its own."""
    with torch.random.fork_rng():
        torch.manual_seed(4)
        widths = {"kdim": 5, "vdim": 7} if kind == "other widths" else {}
        more = {"add_bias_kv": True, "add_zero_attn": True} if kind == "with more keys" else {}
        module = nn.MultiheadAttention(15, 3, batch_first=True, **widths, **more).eval()
        x, y, z = torch.randn(3, 4, 15), torch.randn(3, 6, widths.get("kdim", 15)), torch.randn(3, 6, 7)
    triple = {
        "self": (x, x, x),
        "masked": (x, x, x),
        "with more keys": (x, x, x),
        "cross": (x, y, y),
        "other widths": (x, y, z),
    }[kind]
    masks = {}
    if kind in ("masked", "with more keys"):
        masks["attn_mask"] = torch.ones(4, 4, dtype=torch.bool).triu(1)
        masks["key_padding_mask"] = torch.tensor([[False, False, False, True]] * 3)
    found = opened(module)(*triple, need_weights=need_weights, **masks)
    for a, b in zip(module(*triple, need_weights=need_weights, **masks), found, strict=True):
        assert b is None if a is None else torch.equal(a, b)
