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

    When queries, keys and values are one tensor (self-attention), ``in_proj`` is called as a layer; otherwise
    its weight is used in three parts.
    """

    # nn.TransformerEncoderLayer asks before it goes round this module by its fused kernel.
    _qkv_same_embed_dim = False

    def __init__(self, attention: nn.MultiheadAttention) -> None:
        super().__init__()
        self.embed_dim = attention.embed_dim
        self.num_heads = attention.num_heads
        self.dropout = attention.dropout
        self.batch_first = attention.batch_first
        width = self.embed_dim
        self.in_proj = nn.Linear(width, 3 * width, bias=attention.in_proj_bias is not None, device="meta")
        self.in_proj.weight = attention.in_proj_weight
        self.out_proj = nn.Linear(width, width, bias=attention.out_proj.bias is not None, device="meta")
        self.out_proj.weight = attention.out_proj.weight
        if attention.in_proj_bias is not None:
            self.in_proj.bias = attention.in_proj_bias
            self.out_proj.bias = attention.out_proj.bias
        self.train(attention.training)

    @property
    def in_proj_bias(self) -> Tensor | None:
        """As the original names it."""
        return self.in_proj.bias

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
            q, k, v = q.unsqueeze(0), k.unsqueeze(0), v.unsqueeze(0)
        elif not self.batch_first:
            q, k, v = q.transpose(0, 1), k.transpose(0, 1), v.transpose(0, 1)
        q, k, v = (self._heads(x) for x in (q, k, v))  # (N, heads, length, width / heads)
        scores = q @ k.transpose(-2, -1) / math.sqrt(q.shape[-1])
        scores = self._masked(scores, attn_mask, key_padding_mask)
        weights = F.dropout(scores.softmax(-1), self.dropout, self.training)
        mixed = (weights @ v).transpose(1, 2).flatten(2)
        if single:
            mixed, weights = mixed.squeeze(0), weights.squeeze(0)
        elif not self.batch_first:
            mixed = mixed.transpose(0, 1)
        out = self.out_proj(mixed)
        if not need_weights:
            return out, None
        return out, weights.mean(-3) if average_attn_weights else weights

    def _projected(self, query: Tensor, key: Tensor, value: Tensor) -> tuple[Tensor, ...]:
        if query is key and key is value:
            found: tuple[Tensor, ...] = self.in_proj(query).chunk(3, -1)
            return found
        weights = self.in_proj.weight.chunk(3)
        biases: Any = (None, None, None) if self.in_proj.bias is None else self.in_proj.bias.chunk(3)
        return tuple(map(F.linear, (query, key, value), weights, biases))

    def _heads(self, x: Tensor) -> Tensor:
        found: Tensor = x.unflatten(-1, (self.num_heads, -1)).transpose(1, 2)
        return found

    def _masked(self, scores: Tensor, attn_mask: Tensor | None, padding: Tensor | None) -> Tensor:
        if attn_mask is not None:
            if attn_mask.ndim == 3:
                attn_mask = attn_mask.unflatten(0, (-1, self.num_heads))
            scores = _added(scores, attn_mask)
        if padding is not None:
            scores = _added(scores, padding.view(-1, 1, 1, padding.shape[-1]))
        return scores


def open_attention(model: nn.Module) -> nn.Module:
    """Replace every ``nn.MultiheadAttention`` below ``model``, in place, and return the model.

    Those with keys or values of another width, or with a bias or zeros added to the sequence, stay as they
    are.
    """
    for name, child in list(model.named_children()):
        if isinstance(child, nn.MultiheadAttention):
            plain = child._qkv_same_embed_dim and child.bias_k is None and not child.add_zero_attn
            if plain:
                setattr(model, name, OpenAttention(child))
        else:
            open_attention(child)
    return model


def _added(scores: Tensor, mask: Tensor) -> Tensor:
    if mask.dtype == torch.bool:
        return scores.masked_fill(mask, -math.inf)
    return scores + mask
