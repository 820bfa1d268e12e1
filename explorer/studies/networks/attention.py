r"""Multi-head attention whose projections are layers that can be seen.

``nn.MultiheadAttention`` keeps the projections of queries, keys and values in one bare parameter and calls its
output projection as a function, so neither can be quantized, nor its input watched. `open_attention` puts in
its place a module that holds the same parameters in two linear layers, ``in_proj`` and ``out_proj``, and
computes the same: softmax(Q K^T / sqrt d) V in each head (Vaswani et al. 2017, section 3.2).
"""

import math
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class OpenAttention(nn.Module):
    """The same function as the ``nn.MultiheadAttention`` it is made of, with the same parameters.

    When queries, keys and values are one tensor (self-attention), ``in_proj`` is called as a layer; otherwise its
    weight is used in three parts, and where keys and values have other widths than queries there are three layers,
    ``q_proj``, ``k_proj`` and ``v_proj``. The order of operations is that of the original where it does not take its
    fused kernel, so that outputs are equal to the bit.
    """

    # nn.TransformerEncoderLayer asks before it goes round this module by its fused kernel.
    _qkv_same_embed_dim = False

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.embed_dim = attention.embed_dim
        self.num_heads = attention.num_heads
        self.dropout = attention.dropout
        self.batch_first = attention.batch_first
        bias = attention.in_proj_bias
        if attention._qkv_same_embed_dim:
            self.in_proj = _sharing(attention.in_proj_weight, bias)
        else:
            self.q_proj = _sharing(attention.q_proj_weight)
            self.k_proj = _sharing(attention.k_proj_weight)
            self.v_proj = _sharing(attention.v_proj_weight)
            self.register_parameter("in_proj_bias", bias)
        self.out_proj = _sharing(attention.out_proj.weight, attention.out_proj.bias)
        self.register_parameter("bias_k", attention._parameters.get("bias_k"))
        self.register_parameter("bias_v", attention._parameters.get("bias_v"))
        self.add_zero_attn = attention.add_zero_attn
        self.train(attention.training)

    def __getattr__(self, name: str) -> Any:
        if name == "in_proj_bias" and "in_proj" in self._modules:  # as the original names it
            return self.in_proj.bias
        return super().__getattr__(name)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Arguments and results are those of ``nn.MultiheadAttention``."""
        single = query.ndim == 2
        q, k, v = self._projected(query, key, value)
        if single:
            q, k, v = q.unsqueeze(1), k.unsqueeze(1), v.unsqueeze(1)
        elif self.batch_first:
            q, k, v = q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)
        further = self._further(k)
        if further:
            k, v = (torch.cat([x, *(each[i] for each in further)]) for i, x in enumerate((k, v)))
            attn_mask, key_padding_mask = (
                None if mask is None else F.pad(mask, (0, len(further)))
                for mask in (attn_mask, key_padding_mask)
            )
        q, k, v = (self._heads(x) for x in (q, k, v))  # (N, heads, length, width / heads)
        causal = is_causal and key_padding_mask is None and not need_weights
        mask = None if causal else self._mask(q, attn_mask, key_padding_mask)
        dropped = self.dropout if self.training else 0.0
        weights = None
        if need_weights:
            scores = (q * math.sqrt(1.0 / q.shape[-1])) @ k.transpose(-2, -1)
            scores = scores if mask is None else mask + scores
            weights = F.dropout(scores.softmax(-1), dropped)
            heads = weights @ v
        else:
            heads = F.scaled_dot_product_attention(q, k, v, mask, dropped, causal)
        mixed = heads.transpose(1, 2).flatten(2)
        if single:
            mixed = mixed.squeeze(0)
        elif not self.batch_first:
            mixed = mixed.transpose(0, 1)
        out = self.out_proj(mixed)
        if weights is None:
            return out, None
        weights = weights.squeeze(0) if single else weights
        return out, weights.mean(-3) if average_attn_weights else weights

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        bias: Any = self.in_proj_bias
        biases = (None, None, None) if bias is None else bias.chunk(3)
        if "in_proj" not in self._modules:
            weights = (self.q_proj.weight, self.k_proj.weight, self.v_proj.weight)
            return tuple(map(F.linear, (query, key, value), weights, biases))
        if query is key and key is value:
            found: tuple[Tensor, ...] = self.in_proj(query).chunk(3, -1)
            return found
        return tuple(map(F.linear, (query, key, value), self.in_proj.weight.chunk(3), biases))

    def _further(self, k: Tensor) -> list[tuple[Tensor, Tensor]]:
        """Keys and values that are added to every sequence, each (1, N, width)."""
        found = []
        if self.bias_k is not None and self.bias_v is not None:
            found.append((self.bias_k.repeat(1, k.shape[1], 1), self.bias_v.repeat(1, k.shape[1], 1)))
        if self.add_zero_attn:
            found.append((torch.zeros_like(k[:1]), torch.zeros_like(k[:1])))
        return found

    def _heads(self, x: Tensor) -> Tensor:
        """From (length, N, width), in this order in memory, on which the last bits depend."""
        found: Tensor = x.contiguous().unflatten(-1, (self.num_heads, -1)).permute(1, 2, 0, 3)
        return found

    def _mask(self, q: Tensor, attn_mask: Tensor | None, padding: Tensor | None) -> Tensor | None:
        """What is added to the scores, all masks together."""
        if attn_mask is not None:
            attn_mask = _added(attn_mask, q)
            if attn_mask.ndim == 3:
                attn_mask = attn_mask.unflatten(0, (-1, self.num_heads))
        if padding is None:
            return attn_mask
        padding = _added(padding, q).view(-1, 1, 1, padding.shape[-1])
        return padding if attn_mask is None else attn_mask + padding


def open_attention(model: nn.Module) -> nn.Module:
    """Replace every ``nn.MultiheadAttention`` below ``model``, in place, and return the model."""
    for name, child in list(model.named_children()):
        if isinstance(child, nn.MultiheadAttention):
            setattr(model, name, OpenAttention(child))
        else:
            open_attention(child)
    return model


def _sharing(weight: Tensor | None, bias: Tensor | None = None) -> nn.Linear:
    """A layer that holds these parameters."""
    assert isinstance(weight, nn.Parameter)
    made = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None, device="meta")
    made.register_parameter("weight", weight)
    if bias is not None:
        assert isinstance(bias, nn.Parameter)
        made.register_parameter("bias", bias)
    return made


def _added(mask: Tensor, like: Tensor) -> Tensor:
    """A mask as numbers to add: minus infinity where a boolean one is true."""
    if mask.dtype == torch.bool:
        return torch.zeros_like(mask, dtype=like.dtype).masked_fill(mask, -math.inf)
    return mask
