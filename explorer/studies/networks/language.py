"""A small decoder-only transformer over bytes, in the form of GPT-2 (Radford et al. 2019).

Layer norm before attention and before the MLP, GELU, learned positions. Every projection is a linear layer of its own,
so each is a block that a plan gives bits; embeddings and output layer are not tied.
"""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

VOCABULARY = 257  # bytes, and what fills up the last window
CONTEXT = 64


class CausalAttention(nn.Module):
    """Attention of every position to itself and those before it (Vaswani et al. 2017, section 3.2)."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.query, self.key, self.value, self.out = (nn.Linear(width, width) for _ in range(4))

    def forward(self, x: Tensor) -> Tensor:
        """From (N, T, width) to the same."""
        q, k, v = (
            each(x).unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for each in (self.query, self.key, self.value)
        )
        length = x.shape[1]
        before = torch.ones(length, length, dtype=torch.bool, device=x.device).tril()
        scores = (q @ k.transpose(-2, -1) / q.shape[-1] ** 0.5).masked_fill(~before, float("-inf"))
        found: Tensor = self.out((scores.softmax(-1) @ v).transpose(1, 2).flatten(2))
        return found


class Block(nn.Module):
    """Attention and an MLP of four times the width, each added to its input."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(width), nn.LayerNorm(width)
        self.attention = CausalAttention(width, heads)
        self.up, self.down = nn.Linear(width, 4 * width), nn.Linear(4 * width, width)

    def forward(self, x: Tensor) -> Tensor:
        """From (N, T, width) to the same."""
        x = x + self.attention(self.norm1(x))
        found: Tensor = x + self.down(F.gelu(self.up(self.norm2(x))))
        return found


class LanguageModel(nn.Module):
    """Scores of the next byte at every position."""

    def __init__(self, width: int = 64, layers: int = 2, heads: int = 4) -> None:
        super().__init__()
        self.bytes, self.positions = nn.Embedding(VOCABULARY, width), nn.Embedding(CONTEXT, width)
        self.blocks = nn.Sequential(*(Block(width, heads) for _ in range(layers)))
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, VOCABULARY, bias=False)

    def forward(self, numbers: Tensor) -> Tensor:
        """From token numbers (N, T), T at most `CONTEXT`, to (N, T, `VOCABULARY`)."""
        places = torch.arange(numbers.shape[1], device=numbers.device)
        found: Tensor = self.head(self.norm(self.blocks(self.bytes(numbers) + self.positions(places))))
        return found


def tiny_language_model() -> nn.Module:
    """The network of the study ``tiny-language-model``: 135,936 weights in embeddings and linear layers."""
    return LanguageModel()
